# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate IAM policies: of a resource for a service, and of a role."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from .current import current
from .hooks import original

_gather_role_policies = original(iam_evaluator, "_gather_role_policies", "role_name", "account_id")
_permissions_boundary = original(iam_evaluator, "_permissions_boundary", "store", "name", "account_id")
_roles = iam._roles


def service_allowed(policy: Any, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Return whether a resource's policy allows a service to act for a source in the current account."""
    context = iam_evaluator.EvalContext(
        # A service belongs to no account: only "*" and its own name match.
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": get_account_id(),
            "aws:principalisawsservice": "true",
        },
    )
    names = (service, service.replace(".amazonaws", f".{get_region()}.amazonaws", 1))
    decisions = [iam_evaluator.evaluate_resource_policy(policy, context, name).decision for name in names]
    return "Allow" in decisions and "Deny" not in decisions


def role_allowed(role_arn: str, action: str, resource: str) -> bool:
    """Return whether a role's policies allow an action, within its permissions boundary."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    limits = _permissions_boundary(_roles, name, account)
    decision: str = iam_evaluator.evaluate(context, _gather_role_policies(name, account), *limits).decision
    return decision == "Allow"


def can_assume(role_arn: str, service: str, source_arn: str = "") -> bool:
    """Return whether a service may assume a role of the current account. Young roles are not seen yet (`role_delay`)."""
    role = role_of(role_arn)
    if role is None or role_arn.split(":")[4] != get_account_id():
        return False
    born = datetime.fromisoformat(role["CreateDate"]).timestamp()
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        # A trust policy has no Resource element, which matches everything.
        resource_arn=role_arn,
        region=get_region(),
        service_context={
            "aws:sourceaccount": get_account_id(),
            **({"aws:sourcearn": source_arn} if source_arn else {}),
        },
    )
    trust = iam_evaluator.evaluate_resource_policy(role["AssumeRolePolicyDocument"], context, service)
    return bool(trust.decision == "Allow") and time.time() - born >= current.settings.role_delay


def role_of(role_arn: str) -> dict[str, Any] | None:
    """Return MiniStack's record of a role, or None."""
    parts = role_arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("role/"):
        return None
    role: dict[str, Any] | None = _roles.get_scoped(parts[4], None, parts[5].rpartition("/")[2])
    return role if role is not None and role["Arn"] == role_arn else None
