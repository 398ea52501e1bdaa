"""The resource and the action that IAM judges a call by, where MiniStack names others than AWS does.

Sources: "Actions, resources, and condition keys" for Account Management, CloudWatch Logs, EventBridge, Lambda and IAM
(Service Authorization Reference); of SQS's batch operations, "Amazon SQS API permissions" (SQS guide).
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions
from ministack.services import iam

from .hooks import Function, replace

_DESCRIBING_GROUPS = frozenset({"DescribeLogGroups", "ListLogGroups"})
_BATCHES = ("sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch")
_BY_RESOURCE_ARN = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})


def install() -> None:
    names = ("service", "method", "path", "headers", "body", "query_params", "region", "account_id")

    @replace(iam_actions, "extract_resource_arn", *names)
    def extract_resource_arn(ministack: Function) -> Function:
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
            match service:
                case "logs":
                    return _log_group(arn, operation, _json(body), f"arn:aws:logs:{region}:{account_id}")
                case "events":
                    return _rule(arn, _json(body), f"arn:aws:events:{region}:{account_id}")
                case "lambda" if arn == "*" and method == "POST" and path.rstrip("/").endswith("/functions"):
                    return f"arn:aws:lambda:{region}:{account_id}:function:{_json(body).get('FunctionName', '')}"
                case "iam" if ":role/" in arn:
                    return _role(arn, query_params)
            return arn

        return extract

    @replace(iam_actions, "extract_iam_action", *names[:6])
    def extract_iam_action(ministack: Function) -> Function:
        def extract(service: str, method: str, path: str, *rest: Any) -> str | None:
            if service == "account":  # POST /listRegions
                return f"account:{path[1:2].upper()}{path[2:]}"
            action: str | None = ministack(service, method, path, *rest)
            if action == "lambda:ListAliases":  # also what MiniStack takes the calls about one alias for
                return _alias_action(method, path)
            # Whoever may do it to one message may do it to ten: the batch operations have no action of their own.
            return action.removesuffix("Batch") if action in _BATCHES else action

        return extract


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
    """AWS judges a log group as "log-group:NAME:log-stream:STREAM": a policy needs the ":*" at its end."""
    if operation in _DESCRIBING_GROUPS:
        return f"{prefix}:log-group::log-stream:"
    if operation in _BY_RESOURCE_ARN or ":log-group:" not in arn:
        return arn
    return f"{arn}:log-stream:{data.get('logStreamName', '')}"


def _rule(arn: str, data: dict[str, Any], prefix: str) -> str:
    """A rule of the default bus is "rule/NAME", and the target operations call it "Rule"."""
    if data.get("ResourceARN"):  # the tag operations
        return str(data["ResourceARN"]).replace(":rule/default/", ":rule/")
    if data.get("Rule"):
        bus = str(data.get("EventBusName") or "default").rpartition("/")[2]
        arn = f"{prefix}:rule/{bus}/{data['Rule']}"
    return arn.replace(":rule/default/", ":rule/")


def _role(arn: str, query_params: dict[str, Any]) -> str:
    """A role's ARN has its path."""
    role = iam._roles.get(arn.rpartition("/")[2])
    if role is not None:
        return str(role["Arn"])
    path = (query_params.get("Path") or ["/"])[0]
    return arn.replace(":role/", f":role{path}", 1)
