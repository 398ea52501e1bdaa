# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM's policy simulation of a role: every action on every resource, with the given condition keys and the permissions boundary.

Source: IAM API reference, SimulatePrincipalPolicy. There are no policies of an organisation here, so it always allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from .hooks import Function, original, replace
from .validation import Answer

_parameter = original(iam, "_p", "params", "key")
_xml = original(iam, "_xml", "status", "root_tag", "inner")
_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}
_ROLE = ":role/"


def install() -> None:
    @replace(iam, "_simulate_principal_policy", "p")
    def simulate(ministack: Function) -> Function:
        def answer(p: dict[str, Any]) -> Answer:
            arn = _parameter(p, "PolicySourceArn")
            if _ROLE not in arn:
                other: Answer = ministack(p)
                return other
            if iam._roles.get(arn.rpartition("/")[2]) is None:
                missing: Answer = iam._error(404, "NoSuchEntity", f"The role {arn} cannot be found.", ns="iam")
                return missing
            results = "".join(_results(p, arn))
            inner = f"<SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>"
            end = "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>"
            found: Answer = _xml(200, "SimulatePrincipalPolicyResponse", inner + end, ns="iam")
            return found

        return answer


def _results(p: dict[str, Any], arn: str) -> Iterator[str]:
    account, name = get_account_id(), arn.rpartition("/")[2]
    policies = iam_evaluator._gather_role_policies(name, account)
    context = {
        _parameter(p, f"{entry}.ContextKeyName").lower(): _parameter(p, f"{entry}.ContextKeyValues.member.1")
        for entry in _members(p, "ContextEntries", ".ContextKeyName")
    }
    resources = [_parameter(p, name) for name in _members(p, "ResourceArns")] or ["*"]
    for action in (_parameter(p, name) for name in _members(p, "ActionNames")):
        for resource in resources:
            request = iam_evaluator.EvalContext(
                principal_arn=arn,
                principal_type="AssumedRole",
                principal_account=account,
                action=action,
                resource_arn=resource,
                region=get_region(),
                service_context=context,
            )
            decision = _DECISIONS.get(iam_evaluator.evaluate(request, policies).decision, "implicitDeny")
            yield (
                f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision>"
                "<MatchedStatements></MatchedStatements><MissingContextValues></MissingContextValues></member>"
            )


def _members(p: dict[str, Any], name: str, field: str = "") -> Iterator[str]:
    """Yield the names of the parameters of a list."""
    number = 1
    while _parameter(p, f"{name}.member.{number}{field}"):
        yield f"{name}.member.{number}"
        number += 1
