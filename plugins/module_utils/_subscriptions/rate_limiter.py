# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limiter: a token bucket for each API call, a little below AWS's rate, slower while others use that rate."""

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
    "ListTagsForResource": 30.0,
    "PutRetentionPolicy": 5.0,
    "DeleteLogGroup": 5.0,
    "FilterLogEvents": 10.0,
    "ListLogGroups": 5.0,
    "TagResource": 5.0,
    "UntagResource": 5.0,
    "GetMetricData": 50.0,
    "GetMetricStatistics": 400.0,
}
"""Calls a second for all callers in an account and region (CloudWatch Logs User Guide, "CloudWatch Logs quotas";
of metrics CloudWatch User Guide, "CloudWatch service quotas").
The page names no rate for ListLogGroups, DeleteLogGroup and account policies: they are assumed to be like similar calls."""

_FILTER_LOG_EVENTS = {
    "us-east-1": 25.0,
    **dict.fromkeys(
        ("ap-northeast-3", "ap-southeast-3", "ca-west-1", "eu-central-1", "il-central-1"),
        5.0,
    ),
}
"""The same page: FilterLogEvents has other rates in some regions."""

_OTHERS = 1.0
SHARE = 0.97
"""Share of AWS's rate to use. The rest makes up for the drift between AWS's clock and the local one."""

_BURST = 0.8  # in seconds of calls; AWS's bucket holds one second, and connecting delays the first calls
_CUT = 0.7  # factor of the rate when AWS refuses a call
_SLOWEST = 0.05  # share of the rate
_RECOVERY = 20.0  # seconds from nothing to the full rate


@dataclass(slots=True)
class _Bucket:
    """The state of one call. `due` is the "theoretical arrival time" of the generic cell rate algorithm."""

    limit: float
    due: float
    after_cut: float
    cut: float = float("-inf")
    accepted: float = float("-inf")


class RateLimiter:
    """Waits before each call. Safe to share between threads; all callers of a target must share one.

    share   of AWS's documented rates, above 0
    region  of the calls
    scale   for tests and benches: how many times faster rates and clock are
    calls, refused   number of calls, and of throttled calls, by operation
    """

    def __init__(
        self,
        share: float = SHARE,
        *,
        region: str = "",
        scale: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._region, self._scale, self._sleep, self._clock = share, region, scale, sleep, clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def limit(self, operation: str) -> float:
        """Return the highest rate of the operation, in calls a second."""
        return rate_of(operation, self._region) * self._share * self._scale

    def take(self, operation: str) -> None:
        """Wait until the call may be made: a burst of nearly a second of calls passes at once, then the rate holds."""
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
        """Note that AWS accepted the call."""
        with self._lock:
            self._bucket(operation).accepted = self._clock()

    def slow_down(self, operation: str) -> float:
        """Note that AWS throttled the call. Return the time of the last accepted call, -inf if there was none."""
        with self._lock:
            self.refused[operation] += 1
            bucket = self._bucket(operation)
            now = self._clock()
            if now - bucket.cut >= 1 / self._scale:  # one cut for all concurrent calls
                bucket.after_cut = max(self._rate(bucket, now) * _CUT, bucket.limit * _SLOWEST)
                bucket.cut = now
            bucket.due = max(bucket.due, now + 1 / bucket.after_cut)
            return bucket.accepted

    def _bucket(self, operation: str) -> _Bucket:
        if operation not in self._buckets:
            limit = self.limit(operation)
            self._buckets[operation] = _Bucket(limit, self._clock(), limit)
        return self._buckets[operation]

    def _rate(self, bucket: _Bucket, now: float) -> float:
        """Return the rate after the last cut and the recovery since."""
        return min(bucket.limit, bucket.after_cut + bucket.limit * self._scale * max(now - bucket.cut, 0) / _RECOVERY)

    def _burst(self, bucket: _Bucket, now: float) -> float:
        """Return the burst. There is none soon after a cut, because other callers have emptied AWS's bucket."""
        has_recovered = now - bucket.cut >= _RECOVERY / self._scale
        return max(bucket.limit / self._scale * _BURST, 1.0) if has_recovered else 1.0


def rate_of(operation: str, region: str = "") -> float:
    """Return AWS's rate of the operation, in calls a second."""
    rate = RATES.get(operation, _OTHERS)
    return _FILTER_LOG_EVENTS.get(region, rate) if operation == "FilterLogEvents" else rate


def seconds_for(calls: Mapping[str, int], share: float = SHARE) -> float:
    """Return how long these calls take, that is, those of the slowest operation: operations run concurrently."""
    return max((count / (rate_of(name) * share) for name, count in calls.items()), default=0.0)
