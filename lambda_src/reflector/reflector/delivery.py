# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery of batches to one sink: chunk by chunk, with retries within the limits of `retries`.

An accepted event is never sent again. An undelivered event is handed back with the reason. A chunk or an event that always fails
does not stop the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .records import identified, pick
from .retries import FAILED_CHUNKS, Backoff, Breaker, ChunkBudget, RetryBudget
from .sinks import Batch, Chunk, Outcome, Refusal, Sink

MIN_ATTEMPT_SECONDS = 0.2
"""With less time than this no attempt begins: nobody would wait for its answer."""

MAX_ISOLATED = 100
"""Events of a batch that are isolated because the sink's code fails for them. Isolating one costs CPU time."""

_BACKOFF = Backoff()

TIME_IS_OVER = "the invocation's time was over"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Events that a sink did not accept, each with the request id that it inherits; the reason and the number of attempts."""

    batch: Batch
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Events to cut into chunks and send. After a first attempt it has the number of attempts and the remaining budget."""

    batch: Batch
    attempts: int = 0
    budget: ChunkBudget | None = None


@dataclass(slots=True)
class Sent:
    """Counts of what one sink received in an invocation."""

    events: int = 0
    requests: int = 0
    retries: int = 0


class _Source:
    """A batch to take events from. The request ids that they inherit are computed once, and only if they are needed."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._identified: Batch | None = None

    def take(self, positions: Sequence[int]) -> Batch:
        """Return the batch with the events at these positions."""
        if self._identified is None:
            self._identified = identified(self._batch)
        return pick(self._identified, positions)


class Delivery:
    """The delivery of one payload to one sink.

    `budget` and `sent` are those of the sink in the invocation, `breaker` is the sink's in this process.
    """

    def __init__(
        self,
        sink: Sink[Any],
        seconds_left: Callable[[], float],
        backoff: Backoff = _BACKOFF,
        *,
        budget: RetryBudget | None = None,
        breaker: Breaker | None = None,
        sent: Sent | None = None,
    ) -> None:
        self.sent = sent or Sent()
        self._sink = sink
        self._seconds_left = seconds_left
        self._backoff = backoff
        self._budget = budget or RetryBudget()
        self._breaker = breaker or Breaker()
        self._failed_chunks = 0  # in a row
        self._has_answered = False
        self._closed = self._breaker.pause_reason  # the reason why nothing more is sent

    def deliver(self, batch: Batch) -> Iterator[Undelivered]:
        """Send the events. Yield the undelivered ones, each exactly once."""
        # A stack instead of recursion: a sink may accept a little of a chunk at a time, as long as there is time.
        isolated: list[Undelivered] = []
        stack = [self._send_part(_Part(batch), isolated)]
        while stack:
            for left in stack[-1]:
                if isinstance(left, _Part):
                    stack.append(self._send_part(left, isolated))
                    break
                yield left
            else:
                stack.pop()
        yield from _merged(isolated)

    def _send_part(self, part: _Part, isolated: list[Undelivered]) -> Iterator[Undelivered | _Part]:
        """Send the events in the sink's chunks. Yield the remainder of a chunk before the next chunk is sent.

        Append an event to `isolated` if the sink's code fails for it alone.
        """
        batch, attempts = part.batch, part.attempts
        source = _Source(batch)
        done: set[int] = set()
        bug = ""
        try:
            for chunk in () if self._closed else self._sink.chunks(batch):
                done.update(chunk.positions)
                if isinstance(chunk, Refusal):
                    yield Undelivered(source.take(chunk.positions), chunk.reason, attempts)
                    continue
                yield from self._send_chunk(source, chunk, part)
                if self._closed:
                    break
        except Exception as error:  # noqa: BLE001
            bug = _describe_bug(error)
        if len(done) == len(batch.events):
            return
        remainder = [position for position in range(len(batch.events)) if position not in done]
        if not bug or self._closed or len(isolated) >= MAX_ISOLATED:
            yield Undelivered(source.take(remainder), self._closed or bug or "the sink's code left it out", attempts)
        elif len(remainder) == 1:
            isolated.append(Undelivered(source.take(remainder), bug, attempts))
        else:
            yield from _halves(source, remainder, attempts, part.budget)

    def _send_chunk(self, source: _Source, chunk: Chunk[Any], part: _Part) -> Iterator[Undelivered | _Part]:
        attempts = part.attempts
        budget = part.budget or ChunkBudget.of(self._budget)
        reason = TIME_IS_OVER
        while True:
            if self._seconds_left() < MIN_ATTEMPT_SECONDS:
                # The other chunks are handed back in one piece: one by one they would be as many dead letters.
                self._closed = TIME_IS_OVER
                break
            outcome = self._attempt(chunk, budget, attempts)
            attempts += 1
            reason = outcome.reason or "the sink was not ready"
            if outcome.verdict == "accepted":
                self.sent.events += len(chunk.positions)
                self._note_answer()
                return
            if outcome.verdict == "partial":
                yield from self._split_partial(source, chunk, outcome, attempts, budget)
                return
            if outcome.verdict == "too_large" and len(chunk.positions) > 1:
                yield from _halves(source, chunk.positions, attempts, budget)
                return
            if not self._may_retry(outcome, attempts, budget):
                break
        yield Undelivered(source.take(chunk.positions), reason, attempts)

    def _attempt(self, chunk: Chunk[Any], budget: ChunkBudget, attempts: int) -> Outcome:
        self.sent.requests += 1
        self.sent.retries += attempts > 0
        left = self._seconds_left()
        try:
            outcome = self._sink.send(chunk, min(left, budget.timeout))
        except Exception as error:  # noqa: BLE001
            outcome = Outcome("refused", _describe_bug(error))
        if outcome.verdict != "accepted":
            budget.spend(left - self._seconds_left())
        return outcome

    def _may_retry(self, outcome: Outcome, attempts: int, budget: ChunkBudget) -> bool:
        """Prepare the next attempt, which may need a pause. Return False if there shall be none."""
        if outcome.verdict in ("refused", "too_large"):
            self._note_answer()
            return False
        if outcome.verdict == "unauthorized" and self._budget.may_renew:
            self._budget.may_renew = False
            if self._sink.renew():
                return True
        if outcome.verdict == "retry" and self._wait(outcome, attempts, budget):
            return True
        self._note_failure(outcome.reason)
        return False

    def _wait(self, outcome: Outcome, attempts: int, budget: ChunkBudget) -> bool:
        """Wait before the next attempt. Return False, without waiting, if there is no time for it."""
        wait = max(outcome.retry_after, self._backoff.seconds(attempts))
        if self._breaker.is_probe or not budget.may_wait(wait, attempts):
            return False
        if wait > self._seconds_left() - MIN_ATTEMPT_SECONDS:
            # The other chunks would get the same answer, with less time.
            self._closed = f"{outcome.reason or 'the sink was not ready'}, and {TIME_IS_OVER}"
            return False
        time.sleep(wait)
        budget.spend(wait)
        return True

    def _note_answer(self) -> None:
        """Note that the sink is there, whether it accepted the events or not."""
        self._failed_chunks = 0
        self._has_answered = True
        self._breaker.succeed()

    def _note_failure(self, reason: str) -> None:
        """Note that a chunk was given up."""
        self._failed_chunks += 1
        if self._failed_chunks == FAILED_CHUNKS or self._breaker.is_probe:
            self._closed = self._closed or reason
        if self._failed_chunks == 1 and not self._has_answered:  # once in an invocation
            self._breaker.fail(reason)

    def _split_partial(
        self, source: _Source, chunk: Chunk[Any], outcome: Outcome, attempts: int, budget: ChunkBudget
    ) -> Iterator[Undelivered | _Part]:
        """Count the accepted events of a chunk. Yield its refused events, and those to send again."""
        self.sent.events += len(chunk.positions) - len(outcome.retry) - len(outcome.refused)
        if len(outcome.retry) < len(chunk.positions):
            self._note_answer()
        by_reason: dict[str, list[int]] = {}
        for place, reason in outcome.refused.items():
            by_reason.setdefault(reason, []).append(chunk.positions[place])
        for reason, positions in by_reason.items():
            yield Undelivered(source.take(positions), reason, attempts)
        if not outcome.retry:
            return
        again = source.take([chunk.positions[place] for place in outcome.retry])
        if self._wait(outcome, attempts, budget):
            yield _Part(again, attempts, budget)
            return
        if len(outcome.retry) == len(chunk.positions):
            self._note_failure(outcome.reason)
        yield Undelivered(again, outcome.reason or "the sink was not ready", attempts)


def _halves(source: _Source, positions: Sequence[int], attempts: int, budget: ChunkBudget | None) -> Iterator[_Part]:
    """Yield the two halves of events that could not be sent together."""
    middle = len(positions) // 2
    yield _Part(source.take(positions[:middle]), attempts, budget)
    yield _Part(source.take(positions[middle:]), attempts, budget)


def _merged(isolated: Sequence[Undelivered]) -> Iterator[Undelivered]:
    """Yield the isolated events of a batch together, by reason: alone they would be as many dead letters."""
    groups: dict[tuple[str, int], list[Undelivered]] = {}
    for undelivered in isolated:
        groups.setdefault((undelivered.reason, undelivered.attempts), []).append(undelivered)
    for (reason, attempts), group in groups.items():
        batch = replace(
            group[0].batch,
            events=[event for undelivered in group for event in undelivered.batch.events],
            numbers=[number for undelivered in group for number in undelivered.batch.numbers],
        )
        yield Undelivered(batch, reason, attempts)


def _describe_bug(error: Exception) -> str:
    """Return a reason for events that a bug in a sink's code kept back. The error's text may quote an event, its name does not."""
    return f"the sink's code failed ({type(error).__name__})"
