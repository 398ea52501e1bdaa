# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of the events of a fleet in a period: how many each station had, and where the others are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

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

    written             events that were written to covered log groups
    delivery_errors     events that CloudWatch Logs could not deliver
    delivery_throttles  events that CloudWatch Logs did not deliver because of throttling
    forwarded           events that CloudWatch Logs delivered
    expired             events that Lambda dropped because of their age
    waiting             events in Lambda's queue
    received            events that the reflector received
    undecodable         events of payloads that the reflector could not decode
    dropped             events that a rule dropped, by rule
    sinks               events that a sink accepted, by sink
    dead_lettered       events in the dead-letter queue
    extra_copies        deliveries and dead letters of an event beyond its first, because its route has several sinks
    """

    begin: int
    end: int
    written: int | None = None
    delivery_errors: int | None = None
    delivery_throttles: int | None = None
    forwarded: int | None = None
    expired: int | None = None
    waiting: int | None = None
    received: int | None = None
    undecodable: int | None = None
    dropped: Mapping[str, int] | None = None
    sinks: Mapping[str, int] | None = None
    dead_lettered: int | None = None
    extra_copies: int | None = None

    def stations(self) -> tuple[Station, ...]:
        """Return the stations in the order of the way."""
        received = None if self.received is None or self.extra_copies is None else self.received + self.extra_copies
        return (
            Station(
                "Written",
                self.written,
                (
                    Part("Forwarded", "onward", self.forwarded),
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
                    Part("Expired", "lost", self.expired),
                ),
            ),
            Station("Received", received, tuple(self._outcomes())),
        )

    def _outcomes(self) -> Iterator[Part]:
        yield from _each("Sinks", "delivered", self.sinks)
        yield from _each("Rules", "dropped", self.dropped)
        yield Part("Dead-lettered", "waiting", self.dead_lettered)
        yield Part("Undecodable", "lost", self.undecodable)


def _each(name: str, fate: Fate, counts: Mapping[str, int] | None) -> Iterator[Part]:
    if counts is None:
        yield Part(name, fate, None)
    for key, count in sorted((counts or {}).items(), key=lambda item: (-item[1], item[0])):
        yield Part(f"Rule {key}" if fate == "dropped" else key, fate, count)
