# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model of the report: targets, and the log groups of each with one state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from ...module_utils._subscriptions.coverage import STATES, CoverageRow, State
from .._cost.fleet import FleetCost
from .copies import CopyFlow, FleetCopies, fleet_copies, unfiltered_at
from .flow import FleetFlow, TargetFlow, fleet_flow

Status = Literal["read", "partly_read", "not_checked"]
"""Whether a target was read.

read         all its log groups were listed
partly_read  the listing broke off, `error` says why: the log groups that are missing in the report may exist
not_checked  nothing was read, `error` says why
"""

CENTRALIZED = "centralized"
"""The mode of a target whose events AWS copies to a destination."""

CHOSEN: tuple[State, ...] = ("covered", "missing", "broken", "impossible")
"""The states of log groups that the rules choose, which the percentage is about."""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """A target.

    host        its name in the inventory
    error       why it was not read, or not to its end
    checked_at  when the reading began, in seconds since 1970; 0 if it was not checked
    seconds     how long the reading took
    mode        filters, account_policy or centralized
    notes       what could not be checked
    calls       number of API calls of the reading, by operation
    log_groups  sorted by name
    flow        the events of a period, None if nobody read them
    copy_flows  events on their way to destinations, in the mode centralized; None if nobody read them
    """

    host: str
    account: str = ""
    region: str = ""
    status: Status = "not_checked"
    error: str = ""
    checked_at: int = 0
    seconds: float = 0.0
    mode: str = ""
    notes: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    log_groups: tuple[CoverageRow, ...] = ()
    flow: TargetFlow | None = None
    copy_flows: tuple[CopyFlow, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Account and region, which identify the target in every inventory; the host's name if they are unknown."""
        return (self.account, self.region) if self.account else ("", self.host)

    def counts(self) -> dict[State, int]:
        """Return the number of log groups by state."""
        found = Counter(row.state for row in self.log_groups)
        return {state: found[state] for state in STATES}


@dataclass(frozen=True, slots=True)
class Cause:
    """The number of log groups that have one state for one cause, see CoverageRow."""

    state: State
    cause: str
    log_groups: int

    def order(self) -> tuple[int, str, str]:
        """Return the sort key: the most frequent first."""
        return -self.log_groups, self.state, self.cause


@dataclass(frozen=True)
class FleetReport:
    """A report on several targets, sorted by account and region. `made_at` is in seconds since 1970.

    cost    their volume and cost, None if nobody read them
    """

    made_at: int
    targets: tuple[TargetReport, ...]
    cost: FleetCost | None = None

    @cached_property
    def counts(self) -> dict[State, int]:
        """The number of log groups by state."""
        total: Counter[State] = Counter()
        for target in self.targets:
            total.update(target.counts())
        return {state: total[state] for state in STATES}

    @cached_property
    def flow(self) -> FleetFlow | None:
        """The events of all targets."""
        # A centralized target has no reflector: its events are in `copies` and in the destination's flow.
        return fleet_flow((target.host, target.flow) for target in self.targets if target.mode != CENTRALIZED)

    @cached_property
    def copies(self) -> FleetCopies | None:
        """The events of all centralized targets on their way to the destinations."""
        return fleet_copies((target.host, flow) for target in self.targets for flow in target.copy_flows or ())

    @property
    def chosen(self) -> int:
        """The number of log groups that the rules choose."""
        return sum(self.counts[state] for state in CHOSEN)

    @property
    def percentage(self) -> float | None:
        """Covered log groups per hundred that the rules choose, see `percentage`."""
        return percentage(self.counts)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes of log groups that are not covered, the most frequent first."""
        found = Counter((row.state, row.cause) for target in self.targets for row in target.log_groups if row.cause)
        return tuple(sorted((Cause(*key, number) for key, number in found.items()), key=Cause.order))

    @property
    def unread_targets(self) -> tuple[TargetReport, ...]:
        """The targets that were not read to their end."""
        return tuple(target for target in self.targets if target.status != "read")

    @property
    def is_complete(self) -> bool:
        """Whether every target and every log group was read."""
        return not self.unread_targets and not self.counts["not_checked"]

    @property
    def made_at_text(self) -> str:
        """The time of the report in ISO 8601, in UTC."""
        return iso(self.made_at)


def percentage(counts: Mapping[State, int]) -> float | None:
    """Return covered log groups per hundred that the rules choose, with one decimal; None if they choose none.

    Rounded down: 100 means that all are covered.
    """
    chosen = sum(counts[state] for state in CHOSEN)
    return counts["covered"] * 1000 // chosen / 10 if chosen else None


def iso(seconds: float) -> str:
    """Return the time in ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(reports: Iterable[FleetReport]) -> FleetReport:
    """Return one report of several. The latest reading of a target counts, a complete one before an incomplete one.

    Raises ValueError for no report.
    """
    found: dict[tuple[str, str], TargetReport] = {}
    made_at = []
    for report in reports:
        made_at.append(report.made_at)
        for target in report.targets:
            if (before := found.get(target.key)) is None or _rank(target) >= _rank(before):
                found[target.key] = target
    if not made_at:
        raise ValueError("no report to merge")
    return FleetReport(max(made_at), sort_targets(found.values()))


def unique_targets(targets: Iterable[TargetReport]) -> tuple[TargetReport, ...]:
    """Return the targets in the order of a report. Several hosts of one account and region are one target.

    It has the log groups of the host that was read to its end, or last, and a note names the other hosts.
    """
    found: dict[tuple[str, str], list[TargetReport]] = {}
    for target in targets:
        found.setdefault(target.key, []).append(target)
    return sort_targets(_one_of(hosts) for hosts in found.values())


def _one_of(hosts: Sequence[TargetReport]) -> TargetReport:
    if len(hosts) == 1:
        return hosts[0]
    kept = max(hosts, key=_rank)
    others = ", ".join(f"{host.host} ({host.error})" if host.error else host.host for host in hosts if host is not kept)
    note = f"the same account and region as {others}, which this report therefore counts once"
    return replace(kept, notes=(*kept.notes, note))


def _rank(target: TargetReport) -> tuple[int, int]:
    return ("not_checked", "partly_read", "read").index(target.status), target.checked_at


def with_copies(targets: Iterable[TargetReport]) -> tuple[TargetReport, ...]:
    """Return the targets. The flow of a destination has events of copies without filters as events without a filter."""
    found = tuple(targets)
    flows = [flow for target in found for flow in target.copy_flows or ()]
    return tuple(_with_unfiltered(target, unfiltered_at(flows, target.account, target.region)) for target in found)


def _with_unfiltered(target: TargetReport, events: int) -> TargetReport:
    if target.flow is None or target.flow.flow.unsubscribed is None or not events:
        return target
    flow = replace(target.flow.flow, unsubscribed=target.flow.flow.unsubscribed + events)
    return replace(target, flow=replace(target.flow, flow=flow))


def sort_targets(targets: Iterable[TargetReport]) -> tuple[TargetReport, ...]:
    """Return the targets in the order of a report."""
    return tuple(sorted(targets, key=lambda target: (target.account, target.region, target.host)))
