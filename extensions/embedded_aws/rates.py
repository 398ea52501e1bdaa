"""AWS's documented request rates as token buckets, one for each account and region."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Requests a second. CloudWatch Logs: "CloudWatch Logs quotas". Lambda: "Lambda quotas", where GetFunction and GetPolicy
# have buckets of their own and every other control plane call shares one.
DOCUMENTED = {
    ("logs", "CreateLogGroup"): 10.0,
    ("logs", "DeleteSubscriptionFilter"): 5.0,
    ("logs", "DescribeLogGroups"): 10.0,
    ("logs", "DescribeSubscriptionFilters"): 5.0,
    ("logs", "ListTagsForResource"): 5.0,
    ("logs", "ListTagsLogGroup"): 5.0,
    ("logs", "PutDestination"): 5.0,
    ("logs", "PutDestinationPolicy"): 5.0,
    ("logs", "PutRetentionPolicy"): 5.0,
    ("logs", "PutSubscriptionFilter"): 5.0,
    ("lambda", "GetFunction"): 100.0,
    ("lambda", "GetPolicy"): 15.0,
    ("lambda", "*"): 15.0,
}
_UNLIMITED = frozenset({("lambda", "Invoke"), ("lambda", "InvokeAsync"), ("lambda", "InvokeWithResponseStream")})


@dataclass(slots=True)
class _Bucket:
    """Holds one second's worth: a burst of a full bucket passes, and then the rate."""

    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        self.tokens = min(max(self.rate, 1.0), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Rates:
    """Off while the scale is None; a scale of 2 allows twice the documented rates."""

    clock: Callable[[], float] = time.monotonic
    scale: float | None = None
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, scale: float | None) -> None:
        """Full buckets to begin with. Raises ValueError for a scale that lets nothing through."""
        if scale is not None and not scale > 0:
            raise ValueError(f"The scale must be above 0, not {scale}.")
        with self._lock:
            self.scale = scale
            self._buckets.clear()

    def allow(self, account: str, region: str, service: str, operation: str) -> bool:
        """Takes a token, where there is one."""
        if self.scale is None or (service, operation) in _UNLIMITED:
            return True
        name = operation if (service, operation) in DOCUMENTED else "*"
        rate = DOCUMENTED.get((service, name))
        if rate is None:
            return True
        with self._lock:
            rate *= self.scale
            now = self.clock()
            new = _Bucket(rate, max(rate, 1.0), now)
            return self._buckets.setdefault((account, region, service, name), new).take(now)
