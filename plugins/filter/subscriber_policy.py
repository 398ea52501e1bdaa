# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the subscriber may do: the least that its settings need, in every region of its account."""

from __future__ import annotations

DOCUMENTATION = r"""
name: subscriber_policy
short_description: Make the policy of the subscriber's execution role
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - The least that the subscriber needs, as an IAM policy document. The role serves all regions of the account, so what one target's settings
    need, it may do for all.
  - C({partition}) and C({account}) in it are replaced by M(logreflector.aws.execution_role).
positional: functions, queues, regions
options:
  _input:
    description: >-
      The variables of all targets of the account. Of each C(log_groups_include_tags), C(log_groups_exclude_tags), C(log_groups_merge),
      C(catch_up_mark), C(subscriber_backfill), C(subscriber_retention_days) and C(subscriber_settings_parameter) count.
    type: list
    elements: dict
    required: true
  functions:
    description: The names of both functions, as C(subscriber) and C(reflector).
    type: dict
    required: true
  queues:
    description: The names of the subscriber's queues, as C(work) and C(dead_letters).
    type: dict
    required: true
  regions:
    description: The regions in which log groups may be written to.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Execution role of the subscriber
  logreflector.aws.execution_role:
    region: eu-west-1
    name: log-reflector-subscriber
    inline_policies:
      log-reflector: "{{ [variables] | logreflector.aws.subscriber_policy(functions, queues, ['eu-west-1']) }}"
  vars:
    variables:
      subscriber_retention_days: 30
    functions:
      subscriber: log-reflector-subscriber
      reflector: log-reflector
    queues:
      work: log-reflector-subscriber.fifo
      dead_letters: log-reflector-subscriber-dead-letters
"""

RETURN = r"""
_value:
  description: The policy document.
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

_PARAMETER = "/log-reflector/subscriber"

Statement = dict[str, Any]


def subscriber_policy(
    targets: Iterable[Mapping[str, Any]],
    functions: Mapping[str, str],
    queues: Mapping[str, str],
    regions: Sequence[str],
) -> dict[str, Any]:
    """See the documentation above."""
    variables = list(targets)
    subscriber, reflector = functions["subscriber"], functions["reflector"]
    backfill = any(_on(each, "subscriber_backfill", default=True) for each in variables)
    statements = [
        # The only one that lists regions: an inline policy has 10,240 characters, and the one before stays beside it for a while.
        _allow(
            "SubscribeLogGroups",
            _actions(variables, backfill),
            [f"arn:{{partition}}:logs:{region}:{{account}}:log-group:*" for region in regions],
        ),
        _allow("FindLogGroups", ["logs:DescribeAccountPolicies", "logs:DescribeLogGroups", "logs:ListLogGroups"], "*"),
        _allow(
            "WriteItsOwnLog",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            _arn("logs", f"log-group:/aws/lambda/{subscriber}:*"),
        ),
        # Where both write their logs, and whether the reflector is in a VPC whose flow logs would feed themselves.
        _allow(
            "LearnTheDeliveryPath",
            "lambda:GetFunctionConfiguration",
            [_arn("lambda", f"function:{name}") for name in (reflector, subscriber)],
        ),
        _allow("LearnTheFlowLogsOnIt", "ec2:DescribeFlowLogs", "*"),
        _allow(
            "TakeItsWork",
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            _arn("sqs", queues["work"]),
        ),
        {
            **_allow("HandOverToItself", "events:PutEvents", _arn("events", "event-bus/default")),
            "Condition": {"StringEquals": {"events:source": "logreflector.subscriber"}},
        },
        _allow("SendWhatItCannotDo", "sqs:SendMessage", _arn("sqs", queues["dead_letters"])),
        _allow("ReadItsSettings", "ssm:GetParameter", _parameters(variables)),
    ]
    if backfill:
        statements.append(_allow("SendFirstLines", "lambda:InvokeFunction", _arn("lambda", f"function:{reflector}")))
    return {"Version": "2012-10-17", "Statement": statements}


def _actions(variables: Sequence[Mapping[str, Any]], backfill: bool) -> list[str]:
    """What it may do with log groups."""
    marks = any(_on(each, "catch_up_mark", default=True) for each in variables)
    found = {
        "logs:DescribeSubscriptionFilters": True,
        "logs:ListTagsForResource": True,
        "logs:PutSubscriptionFilter": True,
        "logs:DeleteSubscriptionFilter": True,  # where it turns out that a group belongs to another delivery
        "logs:FilterLogEvents": backfill,
        "logs:PutRetentionPolicy": any(each.get("subscriber_retention_days") for each in variables),
        "logs:TagResource": marks,
        "logs:UntagResource": marks,
    }
    return sorted(action for action, needed in found.items() if needed)


def _on(variables: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A switch as an inventory may write it; one that makes no sense is refused elsewhere."""
    value = variables.get(name)
    return default if value is None else bool(boolean(value, strict=False))


def _parameters(variables: Iterable[Mapping[str, Any]]) -> list[str]:
    """The parameters that may hold the settings: whether they do depends on how long those are, and that may change."""
    names = {str(each.get("subscriber_settings_parameter") or _PARAMETER) for each in variables} or {_PARAMETER}
    arns = {_arn("ssm", f"parameter/{name.removeprefix('/')}") for name in names}
    # One version is asked for, NAME:VERSION; whether IAM sees that in the ARN is not documented.
    return sorted(arns | {f"{arn}:*" for arn in arns})


def _arn(service: str, resource: str) -> str:
    return f"arn:{{partition}}:{service}:*:{{account}}:{resource}"


def _allow(sid: str, action: str | list[str], resource: str | list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"subscriber_policy": subscriber_policy}
