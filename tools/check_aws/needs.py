# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions and the money that the check needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import ROOT
from .lab import Statement, allow
from .removal import PREFIX, ROLE_PATH

PRICES = ROOT / "plugins" / "plugin_utils" / "_cost" / "prices.json"


@dataclass(frozen=True, slots=True)
class Cost:
    """An item of the bill.

    price    list price in dollars of `unit` pieces
    """

    what: str
    quantity: float
    unit: float
    price: float

    @property
    def dollars(self) -> float:
        """The most that the check costs."""
        return self.quantity / self.unit * self.price


_ITEMS = (
    ("SQS requests, those of Lambda's pollers included", 20_000, 1e6, "sqs_fifo_request"),
    ("Lambda requests", 500, 1e6, "lambda_request"),
    ("Lambda GB-seconds", 250, 1, "lambda_gb_second_arm64"),
    ("GB of log events", 0.001, 1, "log_ingestion"),
    ("CloudTrail events, if there is a second trail", 3_000, 1e5, "trail_event"),
)
"""Quantities are upper bounds: some minutes of waiting, a few thousand calls."""


def costs() -> list[Cost]:
    """Return the items with the list prices of us-east-1."""
    groups = json.loads(PRICES.read_text(encoding="utf-8"))["groups"]
    prices = next(group["prices"] for group in groups if "us-east-1" in group["regions"])
    return [Cost(what, quantity, unit, round(prices[name][0] * unit, 10)) for what, quantity, unit, name in _ITEMS]


def policy(partition: str) -> dict[str, Any]:
    """Return the least policy of the caller."""

    def arn(service: str, resource: str) -> str:
        return f"arn:{partition}:{service}:{'' if service == 'iam' else '*'}:*:{resource}"

    roles = arn("iam", f"role{ROLE_PATH}*")
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    own_function = {"ArnLike": {"lambda:FunctionArn": arn("lambda", f"function:{PREFIX}*")}}
    statements: list[Statement] = [
        allow(_actions("iam", _ROLES), roles),
        allow("iam:PassRole", roles, Condition=to_lambda),
        allow("sts:AssumeRole", roles),
        allow(_actions("lambda", _FUNCTIONS), arn("lambda", f"function:{PREFIX}*")),
        allow(_actions("lambda", _MAPPINGS), "*", Condition=own_function),
        allow("lambda:TagResource", arn("lambda", "event-source-mapping:*")),
        allow(_actions("sqs", _QUEUES), arn("sqs", f"{PREFIX}*")),
        allow(_actions("events", _RULES), arn("events", f"rule/{PREFIX}*")),
        allow("events:PutEvents", arn("events", "event-bus/default")),
        allow(_actions("logs", _LOG_GROUPS), arn("logs", f"log-group:{PREFIX}*")),
        allow(_actions("ssm", "DeleteParameter PutParameter"), arn("ssm", f"parameter/{PREFIX}*")),
        allow([*_actions("logs", _ACCOUNT), *_LISTS], "*"),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _actions(service: str, names: str) -> list[str]:
    return [f"{service}:{name}" for name in names.split()]


_ROLES = "CreateRole DeleteRole DeleteRolePolicy ListRolePolicies PutRolePolicy TagRole"
_FUNCTIONS = "AddPermission CreateFunction DeleteFunction GetFunctionConfiguration InvokeFunction TagResource"
_MAPPINGS = "CreateEventSourceMapping DeleteEventSourceMapping"
_QUEUES = "CreateQueue DeleteMessage DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags ReceiveMessage SendMessage TagQueue"
_RULES = "DeleteRule ListTargetsByRule PutRule PutTargets RemoveTargets"
_LOG_GROUPS = "CreateLogGroup CreateLogStream DeleteLogGroup FilterLogEvents ListTagsForResource PutLogEvents TagResource UntagResource"
# The account policy's actions, whose second actions may count on all resources: permissions-* measures that.
_ACCOUNT = (
    "DeleteAccountPolicy DeleteSubscriptionFilter DescribeAccountPolicies DescribeSubscriptionFilters PutAccountPolicy"
    " PutSubscriptionFilter"
)
_LISTS = [
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrailStatus",
    "events:ListRules",
    "iam:ListRoles",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "logs:ListLogGroups",
    "sqs:ListQueues",
    "ssm:DescribeParameters",
]
