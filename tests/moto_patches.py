# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Additions to moto: ListLogGroups by tags, DescribeAccountPolicies, GetAccountSettings, SimulatePrincipalPolicy, and queues that keep
their policy.
"""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse
from moto.logs.responses import LogsResponse
from moto.sqs.models import Queue

_moto_set_attributes = Queue._set_attributes


def install() -> None:
    """Add the operations that moto lacks, and correct its queues. A later call changes nothing."""
    if not hasattr(LogsResponse, "list_log_groups"):
        LogsResponse.list_log_groups = _list_log_groups
    if not hasattr(LogsResponse, "describe_account_policies"):
        LogsResponse.describe_account_policies = lambda _self: json.dumps({"accountPolicies": []})
    if not hasattr(LambdaResponse, "get_account_settings"):
        LambdaResponse.get_account_settings = _get_account_settings
        urls.url_paths["{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch
    if not hasattr(IamResponse, "simulate_principal_policy"):
        IamResponse.simulate_principal_policy = _simulate_principal_policy
    Queue._set_attributes = _set_attributes


def _set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
    """Keep the policy if a call does not set it, as SQS does. moto removes it."""
    kept = {"Policy": self.policy} if hasattr(self, "_policy_json") else {}
    _moto_set_attributes(self, {**kept, **attributes}, now)


def _get_account_settings(self: Any) -> str:
    """Return the limits of an account with the default quota."""
    reserved = sum(int(each.reserved_concurrency or 0) for each in self.backend.list_functions())
    limits = {
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000 - reserved,
        "TotalCodeSize": 75 * 2**30,
    }
    return json.dumps({"AccountLimit": limits, "AccountUsage": {"TotalCodeSize": 0}})


def _simulate_principal_policy(self: Any) -> ActionResult:
    """Allow every action on every resource."""
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
        for action in self._get_param("ActionNames")
        for resource in self._get_param("ResourceArns")
    ]
    return ActionResult({"IsTruncated": False, "EvaluationResults": results})


def _list_log_groups(self: Any) -> str:
    wanted = self._get_param("logGroupTags") or []
    found = [group for _name, group in sorted(self.logs_backend.groups.items()) if _has_tags(self, group, wanted)]
    start, size = int(self._get_param("nextToken") or 0), self._get_param("limit") or 50
    page = [{"logGroupName": group.name, "logGroupArn": group.arn} for group in found[start : start + size]]
    more = {"nextToken": str(start + size)} if start + size < len(found) else {}
    return json.dumps({"logGroups": page, **more})


def _has_tags(self: Any, group: Any, wanted: list[dict[str, Any]]) -> bool:
    tags = self.logs_backend.list_tags_for_resource(group.arn.removesuffix(":*"))
    return all(
        item["key"] in tags and (not item.get("values") or tags[item["key"]] in item["values"]) for item in wanted
    )
