# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides whether a centralization rule copies a log group. The rule comes from the inventory or from AWS. Pure.

What was not read is None, and a decision that depends on it is "unknown".
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from ..._resources.centralization.criteria import Criteria, parse_criteria
from ..._resources.centralization.names import LONGEST_NAME, origin_name
from ..._resources.centralization.rule import desired_body
from ..._resources.centralization.selection import GROUP_KEYS, SCOPE_KEYS
from ..._resources.centralization.settings import RuleSettings
from ..._subscriptions.choice import LogGroup

_GROUP = "${source.logGroup}"

Outcome = Literal["copied", "unknown", "impossible", "excluded", "elsewhere"]
"""What a rule does with a log group. "elsewhere": it copies nothing from this account and region."""
OUTCOMES: tuple[Outcome, ...] = ("copied", "unknown", "impossible", "excluded", "elsewhere")


@dataclass(frozen=True, slots=True)
class SourceTarget:
    """An account in a region.

    organization    id of its organisation, None if that was not read; "" if it is in none
    units           ids of its OUs and the root, None if they were not read
    """

    account: str
    region: str
    organization: str | None = None
    units: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Account and region as texts have them."""
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True)
class CopyRule:
    """A rule.

    scope, groups   None if they cannot be parsed
    copies_logs     whether it copies logs at all
    problem         why it copies nothing now, a sentence; "" if it works
    created         when it was created, in ms since 1970, 0 if unknown
    changed         when it was written last
    """

    name: str
    destination: tuple[str, str]
    regions: frozenset[str]
    pattern: str
    scope: Criteria | None
    groups: Criteria | None
    copies_logs: bool = True
    skips_encrypted: bool = False
    problem: str = ""
    created: int = 0
    changed: int = 0

    @classmethod
    def from_result(cls, rule: Mapping[str, Any]) -> CopyRule:
        """Return the rule for an element of centralization_rule_info's result whose configuration was read."""
        body = rule["configuration"]
        source, destination = body.get("Source") or {}, body.get("Destination") or {}
        logs = source.get("SourceLogsConfiguration")
        names = (destination.get("DestinationLogsConfiguration") or {}).get("LogGroupNameConfiguration") or {}
        criteria = (logs or {}).get("LogGroupSelectionCriteria") or ""
        # Which data source a log group has is not known.
        is_known = not (logs or {}).get("DataSourceSelectionCriteria")
        return cls(
            rule["name"],
            (str(rule["destination_account"] or ""), str(rule["destination_region"] or "")),
            frozenset(source.get("Regions") or ()),
            names.get("LogGroupNamePattern") or _GROUP,
            parse_criteria(source.get("Scope") or "", SCOPE_KEYS),
            parse_criteria(criteria, GROUP_KEYS) if is_known else None,
            logs is not None,
            (logs or {}).get("EncryptedLogGroupStrategy") == "SKIP",
            rule["problem"] or "",
            rule.get("created") or 0,
            rule.get("updated") or 0,
        )

    @classmethod
    def from_settings(cls, settings: RuleSettings) -> CopyRule:
        """Return the rule that a rule of the inventory becomes in AWS."""
        return cls.from_result(
            {
                "name": settings.name,
                "destination_account": settings.destination_account,
                "destination_region": settings.destination_region,
                "configuration": desired_body(settings, {}),
                "problem": "",
            }
        )

    def copy_name(self, source: SourceTarget, log_group: str) -> str:
        """Return the name of the copy's log group. Variables of the organisation stay as they are."""
        return origin_name(self.pattern, source.account, source.region, log_group)

    def beginning(self, source: SourceTarget) -> str:
        """Return the fixed beginning of the names of all copies from an account and region."""
        before, _variable, _after = self.pattern.partition(_GROUP)
        return origin_name(before, source.account, source.region, "").partition("${")[0]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules do with a log group.

    rule    the rule that copies it, or that comes nearest; None without rules
    cause   a key: rule, class, name, encrypted, no_rule, criteria, scope
    reason  a sentence without end. Names in it come from others
    """

    outcome: Outcome
    rule: CopyRule | None = None
    cause: str = ""
    reason: str = ""


def decide(rule: CopyRule, source: SourceTarget, group: LogGroup) -> Decision:
    """Return what one rule does with a log group."""
    if found := _elsewhere(rule, source):
        return found
    if rule.groups is not None and (refusal := rule.groups.refusal({"LogGroupName": {group.name}})):
        return Decision("excluded", rule, "rule", f"the rule {rule.name} leaves it out: {refusal}")
    if rule.skips_encrypted and group.encrypted:
        return Decision(
            "excluded", rule, "encrypted", f"the rule {rule.name} skips log groups with a customer managed key"
        )
    if group.log_class != "STANDARD":
        what = (
            "AWS does not copy it"
            if group.log_class == "DELIVERY"
            else "its copy has that class too and takes no filters"
        )
        return Decision("impossible", rule, "class", f"its log class is {group.log_class}; {what}")
    if (length := _shortest(rule, source, group.name)) > LONGEST_NAME:
        text = f"the copy's name would have {length} characters and AWS allows {LONGEST_NAME}, so it drops the events"
        return Decision("impossible", rule, "name", text)
    return _unknown(rule, source) or Decision("copied", rule)


def decide_all(rules: tuple[CopyRule, ...], source: SourceTarget, group: LogGroup) -> list[Decision]:
    """Return the decisions of the rules that copy the log group; that of the nearest rule if none does."""
    decisions = [decide(rule, source, group) for rule in rules]
    if copied := [each for each in decisions if each.outcome == "copied"]:
        return copied
    none = Decision("elsewhere", None, "no_rule", "the organisation has no centralization rule")
    return [min(decisions, key=lambda each: OUTCOMES.index(each.outcome), default=none)]


def _elsewhere(rule: CopyRule, source: SourceTarget) -> Decision | None:
    """Return the decision of a rule that copies nothing from the account and region; None if it may copy."""
    if not rule.copies_logs:
        text = f"the rule {rule.name} copies no logs"
    elif source.region not in rule.regions:
        text = f"the rule {rule.name} does not copy from {source.region}"
    elif rule.scope is not None and rule.scope.holds(attributes(source)) is False:
        text = f"the rule {rule.name} does not have the account {source.account} in its scope"
    elif rule.destination == (source.account, source.region):
        text = f"it is in the destination of the rule {rule.name}"
    else:
        return None
    return Decision("elsewhere", rule, "no_rule", text)


def _unknown(rule: CopyRule, source: SourceTarget) -> Decision | None:
    """Return the decision of a rule of which too little is known, None if it copies the log group."""
    if rule.groups is None or rule.scope is None:
        text = f"the {'selection' if rule.groups is None else 'scope'} of the rule {rule.name} cannot be parsed"
        return Decision("unknown", rule, "criteria", text)
    if rule.scope.holds(attributes(source)) is None:
        text = f"whether the account {source.account} is in the scope of the rule {rule.name} is unknown"
        return Decision("unknown", rule, "scope", f"{text}: its organisation was not read")
    return None


def attributes(source: SourceTarget) -> Mapping[str, Set[str] | None]:
    """Return an account as a scope compares it."""
    organization = None if source.organization is None else {source.organization} - {""}
    return {"OrganizationId": organization, "OrganizationUnitId": source.units, "AccountId": {source.account}}


def _shortest(rule: CopyRule, source: SourceTarget, log_group: str) -> int:
    """Return the length of the copy's name, without variables whose values are not known."""
    name = rule.copy_name(source, "")
    while "${" in name:
        before, _begin, rest = name.partition("${")
        name = before + rest.partition("}")[2]
    return len(name) + len(log_group)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that may copy from one account and region.

    rules   those whose configuration was read
    unread  what could not be read, a sentence each: then nothing can be said to be left out
    """

    source: SourceTarget
    rules: tuple[CopyRule, ...] = ()
    unread: tuple[str, ...] = ()
    destinations: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def relevant(self) -> tuple[CopyRule, ...]:
        """Return the rules that may copy something from the account and region."""
        return tuple(rule for rule in self.rules if _elsewhere(rule, self.source) is None)
