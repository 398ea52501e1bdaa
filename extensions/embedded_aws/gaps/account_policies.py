# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Account-level subscription filter policies: one for each account and region, beside the groups' own filters.

Sources: CloudWatch Logs API Reference, PutAccountPolicy, DescribeAccountPolicies, DeleteAccountPolicy; User Guide,
"Account-level subscription filters" and "Log recursion prevention".
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch_logs as logs

from .deliveries import may_invoke
from .hooks import Function, original, replace
from .validation import Answer, error, invalid, success

_enforce = original(iam_evaluator, "enforce", "access_key_id", "iam_action", "service", "region", "resource_arn")
_POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"
_LONGEST_DOCUMENT = 30_720  # characters
_LARGEST_CRITERIA = 25 * 1024  # bytes of UTF-8
_ATTRIBUTES = frozenset({"DestinationArn", "RoleArn", "FilterPattern", "Distribution"})
_CRITERIA = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s*(\[.*\])\s*", re.DOTALL)
# The second permission of each operation, on the filters of every group.
_SECOND_PERMISSION = {
    "PutAccountPolicy": "PutSubscriptionFilter",
    "DescribeAccountPolicies": "DescribeSubscriptionFilters",
    "DeleteAccountPolicy": "DeleteSubscriptionFilter",
}
_policies = AccountRegionScopedDict()


def install() -> None:
    @replace(logs, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Answer:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if operation in _SECOND_PERMISSION:
                return _denial(operation, extract_access_key_id(headers, query_params)) or _OPERATIONS[operation](
                    json.loads(body)
                )
            answer: Answer = await ministack(method, path, headers, body, query_params)
            return answer

        return handle


def policy_for(log_group: str) -> dict[str, Any] | None:
    """Return the policy document that applies to a group, with its name as "Name"; None if the group is excluded."""
    for policy in _policies.values():
        if log_group not in (_excluded(policy.get("selectionCriteria")) or ()):
            return {**json.loads(policy["policyDocument"]), "Name": policy["policyName"]}
    return None


def _denial(operation: str, access_key: str) -> Answer | None:
    action = f"logs:{_SECOND_PERMISSION[operation]}"
    resource = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:*"
    if _enforce(access_key, action, "logs", get_region(), resource_arn=resource) is None:
        return None
    message = (
        f"User: {iam_evaluator.caller_arn()} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    return error("AccessDeniedException", message)


def _excluded(criteria: str | None) -> list[str] | None:
    """Return the names that a selection excludes; None for an invalid selection."""
    if criteria is None:
        return []
    match = _CRITERIA.fullmatch(criteria)
    try:
        names = json.loads(match[1]) if match else None
    except ValueError:
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _put(data: dict[str, Any]) -> Answer:
    if (answer := _refusal(data)) is not None:
        return answer
    policy = {
        "policyName": data["policyName"],
        "policyDocument": data["policyDocument"],
        "lastUpdatedTime": int(time.time() * 1000),
        "policyType": _POLICY_TYPE,
        "scope": "ALL",
        "accountId": get_account_id(),
    } | {key: data[key] for key in ("selectionCriteria",) if data.get(key)}
    _policies[data["policyName"]] = policy
    return success({"accountPolicy": policy})


def _refusal(data: dict[str, Any]) -> Answer | None:
    name, document, criteria = data.get("policyName") or "", data.get("policyDocument") or "", "selectionCriteria"
    if (answer := _type_refusal(data)) is not None:
        return answer
    if not re.fullmatch(r"[^:*]{1,256}", name) or name.startswith("aws/"):
        return invalid(f"Value '{name}' at 'policyName' failed to satisfy constraint.")
    if data.get("scope", "ALL") != "ALL":
        return invalid("The scope of an account policy must be ALL.")
    if len(document) > _LONGEST_DOCUMENT:
        return invalid(f"A policy document can be up to {_LONGEST_DOCUMENT} characters long.")
    if data.get(criteria) is not None and len(data[criteria].encode()) > _LARGEST_CRITERIA:
        return invalid(f"The selection criteria can be up to {_LARGEST_CRITERIA} bytes long.")
    if _excluded(data.get(criteria)) is None:
        return invalid("The only selection criteria of a subscription filter policy is LogGroupName NOT IN [].")
    if problem := _document_problem(document):
        return invalid(problem)
    if name not in _policies and _policies:
        return error("LimitExceededException", "Resource limit exceeded.")
    return None


def _document_problem(document: str) -> str | None:
    try:
        policy = json.loads(document)
    except ValueError:
        return "The policy document is not valid JSON."
    if not isinstance(policy, dict) or not all(isinstance(value, str) for value in policy.values()):
        return "The policy document must be a JSON object of strings."
    if unknown := policy.keys() - _ATTRIBUTES:
        return f"A subscription filter policy has no {', '.join(sorted(unknown))}."
    destination = policy.get("DestinationArn")
    if not destination:
        return "The policy document must name a DestinationArn."
    if len(policy.get("FilterPattern", "")) > 1024:
        return "A FilterPattern can be up to 1024 characters long."
    if policy.get("Distribution", "ByLogStream") not in ("ByLogStream", "Random"):
        return "The Distribution must be ByLogStream or Random."
    if ":function:" in destination:
        if policy.get("RoleArn"):
            return "destinationArn for vendor lambda cannot be used with roleArn"
        if not may_invoke(destination, "*", settled=True):
            return (
                "Could not execute the lambda function. "
                "Make sure you have given CloudWatch Logs permission to execute your function."
            )
    return None


def _type_refusal(data: dict[str, Any]) -> Answer | None:
    if data.get("policyType") == _POLICY_TYPE:
        return None
    return invalid(f"The embedded AWS knows account policies of type {_POLICY_TYPE} only.")


def _describe(data: dict[str, Any]) -> Answer:
    if (answer := _type_refusal(data)) is not None:
        return answer
    name = data.get("policyName")
    if name is not None and name not in _policies:
        return _no_such_policy()
    return success({"accountPolicies": [policy for key, policy in _policies.items() if name in (None, key)]})


def _delete(data: dict[str, Any]) -> Answer:
    if (answer := _type_refusal(data)) is not None:
        return answer
    return success({}) if _policies.pop(data.get("policyName"), None) else _no_such_policy()


def _no_such_policy() -> Answer:
    return error("ResourceNotFoundException", "The specified account policy does not exist.")


_OPERATIONS = {"PutAccountPolicy": _put, "DescribeAccountPolicies": _describe, "DeleteAccountPolicy": _delete}
