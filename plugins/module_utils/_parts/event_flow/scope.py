# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The period that is read, and the log groups whose events must arrive in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

from ..._errors import InvalidInputError
from ..._options.coverage import CoverageOptions
from ..._subscriptions.coverage import CoverageRow

STEP = 300
"""Seconds. The period begins and ends at a multiple of it, and each data point of a metric is about so long."""

_LISTED_SECONDS = 14 * 24 * 3600
"""Age of the last data of a metric that ListMetrics returns (API reference, ListMetrics)."""

_CHOSEN = ("covered", "missing", "broken")


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` to `end`, which is not included, in seconds since 1970."""

    begin: int
    end: int


def period_of(options: CoverageOptions, now: float) -> Period:
    """Return the period that the options mean. Raises InvalidInputError."""
    until = now - options.flow_settle_minutes * 60
    if options.flow_until:
        try:
            moment = datetime.fromisoformat(options.flow_until)
        except ValueError as error:
            message = f"{options.flow_until!r} is no time in ISO 8601, such as 2026-11-20T14:30"
            raise InvalidInputError("flow_until", message) from error
        until = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    end = int(until // STEP * STEP)
    period = Period(end - options.flow_hours * 3600, end)
    if period.begin < now - _LISTED_SECONDS:
        message = f"the period begins more than 14 days ago, and CloudWatch lists no metric that is older: {options.flow_until}"
        raise InvalidInputError("flow_until", message)
    return period


@dataclass(slots=True)
class Scope:
    """The log groups that the rules choose and that take a filter.

    is_copy      whether a name is that of a copy of AWS's centralization; None in a target that receives none
    since        by log group: since when its filter exists, in ms since 1970, 0 if unknown; None if nothing sends its events
    not_checked  the log groups that could not be read
    left_out     those whose events need not arrive: excluded, or without a filter of AWS's
    """

    since: dict[str, int | None] = field(default_factory=dict)
    not_checked: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    is_copy: Callable[[str], bool] | None = None

    def add(self, row: CoverageRow) -> None:
        """Add a row of the coverage. A second row of a log group replaces the first."""
        self.since.pop(row.log_group, None)
        self.not_checked.discard(row.log_group)
        self.left_out.discard(row.log_group)
        if row.state == "not_checked":
            self.not_checked.add(row.log_group)
        elif row.state not in _CHOSEN:
            self.left_out.add(row.log_group)
        if row.state in _CHOSEN:
            self.since[row.log_group] = row.since if row.state == "covered" else None

    def subscribed_at(self, log_group: str) -> float:
        """Return since when something sends the log group's events, in seconds since 1970; infinite if nothing does."""
        since = self.since.get(log_group, 0)
        return inf if since is None else since / 1000
