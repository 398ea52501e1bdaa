# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions of the functions: the fewest that their options need, in every region of the account.

A role serves all regions of its account, so it allows for all of them what the options of one target need.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._options.log_groups import LogGroupOptions
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._resources.policy_document import statements as statements_of
from . import reflector_code

Statement = dict[str, Any]
Document = dict[str, Any]

# DescribeAccountPolicies also needs DescribeSubscriptionFilters (API reference), on which resource AWS does not say.
_FINDING = [
    "logs:DescribeAccountPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeSubscriptionFilters",
    "logs:ListLogGroups",
]
_SUBSCRIBE = "SubscribeLogGroups"
_REFERENCE = re.compile(r'"((?:arn:[a-z0-9-]+:(?:secretsmanager|ssm):|secretsmanager:|ssm:)[^"]+)"')


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """The options of one target that decide about permissions."""

    region: str
    reflector: ReflectorOptions
    subscriber: SubscriberOptions
    log_groups: LogGroupOptions


def reflector_policy(targets: Sequence[TargetOptions]) -> Document:
    """Return the policy of the reflector's role. The placeholders {partition} and {account} stay in it."""
    options = [target.reflector for target in targets]
    secrets = _secret_arns(options)
    queues = {f"arn:{{partition}}:sqs:*:{{account}}:{each.dead_letter_queue}" for each in options}
    statements = [
        _allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], _own_logs(options)),
        _allow("SendDeadLetters", ["sqs:GetQueueUrl", "sqs:SendMessage"], sorted(queues)),
        _allow(
            "ReadSecretsmanager",
            ["secretsmanager:GetSecretValue"],
            [arn for arn in secrets if ":secretsmanager:" in arn],
        ),
        _allow("ReadSsm", ["ssm:GetParameter"], [arn for arn in secrets if ":ssm:" in arn]),
        _allow("DecryptSecrets", ["kms:Decrypt"], _all(options, lambda each: each.secret_kms_key_arns)),
        _allow("ReadRules", ["ssm:GetParameter"], _rules_parameters(options)),
        _allow("UseOwnKey", ["kms:Decrypt", "kms:GenerateDataKey"], _own_keys(options)),
        *_sink_statements(options),
    ]
    return _document(statements)


def subscriber_policy(targets: Sequence[TargetOptions]) -> Document:
    """Return the policy of the subscriber's role. The placeholders {partition} and {account} stay in it."""
    options = [target.subscriber for target in targets]
    functions = {target.subscriber.function_name for target in targets}
    reflectors = {target.reflector.function_name for target in targets}
    sends = any(each.backfill_seconds for each in options)
    regions = sorted({target.region for target in targets if target.region})
    statements = [
        # The only one that lists regions: an inline policy has 10,240 characters, and the previous one stays for a while.
        _allow(
            _SUBSCRIBE,
            _log_group_actions(targets),
            [f"arn:{{partition}}:logs:{region}:{{account}}:log-group:*" for region in regions],
        ),
        _allow("FindLogGroups", _FINDING, ["*"]),
        _tag_statement(targets),
        _allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], _own_logs(options)),
        # Where both functions write their logs, and whether they run in a VPC whose flow logs would feed themselves.
        _allow(
            "FindTheDeliveryPath",
            ["lambda:GetFunctionConfiguration"],
            [_arn("lambda", f"function:{name}") for name in sorted(functions | reflectors)],
        ),
        _allow("FindItsFlowLogs", ["ec2:DescribeFlowLogs"], ["*"]),
        _allow(
            "ReceiveWork",
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",  # a sweep goes on in the next invocation
            ],
            [_arn("sqs", name) for name in sorted({each.work_queue for each in options})],
        ),
        _allow(
            "SendDeadLetters",
            ["sqs:SendMessage"],
            [_arn("sqs", name) for name in sorted({each.dead_letter_queue for each in options})],
        ),
        _allow("ReadSettings", ["ssm:GetParameter"], _versions({each.settings_parameter for each in options})),
        _allow("UseOwnKey", ["kms:Decrypt", "kms:GenerateDataKey"], _own_keys(options)),
        _allow(
            "SendFirstEvents",
            ["lambda:InvokeFunction"],
            [_arn("lambda", f"function:{name}") for name in sorted(reflectors)] if sends else [],
        ),
        _delivery_statement(targets),
        *_notification_statements([target for target in targets if target.subscriber.notify]),
    ]
    return _document(statements)


def subscribed_regions(policy: Mapping[str, Any]) -> set[str]:
    """Return the regions in which a policy of the subscriber's role, also one that IAM stores, lets it subscribe log groups."""
    found = [each for each in statements_of(policy) if isinstance(each, Mapping) and each.get("Sid") == _SUBSCRIBE]
    resources = [each.get("Resource") or [] for each in found]
    arns = [arn for listed in resources for arn in ([listed] if isinstance(listed, str) else listed)]
    return {arn.split(":")[3] for arn in arns if arn.count(":") > 3}


# CloudWatch Logs User Guide, "Subscription filters with Amazon Data Firehose": the role that CloudWatch Logs assumes.
LOGS_TRUST: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "{account}"},
                "ArnLike": {"aws:SourceArn": "arn:{partition}:logs:*:{account}:*"},
            },
        }
    ],
}


def delivery_policy(targets: Sequence[TargetOptions]) -> Document:
    """Return the policy of the role that CloudWatch Logs assumes for log groups of the class DELIVERY. It has no statement
    if no target has a stream."""
    streams = {
        target.log_groups.delivery_stream.replace("{region}", target.region or "*")
        for target in targets
        if target.log_groups.delivery_stream
    }
    return _document([_allow("WriteToFirehose", ["firehose:PutRecord", "firehose:PutRecordBatch"], sorted(streams))])


def _delivery_statement(targets: Sequence[TargetOptions]) -> Statement:
    """Return the statement that lets the subscriber give CloudWatch Logs that role, and no other role or service."""
    names = sorted({target.log_groups.delivery_role_name for target in targets if target.log_groups.delivery_stream})
    arns = [f"arn:{{partition}}:iam::{{account}}:role/{name}" for name in names]
    return {
        **_allow("GiveTheRoleToLogs", ["iam:PassRole"], arns),
        "Condition": {"StringEquals": {"iam:PassedToService": "logs.amazonaws.com"}},
    }


def _sink_statements(options: Sequence[ReflectorOptions]) -> list[Statement]:
    """Return one statement for each action that the sinks need."""
    resources: dict[str, set[str]] = {"kms:GenerateDataKey": set(_all(options, lambda each: each.sink_kms_key_arns))}
    for action, arn in reflector_code.sink_permissions([each.sinks for each in options]):
        resources.setdefault(action, set()).add(arn)
    return [_allow(_sid(action), [action], sorted(arns)) for action, arns in sorted(resources.items())]


def _notification_statements(targets: Sequence[TargetOptions]) -> list[Statement]:
    """Return what the sweep needs for its notifications. They are no statements without targets that have them."""
    functions = sorted({target.subscriber.function_name for target in targets})
    queues = {
        name
        for target in targets
        for name in (
            target.reflector.dead_letter_queue,
            target.subscriber.dead_letter_queue,
            target.subscriber.fifo_dead_letter_queue,
        )
    }
    return [
        _allow("SendNotifications", ["events:PutEvents"], sorted(set(map(_event_bus, targets)))),
        _allow(
            "RememberSweeps",
            ["logs:GetLogEvents"],
            [_arn("logs", f"log-group:/aws/lambda/{name}:*") for name in functions],
        ),
        _allow("CountDeadLetters", ["sqs:GetQueueAttributes"], [_arn("sqs", name) for name in sorted(queues)]),
        # IAM has no resources for these calls.
        _allow("FindSilentSources", ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], ["*"] if targets else []),
    ]


def _event_bus(target: TargetOptions) -> str:
    given = target.subscriber.notify_event_bus
    # One ARN for all regions: the policy's length is limited.
    return given.replace("{region}", "*") if given else _arn("events", "event-bus/default")


def _sid(action: str) -> str:
    service, _colon, name = action.partition(":")
    return f"{name}Of{service.capitalize()}ForSinks"


def _tag_statement(targets: Sequence[TargetOptions]) -> Statement:
    """Return the statement that lets the function write its own tags only: other tags may control access."""
    tags = any(target.log_groups.tag_log_groups for target in targets)
    arns = [_arn("logs", "log-group:*")] if tags else []
    return {
        **_allow("TagLogGroups", ["logs:TagResource", "logs:UntagResource"], arns),
        # ForAllValues is true for a call without keys: Null refuses that.
        "Condition": {
            "ForAllValues:StringLike": {"aws:TagKeys": "logreflector.aws/*"},
            "Null": {"aws:TagKeys": "false"},
        },
    }


def _log_group_actions(targets: Sequence[TargetOptions]) -> list[str]:
    needed = {
        "logs:ListTagsForResource": True,
        "logs:PutSubscriptionFilter": True,
        "logs:DeleteSubscriptionFilter": True,  # where a log group turns out to belong to another forwarder
        "logs:FilterLogEvents": any(target.subscriber.backfill_seconds for target in targets),
        "logs:PutRetentionPolicy": any(target.subscriber.retention_days for target in targets),
    }
    return sorted(action for action, is_needed in needed.items() if is_needed)


def _secret_arns(options: Iterable[ReflectorOptions]) -> list[str]:
    """Return the secrets that may be read: those that are named, or else all that endpoints and sinks refer to."""
    found: set[str] = set()
    for each in options:
        named = each.secret_arns
        found.update(map(_secret_arn, secret_references(each)) if named is None else named)
    return sorted(found)


def secret_references(options: ReflectorOptions) -> list[str]:
    """Return the references to secrets and parameters in the endpoint and the sinks, as the user wrote them."""
    text = json.dumps([options.sumo_endpoint, options.sinks], default=str)
    return sorted({name.strip() for name in _REFERENCE.findall(text)})


def _secret_arn(reference: str) -> str:
    service, _colon, name = reference.partition(":")
    if service == "secretsmanager":  # Secrets Manager appends a hyphen and six characters to the name
        return f"arn:{{partition}}:secretsmanager:*:{{account}}:secret:{name}-??????"
    return _parameter_arn(name) if service == "ssm" else reference


def _parameter_arn(name: str) -> str:
    return f"arn:{{partition}}:ssm:*:{{account}}:parameter/{name.removeprefix('/')}"


def _rules_parameters(options: Iterable[ReflectorOptions]) -> list[str]:
    """Return the parameters that may hold the rules. Whether they do depends on how long the rules are."""
    return _versions({each.rules_parameter for each in options if each.sinks or each.routes})


def _versions(parameters: Iterable[str]) -> list[str]:
    # The function reads one version, NAME:VERSION. AWS does not document whether IAM sees that in the ARN.
    arns = {_parameter_arn(name) for name in parameters}
    return sorted(arns | {f"{arn}:*" for arn in arns})


def _own_logs(options: Iterable[Any]) -> list[str]:
    names = sorted({each.function_name for each in options})
    return [_arn("logs", f"log-group:/aws/lambda/{name}:*") for name in names]


def _own_keys(options: Iterable[Any]) -> list[str]:
    return sorted({each.kms_key_arn for each in options if each.kms_key_arn})


def _all(options: Iterable[Any], read: Callable[[Any], Iterable[str]]) -> list[str]:
    return sorted({value for each in options for value in read(each)})


def _arn(service: str, resource: str) -> str:
    return f"arn:{{partition}}:{service}:*:{{account}}:{resource}"


def _allow(sid: str, actions: list[str], resources: list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _document(statements: Iterable[Mapping[str, Any]]) -> Document:
    return {"Version": "2012-10-17", "Statement": [dict(each) for each in statements if each["Resource"]]}
