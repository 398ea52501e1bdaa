# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber as a program of killable_child.py. A job is an event, the time in ms since 1970, and the groups of a slice."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any


def prepare() -> Callable[[dict[str, Any]], Any]:
    """Import the handler, and return the function that calls it."""
    from handler import handler  # noqa: PLC0415  (PYTHONPATH has the package)
    from logreflector._subscriptions.rate_limiter import RateLimiter  # noqa: PLC0415
    from subscriber import sweeps, worker  # noqa: PLC0415
    from subscriber_support import Context  # noqa: PLC0415

    worker.RateLimiter = partial(RateLimiter, scale=1e6)
    for service in ("logs", "lambda", "sqs", "ssm"):
        worker.aws_client(service)

    def run(job: dict[str, Any]) -> Any:
        time.time_ns = lambda: job["now"] * 1_000_000
        left = iter(range(job["slice"]))
        # A slice ends after a number of groups, and not after seconds, which would depend on the machine.
        sweeps.Sweeps._timer = lambda _self, _deadline: lambda: next(left, None) is None
        return handler(job["event"], Context())

    return run
