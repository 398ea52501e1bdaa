# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups: checks of names and tags, CloudTrail events of changes, and lists that filter and page as on AWS.

Sources: CloudWatch Logs API Reference, DescribeLogGroups, ListLogGroups and TagFilter, TagResource (50 tags).
"""

from __future__ import annotations

import bisect
import functools
import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from . import cloudtrail
from .current import current
from .hooks import Function, replace
from .validation import LOG_GROUP, LOG_GROUP_PREFIX, Answer, error, invalid, no_such_group, refusal, success

_MAX_LIST = 1000
_MAX_TAGS = 50
_CLASSES = ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")
_NAME_PATTERN = re.compile(r"(\^?[\.\-_\/#A-Za-z0-9]{3,24})(\|\^?[\.\-_\/#A-Za-z0-9]{3,24}){0,4}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
_TAG_FILTER_VALUE = re.compile(r"!?\*?[\w\s.:/=+\-@]*\*?")
_TAG_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
# Filters of ListLogGroups that are not emulated: refused, not ignored.
_UNSUPPORTED = ("includeLinkedAccounts", "accountIdentifiers", "dataSources", "fieldIndexNames")
_TAG_CHANGES = "tagChanges"
"""Member of a stored group: the time of each change of its tags, in ms, and the tags before."""
_Selector = Callable[[str, dict[str, Any]], bool]


class _Store(AccountRegionScopedDict):  # type: ignore[misc]
    """MiniStack's groups with sorted names for each account and region. MiniStack would scan the groups of all accounts for
    every page."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[tuple[str, str], list[str]] = {}

    def names(self) -> list[str]:
        """Return the sorted names of the current account and region."""
        return self._names.get((get_account_id(), get_region()), [])

    def __setitem__(self, key: str, value: dict[str, Any]) -> None:
        if key not in self:
            bisect.insort(self._names.setdefault((get_account_id(), get_region()), []), key)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        names = self.names()
        del names[bisect.bisect_left(names, key)]


def install() -> None:
    logs._log_groups = _Store()

    @replace(logs, "_create_log_group", "data")
    def create_log_group(ministack: Function) -> Function:
        def create(data: dict[str, Any]) -> Answer:
            return _exists_refusal(data) or refusal(data, LOG_GROUP) or _tags_refusal(data) or ministack(data)

        return _with_cloudtrail_event("CreateLogGroup", create)

    @replace(logs, "_describe_log_groups", "data")
    def describe_log_groups(_ministack: Function) -> Function:
        return _describe

    @replace(logs, "_tag_resource", "data")
    def tag_resource(ministack: Function) -> Function:
        def tag(data: dict[str, Any]) -> Answer:
            return _tag_count_refusal(data) or _tags_refusal(data) or ministack(data)

        return _with_cloudtrail_event("TagResource", tag)

    for function, event in (
        ("_untag_resource", "UntagResource"),
        ("_tag_log_group", "TagLogGroup"),
        ("_untag_log_group", "UntagLogGroup"),
    ):
        replace(logs, function, "data")(functools.partial(_with_cloudtrail_event, event))

    @replace(logs, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Answer:
            operation = _ADDED_OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
            if operation is not None:
                return operation(json.loads(body))
            answer: Answer = await ministack(method, path, headers, body, query_params)
            return answer

        return handle


def _with_cloudtrail_event(
    event: str, operation: Callable[[dict[str, Any]], Answer]
) -> Callable[[dict[str, Any]], Answer]:
    """Return the operation with a CloudTrail event for success and failure."""

    def call_and_report(data: dict[str, Any]) -> Answer:
        before = dict((_tagged_group(data) or {}).get("tags") or {})
        answer = operation(data)
        failure = None
        group = _tagged_group(data)
        if group is not None and answer[0] == 200 and current.settings.tag_delay:
            group.setdefault(_TAG_CHANGES, []).append((time.time() * 1000, before))
        if answer[0] != 200:
            body = json.loads(answer[2])
            failure = body["__type"].rpartition("#")[2], body["message"]
        cloudtrail.send_event(event, data, failure)
        return answer

    return call_and_report


def _tagged_group(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the log group that a call names, by its name or its ARN."""
    if "logGroupName" in data:
        found: dict[str, Any] | None = logs._log_groups.get(data["logGroupName"])
    else:
        found = logs.resolve_tag_resource(data.get("resourceArn", ""))
    return found


def _exists_refusal(data: dict[str, Any]) -> Answer | None:
    if data.get("logGroupName") not in logs._log_groups:
        return None
    return error("ResourceAlreadyExistsException", "The specified log group already exists")


def _tag_count_refusal(data: dict[str, Any]) -> Answer | None:
    record = logs.resolve_tag_resource(data.get("resourceArn", ""))
    if record is None or len({**record.get("tags", {}), **data.get("tags", {})}) <= _MAX_TAGS:
        return None
    arn = data["resourceArn"]
    return error("TooManyTagsException", f"A resource can have {_MAX_TAGS} tags at most, {arn} would have more.")


def _tags_refusal(data: dict[str, Any]) -> Answer | None:
    tags = data.get("tags") or {}
    if len(tags) > _MAX_TAGS:
        return invalid(
            f"1 validation error detected: Value at 'tags' failed to satisfy constraint: "
            f"Map must have length less than or equal to {_MAX_TAGS}"
        )
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
            return invalid(f"{key!r} is not a valid tag key.")
        if not _TAG_VALUE.fullmatch(value):
            return invalid(f"The value of tag {key!r} is not valid.")
    return None


def _page(data: dict[str, Any], wanted: _Selector, prefix: str = "") -> tuple[list[tuple[str, dict[str, Any]]], Any]:
    """Return one page of groups in the order of their names, and the next token. The token is the last name, so that
    groups deleted between two pages cause no gap."""
    names, after = logs._log_groups.names(), data.get("nextToken")
    begin = bisect.bisect_left(names, prefix)
    if after is not None:
        begin = max(begin, bisect.bisect_right(names, after))
    page: list[tuple[str, dict[str, Any]]] = []
    for name in names[begin:]:
        if not name.startswith(prefix):
            break
        group = logs._log_groups.get(name)
        if group is None or not wanted(name, group):
            continue
        if len(page) == (data.get("limit") or 50):
            return page, {"nextToken": page[-1][0]}
        page.append((name, group))
    return page, {}


def _describe(data: dict[str, Any]) -> Answer:
    prefix, part = data.get("logGroupNamePrefix") or "", data.get("logGroupNamePattern")
    if prefix and part:
        return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if (answer := refusal(data, LOG_GROUP_PREFIX)) is not None:
        return answer
    wanted_class, identifiers = data.get("logGroupClass"), data.get("logGroupIdentifiers")
    names = None if identifiers is None else {_name(identifier) for identifier in identifiers}

    def wanted(name: str, group: dict[str, Any]) -> bool:
        return (
            (not part or part.lower() in name.lower())
            and (not wanted_class or log_class(group) == wanted_class)
            and (names is None or name in names)
        )

    page, token = _page(data, wanted, prefix)
    return success({"logGroups": [_described(name, group) for name, group in page], **token})


def _list(data: dict[str, Any]) -> Answer:
    pattern, wanted_class = data.get("logGroupNamePattern"), data.get("logGroupClass")
    filters = data.get("logGroupTags") or []
    if (answer := refusal(data, largest=_MAX_LIST) or _list_refusal(data)) is not None:
        return answer
    # The pattern's only regular expression characters are "^" and "|".
    compiled = re.compile("|".join(_escaped(part) for part in pattern.split("|"))) if pattern else None

    def wanted(name: str, group: dict[str, Any]) -> bool:
        return (
            (compiled is None or compiled.search(name) is not None)
            and (not wanted_class or log_class(group) == wanted_class)
            and (not filters or all(_has_tag(_listed_tags(group), item) for item in filters))
        )

    page, token = _page(data, wanted)
    found = [
        {"logGroupName": name, "logGroupArn": _arn(name), "logGroupClass": log_class(group)} for name, group in page
    ]
    return success({"logGroups": found, **token})


def _listed_tags(group: dict[str, Any]) -> dict[str, str]:
    """Return the tags that ListLogGroups knows: changes younger than `tag_delay` do not count yet."""
    for changed_ms, before in group.get(_TAG_CHANGES, ()):
        if not current.is_older(current.settings.tag_delay, since_ms=changed_ms):
            return dict(before)
    return group.get("tags") or {}


def _escaped(part: str) -> str:
    return f"^{re.escape(part[1:])}" if part.startswith("^") else re.escape(part)


def _list_refusal(data: dict[str, Any]) -> Answer | None:
    if unknown := [name for name in _UNSUPPORTED if data.get(name)]:
        return invalid(f"The embedded AWS does not know {', '.join(unknown)}.")
    pattern, wanted_class, filters = (data.get(n) for n in ("logGroupNamePattern", "logGroupClass", "logGroupTags"))
    if pattern is not None and not _NAME_PATTERN.fullmatch(pattern):
        return invalid(f"Value '{pattern}' at 'logGroupNamePattern' failed to satisfy constraint.")
    if wanted_class is not None and wanted_class not in _CLASSES:
        return invalid(f"Value '{wanted_class}' at 'logGroupClass' failed to satisfy constraint.")
    if filters is not None and not 1 <= len(filters) <= 5:
        return invalid("Value at 'logGroupTags' failed to satisfy constraint: Member must have 1 to 5 elements")
    for item in filters or []:
        values = item.get("values") or []
        if not _TAG_KEY.fullmatch(item.get("key", "")):
            return invalid("Value at 'logGroupTags.key' failed to satisfy constraint.")
        if len(values) > 5 or not all(len(value) <= 259 and _TAG_FILTER_VALUE.fullmatch(value) for value in values):
            return invalid("Value at 'logGroupTags.values' failed to satisfy constraint.")
    return None


def _has_tag(tags: dict[str, str], item: dict[str, Any]) -> bool:
    """Return whether the tags match one filter. Without values the key suffices. A group without the key never matches,
    not even a negated value ("matches values that are not")."""
    if item["key"] not in tags:
        return False
    values = item.get("values") or []
    return not values or any(_value_matches(value, tags[item["key"]]) for value in values)


def _value_matches(wanted: str, value: str) -> bool:
    """Compare a value. Exact matches are case-sensitive, wildcards are not."""
    if wanted.startswith("!"):
        return not _value_matches(wanted[1:], value)
    if "*" not in wanted:
        return wanted == value
    pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
    return re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None


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


_ADDED_OPERATIONS = {
    "AssociateKmsKey": _associate_key,
    "DisassociateKmsKey": _disassociate_key,
    "ListLogGroups": _list,
}


def _name(identifier: str) -> str:
    return identifier.removesuffix(":*").rpartition(":log-group:")[2]


def _arn(name: str) -> str:
    return f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"


def log_class(group: dict[str, Any]) -> str:
    return group.get("logGroupClass") or "STANDARD"


def _described(name: str, group: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "logGroupName": name,
        "arn": f"{_arn(name)}:*",
        "logGroupArn": _arn(name),
        "creationTime": group["creationTime"],
        "storedBytes": 0,  # AWS counts hours later
        "metricFilterCount": sum(1 for key in logs._metric_filters if key[0] == name),
        "logGroupClass": log_class(group),
    }
    for optional in ("retentionInDays", "kmsKeyId"):
        if group.get(optional):
            entry[optional] = group[optional]
    return entry
