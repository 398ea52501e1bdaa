# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles: the length of their inline policies.

Source: IAM User Guide, "IAM and AWS STS quotas": 10,240 characters for all inline policies of a role, without white
space.
"""

from __future__ import annotations

from typing import Any

from ministack.services import iam

from .hooks import Function, original, replace
from .validation import Answer

_MAX_POLICY_CHARACTERS = 10240
_parameter = original(iam, "_p", "params", "key")
_error = original(iam, "_error", "status", "code", "message")


def install() -> None:
    @replace(iam, "_put_role_policy", "p")
    def put_role_policy(ministack: Function) -> Function:
        def put(p: dict[str, Any]) -> Answer:
            name = _parameter(p, "RoleName")
            policies = dict((iam._roles.get(name) or {}).get("InlinePolicies") or {})
            policies[_parameter(p, "PolicyName")] = _parameter(p, "PolicyDocument")
            if sum(len("".join(policy.split())) for policy in policies.values()) > _MAX_POLICY_CHARACTERS:
                message = f"Maximum policy size of {_MAX_POLICY_CHARACTERS} bytes exceeded for role {name}"
                refused: Answer = _error(409, "LimitExceeded", message, ns="iam")
                return refused
            answer: Answer = ministack(p)
            return answer

        return put
