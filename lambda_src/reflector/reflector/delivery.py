# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery of batches to one sink: chunk by chunk, with retries while they may help and the invocation has time.

An accepted event is never sent again. An undelivered event is handed back with the reason.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .records import subset
from .sinks import Batch, Chunk, Outcome, Refusal, Sink

ATTEMPT_SECONDS = 30.0
"""The longest wait for one answer. Sumo Logic aborts a request after 30 s."""

MIN_ATTEMPT_SECONDS = 0.2
"""With less time than this no attempt begins: nobody would wait for its answer."""

TIME_IS_OVER = "the invocation's time was over"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): 0 to a doubling, capped bound, in seconds."""

    base: float = 0.5
    cap: float = 20.0

    def seconds(self, attempt: int) -> float:
        """Return how long to wait after that attempt; the first is 1."""
        return random.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, 30)))  # noqa: S311


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Events that a sink did not accept, with the reason and the number of attempts."""

    batch: Batch
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class _Retry:
    """Events to cut into new chunks and send again, after that many attempts."""

    batch: Batch
    attempts: int


@dataclass(slots=True)
class Sent:
    """Counts of what one sink received in an invocation."""

    events: int = 0
    requests: int = 0
    retries: int = 0


class Delivery:
    """The delivery to one sink in one invocation."""

    def __init__(self, sink: Sink[Any], seconds_left: Callable[[], float], backoff: Backoff = Backoff()) -> None:
        self.sent = Sent()
        self._sink = sink
        self._seconds_left = seconds_left
        self._backoff = backoff
        self._renewed = False
        self._closed: str | None = None  # the reason why nothing more is sent

    def deliver(self, batch: Batch) -> Iterator[Undelivered]:
        """Send the events. Yield the undelivered ones, each exactly once."""
        # A stack instead of recursion: a sink may accept a little of a chunk at a time, as long as there is time.
        stack = [self._send_batch(_Retry(batch, 0))]
        while stack:
            for left in stack[-1]:
                if isinstance(left, _Retry):
                    stack.append(self._send_batch(left))
                    break
                yield left
            else:
                stack.pop()

    def _send_batch(self, retry: _Retry) -> Iterator[Undelivered | _Retry]:
        """Send the events in the sink's chunks. Yield what is left of a chunk before the next chunk is sent."""
        batch, attempts = retry.batch, retry.attempts
        done: set[int] = set()
        try:
            for chunk in () if self._closed else self._sink.chunks(batch):
                done.update(chunk.positions)
                if isinstance(chunk, Refusal):
                    yield Undelivered(subset(batch, chunk.positions), chunk.reason, attempts)
                    continue
                yield from self._send_chunk(batch, chunk, attempts)
                if self._closed:
                    break
        except Exception as error:  # noqa: BLE001
            self._closed = _describe_bug(error)
        if len(done) < len(batch.events):
            remainder = [position for position in range(len(batch.events)) if position not in done]
            reason = self._closed or "the sink's code left it out"
            yield Undelivered(subset(batch, remainder), reason, attempts)

    def _send_chunk(self, batch: Batch, chunk: Chunk[Any], attempts: int) -> Iterator[Undelivered | _Retry]:
        reason = self._closed or TIME_IS_OVER
        while not self._closed:
            if (left := self._seconds_left()) < MIN_ATTEMPT_SECONDS:
                # The other chunks are handed back in one piece: chunk by chunk they would be as many dead letters.
                self._closed = TIME_IS_OVER
                break
            outcome = self._attempt(chunk, min(left, ATTEMPT_SECONDS), attempts)
            attempts += 1
            reason = outcome.reason
            if outcome.verdict == "accepted":
                self.sent.events += len(chunk.positions)
                return
            if outcome.verdict == "partial":
                yield from self._split_partial(batch, chunk, attempts, outcome)
                return
            if outcome.verdict == "too_large" and len(chunk.positions) > 1:
                middle = len(chunk.positions) // 2
                yield _Retry(subset(batch, chunk.positions[:middle]), attempts)
                yield _Retry(subset(batch, chunk.positions[middle:]), attempts)
                return
            if outcome.verdict == "unauthorized":
                if not self._renewed and self._sink.renew():
                    self._renewed = True
                    continue
                self._closed = reason  # the next chunk would be refused as well
            if outcome.verdict != "retry" or not self._wait(outcome, attempts):
                break
        yield Undelivered(subset(batch, chunk.positions), reason, attempts)

    def _attempt(self, chunk: Chunk[Any], timeout: float, attempts: int) -> Outcome:
        self.sent.requests += 1
        self.sent.retries += attempts > 0
        try:
            return self._sink.send(chunk, timeout)
        except Exception as error:  # noqa: BLE001
            return Outcome("refused", _describe_bug(error))

    def _wait(self, outcome: Outcome, attempts: int) -> bool:
        """Wait before the next attempt. Return False, without waiting, if there is no time for it."""
        wait = max(outcome.retry_after, self._backoff.seconds(attempts))
        if wait > self._seconds_left() - MIN_ATTEMPT_SECONDS:
            # The other chunks would get the same answer, with less time.
            self._closed = f"{outcome.reason or 'the sink was not ready'}, and {TIME_IS_OVER}"
            return False
        time.sleep(wait)
        return True

    def _split_partial(
        self, batch: Batch, chunk: Chunk[Any], attempts: int, outcome: Outcome
    ) -> Iterator[Undelivered | _Retry]:
        """Count the accepted events of a chunk. Yield its refused events, and those to send again."""
        self.sent.events += len(chunk.positions) - len(outcome.retry) - len(outcome.refused)
        by_reason: dict[str, list[int]] = {}
        for place, reason in outcome.refused.items():
            by_reason.setdefault(reason, []).append(chunk.positions[place])
        for reason, positions in by_reason.items():
            yield Undelivered(subset(batch, positions), reason, attempts)
        if outcome.retry:
            self._wait(outcome, attempts)
            yield _Retry(subset(batch, [chunk.positions[place] for place in outcome.retry]), attempts)


def _describe_bug(error: Exception) -> str:
    """Return a reason for events that a bug in a sink's code kept back. The error's text may quote an event, its name does not."""
    return f"the sink's code failed ({type(error).__name__})"
