"""Log groups: names are checked, creating one sends an event, describing them filters and pages as on AWS."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from .cloudtrail import create_log_group_called
from .hooks import Function, replace
from .validation import LOG_GROUP, LOG_GROUP_PREFIX, Answer, error, invalid, no_such_group, paged, refused, success


def install() -> None:
    @replace(logs, "_create_log_group", "data")
    def create_log_group(ministack: Function) -> Function:
        def create(data: dict[str, Any]) -> Answer:
            answer: Answer = _already_there(data) or refused(data, LOG_GROUP) or ministack(data)
            failure = None
            if answer[0] != 200:
                body = json.loads(answer[2])
                failure = body["__type"].rpartition("#")[2], body["message"]
            create_log_group_called(data, failure)
            return answer

        return create

    @replace(logs, "_describe_log_groups", "data")
    def describe_log_groups(_ministack: Function) -> Function:
        return _describe

    @replace(logs, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
            operation = _UNKNOWN_TO_MINISTACK.get(headers.get("x-amz-target", "").rpartition(".")[2])
            if operation is not None:
                return operation(json.loads(body))
            answer: Answer = await ministack(method, path, headers, body, query)
            return answer

        return handle


def _already_there(data: dict[str, Any]) -> Answer | None:
    if data.get("logGroupName") not in logs._log_groups:
        return None
    return error("ResourceAlreadyExistsException", "The specified log group already exists")


def _describe(data: dict[str, Any]) -> Answer:
    prefix, part = data.get("logGroupNamePrefix"), data.get("logGroupNamePattern")
    if prefix and part:
        return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if (answer := refused(data, LOG_GROUP_PREFIX)) is not None:
        return answer
    wanted_class, identifiers = data.get("logGroupClass"), data.get("logGroupIdentifiers")
    names = None if identifiers is None else {_name(identifier) for identifier in identifiers}
    groups = [
        _described(name, group)
        for name, group in logs._log_groups.items()
        if (not prefix or name.startswith(prefix))
        and (not part or part.lower() in name.lower())
        and (not wanted_class or log_class(group) == wanted_class)
        and (names is None or name in names)
    ]
    page, token = paged(groups, "logGroupName", data)
    return success({"logGroups": page} | ({"nextToken": token} if token else {}))


def _associate_key(data: dict[str, Any]) -> Answer:
    return _set_key(data, data.get("kmsKeyId"))


def _disassociate_key(data: dict[str, Any]) -> Answer:
    return _set_key(data, None)


def _set_key(data: dict[str, Any], key: str | None) -> Answer:
    group = logs._log_groups.get(data.get("logGroupName") or _name(data.get("resourceIdentifier", "")))
    if group is None:
        return no_such_group()
    group["kmsKeyId"] = key
    return success({})


_UNKNOWN_TO_MINISTACK = {"AssociateKmsKey": _associate_key, "DisassociateKmsKey": _disassociate_key}


def _name(identifier: str) -> str:
    return identifier.removesuffix(":*").rpartition(":log-group:")[2]


def log_class(group: dict[str, Any]) -> str:
    return group.get("logGroupClass") or "STANDARD"


def _described(name: str, group: dict[str, Any]) -> dict[str, Any]:
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    entry = {
        "logGroupName": name,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "creationTime": group["creationTime"],
        "storedBytes": 0,  # AWS counts hours later
        "metricFilterCount": sum(1 for key in logs._metric_filters if key[0] == name),
        "logGroupClass": log_class(group),
    }
    for optional in ("retentionInDays", "kmsKeyId"):
        if group.get(optional):
            entry[optional] = group[optional]
    return entry
