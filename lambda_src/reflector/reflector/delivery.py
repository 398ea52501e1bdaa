"""A batch to a sink: chunk by chunk, tried again while that makes sense and the invocation's time allows.

What was accepted is never sent again. What could not be sent is handed back, with the reason.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .sinks import Batch, Chunk, Outcome, Refusal, Sink

ATTEMPT_SECONDS = 30.0
"""The longest wait for one answer: Sumo Logic gives a request up after 30 s."""

LEAST_SECONDS = 0.2
"""An attempt with less time than this is not begun: it would be sent, and its answer not awaited."""

TIME_IS_OVER = "the invocation's time was over"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): anything from 0 to a doubling, capped bound, in s."""

    base: float = 0.5
    cap: float = 20.0

    def seconds(self, attempt: int) -> float:
        """How long to wait after that attempt (the first is 1)."""
        return random.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, 30)))  # noqa: S311


@dataclass(frozen=True, slots=True)
class Unsent:
    """Events that a sink did not take, with why, after how many attempts."""

    batch: Batch
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class _Again:
    """Events that are to be cut and sent anew, after that many attempts."""

    batch: Batch
    attempts: int


@dataclass(slots=True)
class Sent:
    """What was done for one sink in an invocation."""

    events: int = 0
    requests: int = 0
    retries: int = 0


class Delivery:
    """The way to one sink, for one invocation."""

    def __init__(self, sink: Sink[Any], seconds_left: Callable[[], float], backoff: Backoff = Backoff()) -> None:
        self.sent = Sent()
        self._sink = sink
        self._seconds_left = seconds_left
        self._backoff = backoff
        self._renewed = False
        self._closed: str | None = None  # why nothing more is tried

    def deliver(self, batch: Batch) -> Iterator[Unsent]:
        """Send the events; yields those that are not at the sink, each exactly once."""
        # No recursion: a sink that takes a little of a chunk each time is tried again for as long as there is time.
        ways = [self._cut(_Again(batch, 0))]
        while ways:
            for left in ways[-1]:
                if isinstance(left, _Again):
                    ways.append(self._cut(left))
                    break
                yield left
            else:
                ways.pop()

    def _cut(self, again: _Again) -> Iterator[Unsent | _Again]:
        """Send the events in the sink's chunks, and say what is left of each before the next is sent."""
        batch, attempts = again.batch, again.attempts
        done: set[int] = set()
        try:
            for chunk in () if self._closed else self._sink.chunks(batch):
                done.update(chunk.positions)
                if isinstance(chunk, Refusal):
                    yield Unsent(batch.only(chunk.positions), chunk.reason, attempts)
                    continue
                yield from self._chunk(batch, chunk, attempts)
                if self._closed:
                    break
        except Exception as error:  # noqa: BLE001
            self._closed = _mistake(error)
        if len(done) < len(batch.events):
            rest = [position for position in range(len(batch.events)) if position not in done]
            yield Unsent(batch.only(rest), self._closed or "the sink's code left it out", attempts)

    def _chunk(self, batch: Batch, chunk: Chunk[Any], attempts: int) -> Iterator[Unsent | _Again]:
        reason = self._closed or TIME_IS_OVER
        while not self._closed:
            if (left := self._seconds_left()) < LEAST_SECONDS:
                # What follows is handed back in one piece: chunk by chunk, it would be as many dead letters.
                self._closed = TIME_IS_OVER
                break
            outcome = self._attempt(chunk, min(left, ATTEMPT_SECONDS), attempts)
            attempts += 1
            reason = outcome.reason
            if outcome.verdict == "accepted":
                self.sent.events += len(chunk.positions)
                return
            if outcome.verdict == "partly":
                yield from self._partly(batch, chunk, attempts, outcome)
                return
            if outcome.verdict == "too_large" and len(chunk.positions) > 1:
                middle = len(chunk.positions) // 2
                yield _Again(batch.only(chunk.positions[:middle]), attempts)
                yield _Again(batch.only(chunk.positions[middle:]), attempts)
                return
            if outcome.verdict == "unauthorized":
                if not self._renewed and self._sink.renew():
                    self._renewed = True
                    continue
                self._closed = reason  # the next chunk would be refused as well
            if outcome.verdict != "again" or not self._wait(outcome, attempts):
                break
        yield Unsent(batch.only(chunk.positions), reason, attempts)

    def _attempt(self, chunk: Chunk[Any], timeout: float, attempts: int) -> Outcome:
        self.sent.requests += 1
        self.sent.retries += attempts > 0
        try:
            return self._sink.send(chunk, timeout)
        except Exception as error:  # noqa: BLE001
            return Outcome("refused", _mistake(error))

    def _wait(self, outcome: Outcome, attempts: int) -> bool:
        """Whether there is time for another attempt; waits for it."""
        wait = max(outcome.retry_after, self._backoff.seconds(attempts))
        if wait > self._seconds_left() - LEAST_SECONDS:
            # The other chunks would meet the same sink, with less time.
            self._closed = f"{outcome.reason or 'the sink was not ready'}, and {TIME_IS_OVER}"
            return False
        time.sleep(wait)
        return True

    def _partly(self, batch: Batch, chunk: Chunk[Any], attempts: int, outcome: Outcome) -> Iterator[Unsent | _Again]:
        """What the service said of each event: some are there, some may be sent again, some are refused."""
        self.sent.events += len(chunk.positions) - len(outcome.again) - len(outcome.refused)
        by_reason: dict[str, list[int]] = {}
        for place, reason in outcome.refused.items():
            by_reason.setdefault(reason, []).append(chunk.positions[place])
        for reason, positions in by_reason.items():
            yield Unsent(batch.only(positions), reason, attempts)
        if outcome.again:
            self._wait(outcome, attempts)
            yield _Again(batch.only([chunk.positions[place] for place in outcome.again]), attempts)


def _mistake(error: Exception) -> str:
    """A mistake in a sink must lose no events. The error's text may quote one: its name says enough."""
    return f"the sink's code failed ({type(error).__name__})"
