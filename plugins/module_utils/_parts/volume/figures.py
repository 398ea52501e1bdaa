# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums of data points, and what they mean for a month. Pure.

A sum that was not read, or has no data points, is None: it is unknown, and not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

DAYS_A_MONTH = 730 / 24
"""AWS's price pages take 730 hours for a month."""

State = Literal["chosen", "excluded", "impossible"]
STATES: tuple[State, ...] = ("chosen", "excluded", "impossible")
"""The rules choose the log group, leave it out, or AWS allows it no filter."""

METRICS = ("bytes", "events")

FUNCTIONS = "/aws/lambda/"
"""The log groups of Lambda functions, unless their logging configuration names another one."""


@dataclass(frozen=True, slots=True)
class Range:
    """A quantity that lies between two ends. `high` is None if no upper end is known."""

    low: float
    high: float | None

    def __post_init__(self) -> None:
        if self.low < 0 or (self.high is not None and self.high < self.low):
            raise ValueError(f"{self.low} to {self.high} is no range")

    def __add__(self, other: Range) -> Range:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(self.low + other.low, high)

    def times(self, low: float, high: float | None = None) -> Range:
        """Return the range multiplied by a factor, or by a factor between two ends."""
        most = low if high is None else high
        return Range(self.low * low, None if self.high is None else self.high * most)

    def at_most(self, limit: Range | None) -> Range:
        """Return the range whose ends are not above those of the limit."""
        if limit is None:
            return self
        if self.high is None or limit.high is None:
            return Range(min(self.low, limit.low), limit.high if self.high is None else self.high)
        return Range(min(self.low, limit.low), min(self.high, limit.high))

    def from_zero(self) -> Range:
        """Return the range with 0 as its lower end."""
        return Range(0.0, self.high)

    def plain(self) -> dict[str, float | None]:
        """Return the ends for a task result."""
        return {"low": self.low, "high": self.high}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Range:
        """Return the range of a task result."""
        return cls(values["low"], values["high"])


NOTHING = Range(0.0, 0.0)


def total(ranges: Iterable[Range]) -> Range:
    """Return the sum of all ranges."""
    found = NOTHING
    for each in ranges:
        found += each
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """The sum of a metric's data points, of which each is of one day. There is at least one."""

    total: int
    points: int

    def a_month(self, days: float) -> Range:
        """Return what the sum means for a month.

        At the lower end the days without a data point had no events. At the upper end they were like the other days, as for a
        log group that was created meanwhile.

        days    length of the period
        """
        return Range(
            self.total * DAYS_A_MONTH / max(days, self.points), self.total * DAYS_A_MONTH / min(days, self.points)
        )


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """A log group with what was written to it in the period. A sum is None if it is unknown."""

    log_group: str
    state: State
    reason: str = ""
    bytes: Measured | None = None
    events: Measured | None = None

    def plain(self, days: float) -> dict[str, Any]:
        """Return the row as a task result and a file have it."""
        figures = {metric: plain_measured(getattr(self, metric), days) for metric in METRICS}
        return {"log_group": self.log_group, "state": self.state, "reason": self.reason, **figures}


def plain_measured(measured: Measured | None, days: float) -> dict[str, Any] | None:
    """Return the sum with what it means for a month."""
    if measured is None:
        return None
    return {"measured": measured.total, "points": measured.points, **measured.a_month(days).plain()}


def volume_of(rows: Sequence[VolumeRow], whole: dict[str, Measured | None], days: float) -> dict[State, dict[str, Any]]:
    """Return the log groups by state: their number, how many have an unknown volume, bytes and events a month, and how much of
    that is of Lambda functions.

    whole   the sum of all log groups of the target, by metric
    """
    found: dict[State, dict[str, Any]] = {}
    for state in STATES:
        own = [row for row in rows if row.state == state]
        found[state] = {"log_groups": len(own), "unknown": sum(row.bytes is None for row in own)}
        functions = [row for row in own if row.log_group.startswith(FUNCTIONS)]
        found[state]["functions"] = {}
        for metric in METRICS:
            found[state][metric] = _sum(own, rows, metric, whole[metric], days).plain()
            found[state]["functions"][metric] = _sum(functions, rows, metric, whole[metric], days).plain()
    return found


def _sum(
    own: Sequence[VolumeRow], rows: Sequence[VolumeRow], metric: str, whole: Measured | None, days: float
) -> Range:
    """Return what some of the log groups wrote in a month."""
    known = total(each.a_month(days) for row in own if (each := getattr(row, metric)) is not None)
    if all(getattr(row, metric) is not None for row in own):
        return known
    left = remainder([getattr(row, metric) for row in rows], whole)
    if left is None:
        return Range(known.low, None)
    if len(own) == len(rows) and not any(getattr(row, metric) for row in rows):
        return left.a_month(days)  # no log group was read by itself, and all are alike
    return known + left.a_month(days).from_zero()


def remainder(known: Iterable[Measured | None], whole: Measured | None) -> Measured | None:
    """Return what the log groups with an unknown volume can have written together; None if the whole is unknown."""
    if whole is None:
        return None
    return Measured(max(0, whole.total - sum(each.total for each in known if each is not None)), whole.points)
