# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stations of AWS's centralization: the rule that copies a log group, the copy, and the account policy that sends it. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..._errors import ReflectorError
from ..._subscriptions.account_policy import AccountPolicy
from ..._subscriptions.choice import LogGroup
from ..._subscriptions.coverage import CoverageRow
from ..centralized.flow import LATE_SECONDS
from ..centralized.rules import CopyRule, Decision, Rules
from .stations import Station, ok, problem, unknown
from .subscription import ADVICE, moment

SHOWN_LATE_SECONDS = 3600
"""CloudWatch Logs may show the last event of a log stream so much later (API reference, LogStream)."""

_CHANGE_RULE = "If its events are to arrive, change centralization_rules and run the playbook centralize."
_ADVICE = {
    "unhealthy": "Remove that cause. Until then its events are not copied, and never will be.",
    "name": "Shorten log_group_name_pattern in centralization_rules, or serve this target by filters.",
    "class": "AWS cannot change the class. Create a log group of the class STANDARD and let the source write to it.",
}


def copied_station(decisions: Sequence[Decision], rules: Rules) -> Station:
    """Return whether a rule copies the log group.

    decisions   of `decide_all`
    """
    first = decisions[0]
    if first.outcome == "copied":
        return _of_rules([each.rule for each in decisions if each.rule])
    if rules.unread and first.outcome != "impossible":
        return unknown("centralization", "rules", f"not every centralization rule was read: {rules.unread[0]}")
    if first.outcome == "unknown":
        return unknown("centralization", first.cause, first.reason)
    advice = _ADVICE.get(first.cause, _CHANGE_RULE)
    text = f"no rule copies it: {first.reason}" if first.outcome == "elsewhere" else first.reason
    return problem("centralization", first.cause, text, advice=advice)


def _of_rules(rules: Sequence[CopyRule]) -> Station:
    names = " and ".join(rule.name for rule in rules)
    if len(rules) > 1:
        text = f"the rules {names} copy it, so its events arrive more than once"
        return problem("centralization", "duplicate", text, advice="Exclude it in one of the rules.")
    rule = rules[0]
    if rule.problem:
        text = f"the rule {rule.name} selects it and copies nothing: {rule.problem.rstrip('.')}"
        return problem("centralization", "unhealthy", text, advice=_ADVICE["unhealthy"])
    written = f" since {moment(rule.changed)}" if rule.changed else ""
    return ok(
        "centralization", f"the rule {rule.name} is healthy and copies it to {'/'.join(rule.destination)}{written}"
    )


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What was read of the copy of one log group.

    host        of the destination in the inventory
    pattern     the name pattern that the destination's reflector has, None if there is no reflector
    copy        None if there is no log group for copies
    sent        when the log group got its last events, in ms since 1970, 0 if never; None if that was not read
    arrived     the same of the copy
    errors      CentralizationError of all origins in the last minutes, by type; the error of reading them
    minutes     how many
    """

    rule: CopyRule
    host: str
    name: str
    pattern: str | None
    copy: LogGroup | None
    sent: int | None
    arrived: int | None
    errors: Mapping[str, int] | ReflectorError
    minutes: int


def copy_station(facts: CopyFacts) -> Station:
    """Return whether the log group's events are in its copy."""
    place = "/".join(facts.rule.destination)
    if facts.pattern is not None and facts.pattern != facts.rule.pattern:
        text = f"the rule names copies {facts.rule.pattern}, and the reflector in {place} expects {facts.pattern or 'none'}"
        advice = "Deploy the destination again, with the pattern of the rule in centralization_rules."
        return problem("copy", "pattern", text, advice=advice, command="deploy", host=facts.host)
    errors = _errors(facts)
    if facts.copy is None:
        return _without_copy(facts, f"there is no log group {facts.name} in {place}", errors)
    kept = f"keeps events {facts.copy.retention} days" if facts.copy.retention else "keeps events for ever"
    last = f"its last events arrived at {moment(facts.arrived)}" if facts.arrived else "it shows no event"
    fact = f"{facts.name} in {place} exists since {moment(facts.copy.created)} and {kept}; {last}; {errors}"
    if facts.copy.log_class != "STANDARD":
        text = f"the copy has the class {facts.copy.log_class}, which takes no filter; {fact}"
        return problem(
            "copy",
            "class",
            text,
            advice="Delete the copy's log group: AWS creates it again with the class of its source.",
        )
    if facts.sent is None or facts.arrived is None or facts.sent <= max(facts.arrived, facts.rule.changed):
        return ok("copy", fact)
    return _late(facts, f"events of {moment(facts.sent)} are not in the copy; {fact}", "stale", SHOWN_LATE_SECONDS)


def _without_copy(facts: CopyFacts, text: str, errors: str) -> Station:
    if facts.sent is None:
        return unknown(
            "copy", "events", f"{text}, and whether the log group got events since the rule is unknown; {errors}"
        )
    if facts.sent <= facts.rule.changed:
        return ok(
            "copy", f"{text} yet, and the log group shows no event since the rule: AWS creates it for the first one"
        )
    return _late(
        facts, f"{text}, and the log group got events at {moment(facts.sent)}; {errors}", "no_copy", LATE_SECONDS
    )


def _late(facts: CopyFacts, text: str, cause: str, seconds: int) -> Station:
    """Return the station of events that are not in the copy. Without an error they may be on their way, or not be shown yet."""
    is_old = facts.sent is not None and facts.sent / 1000 + seconds < time.time()
    if is_old or (isinstance(facts.errors, Mapping) and facts.errors):
        return problem("copy", cause, text, advice="See docs/EXPLAIN.md for the types of errors and what helps.")
    return unknown("copy", "late", f"{text}; they may be on their way")


def _errors(facts: CopyFacts) -> str:
    if isinstance(facts.errors, ReflectorError):
        return f"errors of copies were not read: {facts.errors}"
    counted = ", ".join(f"{number:,} {kind}" for kind, number in sorted(facts.errors.items()))
    return (
        f"AWS counted {counted or 'no'} errors of copies there in the last {facts.minutes} minutes, of all log groups"
    )


def policy_station(row: CoverageRow, policy: AccountPolicy | None, place: str, host: str) -> Station:
    """Return whether the destination's account policy sends the copy's events.

    row     of the copy
    """
    if row.state == "covered" and policy:
        pattern = f"events that match {policy.filter_pattern!r}" if policy.filter_pattern else "every event"
        return ok("subscription", f"the account policy {policy.name} in {place} sends {pattern}")
    if row.state == "not_checked":
        return unknown("subscription", row.cause, f"in {place} {row.reason}")
    advice, command = ADVICE.get(row.cause, ("", ""))
    if row.cause == "missing":
        advice, command = "Deploy the destination again.", "deploy"
    return problem("subscription", row.cause, f"in {place} {row.reason}", advice=advice, command=command, host=host)
