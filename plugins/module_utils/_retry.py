# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting out what passes by itself, within a stated limit. Imports no Ansible: the subscriber Lambda carries this file."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._errors import ReflectorError

with contextlib.suppress(ImportError):  # the host says what to install
    from botocore.exceptions import ClientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to try again: exponential backoff with jitter, `seconds` in all.

    The clock is a field so that tests pass without waiting.
    """

    seconds: float = 60.0
    first_delay: float = 0.5
    longest_delay: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    def wait_out(self, call: Callable[[], T], passes: Callable[[ReflectorError], bool]) -> T:
        """Answer of `call`, tried again while it raises an error that `passes` says will pass; then that error."""
        end = self.clock() + self.seconds
        delay = self.first_delay
        while True:
            try:
                return call()
            except ReflectorError as error:
                pause = random.uniform(delay / 2, delay)  # noqa: S311 - jitter, not a secret
                if not passes(error) or self.clock() + pause > end:
                    raise
                self.sleep(pause)
                delay = min(delay * 2, self.longest_delay)


_throttling_is_ours: ContextVar[bool] = ContextVar("throttling_is_ours", default=False)


@contextlib.contextmanager
def throttling_is_ours() -> Iterator[None]:
    """Within this, a client of `stop_at_limits` hands throttling to its caller, who has a pace of his own for it."""
    token = _throttling_is_ours.set(True)
    try:
        yield
    finally:
        _throttling_is_ours.reset(token)


def stop_at_limits(client: Any) -> Any:
    """The boto3 client, which no longer tries again what will stay full: botocore takes LimitExceeded for throttling."""
    client.meta.events.register_first("needs-retry", _final_answers)
    return client


_LIMITS = ("LimitExceeded", "LimitExceededException")
_THROTTLING = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
)


def _final_answers(response: Any, operation: Any, **_unused: Any) -> None:
    """botocore asks its handlers whether to try again, the first answer counts, and none of the answers means "no": an
    exception does."""
    if response is None:
        return
    code = response[1].get("Error", {}).get("Code")
    if code in _LIMITS or (code in _THROTTLING and _throttling_is_ours.get()):
        raise ClientError(response[1], operation.name)
