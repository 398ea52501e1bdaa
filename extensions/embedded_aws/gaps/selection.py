# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selections of centralization rules: which accounts, and which log groups.

Source: CloudWatch Logs User Guide, "Cross-account cross-Region log centralization" (keys and operators); CloudWatch
Observability Access Manager API Reference, LogGroupConfiguration (the form of values, and "%" of LIKE).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VALUE = r"'[^']*'"
_CONDITION = re.compile(
    rf"\s*(\w+)\s*(!=|=|(?:NOT\s+)?IN\b|(?:NOT\s+)?LIKE\b)\s*({_VALUE}|\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\))"
    r"\s*(AND\b|OR\b|$)"
)
SCOPE_OPERATORS = frozenset({"=", "IN"})
LOG_GROUP_OPERATORS = frozenset({"=", "!=", "IN", "NOT IN", "LIKE", "NOT LIKE"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one attribute."""

    key: str
    operator: str
    values: tuple[str, ...]

    def holds(self, attributes: Mapping[str, frozenset[str]]) -> bool:
        """Return whether it holds for an object, whose attributes can have several values."""
        actual = attributes[self.key]
        if self.operator.endswith("LIKE"):
            found = any(_is_like(pattern, value) for pattern in self.values for value in actual)
        else:
            found = not actual.isdisjoint(self.values)
        return found != (self.operator.startswith(("NOT", "!")))


@dataclass(frozen=True, slots=True)
class Selection:
    """Alternatives of conditions that all hold. The selection of everything has one alternative without conditions."""

    alternatives: tuple[tuple[Condition, ...], ...]

    def holds(self, **attributes: frozenset[str]) -> bool:
        return any(all(condition.holds(attributes) for condition in one) for one in self.alternatives)


def parse(text: str, keys: frozenset[str], operators: frozenset[str]) -> Selection:
    """Return the selection that a text describes. Raises ValueError with a sentence that names the problem."""
    if text.strip() == "*":
        return Selection(((),))
    alternatives: list[list[Condition]] = [[]]
    position = 0
    while True:
        match = _CONDITION.match(text, position)
        if match is None:
            raise ValueError(f"The selection is invalid at {text[position : position + 40]!r}.")
        key, operator, values, connective = match[1], " ".join(match[2].split()), match[3], match[4]
        if key not in keys or operator not in operators:
            raise ValueError(f"The selection cannot have {key} {operator}.")
        if values.startswith("(") != operator.endswith("IN"):
            raise ValueError(f"The operator {operator} does not take {values[:40]}.")
        alternatives[-1].append(Condition(key, operator, tuple(re.findall(r"'([^']*)'", values))))
        position = match.end()
        if not connective:
            return Selection(tuple(tuple(one) for one in alternatives))
        if connective == "AND" and operators == SCOPE_OPERATORS:
            raise ValueError("A scope has no AND.")
        if connective == "OR":
            alternatives.append([])


def _is_like(pattern: str, value: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("%"))
    return re.fullmatch(expression, value, re.DOTALL) is not None
