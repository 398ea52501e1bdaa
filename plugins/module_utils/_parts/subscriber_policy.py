# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions of the subscriber's role, and of the role that CloudWatch Logs assumes for the class DELIVERY."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._resources.policy_document import statements as statements_of
from .policy_statements import (
    Document,
    Statement,
    TargetOptions,
    allow,
    arn_of,
    document,
    own_keys,
    own_logs,
    versions,
)

# DescribeAccountPolicies also needs DescribeSubscriptionFilters (API reference), on which resource AWS does not say.
_FINDING = [
    "logs:DescribeAccountPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeSubscriptionFilters",
    "logs:ListLogGroups",
]
_SUBSCRIBE = "SubscribeLogGroups"


def subscriber_policy(targets: Sequence[TargetOptions]) -> Document:
    """Return the policy of the subscriber's role. The placeholders {partition} and {account} stay in it."""
    options = [target.subscriber for target in targets]
    functions = {target.subscriber.function_name for target in targets}
    reflectors = {target.reflector.function_name for target in targets}
    sends = any(each.backfill_seconds for each in options)
    regions = sorted({target.region for target in targets if target.region})
    statements = [
        # The only one that lists regions: an inline policy has 10,240 characters, and the previous one stays for a while.
        allow(
            _SUBSCRIBE,
            _log_group_actions(targets),
            [f"arn:{{partition}}:logs:{region}:{{account}}:log-group:*" for region in regions],
        ),
        allow("FindLogGroups", _FINDING, ["*"]),
        _tag_statement(targets),
        allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], own_logs(options)),
        # Where both functions write their logs, and whether they run in a VPC whose flow logs would feed themselves.
        allow(
            "FindTheDeliveryPath",
            ["lambda:GetFunctionConfiguration"],
            [arn_of("lambda", f"function:{name}") for name in sorted(functions | reflectors)],
        ),
        allow("FindItsFlowLogs", ["ec2:DescribeFlowLogs"], ["*"]),
        allow(
            "ReceiveWork",
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",  # a sweep goes on in the next invocation
            ],
            [arn_of("sqs", name) for name in sorted({each.work_queue for each in options})],
        ),
        allow(
            "SendDeadLetters",
            ["sqs:SendMessage"],
            [arn_of("sqs", name) for name in sorted({each.dead_letter_queue for each in options})],
        ),
        allow("ReadSettings", ["ssm:GetParameter"], versions({each.settings_parameter for each in options})),
        allow("UseOwnKey", ["kms:Decrypt", "kms:GenerateDataKey"], own_keys(options)),
        allow(
            "SendFirstEvents",
            ["lambda:InvokeFunction"],
            [arn_of("lambda", f"function:{name}") for name in sorted(reflectors)] if sends else [],
        ),
        _delivery_statement(targets),
        *_notification_statements([target for target in targets if target.subscriber.notify]),
    ]
    return document(statements)


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
    return document([allow("WriteToFirehose", ["firehose:PutRecord", "firehose:PutRecordBatch"], sorted(streams))])


def _delivery_statement(targets: Sequence[TargetOptions]) -> Statement:
    """Return the statement that lets the subscriber give CloudWatch Logs that role, and no other role or service."""
    names = sorted({target.log_groups.delivery_role_name for target in targets if target.log_groups.delivery_stream})
    arns = [f"arn:{{partition}}:iam::{{account}}:role/{name}" for name in names]
    return {
        **allow("GiveTheRoleToLogs", ["iam:PassRole"], arns),
        "Condition": {"StringEquals": {"iam:PassedToService": "logs.amazonaws.com"}},
    }


def _notification_statements(targets: Sequence[TargetOptions]) -> list[Statement]:
    """Return what the sweep needs for its notifications. They are no statements without targets that have them."""
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
        allow("SendNotifications", ["events:PutEvents"], sorted(set(map(_event_bus, targets)))),
        allow("RememberSweeps", ["logs:GetLogEvents"], own_logs(target.subscriber for target in targets)),
        allow("CountDeadLetters", ["sqs:GetQueueAttributes"], [arn_of("sqs", name) for name in sorted(queues)]),
        # IAM has no resources for these calls.
        allow("FindSilentSources", ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], ["*"] if targets else []),
    ]


def _event_bus(target: TargetOptions) -> str:
    given = target.subscriber.notify_event_bus
    # One ARN for all regions: the policy's length is limited.
    return given.replace("{region}", "*") if given else arn_of("events", "event-bus/default")


def _tag_statement(targets: Sequence[TargetOptions]) -> Statement:
    """Return the statement that lets the function write its own tags only: other tags may control access."""
    tags = any(target.log_groups.tag_log_groups for target in targets)
    arns = [arn_of("logs", "log-group:*")] if tags else []
    return {
        **allow("TagLogGroups", ["logs:TagResource", "logs:UntagResource"], arns),
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
