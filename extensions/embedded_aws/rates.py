# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's request rates as token buckets, one for each account and region."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Requests a second. CloudWatch Logs: "CloudWatch Logs quotas", and of FilterLogEvents the knowledge center's "How do I
# identify throttling in my CloudWatch logs?". Lambda: "Lambda quotas", where GetFunction and GetPolicy
# have buckets of their own and every other control plane call shares one.
DOCUMENTED = {
    ("logs", "CreateLogGroup"): 10.0,
    ("logs", "DeleteSubscriptionFilter"): 5.0,
    ("logs", "DescribeLogGroups"): 10.0,
    ("logs", "DescribeSubscriptionFilters"): 5.0,
    ("logs", "FilterLogEvents"): 10.0,
    ("logs", "ListTagsForResource"): 30.0,
    ("logs", "ListTagsLogGroup"): 5.0,
    ("logs", "PutDestination"): 5.0,
    ("logs", "PutDestinationPolicy"): 5.0,
    ("logs", "PutRetentionPolicy"): 5.0,
    ("logs", "PutSubscriptionFilter"): 5.0,
    ("observabilityadmin", "CreateCentralizationRuleForOrganization"): 5.0,
    ("observabilityadmin", "DeleteCentralizationRuleForOrganization"): 5.0,
    ("observabilityadmin", "GetCentralizationRuleForOrganization"): 5.0,
    ("observabilityadmin", "ListCentralizationRulesForOrganization"): 5.0,
    ("observabilityadmin", "UpdateCentralizationRuleForOrganization"): 5.0,
    ("lambda", "GetFunction"): 100.0,
    ("lambda", "GetPolicy"): 15.0,
    ("lambda", "*"): 15.0,
}
# AWS documents no rate for these. The rates of similar operations are assumed, and the slowest for account policies.
ASSUMED = {
    ("logs", "DeleteAccountPolicy"): 1.0,
    ("logs", "DescribeAccountPolicies"): 1.0,
    ("logs", "ListLogGroups"): 5.0,
    ("logs", "PutAccountPolicy"): 1.0,
    ("logs", "TagLogGroup"): 5.0,
    ("logs", "TagResource"): 5.0,
    ("logs", "UntagLogGroup"): 5.0,
    ("logs", "UntagResource"): 5.0,
}
_RATES = DOCUMENTED | ASSUMED
_UNLIMITED = frozenset({("lambda", "Invoke"), ("lambda", "InvokeAsync"), ("lambda", "InvokeWithResponseStream")})


@dataclass(slots=True)
class _Bucket:
    """A token bucket that holds one second's worth of tokens."""

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
    """Limit requests. A scale of 2 doubles the rates but not the bursts; None disables the limits."""

    clock: Callable[[], float] = time.monotonic
    scale: float | None = None
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, scale: float | None) -> None:
        """Set the scale and refill every bucket. Raises ValueError unless the scale is above 0."""
        if scale is not None and not scale > 0:
            raise ValueError(f"The scale must be above 0, not {scale}.")
        with self._lock:
            self.scale = scale
            self._buckets.clear()

    def allow(self, account: str, region: str, service: str, operation: str) -> bool:
        """Take a token; return whether there was one."""
        if self.scale is None or (service, operation) in _UNLIMITED:
            return True
        name = operation if (service, operation) in _RATES else "*"
        rate = _RATES.get((service, name))
        if rate is None:
            return True
        with self._lock:
            now = self.clock() * self.scale
            new = _Bucket(rate, max(rate, 1.0), now)
            return self._buckets.setdefault((account, region, service, name), new).take(now)
