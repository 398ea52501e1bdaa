# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse and evaluate scopes and selections of any centralization rule. Pure.

CloudWatch Logs User Guide, "Cross-account cross-Region log centralization": keys and operators. `selection.py` writes such texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

_VALUE = r"""(?:'[^']*'|"[^"]*")"""
_CONDITION = re.compile(
    rf"\s*(\w+)\s*(!=|=|(?:NOT\s+)?IN\b|(?:NOT\s+)?LIKE\b)\s*({_VALUE}|[(\[]\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*[)\]])"
    r"\s*(AND\b|OR\b|$)",
    re.IGNORECASE,
)
_QUOTED = re.compile(_VALUE)
_SHOWN = 200
"""Characters of a condition in a sentence: IN may list many names."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one attribute with one or more values."""

    key: str
    operator: str
    values: tuple[str, ...]
    text: str

    def holds(self, actual: Set[str] | None) -> bool | None:
        """Return whether it holds for an object with these values of the attribute; None if they are unknown."""
        if actual is None:
            return None
        if self.operator.endswith("LIKE"):
            found = any(_is_like(pattern, value) for pattern in self.values for value in actual)
        else:
            found = not actual.isdisjoint(self.values)
        return found is not self.operator.startswith(("NOT", "!"))


@dataclass(frozen=True, slots=True)
class Criteria:
    """Alternatives of conditions that all hold. Everything is selected by one alternative without conditions."""

    alternatives: tuple[tuple[Condition, ...], ...]

    def holds(self, attributes: Mapping[str, Set[str] | None]) -> bool | None:
        """Return whether the criteria select an object with these attributes; None if that depends on an unknown one."""
        found = [_all_hold(one, attributes) for one in self.alternatives]
        return True if True in found else None if None in found else False

    def refusal(self, attributes: Mapping[str, Set[str] | None]) -> str:
        """Return the condition that leaves an object out, as the rule has it; "" if the criteria may select it."""
        if self.holds(attributes) is not False:
            return ""
        failed = [
            [condition for condition in one if condition.holds(attributes.get(condition.key)) is False]
            for one in self.alternatives
        ]
        text = min(failed, key=len)[0].text
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

    @property
    def keys(self) -> frozenset[str]:
        """The attributes that matter."""
        return frozenset(condition.key for one in self.alternatives for condition in one)

    def values(self, key: str) -> frozenset[str]:
        """Return all values that an attribute is compared with."""
        return frozenset(
            value
            for one in self.alternatives
            for condition in one
            if condition.key == key
            for value in condition.values
        )


EVERYTHING = Criteria(((),))


def parse_criteria(text: str, keys: Set[str]) -> Criteria | None:
    """Return the criteria that a text describes; None for a text that we cannot parse, or with another key."""
    if text.strip() in ("", "*"):
        return EVERYTHING
    alternatives: list[list[Condition]] = [[]]
    position = 0
    while True:
        match = _CONDITION.match(text, position)
        if match is None or match[1] not in keys:
            return None
        operator = " ".join(match[2].upper().split())
        values = tuple(value[1:-1] for value in _QUOTED.findall(match[3]))
        if (match[3][0] in "([") is not operator.endswith("IN"):
            return None
        alternatives[-1].append(Condition(match[1], operator, values, text[match.start() : match.end(3)].strip()))
        position = match.end()
        if not match[4]:
            return Criteria(tuple(tuple(one) for one in alternatives))
        if match[4].upper() == "OR":
            alternatives.append([])


def _all_hold(conditions: tuple[Condition, ...], attributes: Mapping[str, Set[str] | None]) -> bool | None:
    found = [condition.holds(attributes.get(condition.key)) for condition in conditions]
    return False if False in found else None if None in found else True


def _is_like(pattern: str, value: str) -> bool:
    """Return whether LIKE holds: % is any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("%"))), value, re.DOTALL) is not None
