# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of the events of a fleet in a period: how many each station had, and where the others are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from .._cost.prices import reading_dollars

Fate = Literal["onward", "delivered", "dropped", "waiting", "lost", "unexplained"]
"""The fate of events: they reached the next station or a sink, a rule dropped them, they wait, are lost, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Part:
    """Events that left a station in one way. `count` is None if it was not read."""

    name: str
    fate: Fate
    count: int | None


@dataclass(frozen=True, slots=True)
class Station:
    """A station: how many events it had, and the ways in which they left it."""

    name: str
    total: int | None
    parts: tuple[Part, ...]

    @property
    def known(self) -> int:
        """The number of events whose way out was read."""
        return sum(part.count or 0 for part in self.parts)

    @property
    def is_read(self) -> bool:
        """Whether the total and every way out were read."""
        return self.total is not None and all(part.count is not None for part in self.parts)

    @property
    def unexplained(self) -> int | None:
        """Events that came in and left in no way that was read; None if a number is missing. Negative: more left than came in."""
        return self.total - self.known if self.total is not None and self.is_read else None


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of events between two times in seconds since 1970. None is a count that was not read; 0 was read.

    written             events that were written to log groups that the rules choose
    unsubscribed        of them, events of log groups while they had no filter
    unmatched           events that the filter pattern leaves out; 0 without a pattern
    delivery_errors     events that CloudWatch Logs could not deliver
    delivery_throttles  events that CloudWatch Logs did not deliver because of throttling
    forwarded           events that CloudWatch Logs delivered
    given_up            events that Lambda put into the dead-letter queue after errors or because of their age
    given_up_replayed   events that Lambda had given up, and that were sent again
    expired             events that Lambda dropped, and that are not in the dead-letter queue
    waiting             events in Lambda's queue
    undecodable         events of payloads that the reflector could not decode
    received            events that the reflector received
    dropped             events that a rule dropped, by rule
    sinks               events that a sink accepted, by sink
    dead_lettered       events that the reflector put into the dead-letter queue, and that are still there
    replayed            dead letters that were sent again
    purged              dead letters that are no longer in the queue
    extra_copies        deliveries and dead letters of an event beyond its first, because its route has several sinks
    """

    begin: int
    end: int
    written: int | None = None
    unsubscribed: int | None = None
    unmatched: int | None = None
    delivery_errors: int | None = None
    delivery_throttles: int | None = None
    forwarded: int | None = None
    given_up: int | None = None
    given_up_replayed: int | None = None
    expired: int | None = None
    waiting: int | None = None
    undecodable: int | None = None
    received: int | None = None
    dropped: Mapping[str, int] | None = None
    sinks: Mapping[str, int] | None = None
    dead_lettered: int | None = None
    replayed: int | None = None
    purged: int | None = None
    extra_copies: int | None = None

    @property
    def is_read(self) -> bool:
        """Whether every count was read."""
        return all(getattr(self, each.name) is not None for each in fields(self))

    def numbers(self) -> dict[str, int | None]:
        """Return each count by its name, sums for `dropped` and `sinks`, and the unexplained events of each station."""
        values: dict[str, int | None] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("begin", "end"):
                values[each.name] = sum(value.values()) if isinstance(value, Mapping) else value
        return values | {f"unexplained_after_{each.name.lower()}": each.unexplained for each in self.stations()}

    def stations(self) -> tuple[Station, ...]:
        """Return the stations in the order of the way."""
        received = None if self.received is None or self.extra_copies is None else self.received + self.extra_copies
        return (
            Station(
                "Written",
                self.written,
                (
                    Part("Forwarded", "onward", self.forwarded),
                    Part("Without a filter", "lost", self.unsubscribed),
                    *([] if self.unmatched == 0 else [Part("Filter pattern", "dropped", self.unmatched)]),
                    Part("Delivery errors", "lost", self.delivery_errors),
                    Part("Throttled", "lost", self.delivery_throttles),
                ),
            ),
            Station(
                "Forwarded",
                self.forwarded,
                (
                    Part("Received", "onward", self.received),
                    Part("Waiting", "waiting", self.waiting),
                    Part("Given up, in the queue", "waiting", self.given_up),
                    Part("Given up, replayed", "delivered", self.given_up_replayed),
                    Part("Expired", "lost", self.expired),
                    Part("Undecodable", "lost", self.undecodable),
                ),
            ),
            Station("Received", received, tuple(self._outcomes())),
        )

    def _outcomes(self) -> Iterator[Part]:
        yield from each_part("Sinks", "delivered", self.sinks)
        yield from each_part("Rules", "dropped", self.dropped)
        yield Part("Dead-lettered", "waiting", self.dead_lettered)
        yield Part("Replayed", "delivered", self.replayed)
        yield Part("Gone from the queue", "lost", self.purged)


def each_part(name: str, fate: Fate, counts: Mapping[str, int] | None, *, prefix: str = "") -> Iterator[Part]:
    """Yield a part for each key of the counts, the largest first; one without count if they were not read."""
    if counts is None:
        yield Part(name, fate, None)
    before = "Rule " if fate == "dropped" else prefix
    for key, count in sorted((counts or {}).items(), key=lambda item: (-item[1], item[0])):
        yield Part(f"{before}{key}", fate, count)


@dataclass(frozen=True, slots=True)
class TargetFlow:
    """The flow of one target.

    facts    figures of payloads, requests and messages, by name
    notes    what was not read, and why
    dollars  the list price of reading it, as far as it is known
    """

    flow: Flow
    facts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dollars: float = 0.0

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> TargetFlow:
        """Return the flow of a report. Raises KeyError, TypeError or ValueError for another shape."""
        counts = {each.name: values[each.name] for each in fields(Flow)}
        for name, value in counts.items():
            _check(name, value)
        facts, notes, dollars = values["facts"], values["notes"], values["dollars"]
        if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
            raise ValueError("notes is no list of texts")
        if not (isinstance(facts, Mapping) and all(is_count(value) for value in facts.values())):
            raise ValueError("facts has a value that is no number")
        if not isinstance(dollars, (int, float)) or not 0 <= dollars < _MOST_DOLLARS:
            raise ValueError("dollars is no amount")
        return cls(Flow(**counts), dict(facts), tuple(notes), float(dollars))

    @classmethod
    def of_result(cls, values: Mapping[str, Any], region: str) -> TargetFlow:
        """Return the flow of coverage_info's result, with the price of reading it in that region."""
        dollars, unknown = reading_dollars(region, values["reading"])
        return cls.from_plain({**values, "notes": [*values["notes"], *unknown], "dollars": dollars})

    def plain(self) -> dict[str, Any]:
        """Return the flow for JSON."""
        counts = {each.name: getattr(self.flow, each.name) for each in fields(Flow)}
        return {**counts, "facts": dict(self.facts), "notes": list(self.notes), "dollars": self.dollars}


_MOST_DOLLARS = 1e9
_BY_NAME = ("dropped", "sinks")


def _check(name: str, value: Any) -> None:
    """Raise ValueError unless the count has the type of its field."""
    if name in ("begin", "end"):
        is_valid = is_count(value)
    elif name in _BY_NAME:
        is_valid = value is None or (isinstance(value, Mapping) and all(map(is_count, value.values())))
    else:
        is_valid = value is None or is_count(value)
    if not is_valid:
        raise ValueError(f"{name} has a wrong value")


def is_count(value: Any) -> bool:
    """Return whether a value of JSON is a count."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True, slots=True)
class FleetFlow:
    """The sum of the targets whose counts were all read: a sum with unread ones would make false differences.

    summed    number of targets in it
    left_out  hosts of the other targets
    dollars   the list price of reading all of them
    facts     figures of payloads, requests and messages of every target for which they were read: sums, or for some the maximum
    """

    flow: Flow
    summed: int
    left_out: tuple[str, ...] = ()
    dollars: float = 0.0
    facts: Mapping[str, int] = field(default_factory=dict)


def fleet_flow(flows: Iterable[tuple[str, TargetFlow | None]]) -> FleetFlow | None:
    """Return the sum of the flows of these hosts, None if nobody read the events of a target.

    If no target was read completely, the counts are unknown; those of a single target are shown as far as they were read.
    """
    pairs = list(flows)
    known = [each for _host, each in pairs if each is not None]
    if not known:
        return None
    whole = [each.flow for each in known if each.flow.is_read]
    left_out = tuple(host for host, each in pairs if each is None or not each.flow.is_read)
    dollars = sum(each.dollars for each in known)
    facts = _facts(known)
    if not whole:
        empty = Flow(known[0].flow.begin, known[0].flow.end)
        return FleetFlow(known[0].flow if len(pairs) == 1 else empty, 0, left_out, dollars, facts)
    return FleetFlow(_sum(whole), len(whole), left_out, dollars, facts)


_MAXIMA = ("AsyncEventAge", "ConcurrentExecutions", "OldestMessageSeconds")


def _facts(flows: Iterable[TargetFlow]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in flows:
        for name, value in each.facts.items():
            if name == "LastTestLine":  # a time: of one target only
                continue
            before = found.get(name, 0)
            found[name] = max(before, value) if name in _MAXIMA else before + value
    return dict(sorted(found.items()))


def _sum(flows: list[Flow]) -> Flow:
    values: dict[str, Any] = {"begin": min(each.begin for each in flows), "end": max(each.end for each in flows)}
    for each in fields(Flow):
        if each.name in _BY_NAME:
            total: Counter[str] = Counter()
            for flow in flows:
                total.update(getattr(flow, each.name))
            values[each.name] = dict(total)
        elif each.name not in values:
            values[each.name] = sum(getattr(flow, each.name) for flow in flows)
    return Flow(**values)
