# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of each log group: covered, and if not, why. Pure, but for the listing of a target with an account policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from .._errors import ReflectorError
from .account_policy import AccountPolicy, known_loops
from .calls import LogsApi
from .choice import Choice, Exclusion, Kind, LogGroup
from .filters import DesiredFilter, SubscriptionFilter, duplicate_reason
from .listing import list_tags
from .loops import LOOP_REASON
from .outcome import Outcome

State = Literal["covered", "missing", "broken", "impossible", "not_checked", "excluded"]
"""The state of a log group.

covered      its events reach the reflector, or the Firehose stream of log groups of the class DELIVERY
missing      the rules choose it, and nothing sends its events to the reflector yet
broken       it has our filter or policy, and events are lost, doubled or delivered against the rules
impossible   AWS allows no filter: its class, or all slots are taken by others
not_checked  it could not be read
excluded     the rules leave it out
"""

STATES: tuple[State, ...] = get_args(State)

_Finding = tuple[State, str, str]
"""State, cause and reason."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A log group.

    cause    a key to group by: loop, rule, slots, class, outdated, duplicate, delivered, missing, denied, or a cause of `Path`
    means    what sends its events to the reflector: filter, account_policy, or "" for nothing; firehose for a filter that
             sends those of a group of the class DELIVERY to a Firehose stream
    known_by what the state was read from: filter, tag, account_policy, or rule where nothing had to be read
    since    creation time of our filter in ms since 1970, 0 if unknown
    created  creation time of the log group in ms since 1970, 0 if unknown
    others   the destinations of the filters of others; None if they were not read
    """

    log_group: str
    state: State
    cause: str = ""
    reason: str = ""
    means: str = ""
    known_by: str = ""
    since: int = 0
    created: int = 0
    others: tuple[str, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """Return the row for JSON, without fields that have no value. `others` stays if it was read: [] is not the same as unread."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {key: value for key, value in values.items() if value or (key == "others" and value is not None)}

    @classmethod
    def from_plain(cls, row: dict[str, Any]) -> CoverageRow:
        """Return the row of `plain`."""
        values = {key: value for key, value in row.items() if key in cls.__slots__}
        if values.get("others") is not None:
            values["others"] = tuple(values["others"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Path:
    """The conditions for the delivery of events, which all log groups of a target share.

    problem     cause and reason why the reflector receives nothing; None if it can
    admits      whether CloudWatch Logs may invoke the reflector for the log group of that name
    """

    problem: tuple[str, str] | None = None
    admits: Callable[[str], bool] = lambda _log_group: True

    def problem_of(self, log_group: str) -> tuple[str, str] | None:
        """Return why events of the log group do not reach the reflector, although it has a filter or a policy."""
        if self.problem:
            return self.problem
        if not self.admits(log_group):
            return (
                "permission",
                "no statement of the reflector's policy lets CloudWatch Logs invoke it for this log group",
            )
        return None


_GONE: tuple[Kind, ...] = ("gone", "in_deletion")
_UNREAD: tuple[Kind, ...] = ("denied", "failed", "contested")


def row_of(outcome: Outcome, path: Path, *, keeps_excluded: bool) -> CoverageRow | None:
    """Return the row for what a sweep that reads filters and writes nothing found; None for a group that is deleted.

    keeps_excluded  whether the user wants filters of ours to stay in excluded groups (`catch_up_purge: false`)
    """
    if outcome.kind in _GONE:
        return None
    has_filter = bool(outcome.plan.before or outcome.plan.remove or outcome.known_by_tag)
    state, cause, reason = _finding(outcome, path, keeps_excluded=keeps_excluded)
    ours = outcome.plan.before or next(iter(outcome.plan.remove), None)
    is_read = outcome.kind not in (*_UNREAD, "excluded", "other_forwarder") and outcome.cause != "class"
    return CoverageRow(
        outcome.log_group,
        state,
        cause,
        reason,
        means=("firehose" if outcome.is_delivery else "filter") if has_filter else "",
        known_by="tag" if outcome.known_by_tag else "filter" if is_read else "rule" if state != "not_checked" else "",
        since=ours.created if ours else 0,
        created=outcome.created,
        others=_destinations(outcome.foreign) if is_read and not outcome.known_by_tag else None,
    )


def _finding(outcome: Outcome, path: Path, *, keeps_excluded: bool) -> _Finding:
    if outcome.kind in ("subscribed", "updated"):
        return _filter_finding(outcome, path)
    reason = outcome.reason
    findings: dict[Kind, _Finding] = {
        "denied": ("not_checked", "denied", reason),
        "failed": ("not_checked", "failed", reason),
        "contested": ("not_checked", "failed", reason),
        "not_possible": ("impossible", outcome.cause, reason),
        "other_forwarder": ("excluded", "loop", reason),
        "kept": ("excluded" if keeps_excluded else "broken", "delivered", reason),
        "removed": ("broken", "delivered", f"{reason}, but it has a filter of ours"),
        "created": ("missing", "missing", "the rules choose it, and it has no filter of ours"),
    }
    return findings.get(outcome.kind, ("excluded", "rule", reason))


def _filter_finding(outcome: Outcome, path: Path) -> _Finding:
    if (problem := path.problem_of(outcome.log_group)) and not outcome.is_delivery:
        return ("broken", *problem)
    if outcome.plan.put and outcome.plan.before:
        changed = ", ".join(_differences(outcome.plan.before, outcome.plan.put))
        return "broken", "outdated", f"its filter has other settings than the deployment asks for: {changed}"
    duplicates = (*outcome.plan.duplicates, *outcome.plan.remove)
    if outcome.plan.before and duplicates:
        place = "Firehose" if outcome.is_delivery else "the reflector"
        return "broken", "duplicate", duplicate_reason(place, outcome.plan.before, duplicates)
    return "covered", "", ""


def _differences(before: SubscriptionFilter, after: SubscriptionFilter) -> list[str]:
    return [
        each.name for each in fields(after) if each.compare and getattr(before, each.name) != getattr(after, each.name)
    ]


def _destinations(filters: tuple[SubscriptionFilter, ...]) -> tuple[str, ...]:
    return tuple(sorted(item.destination_arn for item in filters))


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    """The rows of a target that an account policy serves.

    policy          the policy of the account, also one of others; None if there is none
    reads_filters   whether to read the filters of each group, for those of others and leftovers of ours
    is_copy         whether a name is that of a copy, which belongs to another target
    """

    api: LogsApi
    choice: Choice
    desired: DesiredFilter
    policy: AccountPolicy | None
    path: Path
    reads_filters: bool
    is_copy: Callable[[str], bool] = lambda _name: False

    def rows(self) -> Iterator[CoverageRow]:
        """Yield a row for each log group. Raises ReflectorError if the listing breaks off."""
        listed, _notes = list_tags(self.api, self.choice)
        for group in self.api.groups():
            if self.is_copy(group.name):
                continue
            exclusion = self.choice.exclusion(group) or listed.exclusion(group.name)
            try:
                filters = self.api.filters(group.name) if self.reads_filters and group.log_class == "STANDARD" else None
            except ReflectorError as error:
                yield CoverageRow(group.name, "not_checked", "failed", str(error), created=group.created)
                continue
            yield self.row(group, exclusion, filters)

    def row(
        self, group: LogGroup, exclusion: Exclusion | None, filters: list[SubscriptionFilter] | None
    ) -> CoverageRow:
        """Return the row of one log group. `filters` is None if its filters were not read."""
        leftovers = [item.name for item in filters or () if self.desired.owns(item)]
        state, cause, reason = self._finding(group.name, exclusion, leftovers)
        return CoverageRow(
            group.name,
            state,
            cause,
            reason,
            means="account_policy" if self._is_served(group.name) else "filter" if leftovers else "",
            known_by="filter" if filters is not None else "account_policy",
            created=group.created,
            others=None
            if filters is None
            else _destinations(tuple(item for item in filters if not self.desired.owns(item))),
        )

    def _is_served(self, name: str) -> bool:
        policy = self.policy
        return policy is not None and policy.destination_arn == self.desired.destination_arn and policy.covers(name)

    def _finding(self, name: str, exclusion: Exclusion | None, leftovers: list[str]) -> _Finding:
        if exclusion and exclusion.kind == "not_possible":
            return "impossible", exclusion.cause, exclusion.reason
        if exclusion:
            is_delivered = self._is_served(name) or leftovers
            reason = exclusion.reason
            return (
                ("broken", "delivered", f"{reason}, but its events are delivered")
                if is_delivered
                else ("excluded", "rule", reason)
            )
        return self._policy_finding(name) or self._served_finding(name, leftovers)

    def _policy_finding(self, name: str) -> _Finding | None:
        """Return why the policy does not serve a group that the rules choose; None if it does."""
        policy = self.policy
        if policy is None:
            return "missing", "missing", "the account has no subscription filter policy"
        if policy.destination_arn != self.desired.destination_arn:
            return "missing", "foreign_policy", f"the account's policy {policy.name} sends to {policy.destination_arn}"
        if policy.excluded is None:
            reason = f"the selection criteria of the account's policy {policy.name} cannot be parsed"
            return "not_checked", "criteria", reason
        if name in known_loops(policy.excluded):
            return "excluded", "loop", LOOP_REASON
        return (
            None if policy.covers(name) else ("missing", "missing", f"the account's policy {policy.name} leaves it out")
        )

    def _served_finding(self, name: str, leftovers: list[str]) -> _Finding:
        if problem := self.path.problem_of(name):
            return ("broken", *problem)
        if leftovers:
            names = ", ".join(leftovers)
            return "broken", "duplicate", f"the account policy and a filter send to the reflector: {names}"
        return "covered", "", ""
