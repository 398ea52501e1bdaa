# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pace of the calls: one token bucket for each API, a little below what AWS allows, slower while others use the rate."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

RATES: Mapping[str, float] = {
    "DescribeLogGroups": 10.0,
    "DescribeSubscriptionFilters": 5.0,
    "PutSubscriptionFilter": 5.0,
    "DeleteSubscriptionFilter": 5.0,
    "ListTagsForResource": 5.0,
    "PutRetentionPolicy": 5.0,
    "FilterLogEvents": 5.0,
    "ListLogGroups": 5.0,
    "TagResource": 5.0,
    "UntagResource": 5.0,
}
"""Calls a second in an account and region, shared with everyone there (CloudWatch Logs User Guide, "CloudWatch Logs quotas").
The page names no rate for the last three and for account policies: they are taken to be like their neighbours'."""

_OTHERS = 1.0
SHARE = 0.97
"""Of AWS's rate: what is left keeps our bucket from outrunning AWS's by the drift of two clocks."""

_BURST = 0.8  # seconds' worth; AWS's bucket holds one: the first calls may come as much later than others as connecting takes
_CUT = 0.7  # of the rate, when AWS refuses a call
_SLOWEST = 0.05  # of the rate
_RECOVERY = 20.0  # seconds from nothing to the full rate


@dataclass(slots=True)
class _Bucket:
    """`due` is when the bucket would be full again (the "theoretical arrival time" of the generic cell rate algorithm)."""

    limit: float
    due: float
    after_cut: float
    cut: float = float("-inf")
    passed: float = float("-inf")


class RateLimiter:
    """Waits before each call. Safe to share between threads, and of use only if all callers of a target share it.

    share   of AWS's documented rates, above 0
    scale   for tests and benches: rates and the clock's seconds, all as many times faster
    calls, refused   how often each operation was called, and refused for its rate
    """

    def __init__(
        self,
        share: float = SHARE,
        *,
        scale: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._scale, self._sleep, self._clock = share, scale, sleep, clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def limit(self, operation: str) -> float:
        """Calls a second that this pace goes up to."""
        return RATES.get(operation, _OTHERS) * self._share * self._scale

    def take(self, operation: str) -> None:
        """Returns when the call may be made: a burst of nearly a second's worth passes at once, and then the rate."""
        with self._lock:
            bucket = self._bucket(operation)
            now = self._clock()
            rate = self._rate(bucket, now)
            at = max(now, bucket.due - (self._burst(bucket, now) - 1) / rate)
            bucket.due = max(bucket.due, at) + 1 / rate
            self.calls[operation] += 1
        if at > now:
            self._sleep(at - now)

    def accepted(self, operation: str) -> None:
        """The call got through."""
        with self._lock:
            self._bucket(operation).passed = self._clock()

    def slow_down(self, operation: str) -> float:
        """AWS refused the call for its rate. Answers with the time of the last one that got through, -inf if none did."""
        with self._lock:
            self.refused[operation] += 1
            bucket = self._bucket(operation)
            now = self._clock()
            if now - bucket.cut >= 1 / self._scale:  # one cut for all calls that were under way together
                bucket.after_cut = max(self._rate(bucket, now) * _CUT, bucket.limit * _SLOWEST)
                bucket.cut = now
            bucket.due = max(bucket.due, now + 1 / bucket.after_cut)
            return bucket.passed

    def _bucket(self, operation: str) -> _Bucket:
        if operation not in self._buckets:
            limit = self.limit(operation)
            self._buckets[operation] = _Bucket(limit, self._clock(), limit)
        return self._buckets[operation]

    def _rate(self, bucket: _Bucket, now: float) -> float:
        """What the last cut left, and what has come back since."""
        return min(bucket.limit, bucket.after_cut + bucket.limit * self._scale * max(now - bucket.cut, 0) / _RECOVERY)

    def _burst(self, bucket: _Bucket, now: float) -> float:
        """None soon after a cut: whoever else uses the rate has emptied AWS's bucket."""
        settled = now - bucket.cut >= _RECOVERY / self._scale
        return max(bucket.limit / self._scale * _BURST, 1.0) if settled else 1.0


def seconds_for(calls: Mapping[str, int], share: float = SHARE) -> float:
    """How long so many calls take at the pace, the slowest operation's worth: they go on side by side."""
    return max((count / (RATES.get(name, _OTHERS) * share) for name, count in calls.items()), default=0.0)
