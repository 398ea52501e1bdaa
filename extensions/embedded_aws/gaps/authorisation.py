# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resource, action and condition keys of IAM checks, where MiniStack's differ from AWS's.

Sources: "Actions, resources, and condition keys" for Account Management, CloudWatch Logs, EventBridge, Lambda, IAM
and Organizations (Service Authorization Reference); of SQS's batch operations, "Amazon SQS API permissions" (SQS guide).
"""

from __future__ import annotations

import contextvars
import json
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, lambda_svc

from .centralization_rules import rule_arn
from .hooks import Function, original, replace

_function_arn = original(lambda_svc, "_func_arn", "name")
_GROUP_LISTING_OPERATIONS = frozenset({"DescribeLogGroups", "ListLogGroups"})
_BATCHES = ("sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch")
_RESOURCE_ARN_OPERATIONS = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})
_MAPPINGS = "event-source-mappings"
_MAPPING_ACTIONS = {"GET": "Get", "PUT": "Update", "DELETE": "Delete"}
_RESOURCE_POLICY = "/resource-policy/"
_RESOURCE_POLICY_ACTIONS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
# AWS sets it in every call (IAM User Guide, "AWS global condition context keys"). Services make no calls here.
_CALLER = {"aws:principalisawsservice": "false"}
# Condition keys of the current call that MiniStack lacks. They are found with the resource and used right after.
_conditions: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("conditions")


def install() -> None:
    names = ("service", "method", "path", "headers", "body", "query_params", "region", "account_id")
    replace(iam_actions, "extract_resource_arn", *names)(_hook_extract_resource_arn)
    replace(iam_actions, "extract_iam_action", *names[:6])(_hook_extract_iam_action)
    original(iam_evaluator, "pin_request_origin", "source_ip", "secure_transport")
    iam_evaluator._request_origin = _SecureOrigin()
    replace(iam_actions, "request_tag_context", "service", "iam_action", "body", "params")(_hook_request_tag_context)
    replace(iam_evaluator, "_resolve_condition_key", "key", "ctx")(_hook_resolve_condition_key)


class _SecureOrigin:
    """The origin of a call. Clients use HTTP on this machine, and for aws:SecureTransport it counts as AWS's TLS."""

    def __init__(self) -> None:
        self._address: contextvars.ContextVar[str] = contextvars.ContextVar("address", default="127.0.0.1")

    def get(self) -> tuple[str, bool]:
        """Return the caller's address, and True for TLS."""
        return self._address.get(), True

    def set(self, origin: tuple[str, bool]) -> None:
        """Remember the caller's address."""
        self._address.set(origin[0])


def _hook_extract_resource_arn(ministack: Function) -> Function:
    def extract(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        arn: str = ministack(service, method, path, headers, body, query_params, region, account_id)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        _conditions.set(_condition_keys(service, path, _json(body)) | _boundary(service, query_params))
        match service:
            case "logs":
                return _log_group(arn, operation, _json(body), f"arn:aws:logs:{region}:{account_id}")
            case "events":
                return _rule(arn, _json(body), f"arn:aws:events:{region}:{account_id}")
            case "observabilityadmin":
                return rule_arn(_json(body), region, account_id)
            case "lambda" if _RESOURCE_POLICY in path:
                return unquote(path).partition(_RESOURCE_POLICY)[2]
            case "lambda" if arn == "*" and method == "POST" and path.rstrip("/").endswith("/functions"):
                return f"arn:aws:lambda:{region}:{account_id}:function:{_json(body).get('FunctionName', '')}"
            case "monitoring":
                return _alarm(arn, operation, _json(body), f"arn:aws:cloudwatch:{region}:{account_id}:alarm")
            case "iam" if query_params.get("PolicySourceArn"):
                return str(query_params["PolicySourceArn"][0])
            case "iam" if ":role/" in arn:
                return _role(arn, query_params)
        return arn

    return extract


def _hook_extract_iam_action(ministack: Function) -> Function:
    def extract(service: str, method: str, path: str, *rest: Any) -> str | None:
        if service == "account":  # POST /listRegions
            return f"account:{path[1:2].upper()}{path[2:]}"
        if service == "lambda" and path.rstrip("/").endswith("/account-settings"):
            return "lambda:GetAccountSettings"
        if service == "lambda" and (known := _lambda_action(method, path)):
            return f"lambda:{known}"
        action: str | None = ministack(service, method, path, *rest)
        if action == "lambda:ListAliases":  # MiniStack takes calls about a single alias for it too
            return _alias_action(method, path)
        # Batch operations have no action of their own: the action of a single message allows them.
        return action.removesuffix("Batch") if action in _BATCHES else action

    return extract


def _hook_request_tag_context(ministack: Function) -> Function:
    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        return {**ministack(service, iam_action, body, params), **_CALLER, **_conditions.get()}

    return context


def _hook_resolve_condition_key(ministack: Function) -> Function:
    def resolve(key: str, ctx: Any) -> Any:
        value = ministack(key, ctx)
        return _role_of_session(value) if key.lower() == "aws:principalarn" else value

    return resolve


def _role_of_session(arn: str) -> str:
    """Return the ARN of the role for that of its session, as aws:PrincipalArn has it (IAM User Guide, "AWS global condition
    context keys"). Other ARNs stay.
    """
    _before, is_session, rest = str(arn).partition(":assumed-role/")
    if not is_session:
        return arn
    account, name = arn.split(":")[4], rest.partition("/")[0]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else arn


def _condition_keys(service: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return events:source of PutEvents, organizations:ServicePrincipal and lambda:FunctionArn of event source mappings."""
    if service == "organizations":
        return {"organizations:serviceprincipal": name} if (name := data.get("ServicePrincipal")) else {}
    if service == "events":
        sources = {entry.get("Source") for entry in data.get("Entries") or []}
        # A policy must allow every source of a request. Only ForAllValues expresses that.
        return {"events:source": sources.pop() if len(sources) == 1 else sorted(map(str, sources))} if sources else {}
    if service != "lambda" or _MAPPINGS not in path:
        return {}
    mapping = lambda_svc._esms.get(path.rstrip("/").rpartition("/")[2])
    name = data.get("FunctionName") or (mapping or {}).get("FunctionArn")
    if mapping is None and name:
        name = name if name.startswith("arn:") else _function_arn(name)
    return {"lambda:functionarn": mapping["FunctionArn"] if mapping else name} if name else {}


def _boundary(service: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return iam:PermissionsBoundary: the one that the call sets, or else the role's own."""
    if service != "iam":
        return {}
    given = (params.get("PermissionsBoundary") or [""])[0]
    role = iam._roles.get((params.get("RoleName") or [""])[0]) or {}
    boundary = given or role.get("PermissionsBoundary")
    return {"iam:permissionsboundary": boundary} if boundary else {}


def _lambda_action(method: str, path: str) -> str | None:
    """Return the action of calls that MiniStack does not know or confuses."""
    if _RESOURCE_POLICY in path:
        return f"{_RESOURCE_POLICY_ACTIONS.get(method, 'Get')}ResourcePolicy"
    if f"/{_MAPPINGS}/" in f"{path.rstrip('/')}/" and not path.rstrip("/").endswith(_MAPPINGS):
        return f"{_MAPPING_ACTIONS.get(method, 'Get')}EventSourceMapping"
    return None


def _alias_action(method: str, path: str) -> str:
    one = path.rstrip("/").rpartition("/")[2] != "aliases"
    actions = {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}
    return f"lambda:{actions.get(method, 'ListAliases') if one else 'ListAliases'}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _log_group(arn: str, operation: str, data: dict[str, Any], prefix: str) -> str:
    """Return "log-group:NAME:log-stream:STREAM" as AWS does. A policy needs ":*" at its end to match."""
    if operation in _GROUP_LISTING_OPERATIONS:
        return f"{prefix}:log-group::log-stream:"
    if operation in _RESOURCE_ARN_OPERATIONS or ":log-group:" not in arn:
        return arn
    return f"{arn}:log-stream:{data.get('logStreamName', '')}"


def _rule(arn: str, data: dict[str, Any], prefix: str) -> str:
    """Return "rule/NAME" for a rule of the default bus. The target operations name it in "Rule"."""
    if data.get("ResourceARN"):  # the tag operations
        return str(data["ResourceARN"]).replace(":rule/default/", ":rule/")
    if data.get("Rule"):
        bus = str(data.get("EventBusName") or "default").rpartition("/")[2]
        arn = f"{prefix}:rule/{bus}/{data['Rule']}"
    return arn.replace(":rule/default/", ":rule/")


def _alarm(arn: str, operation: str, data: dict[str, Any], prefix: str) -> str:
    """Return the alarm's ARN. MiniStack finds it for operations on one alarm; reads apply to all alarms."""
    if operation == "DescribeAlarms":
        return f"{prefix}:*"
    names = data.get("AlarmNames")
    return str(data.get("ResourceARN") or (f"{prefix}:{names[0]}" if names else arn))


def _role(arn: str, query_params: dict[str, Any]) -> str:
    """Return the role's ARN with its path."""
    role = iam._roles.get(arn.rpartition("/")[2])
    if role is not None:
        return str(role["Arn"])
    path = (query_params.get("Path") or ["/"])[0]
    return arn.replace(":role/", f":role{path}", 1)
