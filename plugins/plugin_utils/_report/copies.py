# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of events that AWS's centralization copies: from the log groups of a target to the reflector of the destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .._cost.prices import reading_dollars
from .flow import Part, Station, each_part, is_count
from .flow_text import differences, price


@dataclass(frozen=True, slots=True)
class CopyFlow:
    """Counts of events from one target to one destination, in seconds since 1970. None is a count that was not read.

    account, region     of the destination
    written             events of log groups that a rule selects
    sent                events that AWS counted as sent to the destination's region
    copied              events that AWS counted in the destination
    too_long            events of log groups whose copies would have too long names, which AWS drops
    before              events from before the rule was written
    underway            events that were sent and not counted in the destination
    errors              events that AWS dropped, by its type of error
    throttled           events that AWS throttles, and copies later
    late                events of the last minutes that were not copied yet
    unfiltered          events of log groups whose class takes no filter
    no_policy           events that were copied while no account policy sent them
    delivery_errors, delivery_throttles     events that CloudWatch Logs did not deliver to the reflector
    given_up, given_up_replayed, expired, waiting, undecodable      see Flow
    received, delivered, dropped, dead_lettered     of the reflector; an event for several sinks counts once
    notes               what was not read, and why
    dollars             the list price of reading it
    """

    account: str
    region: str
    begin: int
    end: int
    written: int | None = None
    sent: int | None = None
    copied: int | None = None
    too_long: int | None = None
    before: int | None = None
    underway: int | None = None
    errors: Mapping[str, int] | None = None
    throttled: int | None = None
    late: int | None = None
    unfiltered: int | None = None
    no_policy: int | None = None
    delivery_errors: int | None = None
    delivery_throttles: int | None = None
    waiting: int | None = None
    given_up: int | None = None
    given_up_replayed: int | None = None
    expired: int | None = None
    undecodable: int | None = None
    received: int | None = None
    delivered: int | None = None
    dropped: Mapping[str, int] | None = None
    dead_lettered: int | None = None
    notes: tuple[str, ...] = ()
    dollars: float = 0.0

    @property
    def is_read(self) -> bool:
        """Whether every count was read."""
        return all(getattr(self, name) is not None for name in COUNTS)

    def stations(self) -> tuple[Station, ...]:
        """Return the stations in the order of the way."""
        return (
            Station("Written in sources", self.written, tuple(self._before_the_copy())),
            Station(
                "Copied",
                self.copied,
                (
                    Part("Received", "onward", self.received),
                    Part("Class without filters", "lost", self.unfiltered),
                    Part("Without an account policy", "lost", self.no_policy),
                    Part("Delivery errors", "lost", self.delivery_errors),
                    Part("Throttled deliveries", "lost", self.delivery_throttles),
                    Part("Waiting", "waiting", self.waiting),
                    Part("Given up, in the queue", "waiting", self.given_up),
                    Part("Given up, replayed", "delivered", self.given_up_replayed),
                    Part("Expired", "lost", self.expired),
                    Part("Undecodable", "lost", self.undecodable),
                ),
            ),
            Station("Received of copies", self.received, tuple(self._outcomes())),
        )

    def _before_the_copy(self) -> Iterator[Part]:
        yield Part("Copied", "onward", self.copied)
        yield Part("Name too long", "lost", self.too_long)
        yield Part("Before the rule", "lost", self.before)
        yield Part("Sent and not arrived", "waiting", self.underway)
        yield from each_part("Errors", "lost", self.errors, prefix="Error ")
        yield Part("Throttled", "waiting", self.throttled)
        yield Part("Late", "waiting", self.late)

    def _outcomes(self) -> Iterator[Part]:
        yield Part("Delivered", "delivered", self.delivered)
        yield from each_part("Rules", "dropped", self.dropped)
        yield Part("Dead-lettered", "waiting", self.dead_lettered)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> CopyFlow:
        """Return the flow of a report. Raises KeyError, TypeError or ValueError for another shape."""
        found = {each.name: values[each.name] for each in fields(cls)}
        for name in COUNTS:
            _check(name, found[name])
        is_placed = all(isinstance(found[name], str) for name in ("account", "region"))
        if not (is_placed and is_count(found["begin"]) and is_count(found["end"])):
            raise ValueError("the destination or the period has a wrong value")
        notes, dollars = found["notes"], found["dollars"]
        if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
            raise ValueError("notes is no list of texts")
        if not isinstance(dollars, (int, float)) or not 0 <= dollars < 1e9:
            raise ValueError("dollars is no amount")
        return cls(**{**found, "notes": tuple(notes), "dollars": float(dollars)})

    @classmethod
    def of_result(cls, values: Mapping[str, Any], region: str) -> CopyFlow:
        """Return the flow of coverage_info's result, with the price of reading it in the target's region."""
        dollars, unknown = reading_dollars(region, values["reading"])
        return cls.from_plain({**values, "notes": [*values["notes"], *unknown], "dollars": dollars})

    def plain(self) -> dict[str, Any]:
        """Return the flow for JSON."""
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, "notes": list(self.notes)}


BY_NAME = ("errors", "dropped")
COUNTS = tuple(
    each.name for each in fields(CopyFlow) if each.name not in ("account", "region", "begin", "end", "notes", "dollars")
)


def _check(name: str, value: Any) -> None:
    """Raise ValueError unless the count has the type of its field."""
    is_valid = isinstance(value, Mapping) and all(map(is_count, value.values())) if name in BY_NAME else is_count(value)
    if value is not None and not is_valid:
        raise ValueError(f"{name} has a wrong value")


@dataclass(frozen=True, slots=True)
class FleetCopies:
    """The sum of the flows whose counts were all read: a sum with unread ones would make false differences.

    summed    number of flows in it
    left_out  hosts with other flows
    dollars   the list price of reading all of them
    """

    flow: CopyFlow
    summed: int
    left_out: tuple[str, ...] = ()
    dollars: float = 0.0


def fleet_copies(flows: Iterable[tuple[str, CopyFlow]]) -> FleetCopies | None:
    """Return the sum of the flows of these hosts, None without one. If none was read completely, its counts are unknown."""
    pairs = list(flows)
    if not pairs:
        return None
    whole = [flow for _host, flow in pairs if flow.is_read]
    left_out = tuple(dict.fromkeys(host for host, flow in pairs if not flow.is_read))
    first = pairs[0][1]
    empty = CopyFlow("", "", first.begin, first.end)
    total = _sum(whole) if whole else first if len(pairs) == 1 else empty
    return FleetCopies(total, len(whole), left_out, sum(flow.dollars for _host, flow in pairs))


def _sum(flows: list[CopyFlow]) -> CopyFlow:
    values: dict[str, Any] = {}
    for name in COUNTS:
        if name in BY_NAME:
            total: Counter[str] = Counter()
            for flow in flows:
                total.update(getattr(flow, name))
            values[name] = dict(total)
        else:
            values[name] = sum(getattr(flow, name) for flow in flows)
    return CopyFlow("", "", min(flow.begin for flow in flows), max(flow.end for flow in flows), **values)


def unfiltered_at(flows: Iterable[CopyFlow], account: str, region: str) -> int:
    """Return the events that reached a destination in log groups without filters: its own counts do not tell them apart."""
    return sum(flow.unfiltered or 0 for flow in flows if (flow.account, flow.region) == (account, region))


def sentences(copies: FleetCopies, title: str = "Copies") -> Iterator[str]:
    """Yield a line with the way of copied events. Its second part names the differences."""
    flow = copies.flow
    named = (
        (flow.written, "written in sources"),
        (flow.copied, "copied"),
        (flow.received, "received"),
        (flow.delivered, "delivered"),
    )
    way = ", ".join(f"{name} unknown" if count is None else f"{count:,} {name}" for count, name in named)
    parts = [f"{title}: {way}.", differences(flow.stations())]
    if copies.left_out:
        what = "target is" if len(copies.left_out) == 1 else "targets are"
        parts.append(f"{len(copies.left_out):,} {what} not in these sums, because not every count was read.")
    yield " ".join([*parts, price(copies.dollars)])
