# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate of the calls, against AWS's token buckets in simulated time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import (
    RATES,
    SHARE,
    RateLimiter,
    seconds_for,
)
from embedded_aws.rates import Rates
from hypothesis import example, given
from hypothesis import strategies as st
from logs_server import LogsServer

PUT = "PutSubscriptionFilter"
DESCRIBE = "DescribeSubscriptionFilters"
RATE = RATES[PUT]


class Clock:
    """A clock that moves only when a thread sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def paced(clock: Clock, share: float = SHARE, **options: float) -> RateLimiter:
    return RateLimiter(share, sleep=clock.sleep, clock=clock, **options)


def moments(rate_limiter: RateLimiter, clock: Clock, pauses: list[float]) -> list[float]:
    """Return the times of the calls of a caller that pauses so long before each."""
    found = []
    for pause in pauses:
        clock.sleep(pause)
        rate_limiter.take(PUT)
        found.append(clock.now)
    return found


@given(
    pauses=st.lists(st.floats(0, 3), min_size=2, max_size=60),
    share=st.sampled_from([0.05, 0.5, SHARE, 1.0]),
    scale=st.sampled_from([0.5, 1.0, 20.0]),
)
@example(pauses=[0.0] * 60, share=SHARE, scale=1.0)
@example(pauses=[0.0] * 10 + [3.0] + [0.0] * 10, share=SHARE, scale=1.0)
def test_no_window_of_time_has_more_calls_than_the_rate_and_a_burst(
    pauses: list[float], share: float, scale: float
) -> None:
    clock = Clock()
    rate_limiter = paced(clock, share, scale=scale)
    made = moments(rate_limiter, clock, pauses)
    rate, burst = RATE * share * scale, max(RATE * share * 0.8, 1)
    assert rate_limiter.limit(PUT) == pytest.approx(rate)
    assert rate_limiter.calls == {PUT: len(pauses)}
    for (first, begin), (last, end) in itertools.combinations(enumerate(made), 2):
        assert last - first + 1 <= rate * (end - begin) + burst + 1e-6


@given(
    pauses=st.lists(st.floats(0, 3), min_size=2, max_size=60),
    refused=st.sets(st.integers(0, 59)),
    share=st.sampled_from([0.5, SHARE]),
)
def test_refusals_never_make_the_limiter_faster(pauses: list[float], refused: set[int], share: float) -> None:
    clock = Clock()
    rate_limiter = paced(clock, share)
    made = []
    for number, pause in enumerate(pauses):
        made += moments(rate_limiter, clock, [pause])
        if number in refused:
            rate_limiter.slow_down(PUT)
    for (first, begin), (last, end) in itertools.combinations(enumerate(made), 2):
        assert last - first + 1 <= RATE * share * (end - begin) + RATE * share + 1e-6


def test_each_operation_has_its_own_rate() -> None:
    clock = Clock()
    rate_limiter = paced(clock, 1.0)
    for operation in (PUT, DESCRIBE, "DescribeLogGroups"):
        for _unused in range(4):
            rate_limiter.take(operation)
    assert clock.now < 1e-9
    assert (
        rate_limiter.limit("DescribeLogGroups"),
        rate_limiter.limit(PUT),
        rate_limiter.limit("PutAccountPolicy"),
    ) == (10, 5, 1)


def test_limiter_after_a_refusal_is_slower_without_a_burst_and_recovers() -> None:
    clock = Clock()
    rate_limiter = paced(clock, 1.0)
    moments(rate_limiter, clock, [0.0] * 20)
    assert rate_limiter.slow_down(PUT) == float("-inf")
    begun = clock.now
    soon = moments(rate_limiter, clock, [0.0] * 10)
    assert 5 * 0.7 * 0.99 <= 9 / (soon[-1] - soon[0]) <= 5 * 0.85
    assert soon[0] - begun >= 1 / (5 * 0.7) - 1e-9
    clock.now = begun + 20
    later = moments(rate_limiter, clock, [0.0] * 20)
    assert later[3] == pytest.approx(later[0])  # the burst is back, and the rate
    assert 16 / (later[19] - later[3]) == pytest.approx(5)
    assert rate_limiter.refused == {PUT: 1}


def test_limiter_calls_refused_together_slow_it_down_once() -> None:
    clock = Clock()
    together, once = paced(clock, 1.0), paced(clock, 1.0)
    for _unused in range(8):
        together.slow_down(PUT)
    once.slow_down(PUT)
    begun = clock.now
    slow = moments(together, clock, [0.0] * 10)
    clock.now = begun
    assert slow == moments(once, clock, [0.0] * 10)


def test_repeated_throttling_never_stops_the_calls() -> None:
    clock = Clock()
    rate_limiter = paced(clock)
    for _unused in range(50):
        clock.sleep(1.1)
        rate_limiter.slow_down(PUT)
    begun = clock.now
    rate_limiter.take(PUT)
    assert clock.now - begun <= 1 / (RATE * SHARE * 0.05) + 1e-9


def test_slow_down_returns_the_last_accepted_call() -> None:
    clock = Clock()
    rate_limiter = paced(clock)
    clock.now = 7.0
    rate_limiter.accepted(PUT)
    clock.now = 9.0
    assert rate_limiter.slow_down(PUT) == 7.0
    assert rate_limiter.slow_down(DESCRIBE) == float("-inf")


def test_threads_that_share_a_limiter_wait_for_different_times() -> None:
    waits: list[float] = []
    rate_limiter = RateLimiter(1.0, sleep=waits.append, clock=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rate_limiter.take, [PUT] * 400))
    waits = [wait for wait in waits if wait > 1e-9]
    assert sorted(waits) == pytest.approx([number / 5 for number in range(1, 397)])
    assert rate_limiter.calls == {PUT: 400}


class Aws:
    """Callers in simulated time against the buckets that the embedded AWS enforces."""

    def __init__(self, share: float = SHARE) -> None:
        self.now = 0.0
        self._waits: list[float] = []
        self.rate_limiter = RateLimiter(share, sleep=self._waits.append, clock=lambda: self.now)
        self._rates = Rates(lambda: self.now, scale=1)
        self.passed: list[float] = []

    def run(
        self,
        callers: int,
        seconds: float,
        latency: Callable[[], float],
        others: Iterable[float] = (),
        travel: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Run callers that always have work, and others that call at given times and do not retry.

        latency, travel   seconds until an answer, and until a call reaches AWS
        """
        ticks = itertools.count()
        events = [(0.0, next(ticks), "wants") for _unused in range(callers)]
        heapq.heapify(events)
        moments_of_others = iter(others)
        foreign = next(moments_of_others, float("inf"))
        while events[0][0] < seconds:
            self.now, _unused, what = heapq.heappop(events)
            while foreign <= self.now:
                self._rates.allow("1", "r", "logs", PUT)
                foreign = next(moments_of_others, float("inf"))
            after = latency()
            if what == "wants":
                self.rate_limiter.take(PUT)
                after = travel() + (self._waits.pop() if self._waits else 0.0)
            elif self._rates.allow("1", "r", "logs", PUT):
                self.rate_limiter.accepted(PUT)
                self.passed.append(self.now)
            else:
                self.rate_limiter.slow_down(PUT)
            heapq.heappush(events, (self.now + after, next(ticks), "calls" if what == "wants" else "wants"))


@pytest.mark.parametrize("latency", [0.02, 0.3, 1.0])
def test_eight_callers_use_95_percent_of_the_rate_without_refusals(latency: float) -> None:
    aws = Aws()
    aws.run(8, 600, lambda: latency)
    assert len(aws.passed) >= 0.95 * RATE * 600
    assert aws.rate_limiter.refused.total() == 0


@given(latency=st.lists(st.floats(0, 2), min_size=5, max_size=50))
def test_latency_that_varies_costs_next_to_nothing(latency: list[float]) -> None:
    aws = Aws()
    aws.run(16, 300, itertools.cycle(latency).__next__)
    assert len(aws.passed) >= 0.95 * RATE * 300
    assert aws.rate_limiter.refused.total() == 0


def test_slow_first_connection_causes_no_burst() -> None:
    aws = Aws()
    delays = itertools.chain([0.2] * 10, itertools.repeat(0.01))
    aws.run(10, 60, lambda: 0.05, travel=delays.__next__)
    assert aws.rate_limiter.refused.total() == 0
    assert len(aws.passed) >= 0.95 * RATE * 60


def test_limiter_lower_share_is_kept() -> None:
    aws = Aws(share=0.2)
    aws.run(8, 600, lambda: 0.05)
    assert 0.95 * RATE * 0.2 * 600 <= len(aws.passed) <= RATE * 0.2 * 600 + RATE


@pytest.mark.parametrize("taken", [0.3, 0.6, 0.9])
def test_limiter_uses_most_of_the_remaining_rate(taken: float) -> None:
    aws = Aws()
    aws.run(8, 600, lambda: 0.05, (number / (RATE * taken) for number in itertools.count()))
    assert len(aws.passed) >= 0.9 * RATE * (1 - taken) * 600


def test_when_the_other_writer_is_gone_the_rate_is_reached_again() -> None:
    aws = Aws()
    aws.run(8, 600, lambda: 0.05, [number / 4 for number in range(4 * 300)])
    assert len([moment for moment in aws.passed if moment > 330]) >= 0.95 * RATE * 270


def busy(server: LogsServer, clock: Clock, others: float) -> None:
    """Let the server refuse calls as AWS would if another caller described filters so often a second."""
    rates = Rates(clock, scale=1)
    theirs = itertools.count()
    due = [0.0]

    def spoil(operation: str, _unused: object) -> tuple[str, str] | None:
        while due[0] <= clock.now:
            rates.allow("1", "r", "logs", DESCRIBE)
            due[0] = next(theirs) / others
        if rates.allow("1", "r", "logs", operation):
            return None
        return ("ThrottlingException", "Rate exceeded")

    server.spoil = spoil


def api(server: LogsServer, clock: Clock, seconds: float) -> LogsApi:
    retry_policy = RetryPolicy(seconds=seconds, sleep=clock.sleep, clock=clock)
    return LogsApi(server.client, lambda: "222222222222/eu-west-1", retry_policy)


def test_throttled_call_waits_and_succeeds() -> None:
    server, clock = LogsServer("/x"), Clock()
    busy(server, clock, others=3)
    calls = api(server, clock, seconds=60)
    for _unused in range(400):
        assert calls.filters("/x") == []
    assert calls.rate_limiter.refused[DESCRIBE] > 0
    assert 400 / clock.now >= 0.7 * 2


def test_wait_ends_only_if_no_call_succeeds() -> None:
    server, clock = LogsServer("/x"), Clock()
    server.spoil = lambda _operation, _request: ("ThrottlingException", "Rate exceeded")
    with pytest.raises(_errors.ThrottledError, match="Others use up the rate"):
        api(server, clock, seconds=60).filters("/x")
    assert 60 <= clock.now <= 70


def test_seconds_for_is_the_time_of_the_slowest_operation() -> None:
    assert seconds_for({}) == 0
    assert seconds_for({PUT: 5000, "TagResource": 5000, "DescribeLogGroups": 100}, 1.0) == 1000
    assert seconds_for({"PutAccountPolicy": 3, PUT: 5}, 0.5) == 6


@pytest.mark.parametrize(("region", "rate"), [("us-east-1", 25), ("eu-central-1", 5), ("eu-west-1", 10), ("", 10)])
def test_rates_are_those_of_the_region(region: str, rate: float) -> None:
    limiter = RateLimiter(1.0, region=region)
    assert (limiter.limit("FilterLogEvents"), limiter.limit("ListTagsForResource"), limiter.limit(PUT)) == (rate, 30, 5)
