# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loops between centralization rules and reflectors: a rule must not copy what a delivery writes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from ..._errors import InvalidInputError
from ..._options.centralization import RULES_VARIABLE
from .names import matches
from .settings import RuleSettings


@dataclass(frozen=True, slots=True)
class DeliveryPath:
    """A target with a reflector, and the log groups that its delivery writes to, with * for any characters."""

    host: str
    account: str
    region: str
    log_groups: tuple[str, ...]


def refuse_loops(rules: Sequence[RuleSettings], paths: Iterable[DeliveryPath]) -> None:
    """Raise InvalidInputError for a rule that may copy a log group to which a delivery writes.

    The delivery of such a copy writes again, in the destination. If another rule copies that back, the events never end. Which
    accounts an OU or the organisation has is not known here, so they may have any.
    """
    present = [rule for rule in rules if rule.present]
    for path in paths:
        for rule in present:
            if not _may_copy_from(rule, path):
                continue
            for pattern in path.log_groups:
                if may_select(rule, pattern):
                    message = (
                        f"rule {rule.name!r} would copy {pattern} of {path.host}, to which the delivery itself writes, so"
                        " deliveries would cause deliveries. Add it to own_log_groups of the rule"
                    )
                    raise InvalidInputError(RULES_VARIABLE, message, kind="variable")


def _may_copy_from(rule: RuleSettings, path: DeliveryPath) -> bool:
    """Return whether the target may be in the rule's scope. AWS does not say that it copies nothing within the destination."""
    if path.region not in rule.source_regions:
        return False
    return bool(rule.organization_id or rule.organizational_units) or path.account in rule.accounts


def may_select(rule: RuleSettings, pattern: str) -> bool:
    """Return whether the rule may select a name of the pattern, in which * is any characters."""
    # A pattern that matches another one as a text matches all of its names.
    if any(matches(refused, pattern) for refused in (*rule.copies, *rule.own_log_groups, *rule.exclude)):
        return False
    return not rule.include or any(have_common_name(included, pattern) for included in rule.include)


@cache
def have_common_name(one: str, other: str) -> bool:
    """Return whether some name matches both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return have_common_name(one[1:], other) or have_common_name(one, other[1:])
    if other[0] == "*":
        return have_common_name(one=other, other=one)
    return one[0] == other[0] and have_common_name(one[1:], other[1:])
