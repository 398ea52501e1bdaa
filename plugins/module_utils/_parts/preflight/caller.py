# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The caller's permissions for the writes of the deployment: IAM evaluates them, and none is made.

IAM's simulation reads the caller's own policies, its permissions boundary, and policies of the organisation that have no condition. It
sees no resource control policy, session policy or VPC endpoint policy (IAM User Guide, "IAM policy testing with the IAM policy simulator").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..._errors import ReflectorError
from ..._plan import Change
from ..._session import Target
from ..deployment import Deployment
from .findings import ORGANIZATION_ADVICE, Finding, examples, from_error, not_checked, problem
from .writes import EMPTY_STREAM, Needs, add_need, log_group_resource, needs_of

_LAMBDA = "lambda.amazonaws.com"
_ROOT = ":root"
_ADVICE = "Give the caller the deployer's policy, docs/iam/deployer-policy.json."


@dataclass(frozen=True, slots=True)
class Decision:
    """IAM's decision on one action and resource.

    reason      why it is denied, "" if it is allowed
    organization    whether a policy of the organisation denies it
    missing     the condition keys on which the decision depends and that were not given
    """

    action: str
    arn: str
    reason: str = ""
    organization: bool = False
    missing: tuple[str, ...] = ()


def planned_needs(
    target: Target, options: Deployment, changes: Mapping[str, Sequence[Change]], log_group: str
) -> Needs:
    """Return the actions that the deployment would use: those of the planned changes, and the writing of subscriptions.

    log_group   one that gets a filter, "" if none does
    """
    needs: Needs = {}

    def arn(service: str, resource: str) -> str:
        return target.arn(service, resource, regional=service != "iam")

    def operation(service: str, method: str) -> str:
        return str(target.client(service).meta.method_to_api_mapping[method])

    for name, planned in changes.items():
        part = options.subscriber if name.startswith("subscriber") else options.reflector
        role = arn("iam", f"role/{part.role_name}")
        found = needs_of(planned, arn, part.function_name, role, operation)
        for by_arn in found.values():
            for resource, actions in by_arn.items():
                add_need(needs, resource, actions)
    if options.mode == "account_policy":
        add_need(needs, "*", ["logs:PutAccountPolicy", "logs:PutSubscriptionFilter"])
    elif log_group:
        add_need(needs, arn("logs", log_group_resource(log_group)), ["logs:PutSubscriptionFilter"])
    return needs


def principal_arn(target: Target, assumed: str | None) -> str:
    """Return the ARN whose policies decide; "" for the root of an account, whom no policy of the account limits.

    assumed     the role that the run assumes
    """
    if assumed:
        return assumed
    arn = target.identity.arn
    if arn.endswith(_ROOT):
        return ""
    head, is_session, rest = arn.partition(":assumed-role/")
    # The ARN of a session lacks the role's path. A role with a path is not found, and so not checked.
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if is_session else arn


def permission_findings(target: Target, options: Deployment, needs: Needs, assumed: str | None) -> list[Finding]:
    """Return which of the needed actions the caller may not use."""
    principal = principal_arn(target, assumed)
    if not principal or not needs:
        return []
    context = _context(target, options)
    try:
        answers = target.together(
            *(partial(_simulate, target, principal, by_arn, context) for by_arn in needs.values())
        )
    except ReflectorError as error:
        return [from_error("not_checked", "permission", error)]
    asked = {(arn, action) for by_arn in needs.values() for arn, actions in by_arn.items() for action in actions}
    decisions = [each for answer in answers for each in answer if (each.arn, each.action) in asked]
    return denial_findings(decisions)


def _context(target: Target, options: Deployment) -> list[dict[str, Any]]:
    """Return the condition keys that the deployer's policy tests, with the values of the real calls."""
    boundary = options.account.permissions_boundary
    values = {
        "iam:PassedToService": _LAMBDA,
        "lambda:FunctionArn": target.arn("lambda", f"function:{options.subscriber.function_name}"),
        "aws:RequestedRegion": target.region,
        **({"iam:PermissionsBoundary": str(target.expand(boundary))} if boundary else {}),
    }
    return [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in values.items()
    ]


def _simulate(
    target: Target, principal: str, by_arn: Mapping[str, set[str]], context: list[dict[str, Any]]
) -> list[Decision]:
    """Return IAM's decisions on all actions of one service, each on every resource."""
    actions = sorted(set().union(*by_arn.values()))
    request: dict[str, Any] = {"PolicySourceArn": principal, "ActionNames": actions, "ResourceArns": sorted(by_arn)}
    with target.describe_operation(f"let IAM evaluate the permissions of {principal}"):
        pages = (
            target.client("iam").get_paginator("simulate_principal_policy").paginate(**request, ContextEntries=context)
        )
        return [each for page in pages for result in page["EvaluationResults"] for each in decisions_of(result)]


def decisions_of(result: Mapping[str, Any]) -> Iterator[Decision]:
    """Yield the decisions of one evaluation, which may have the resources one by one."""
    action = str(result["EvalActionName"])
    organization = (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False
    for each in result.get("ResourceSpecificResults") or [result]:
        arn = str(each.get("EvalResourceName") or "*")
        decision = str(each.get("EvalResourceDecision") or each.get("EvalDecision"))
        missing = tuple(each.get("MissingContextValues") or ())
        if decision == "allowed" and not organization:
            yield Decision(action, arn)
        else:
            boundary = (
                each.get("PermissionsBoundaryDecisionDetail") or result.get("PermissionsBoundaryDecisionDetail") or {}
            )
            reason = _reason(decision, each, organization, boundary.get("AllowedByPermissionsBoundary") is False)
            yield Decision(action, arn, reason, organization, missing if decision == "implicitDeny" else ())


def _reason(decision: str, result: Mapping[str, Any], organization: bool, boundary: bool) -> str:
    """Return who denies, with the policies that IAM names."""
    if organization:
        return "a policy of the organisation does not allow it"
    if boundary:
        return "its permissions boundary does not allow it"
    if decision == "explicitDeny":
        names = sorted({str(each.get("SourcePolicyId")) for each in result.get("MatchedStatements") or ()})
        return f"a statement denies it ({', '.join(names)})" if names else "a statement denies it"
    return "no policy of the caller allows it"


def denial_findings(decisions: Iterable[Decision]) -> list[Finding]:
    """Return a finding for each reason and service, with its actions and the first resource."""
    groups: dict[tuple[str, bool, tuple[str, ...], str], list[Decision]] = {}
    for each in decisions:
        if each.reason:
            service = each.action.partition(":")[0]
            groups.setdefault((each.reason, each.organization, each.missing, service), []).append(each)
    found = []
    for (reason, organization, missing, _service), denied in groups.items():
        actions = ", ".join(sorted({each.action for each in denied}))
        arns = examples(sorted({each.arn.removesuffix(EMPTY_STREAM) for each in denied}), 1)
        text = f"the caller may not use {actions} on {arns}: {reason}"
        if missing:
            keys = f"{text}, unless a condition on {', '.join(sorted(missing))} is met"
            found.append(not_checked("permission", keys, _ADVICE))
        elif organization:
            found.append(problem("organization", text, ORGANIZATION_ADVICE))
        else:
            found.append(problem("permission", text, _ADVICE))
    return found
