# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from embedded_aws.rates import Rates

PUT = ("logs", "PutSubscriptionFilter")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passed(rates: Rates, calls: int, account: str = "1", region: str = "r", operation: tuple[str, str] = PUT) -> int:
    return sum(rates.allow(account, region, *operation) for _unused in range(calls))


def test_rates_allow_the_rate_in_each_second(clock: Clock) -> None:
    rates = Rates(clock, scale=1)
    assert passed(rates, 20) == 5
    clock.now = 0.4
    assert passed(rates, 20) == 2
    clock.now = 60
    assert passed(rates, 20) == 5


def test_rates_are_separate_by_account_region_and_operation(clock: Clock) -> None:
    rates = Rates(clock, scale=1)
    assert passed(rates, 20) == 5
    assert passed(rates, 20, account="2") == 5
    assert passed(rates, 20, region="s") == 5
    assert passed(rates, 20, operation=("logs", "DescribeLogGroups")) == 10


def test_lambda_control_plane_shares_a_rate_and_invocations_have_none(clock: Clock) -> None:
    rates = Rates(clock, scale=1)
    assert passed(rates, 10, operation=("lambda", "AddPermission")) == 10
    assert passed(rates, 10, operation=("lambda", "UpdateFunctionCode")) == 5
    assert passed(rates, 50, operation=("lambda", "Invoke")) == 50
    assert passed(rates, 20, operation=("lambda", "GetPolicy")) == 15


def test_scale_multiplies_the_rate_and_none_disables_it(clock: Clock) -> None:
    rates = Rates(clock, scale=3)
    assert passed(rates, 40) == 5
    clock.now = 0.2
    assert passed(rates, 40) == 3
    rates.set(None)
    assert passed(rates, 40) == 40
    with pytest.raises(ValueError, match="above 0"):
        rates.set(0)


def test_operation_without_a_rate_is_unlimited(clock: Clock) -> None:
    assert passed(Rates(clock, scale=1), 50, operation=("sqs", "SendMessage")) == 50


def test_assumed_rates_limit_undocumented_operations(clock: Clock) -> None:
    rates = Rates(clock, scale=1)
    passing = {
        name: passed(rates, 20, operation=("logs", name))
        for name in ("ListLogGroups", "TagResource", "FilterLogEvents", "PutAccountPolicy")
    }
    assert passing == {"ListLogGroups": 5, "TagResource": 5, "FilterLogEvents": 10, "PutAccountPolicy": 1}
