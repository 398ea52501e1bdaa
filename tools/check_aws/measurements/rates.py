# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements of AWS's request rates. They use the rates of the whole account and region for some seconds."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._errors import THROTTLING_CODES
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import rate_of
from botocore import xform_name
from botocore.exceptions import ClientError

from ..lab import TAG_KEY, Lab
from ..removal import POLICY_TYPE
from ..results import Finding, Measurement, judge_rate

FASTER = 3
"""The calls are made so many times faster than the assumed rate."""
_THREADS = 10
_REQUESTS: dict[str, dict[str, Any]] = {
    "DescribeSubscriptionFilters": {"logGroupName": "{group}"},
    "ListTagsForResource": {"resourceArn": "{arn}"},
    "FilterLogEvents": {"logGroupName": "{group}"},
    "ListLogGroups": {"logGroupTags": [{"key": TAG_KEY}]},
    "DescribeAccountPolicies": {"policyType": POLICY_TYPE},
}


def _rate(operation: str) -> Measurement:
    documented = operation not in ("ListLogGroups", "DescribeAccountPolicies")
    assumption = f"AWS allows at least {rate_of(operation):g} {operation} a second"
    where = " (5 to 25, by region)" if operation == "FilterLogEvents" else ""
    assumption += f"{where}." if documented else " (AWS documents no figure)."
    return Measurement(f"rate-{operation}", assumption, partial(_measure, operation=operation))


def _measure(lab: Lab, operation: str) -> Finding:
    """Make calls faster than the rate until AWS throttles one."""
    group = lab.shared("rates", partial(lab.log_group, "rates"))
    values = {"{group}": group, "{arn}": lab.log_group_arn(group)}
    request = {
        key: values.get(value, value) if isinstance(value, str) else value
        for key, value in _REQUESTS[operation].items()
    }
    logs = lab.target.client("logs", retry_throttling=False, max_pool_connections=_THREADS)
    rate = rate_of(operation, lab.target.region)
    calls = Calls(partial(getattr(logs, xform_name(operation)), **request), rate * FASTER, lab.limits.rate_seconds)
    calls.run()
    return judge_rate(operation, rate, calls.accepted, calls.seconds, throttled=calls.is_throttled)


class Calls:
    """Makes calls at a rate, in several threads, until one is throttled or the time is over.

    accepted       the calls that AWS accepted; those that were under way when it throttled one count
    is_throttled   whether it throttled one
    seconds        from the start of the first call to the start of the last accepted one
    """

    def __init__(self, call: Any, rate: float, seconds: float) -> None:
        self.accepted, self.is_throttled, self.seconds = 0, False, 0.0
        self._call, self._rate, self._seconds = call, rate, seconds
        self._most, self._next = int(rate * seconds), 0
        self._began = self._deadline = 0.0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Make the calls. Raises the first other error."""
        self._began = time.monotonic()
        self._deadline = self._began + self._seconds
        with ThreadPoolExecutor(_THREADS) as pool:
            for future in [pool.submit(self._work) for _unused in range(_THREADS)]:
                future.result()

    def _work(self) -> None:
        while (number := self._take()) is not None:
            time.sleep(max(self._began + number / self._rate - time.monotonic(), 0))
            if self.is_throttled:
                return
            started = time.monotonic() - self._began
            try:
                self._call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in THROTTLING_CODES:
                    raise
                with self._lock:
                    self.is_throttled = True
            else:
                with self._lock:
                    self.accepted += 1
                    self.seconds = max(self.seconds, started)

    def _take(self) -> int | None:
        """Return the number of the next call, None if there is none."""
        with self._lock:
            if self.is_throttled or self._next >= self._most or time.monotonic() > self._deadline:
                return None
            self._next += 1
            return self._next - 1


MEASUREMENTS = tuple(map(_rate, _REQUESTS))
