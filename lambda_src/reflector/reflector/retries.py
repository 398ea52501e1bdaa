# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits for retries: how long the function retries a sink, and when it stops trying.

An invocation that waits for a sink occupies one of the account's concurrent executions (1,000 by default, "Lambda quotas"), which
all functions of the account share. So the time for retries is limited, and a sink that is down is skipped for a while. The
dead-letter queue keeps the events.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

RETRY_SECONDS = 25.0
"""Seconds that failed attempts and pauses may take, together, for one sink in one invocation."""

ATTEMPT_SECONDS = 20.0
"""The longest wait for one answer. It leaves time for one retry of a request that got no answer."""

LAST_ATTEMPT_SECONDS = 5.0
"""The wait for an answer when the time for retries is used up: every chunk gets one attempt."""

FAILED_CHUNKS = 3
"""After this many different chunks in a row the sink is down, or refuses the function: nothing more is sent."""

FAILED_INVOCATIONS = 3
"""After this many invocations in a row that delivered nothing, a process pauses deliveries to the sink."""

PAUSE_SECONDS = (30.0, 60.0)
"""Bounds of the pause. It is random, so that the processes do not return at the same moment."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): 0 to a doubling, capped bound, in seconds."""

    base: float = 0.5
    cap: float = 20.0

    def seconds(self, attempt: int) -> float:
        """Return how long to wait after that attempt; the first is 1."""
        return random.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, 30)))  # noqa: S311


@dataclass(slots=True)
class RetryBudget:
    """The limits of one sink in one invocation: seconds of failed attempts and pauses, and one renewal of its secrets."""

    seconds: float = RETRY_SECONDS
    may_renew: bool = True


@dataclass(slots=True)
class ChunkBudget:
    """One chunk's share of the budget: half of what is left. So a chunk that always fails leaves time for the others."""

    whole: RetryBudget
    seconds: float

    @classmethod
    def of(cls, whole: RetryBudget) -> "ChunkBudget":
        """Return the share of the next chunk."""
        return cls(whole, whole.seconds / 2)

    def spend(self, seconds: float) -> None:
        """Count the seconds of a failed attempt or of a pause."""
        self.seconds -= seconds
        self.whole.seconds -= seconds

    def may_wait(self, seconds: float, attempts: int) -> bool:
        """Return whether there is time for a pause. The first one may exceed the share, which a time-out may have used up."""
        return seconds < (self.whole.seconds if attempts == 1 else self.seconds)

    @property
    def timeout(self) -> float:
        """The longest wait for the answer to the next attempt."""
        return min(ATTEMPT_SECONDS, max(self.whole.seconds, LAST_ATTEMPT_SECONDS))


class Breaker:
    """A circuit breaker, which decides whether to skip a sink. It outlives the invocation: one for each sink in a process.

    After `FAILED_INVOCATIONS` failed invocations the sink is skipped for a random time within `PAUSE_SECONDS`. Then the next
    invocation makes one attempt: if it fails the sink is skipped again, otherwise deliveries continue.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        # The wall clock, because the monotonic clock may stop while Lambda is frozen.
        self._clock = clock
        self._failures = 0
        self._resume_at = 0.0
        self._reason = ""

    @property
    def pause_reason(self) -> str:
        """The reason for skipping the sink now; empty if it is not skipped."""
        left = self._resume_at - self._clock()
        # A clock that was set back must not prolong the pause.
        return f"{self._reason}, and deliveries to it pause" if 0 < left <= PAUSE_SECONDS[1] else ""

    @property
    def is_probe(self) -> bool:
        """Whether the next attempt shall find out if the sink is back."""
        return self._failures >= FAILED_INVOCATIONS

    def succeed(self) -> None:
        """Note that the sink answered."""
        self._failures = 0
        self._resume_at = 0.0

    def fail(self, reason: str) -> None:
        """Note that an invocation could deliver nothing."""
        self._failures += 1
        self._reason = reason
        if self.is_probe:
            self._resume_at = self._clock() + random.uniform(*PAUSE_SECONDS)  # noqa: S311
