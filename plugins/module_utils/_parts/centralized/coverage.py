# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of each log group of a target whose events AWS's centralization copies. Pure, but for the two callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..._subscriptions.choice import LogGroup
from ..._subscriptions.coverage import CoverageRow, State
from .rules import CopyRule, Decision, Rules, decide_all

MEANS = "centralization"

Finding = tuple[State, str, str]
"""State, cause and reason."""

Activity = Literal["written", "fresh", "silent", "unknown"]
"""Whether a log group got events since a time. "fresh": the last minutes only. "silent": CloudWatch Logs shows none."""


@dataclass(frozen=True, slots=True)
class DestinationCopies:
    """What was read in the account and region that receives the copies.

    place       account and region
    pattern     the name pattern that its reflector has, "" if it takes copies for its own log groups
    copies      the copies from one account and region, by the origin's log group; None if they were not read
    unread      why they were not read
    finding     returns whether the events of a copy's log group reach the reflector, and if not, why
    """

    place: tuple[str, str]
    pattern: str = ""
    copies: Mapping[str, LogGroup] | None = None
    unread: str = ""
    finding: Callable[[LogGroup], Finding] = lambda _copy: ("covered", "", "")

    @property
    def name(self) -> str:
        """Account and region as texts have them."""
        return "/".join(self.place)


@dataclass(frozen=True, slots=True)
class CentralizedCoverage:
    """Judges the log groups of one account and region.

    activity    returns whether a log group got events since a time in ms since 1970, read only where it decides
    leftovers   returns what else sends the log group's events to a reflector of ours, "" for nothing
    """

    rules: Rules
    destinations: Mapping[tuple[str, str], DestinationCopies]
    activity: Callable[[str, int], Activity]
    leftovers: Callable[[str], str] = field(default=lambda _name: "")

    def judge(self, group: LogGroup) -> tuple[list[Decision], CoverageRow]:
        """Return what the rules do with a log group, and its row."""
        decisions = decide_all(self.rules.rules, self.rules.source, group)
        findings = [self._finding(decision, group) for decision in decisions]
        state, cause, reason = self._together(decisions, findings, group)
        copy = self._copy(decisions[0], group)
        is_copied = decisions[0].outcome == "copied" and state in ("covered", "broken")
        row = CoverageRow(
            group.name,
            state,
            cause,
            reason,
            means=MEANS if is_copied else "",
            known_by="copy" if copy else "" if state == "not_checked" else "rule",
            since=copy.created if copy and is_copied else 0,
            created=group.created,
        )
        return decisions, row

    def _together(self, decisions: list[Decision], findings: list[Finding], group: LogGroup) -> Finding:
        """Return the finding of all rules, and of what else sends the log group's events."""
        arriving = [each for each, finding in zip(decisions, findings, strict=True) if finding[0] == "covered"]
        if len(arriving) > 1:
            names = " and ".join(each.rule.name for each in arriving if each.rule)
            return "broken", "duplicate", f"the rules {names} copy it, so its events arrive more than once"
        if arriving:
            other = self.leftovers(group.name)
            text = f"its events are copied, and {other} sends them too, so they arrive twice"
            return ("broken", "duplicate", text) if other else ("covered", "", "")
        state = findings[0][0]
        is_decided = not self.rules.unread or state not in ("missing", "excluded")
        return findings[0] if is_decided else ("not_checked", "rules", self._unread_rules)

    @property
    def _unread_rules(self) -> str:
        return f"not every centralization rule was read: {self.rules.unread[0]}"

    def _finding(self, decision: Decision, group: LogGroup) -> Finding:
        if decision.outcome == "copied" and decision.rule:
            return self._copied(decision.rule, group)
        states: dict[str, State] = {
            "unknown": "not_checked",
            "impossible": "impossible",
            "excluded": "excluded",
            "elsewhere": "missing",
        }
        text = f"no rule copies it: {decision.reason}" if decision.outcome == "elsewhere" else decision.reason
        return states[decision.outcome], decision.cause, text

    def _copied(self, rule: CopyRule, group: LogGroup) -> Finding:
        """Return the finding of a rule that selects the log group."""
        if rule.problem:
            return "missing", "unhealthy", f"the rule {rule.name} does not copy it: {rule.problem}"
        destination = self.destinations.get(rule.destination)
        if destination is None:
            place = "/".join(rule.destination)
            reason = f"the rule {rule.name} copies it to {place}, which no host of the inventory is"
            return "not_checked", "copies", reason
        if destination.copies is None:
            return "not_checked", "copies", f"its copy in {destination.name} was not read: {destination.unread}"
        if destination.pattern != rule.pattern:
            text = f"the rule {rule.name} names copies {rule.pattern}, and the reflector in {destination.name} expects"
            return "broken", "pattern", f"{text} {destination.pattern or 'no copies'}, so events lose their origin"
        if copy := destination.copies.get(group.name):
            return _of_copy(copy, destination)
        return self._without_copy(rule, group, destination)

    def _without_copy(self, rule: CopyRule, group: LogGroup, destination: DestinationCopies) -> Finding:
        """Return the finding of a selected log group without a copy: AWS makes one for the first event."""
        found = _of_copy(LogGroup(rule.copy_name(self.rules.source, group.name)), destination)
        if found[0] != "covered":
            return found
        activity = self.activity(group.name, rule.changed)
        where = f"there is no copy in {destination.name}"
        if activity == "written":
            reason = f"{where}, although it got events since the rule {rule.name} was written. See CentralizationError"
            return "missing", "no_copy", reason
        if activity == "fresh":
            return "not_checked", "late", f"{where}, and its first events since then may be on their way"
        if activity == "unknown":
            return "not_checked", "events", f"{where}, and whether it got events since then was not read"
        return found

    def _copy(self, decision: Decision, group: LogGroup) -> LogGroup | None:
        destination = self.destinations.get(decision.rule.destination) if decision.rule else None
        return (destination.copies or {}).get(group.name) if destination else None


def _of_copy(copy: LogGroup, destination: DestinationCopies) -> Finding:
    """Return the finding of a copy's log group, in words about the log group that it is a copy of."""
    state, cause, reason = destination.finding(copy)
    if copy.log_class != "STANDARD":
        return (
            "broken",
            "class",
            f"its copy in {destination.name} has the class {copy.log_class}, which takes no filters",
        )
    return (state, cause, f"its copy in {destination.name}: {reason}") if reason else (state, cause, "")
