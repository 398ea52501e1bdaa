# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the events of a centralized target in a period, in the target and in its destinations. Changes nothing in AWS."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..._errors import ReflectorError
from ..._plan import Params, Result
from ..._session import Target
from ..._subscriptions.choice import LogGroup
from ..event_flow.metrics import Metrics, read_copy_errors, total
from ..event_flow.scope import STEP, Period
from ..metrics import Series
from ..once import once
from .destination_flow import DestinationFlow, no_events
from .flow import LATE_SECONDS, DestinationCounts, SourceCounts, reconcile_copies
from .places import OtherHost
from .rules import CopyRule, Decision, Rules

T = TypeVar("T")
_NAMESPACE = "AWS/Logs"


@dataclass(slots=True)
class CopyScope:
    """The log groups that are copied to one destination: by name the rule, and why their events cannot arrive, if they cannot.

    This cause is class or name, or "".
    """

    groups: dict[str, tuple[CopyRule, str]] = field(default_factory=dict)


class CopyFlowReader:
    """Reads the flow of one target to each of its destinations.

    notes   what could not be read, and why
    """

    def __init__(self, target: Target, params: Params, metrics: Metrics, period: Period) -> None:
        self.notes: list[str] = []
        self.scopes: dict[tuple[str, str], CopyScope] = {}
        self._target, self._params, self._metrics, self._period = target, params, metrics, period

    def add(self, group: LogGroup, decisions: Iterable[Decision]) -> None:
        """Add a log group with what the rules do with it."""
        for each in decisions:
            is_copied = each.outcome == "copied" or each.cause in ("class", "name")
            if each.rule and is_copied and group.log_class != "DELIVERY":
                scope = self.scopes.setdefault(each.rule.destination, CopyScope())
                scope.groups[group.name] = each.rule, each.cause

    def read(self, rules: Rules, places: Iterable[OtherHost], *, is_listed: bool) -> list[Result]:
        """Return the flow to each destination of a rule that may copy something from here."""
        if not is_listed:
            self.notes.append("the events of CloudWatch Logs were not read: not all log groups could be listed")
        known = {(place.account, place.region): place for place in places}
        return [
            self._read(destination, known.get(destination), rules, is_listed=is_listed)
            for destination in sorted({rule.destination for rule in rules.relevant()})
        ]

    def _read(self, destination: tuple[str, str], place: OtherHost | None, rules: Rules, *, is_listed: bool) -> Result:
        notes = list(self.notes)
        before = (self._metrics.queried, self._metrics.lists)
        scope = self.scopes.get(destination, CopyScope())
        source = (
            _attempt(notes, "events of the target", lambda: self._source(scope, destination[1])) if is_listed else None
        )
        there: Mapping[str, Any] = {"notes": [f"{'/'.join(destination)} is no host of the inventory"], "reading": {}}
        if place:
            key = ["copied events", *destination, self._period.begin, self._period.end]
            there = once(key, lambda: self._read_destination(place, rules.source.name))
        values, more = reconcile_copies(source, _counts(there, rules.source.name))
        reading = there["reading"] if there.get("read_by") == rules.source.name else {}
        return {
            "account": destination[0],
            "region": destination[1],
            "begin": self._period.begin,
            "end": self._period.end,
            **values,
            "notes": [*notes, *there["notes"], *more],
            "reading": {
                "metrics": self._metrics.queried - before[0] + reading.get("metrics", 0),
                "list_calls": self._metrics.lists - before[1] + reading.get("list_calls", 0),
                "bytes_scanned": reading.get("bytes_scanned", 0),
            },
        }

    def _read_destination(self, place: OtherHost, reader: str) -> dict[str, Any]:
        """Return what the destination counted of all origins. An account that cannot be reached is a note."""
        try:
            there = place.connect(self._target, self._params)
            return {**DestinationFlow(there, place.params(self._params), self._period).read(), "read_by": reader}
        except ReflectorError as error:
            return {"notes": [f"the events in {place.account}/{place.region} were not read: {error}"], "reading": {}}

    def _source(self, scope: CopyScope, region: str) -> SourceCounts:
        """Return what the target counted for one destination."""
        metrics = self._metrics
        listed = metrics.series(_NAMESPACE, MetricName="IncomingLogEvents", Dimensions=[{"Name": "LogGroupName"}])
        chosen = [
            each for each in listed if len(each.dimensions) == 1 and each.dimension("LogGroupName") in scope.groups
        ]
        late = min(self._period.end, time.time()) - LATE_SECONDS
        written: Counter[str] = Counter()
        before = around = recent = 0
        for series, points in metrics.points(chosen).items():
            number = total(points)
            rule, cause = scope.groups[series.dimension("LogGroupName")]
            written.update({"all": number, cause: number})
            if cause != "name":
                # A rule copied nothing before it was created. What it copied before it was changed is not known.
                certain = total(points, rule.created / 1000 - STEP)
                before += certain
                around += total(points, rule.changed / 1000) - certain
                recent += number - total(points, late)
        to_region = (("DestinationRegion", region),)
        names = ("OutgoingCopiedLogEvents", "CentralizationThrottled")
        sums = metrics.sums([Series(_NAMESPACE, name, to_region) for name in names])
        counts = {series.name: number for series, number in sums.items()}
        errors = read_copy_errors(metrics)
        return SourceCounts(
            written=written["all"],
            before=before,
            around=around,
            recent=recent,
            too_long=written["name"],
            unfiltered=written["class"],
            sent=counts[names[0]],
            throttled=counts[names[1]],
            errors=errors,
        )


def _attempt(notes: list[str], what: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ReflectorError as error:
        notes.append(f"the {what} were not read: {error}")
        return None


def _counts(there: Mapping[str, Any], origin: str) -> DestinationCounts:
    """Return what a destination counted of one origin. An origin without a count has none: 0 was read."""
    copied, lines, given_up, delivery = (there.get(name) for name in ("copied", "lines", "given_up", "delivery"))
    return DestinationCounts(
        None if copied is None else copied.get(origin, 0),
        there.get("errors"),
        None if lines is None else lines.get(origin, no_events()),
        None if given_up is None else given_up.get(origin, 0),
        None if delivery is None else delivery.get(origin, {}),
        there.get("others"),
    )
