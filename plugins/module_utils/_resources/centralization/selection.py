# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope and log group selection in the words of AWS's centralization rules. Pure.

CloudWatch Logs User Guide, "Cross-account cross-Region log centralization": a scope has =, IN and OR; a selection of log groups
has =, !=, IN, NOT IN, LIKE, NOT LIKE, AND and OR. Neither has parentheses, so AND binds stronger than OR.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_KEY = "LogGroupName"
SCOPE_KEYS = frozenset({"OrganizationId", "OrganizationUnitId", "AccountId"})
GROUP_KEYS = frozenset({_KEY})


def scope_text(organization_id: str, units: Iterable[str], accounts: Iterable[str]) -> str:
    """Return the scope of these accounts. The whole organisation includes all others."""
    if organization_id:
        return f"OrganizationId = '{organization_id}'"
    parts = [("OrganizationUnitId", units), ("AccountId", accounts)]
    return " OR ".join(f"{key} IN ({_quoted(names)})" for key, given in parts if (names := sorted(set(given))))


def groups_text(include: Iterable[str], exclude: Iterable[str]) -> str:
    """Return the selection of log groups. Names may have * for any characters."""
    names, patterns = _split(exclude)
    refusals = [f"{_KEY} NOT IN ({_quoted(names)})"] if names else []
    refusals += [f"{_KEY} NOT LIKE '{pattern}'" for pattern in patterns]
    names, patterns = _split(include)
    alternatives = [f"{_KEY} IN ({_quoted(names)})"] if names else []
    alternatives += [f"{_KEY} LIKE '{pattern}'" for pattern in patterns]
    return " OR ".join(" AND ".join([*filter(None, [one]), *refusals]) for one in alternatives or [""]) or "*"


def fixed_beginning(pattern: str) -> str:
    """Return the text before the first variable of a name pattern."""
    return pattern.partition("$")[0]


def _split(given: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the exact names, and the others as patterns of LIKE."""
    every = sorted(set(given))
    return [name for name in every if "*" not in name], [name.replace("*", "%") for name in every if "*" in name]


def _quoted(names: Sequence[str]) -> str:
    return ",".join(f"'{name}'" for name in names)
