# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM actions that the planned changes need, with the ARNs of their resources. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..._plan import Change
from ..._resources.common import Call
from ..._resources.function.log_group import KIND as LOG_GROUP
from ..._resources.function.publisher import KIND as RELEASE
from ..._resources.function.state import ASYNC, CODE, CONCURRENCY, CONFIGURATION, FUNCTION

Needs = dict[str, dict[str, set[str]]]
"""Actions by ARN, by service."""

_FUNCTION_ACTIONS = {
    FUNCTION: ("lambda:CreateFunction", "lambda:TagResource"),
    CONFIGURATION: ("lambda:UpdateFunctionConfiguration",),
    CODE: ("lambda:UpdateFunctionCode",),
    CONCURRENCY: ("lambda:PutFunctionConcurrency",),
    ASYNC: ("lambda:PutFunctionEventInvokeConfig",),
    RELEASE: ("lambda:PublishVersion", "lambda:CreateAlias", "lambda:UpdateAlias", "lambda:TagResource"),
}
_PERMISSION = "lambda permission"
EMPTY_STREAM = ":log-stream:"

_TAGGING = {
    "create_role": "iam:TagRole",
    "create_queue": "sqs:TagQueue",
    "put_rule": "events:TagResource",
    "put_metric_alarm": "cloudwatch:TagResource",
    "put_parameter": "ssm:AddTagsToResource",
}
"""The second action of calls that create a resource with tags (Service Authorization Reference)."""

_NAMED_BY = {
    "RoleName": "iam role/",
    "QueueName": "sqs ",
    "QueueUrl": "sqs ",
    "Rule": "events rule/",
    "AlarmName": "cloudwatch alarm:",
    "ResourceId": "ssm parameter/",
}
"""Service and beginning of a resource, by the parameter of a call that names it."""

_NAMED_BY_NAME = {"put_rule": "events rule/", "put_parameter": "ssm parameter/"}
"""The same of calls whose parameter is Name."""

_MAPPING = "event_source_mapping"


def add_need(needs: Needs, arn: str, actions: Iterable[str]) -> None:
    """Add actions on a resource."""
    for action in actions:
        needs.setdefault(action.partition(":")[0], {}).setdefault(arn, set()).add(action)


def log_group_resource(name: str) -> str:
    """Return the resource of a log group as IAM compares it: its denials name it with an empty log stream."""
    return f"log-group:{name}{EMPTY_STREAM}"


def needs_of(
    changes: Iterable[Change],
    arn: Callable[[str, str], str],
    function: str,
    role: str,
    operation: Callable[[str, str], str],
) -> Needs:
    """Return what the changes of one resource need.

    arn         returns the ARN of a resource by service and name
    function    name of the function whose permissions change
    role        ARN of the role that a function gets
    operation   returns AWS's name of an operation by service and boto3's method
    """
    needs: Needs = {}
    for change in changes:
        if change.kind in _FUNCTION_ACTIONS:
            add_need(needs, arn("lambda", f"function:{change.name}"), _FUNCTION_ACTIONS[change.kind])
            if change.kind == FUNCTION:
                add_need(needs, role, ["iam:PassRole"])
        elif change.kind == LOG_GROUP:
            actions = ["logs:PutRetentionPolicy"] + ["logs:CreateLogGroup"] * (change.action == "create")
            add_need(needs, arn("logs", log_group_resource(change.name)), actions)
        elif change.kind == _PERMISSION:
            add_need(needs, arn("lambda", f"function:{function}"), ["lambda:AddPermission"])
        elif isinstance(change.payload, tuple):
            for call in change.payload:
                for name, actions in _call_needs(call, arn, operation):
                    add_need(needs, name, actions)
    return needs


def _call_needs(
    call: Call, arn: Callable[[str, str], str], operation: Callable[[str, str], str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the resource of one call, and its actions. A call whose resource is not known is left out."""
    found = _resource(call)
    if found is None:
        return
    service, name = found
    actions = [f"{service}:{operation(service, call.method)}"]
    if call.method in _TAGGING and any(key.lower() == "tags" for key in call.request):
        actions.append(_TAGGING[call.method])
    yield name if name.startswith(("arn:", "*")) else arn(service, name), actions


def _resource(call: Call) -> tuple[str, str] | None:
    """Return service and resource of a call; "*" where IAM knows no resource."""
    if arn := str(call.request.get("ResourceARN") or ""):
        return arn.split(":")[2], arn
    if call.method.endswith(_MAPPING):
        return "lambda", "*"
    found = {name: prefix for name, prefix in _NAMED_BY.items() if name in call.request}
    if call.method in _NAMED_BY_NAME:
        found = {"Name": _NAMED_BY_NAME[call.method]}
    for parameter, prefix in found.items():
        service, _space, beginning = prefix.partition(" ")
        name = str(call.request[parameter])
        return service, beginning + (name.rpartition("/")[2] if service == "sqs" else name.removeprefix("/"))
    return None
