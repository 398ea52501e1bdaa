# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule for silent sources: regular log groups that stopped, and none of those that log when they have something to say."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from subscriber_support import Aws

Rule = Callable[..., "int | None"]
NOW = 500_000  # an hour since 1970
DAY = 24


@pytest.fixture
def rule(start: Any) -> Rule:
    start(Aws())
    found: Rule = importlib.import_module("subscriber.silence").end_of_logging
    return found


def hours(*days_ago: int, of_day: Iterable[int] = range(DAY)) -> list[int]:
    """Return hours of the days before now; day 1 ends with the last hour."""
    return [NOW - day * DAY + hour for day in days_ago for hour in of_day]


def test_group_that_logs_every_hour_is_silent_after_the_hours_of_the_rule(rule: Rule) -> None:
    logged = [NOW - 7 - hour for hour in range(10 * DAY)]
    assert rule(logged, NOW, 7, 6) == NOW - 6
    assert rule([*logged, NOW - 6], NOW, 7, 6) is None
    assert rule(reversed(logged), NOW, 7, 6) == NOW - 6


def test_group_that_logs_once_a_day_is_silent_after_twice_a_day(rule: Rule) -> None:
    def job(last: int) -> list[int]:
        return [NOW - last - day * DAY for day in range(9)]

    assert rule(job(40), NOW, 7, 6) is None
    assert rule(job(47), NOW, 7, 6) == NOW - 46


def test_group_that_pauses_at_night_is_not_silent_at_night(rule: Rule) -> None:
    office = range(8, 18)
    assert rule(hours(*range(2, 10), of_day=office), NOW - 3, 7, 6) is None  # 27 hours after pauses of 14
    assert rule(hours(*range(3, 11), of_day=office), NOW, 7, 6) == NOW - 3 * DAY + 18


@pytest.mark.parametrize(
    "logged",
    [
        [],
        hours(2),
        hours(2, 3, 4, 5, 6, 7),
        hours(2, 3, 4, 7, 8, 9, 10, 11),
        hours(7, 14),
    ],
    ids=["never", "one day", "six days", "not at weekends", "weekly"],
)
def test_group_that_logs_irregularly_is_never_silent(rule: Rule, logged: list[int]) -> None:
    assert rule(logged, NOW, 7, 6) is None


def test_days_of_the_rule_decide_what_is_regular(rule: Rule) -> None:
    logged = hours(2, 3, 4)
    assert rule(logged, NOW, 3, 6) == NOW - DAY
    assert rule(logged, NOW, 4, 6) is None
    assert rule(logged, NOW, 3, 25) is None
