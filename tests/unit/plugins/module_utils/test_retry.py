# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RetryPolicy, with a clock of the test."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AwsError, ConflictError, ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def retry_policy(self, seconds: float, **delays: float) -> RetryPolicy:
        return RetryPolicy(seconds=seconds, sleep=self.sleep, clock=lambda: self.now, **delays)


def conflict(error: ReflectorError) -> bool:
    return isinstance(error, ConflictError)


class Flaky:
    """Fails `times` times, then answers."""

    def __init__(self, times: int, error: ReflectorError | None = None) -> None:
        self.calls, self._times = 0, times
        self._error = error or ConflictError("write it", "somebody else does")

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return "done"


def test_wait_out_success_calls_once_without_pause() -> None:
    clock, call = Clock(), Flaky(0)
    assert clock.retry_policy(60).wait_out(call, conflict) == "done"
    assert (call.calls, clock.pauses) == (1, [])


def test_wait_out_transient_error_is_retried() -> None:
    clock, call = Clock(), Flaky(4)
    assert clock.retry_policy(60).wait_out(call, conflict) == "done"
    assert (call.calls, len(clock.pauses)) == (5, 4)


def test_wait_out_permanent_error_is_raised_at_once() -> None:
    clock, call = Clock(), Flaky(1, AwsError("write it", "it is wrong"))
    with pytest.raises(AwsError):
        clock.retry_policy(60).wait_out(call, conflict)
    assert (call.calls, clock.pauses) == (1, [])


def test_wait_out_permanent_error_after_transient_one_is_raised() -> None:
    clock = Clock()
    answers = iter([ConflictError("a", "b"), AwsError("c", "d")])

    def call() -> str:
        raise next(answers)

    with pytest.raises(AwsError):
        clock.retry_policy(60).wait_out(call, conflict)


def test_wait_out_unexpected_exception_is_raised() -> None:
    def call() -> str:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        Clock().retry_policy(60).wait_out(call, lambda _unused: True)


def test_no_time_means_one_try() -> None:
    clock, call = Clock(), Flaky(1)
    with pytest.raises(ConflictError):
        clock.retry_policy(0).wait_out(call, conflict)
    assert (call.calls, clock.pauses) == (1, [])


@given(
    seconds=st.floats(0, 600),
    first=st.floats(0.01, 5),
    longest=st.floats(5, 30),
)
def test_retry_uses_its_whole_time_limit_and_no_more(seconds: float, first: float, longest: float) -> None:
    clock, call = Clock(), Flaky(10**9)
    with pytest.raises(ConflictError):
        clock.retry_policy(seconds, first_delay=first, longest_delay=longest).wait_out(call, conflict)
    assert sum(clock.pauses) <= seconds + 1e-6
    assert sum(clock.pauses) + longest >= seconds - 1e-6
    assert all(0 < pause <= longest for pause in clock.pauses)


def test_pauses_grow_and_differ_between_two_that_wait_for_each_other() -> None:
    one, other = Clock(), Clock()
    for clock in (one, other):
        with pytest.raises(ConflictError):
            clock.retry_policy(60).wait_out(Flaky(10**9), conflict)
    assert one.pauses[0] < one.pauses[3]
    assert one.pauses != other.pauses
