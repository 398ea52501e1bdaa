# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters: the size of values, the choice of the tier, and changes that an overwrite refuses.

Sources: Systems Manager API Reference, PutParameter (and its HierarchyTypeMismatchException); User Guide, "Managing
parameter tiers".
"""

from __future__ import annotations

from typing import Any

from ministack.services import ssm

from .hooks import Function, original, replace
from .validation import Answer, error

_LONGEST = {"Standard": 4096, "Advanced": 8192}
_default_tier = original(ssm, "_default_tier", "data", "value", "existing")


def install() -> None:
    @replace(ssm, "_put_parameter", "data")
    def put_parameter(ministack: Function) -> Function:
        def put(data: dict[str, Any]) -> Answer:
            existing = ssm._parameters.get(data.get("Name")) if data.get("Overwrite") else None
            tier = _tier(data, existing)
            answer: Answer = _refusal(data, existing, tier) or ministack({**data, "Tier": tier})
            return answer

        return put


def _tier(data: dict[str, Any], existing: dict[str, Any] | None) -> str:
    """Return the parameter's tier. Intelligent-Tiering chooses one of the other two."""
    value = data.get("Value", "")
    tier = str(data.get("Tier") or _default_tier(data, value, existing))
    if tier != "Intelligent-Tiering":
        return tier
    advanced = len(value.encode()) > _LONGEST["Standard"] or (existing or {}).get("Tier") == "Advanced"
    return "Advanced" if advanced else "Standard"


def _refusal(data: dict[str, Any], existing: dict[str, Any] | None, tier: str) -> Answer | None:
    size = len(data.get("Value", "").encode())
    if not size:
        return _invalid(
            "Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1."
        )
    if size > _LONGEST[tier]:
        return _invalid(f"{tier} tier parameters support a maximum parameter value of {_LONGEST[tier]} characters.")
    if existing and data.get("Type", existing["Type"]) != existing["Type"]:
        message = "Parameter Store doesn't support changing a parameter type in a hierarchy."
        return error("HierarchyTypeMismatchException", message)
    if existing and (existing["Tier"], tier) == ("Advanced", "Standard"):
        return _invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier."
        )
    return None


def _invalid(message: str) -> Answer:
    return error("ValidationException", message)
