# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which centralization rule copies a log group, and why none does. Pure.

What is not known of a log group or its account is `None`. Then the decision is `UNKNOWN` where it depends on it, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .settings import RuleSettings

LONGEST_NAME = 512
"""Characters of a log group's name (CloudWatch Logs API reference, CreateLogGroup)."""

COPIED: Literal["copied"] = "copied"
UNKNOWN: Literal["unknown"] = "unknown"
IMPOSSIBLE: Literal["impossible"] = "impossible"
EXCLUDED: Literal["excluded"] = "excluded"
_STATES = (COPIED, UNKNOWN, IMPOSSIBLE, EXCLUDED)
State = Literal["copied", "unknown", "impossible", "excluded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A log group and the account that has it.

    log_class, encrypted    of the log group: its class, and whether it has a customer managed key; None if not read
    organization            id of the account's organisation, None if not read
    units                   ids of the account's OUs from the account upwards, None if not read
    """

    account: str
    region: str
    log_group: str
    log_class: str | None = None
    encrypted: bool | None = None
    organization: str | None = None
    units: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules do with a log group.

    rule    the rule that copies it, or that comes nearest; None without rules
    reason  a key: copied, no_rule, region, scope, scope_unknown, destination, copy, own_log_group, exclude, include, encrypted,
            encryption_unknown, class, class_unknown, name_too_long
    text    a sentence for people. Names in it come from the log group's owner
    """

    rule: RuleSettings | None
    state: State
    reason: str
    text: str


def rule_of(rules: Iterable[RuleSettings], origin: Origin) -> Decision:
    """Return the decision of the rule that copies the log group into one that the reflector can read.

    Without such a rule it is that of the rule that comes nearest: first one that may copy it, then one that names it.
    """
    decisions = [decide(rule, origin) for rule in rules if rule.present]
    none = Decision(None, EXCLUDED, "no_rule", "No centralization rule is configured.")
    return min(decisions, key=_distance, default=none)


def _distance(decision: Decision) -> tuple[int, bool]:
    return _STATES.index(decision.state), decision.reason in ("region", "scope")


def decide(rule: RuleSettings, origin: Origin) -> Decision:
    """Return what one rule does with a log group."""
    name, group, is_in_scope = f"Rule {rule.name}", origin.log_group, in_scope(rule, origin)
    refused = _refusal_of_place(rule, origin, is_in_scope) or _refusal_of_kind(rule, origin) or _unread(rule, origin)
    if refused:
        return refused
    if is_in_scope is None:
        text = f"Whether {name} has account {origin.account} in its scope is unknown: its organisation or OUs were not read."
        return Decision(rule, UNKNOWN, "scope_unknown", text)
    place = f"{rule.destination_account}/{rule.destination_region}"
    return Decision(rule, COPIED, "copied", f"{name} copies {group} to {place}.")


def _refusal_of_place(rule: RuleSettings, origin: Origin, is_in_scope: bool | None) -> Decision | None:
    """Return the decision that follows from account, region and name; None if these allow a copy."""
    name, group = f"Rule {rule.name}", origin.log_group
    if origin.region not in rule.source_regions:
        return Decision(rule, EXCLUDED, "region", f"{name} does not copy from {origin.region}.")
    if is_in_scope is False:
        return Decision(rule, EXCLUDED, "scope", f"{name} does not have account {origin.account} in its scope.")
    if (origin.account, origin.region) == (rule.destination_account, rule.destination_region):
        return Decision(rule, EXCLUDED, "destination", f"{group} is in the destination of {name}.")
    if refused := refusal_of_name(rule, group):
        reason, pattern = refused
        because = f", because of {pattern}" if pattern else ""
        return Decision(rule, EXCLUDED, reason, f"{name} does not select {group}{because}.")
    return None


def in_scope(rule: RuleSettings, origin: Origin) -> bool | None:
    """Return whether the account is in the rule's scope, None if that is not known."""
    if rule.organization_id:
        return None if origin.organization is None else origin.organization == rule.organization_id
    if origin.account in rule.accounts:
        return True
    if not rule.organizational_units:
        return False
    return None if origin.units is None else not set(origin.units).isdisjoint(rule.organizational_units)


def refusal_of_name(rule: RuleSettings, group: str) -> tuple[str, str] | None:
    """Return why the rule does not select a name: a key, and the pattern that refuses it; None if it selects the name."""
    for reason, patterns in (
        ("copy", rule.copies),
        ("own_log_group", rule.own_log_groups),
        ("exclude", rule.exclude),
    ):
        for pattern in patterns:
            if matches(pattern, group):
                return reason, pattern
    if rule.include and not any(matches(pattern, group) for pattern in rule.include):
        return "include", ""
    return None


def matches(pattern: str, name: str) -> bool:
    """Return whether a name matches a pattern, in which * is any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def copy_name(rule: RuleSettings, origin: Origin) -> str:
    """Return the name of the copy's log group."""
    return origin_name(rule.name_pattern, origin.account, origin.region, origin.log_group)


def origin_name(pattern: str, account: str, region: str, log_group: str) -> str:
    """Return a name pattern with the names of an origin in it."""
    values = {"accountId": account, "region": region, "logGroup": log_group}
    return re.sub(r"\$\{source\.(accountId|region|logGroup)\}", lambda found: values[found[1]], pattern)


def _refusal_of_kind(rule: RuleSettings, origin: Origin) -> Decision | None:
    """Return the decision that follows from encryption, class and length of the name; None if these allow a copy."""
    group, length = origin.log_group, len(copy_name(rule, origin))
    if rule.skip_encrypted and origin.encrypted:
        text = f"Rule {rule.name} skips {group}, which has a customer managed key."
        return Decision(rule, EXCLUDED, "encrypted", text)
    if origin.log_class == "INFREQUENT_ACCESS":
        text = f"{group} has the class INFREQUENT_ACCESS. Its copy has that class too and takes no subscription."
        return Decision(rule, IMPOSSIBLE, "class", text)
    if origin.log_class == "DELIVERY":
        return Decision(rule, IMPOSSIBLE, "class", f"{group} has the class DELIVERY, which AWS does not copy.")
    if length > LONGEST_NAME:
        text = f"The name of the copy of {group} would have {length} characters. AWS allows {LONGEST_NAME} and drops the events."
        return Decision(rule, IMPOSSIBLE, "name_too_long", text)
    return None


def _unread(rule: RuleSettings, origin: Origin) -> Decision | None:
    """Return the decision if a property of the log group matters that was not read."""
    if rule.skip_encrypted and origin.encrypted is None:
        text = f"Whether {origin.log_group} has a customer managed key was not read."
        return Decision(rule, UNKNOWN, "encryption_unknown", text)
    if origin.log_class is None:
        return Decision(rule, UNKNOWN, "class_unknown", f"The class of {origin.log_group} was not read.")
    return None


def both_select(first: RuleSettings, second: RuleSettings, names: Sequence[str]) -> str:
    """Return the first of the names that both rules select, "" if there is none."""
    chosen = (name for name in names if not refusal_of_name(first, name) and not refusal_of_name(second, name))
    return next(chosen, "")
