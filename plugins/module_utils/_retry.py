# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries of transient errors, within a stated limit. Imports no Ansible: the subscriber Lambda contains this file."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ._errors import THROTTLING_CODES, ReflectorError

with contextlib.suppress(ImportError):  # the host says what to install
    from botocore.exceptions import ClientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries with exponential backoff and jitter, for `seconds` in all.

    The clock is a field so that tests need not wait.
    """

    seconds: float = 60.0
    first_delay: float = 0.5
    longest_delay: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    def wait_out(self, call: Callable[[], T], is_transient: Callable[[ReflectorError], bool]) -> T:
        """Return the answer of `call`, which is retried while it raises a transient error; then raise that error."""
        end = self.clock() + self.seconds
        delay = self.first_delay
        while True:
            try:
                return call()
            except ReflectorError as error:
                pause = random.uniform(delay / 2, delay)  # noqa: S311 - jitter, not a secret
                if not is_transient(error) or self.clock() + pause > end:
                    raise
                self.sleep(pause)
                delay = min(delay * 2, self.longest_delay)


def stop_at_limits(client: Any, *, retry_throttling: bool = True) -> Any:
    """Return the boto3 client, which no longer retries full quotas: botocore takes LimitExceeded for throttling.

    retry_throttling  False: throttling is raised at once as well, for callers with a rate limiter of their own
    """
    codes = _LIMITS if retry_throttling else (*_LIMITS, *THROTTLING_CODES)
    client.meta.events.register_first("needs-retry", partial(_raise_final, codes))
    return client


_LIMITS = ("LimitExceeded", "LimitExceededException")


def _raise_final(codes: Collection[str], response: Any, operation: Any, **_unused: Any) -> None:
    """Raise the errors that must not be retried. No return value of a "needs-retry" handler means "do not retry"."""
    if response is not None and response[1].get("Error", {}).get("Code") in codes:
        raise ClientError(response[1], operation.name)
