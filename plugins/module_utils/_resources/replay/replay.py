# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send the dead letters of the reflector through it again."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..._errors import (
    InvalidInputError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
    UnreachableError,
    check_name,
)
from ..._plan import Params, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import check_number
from ..reflector_ready import DEPLOY_FIRST, find_reflector
from ..sqs_queue import Queue, read_queue
from .event import Answer, Batch, Message, answer_of, batches
from .in_flight_messages import MOST_IN_CALL, InFlightMessages
from .invocations import Ended, Invocations

NETWORK_SECONDS = 30
"""Added to the function's timeout for an invocation."""
MOST_PARALLEL = 50
"""Invocations at once. A new account may have 10 concurrent executions for all its functions (Lambda quotas)."""
_LONGEST_POLL = 20
_TICK = 1.0  # seconds between two renewals of the messages' visibility timeout
_NAMED_IDS = 20


class ReplayError(ReflectorError):
    """Not all messages were accepted and deleted."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a replay. Times are seconds; None is no limit.

    rate            most messages a second
    give_up_after   stop after so many batches in a row without an accepted message; 0: never
    parallel        invocations at once
    idle_timeout    without a new message, until the queue counts as empty
    wait_timeout    for throttling
    """

    function_name: str
    queue: str
    limit: int | None = None
    rate: float | None = None
    batch_size: int = MOST_IN_CALL
    parallel: int = 1
    give_up_after: int = 3
    idle_timeout: int = 10
    time_limit: int | None = None
    wait_timeout: int = 90

    @classmethod
    def from_params(cls, params: Params) -> Options:
        """Return the options of the module. Raises InvalidInputError."""
        function = params["function_name"]
        check_name("function_name", function, r"[A-Za-z0-9_-]{1,64}", "a function's name: 1 to 64 of A-Z a-z 0-9 _ -")
        queue = f"{function}-dead-letters" if params["queue"] is None else params["queue"]
        check_name("queue", queue, r"[A-Za-z0-9_-]{1,80}", "a standard queue's name: 1 to 80 of A-Z a-z 0-9 _ -")
        check_number("rate", params["rate"], 0.1, 1000)
        check_number("batch_size", params["batch_size"], 1, MOST_IN_CALL)
        check_number("parallel", params["parallel"], 1, MOST_PARALLEL)
        for option, lowest in (("limit", 1), ("time_limit", 1), ("give_up_after", 0), ("idle_timeout", 0)):
            if params[option] is not None and params[option] < lowest:
                raise InvalidInputError(option, f"{params[option]} is less than {lowest}")
        given = {each.name: params[each.name] for each in fields(cls) if each.name not in ("function_name", "queue")}
        return cls(function, queue, **given)

    @property
    def most_in_batch(self) -> int:
        """Messages in one invocation: with a rate no more than those of a second."""
        return self.batch_size if self.rate is None else min(self.batch_size, max(1, int(self.rate)))


@dataclass(slots=True)
class ReplayTally:
    """The results of the messages, by their ids.

    accepted    by the function; `to_delete` are those that are not deleted yet
    failures    message id -> reason, of messages that stay in the queue
    events      sums of the function's counts of log events
    fruitless   batches in a row without an accepted message
    stopped     why the run ended early
    """

    sent: int = 0
    accepted: set[str] = field(default_factory=set)
    to_delete: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    fruitless: int = 0
    stopped: str = ""

    @property
    def deleted(self) -> int:
        """The number of messages that left the queue."""
        return len(self.accepted) - len(self.to_delete)

    def add(self, messages: Sequence[Message], answer: Answer) -> None:
        """Add the function's answer to a batch."""
        accepted = {message.message_id for message in messages} - answer.failures.keys()
        self.sent += len(messages)
        self.accepted |= accepted
        self.to_delete |= accepted
        self.failures.update(answer.failures)
        self.events.update(answer.counts)
        self.fruitless = 0 if accepted else self.fruitless + 1

    def new(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages that were not sent before: SQS may deliver one twice. One that was accepted is deleted again."""
        self.to_delete |= {message.message_id for message in messages} & self.accepted
        return [item for item in messages if item.message_id not in self.accepted | self.failures.keys()]

    def reasons(self) -> list[dict[str, Any]]:
        """Return the failures by reason, the most frequent first."""
        by_reason: dict[str, list[str]] = {}
        for message_id, reason in self.failures.items():
            by_reason.setdefault(reason, []).append(message_id)
        return [
            {"reason": reason, "messages": len(ids), "message_ids": ids[:_NAMED_IDS]}
            for reason, ids in sorted(by_reason.items(), key=lambda item: -len(item[1]))
        ]


@dataclass(slots=True)
class Replay:
    """One run over one queue. `send` is the only writer; messages that it did not delete are visible again after it.

    Messages are received and deleted in one thread, which alone knows which messages are in flight; only invocations run in
    parallel. A message is deleted after the function has confirmed it, and never before.

    seconds         the function's timeout
    refusals        error codes of messages that SQS did not delete
    cleanup_error   of the last deletion or release
    """

    target: Target
    options: Options
    queue: Queue
    seconds: int
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    tally: ReplayTally = field(init=False, default_factory=ReplayTally)
    refusals: set[str] = field(init=False, default_factory=set)
    cleanup_error: ReflectorError | None = field(init=False, default=None)
    _in_flight: InFlightMessages = field(init=False)
    _retry_policy: RetryPolicy = field(init=False)
    _end: float | None = field(init=False)
    _next_turn: float = field(init=False)
    _invocations: Invocations = field(init=False)
    _waiting: deque[Batch] = field(init=False, default_factory=deque)
    _pending: set[str] = field(init=False, default_factory=set)
    _started: int = field(init=False, default=0)
    _empty_polls: int = field(init=False, default=0)
    _last_seen: float = field(init=False)
    _error: BaseException | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._retry_policy = RetryPolicy(seconds=self.options.wait_timeout, sleep=self.sleep, clock=self.clock)
        # Twice as long as an invocation may last: at least half of it is left when one begins.
        visibility_timeout = 2 * (self.seconds + NETWORK_SECONDS)
        self._in_flight = InFlightMessages(self.target, self.queue, self._retry_policy, visibility_timeout, self.clock)
        limit = self.options.time_limit
        self._end = None if limit is None else self.clock() + limit
        self._next_turn = self._last_seen = self.clock()
        self._invocations = Invocations(self._invoke, self.options.parallel)

    @property
    def limit(self) -> int:
        """Most messages of the run. Never more than the queue held: the function may add some, and the run would not end."""
        held = self.queue.messages
        return held if self.options.limit is None else min(self.options.limit, held)

    @property
    def announced(self) -> int:
        """Messages that a run would send now, by SQS's counts: those in flight cannot be received."""
        return min(self.limit, self.queue.counts["visible"])

    def send(self) -> None:
        """Send, delete the accepted messages, and make the others visible again, whatever happens."""
        try:
            with interruptible():
                try:
                    self._send_all()
                finally:
                    self._clean_up()
        except KeyboardInterrupt:
            message = "it was interrupted; batches without an answer may have been accepted, and the next run sends them again"
            raise self._problem(message) from None
        if problems := self._problems():
            raise self._problem("; ".join(problems), self._advice())

    def _send_all(self) -> None:
        while self._goes_on():
            self._in_flight.extend()
            if self._waiting and self._invocations.has_room:
                self._start(self._waiting.popleft())
            elif self._waiting or not self._may_receive():
                self._take_answer(_TICK)
            else:
                self._receive()
        while self._invocations.running:  # however the run ended, accepted messages are deleted
            self._in_flight.extend()
            self._take_answer(_TICK)
        if self._error:
            raise self._error

    def _goes_on(self) -> bool:
        """Return whether a batch is to be started, received or waited for."""
        if self._error or self.tally.stopped:
            return False
        if not self._waiting and self._started >= self.limit:
            return self._invocations.running > 0
        return not (self._is_empty() or self._time_is_up())

    def _may_receive(self) -> bool:
        return self._invocations.has_room and self._started < self.limit

    def _is_empty(self) -> bool:
        """Return whether the queue counts as empty: after two empty polls and the idle timeout, with nothing under way."""
        if self._waiting or self._invocations.running:
            return False
        return self._empty_polls > 1 and self.clock() - self._last_seen >= self.options.idle_timeout

    def _receive(self) -> None:
        """Receive messages for one batch. While invocations run, do not poll for long: their answers wait."""
        poll = max(1, min(_LONGEST_POLL, self.options.idle_timeout // 2)) if not self._invocations.running else 1
        most = min(self.options.most_in_batch, self.limit - self._started)
        messages = self.tally.new(self._in_flight.receive(most, poll))
        new = [item for item in messages if item.message_id not in self._pending]
        self._waiting.extend(batches(new, self.queue.arn))
        self._pending.update(item.message_id for item in new)
        self._started += len(new)
        if new:
            self._empty_polls, self._last_seen = 0, self.clock()
            return
        self._empty_polls += 1
        if self._invocations.running:
            self._take_answer(_TICK)

    def _start(self, batch: Batch) -> None:
        self._await_turn(len(batch.messages))
        self._invocations.start(batch)

    def _take_answer(self, seconds: float) -> None:
        """Take the answer of one invocation, and delete the messages that the function accepted."""
        ended = self._invocations.next_ended(seconds)
        if ended is None:
            return
        self._pending.difference_update(message.message_id for message in ended.batch.messages)
        self._last_seen = self.clock()
        if ended.answer is None:
            self._error = self._error or ended.error
            return
        self._add(ended, ended.answer)

    def _add(self, ended: Ended, answer: Answer) -> None:
        tally, options = self.tally, self.options
        tally.add(ended.batch.messages, answer)
        self._delete_accepted()
        more = self._waiting or self._started < self.limit
        if tally.fruitless and tally.fruitless == options.give_up_after and more:
            tally.stopped = f"nothing of {_count(tally.fruitless, 'batch', 'es')} in a row was accepted"

    def _time_is_up(self) -> bool:
        if self._end is None or self.clock() < self._end:
            return False
        self.tally.stopped = f"the time limit of {self.options.time_limit} seconds was reached"
        return True

    def _await_turn(self, messages: int) -> None:
        """Wait until the rate allows so many messages more. At most ten seconds: the lowest rate is 0.1 a second."""
        if self.options.rate is None:
            return
        pause = self._next_turn - self.clock()
        if pause > 0:
            self.sleep(pause)
        self._next_turn = max(self._next_turn, self.clock()) + messages / self.options.rate

    def _invoke(self, batch: Batch) -> Answer:
        """Invoke the function and return its answer. Only throttling is retried: an invocation without an answer may have run.

        Runs in a thread, and so touches nothing that other threads use.
        """
        name = self.options.function_name
        client = self.target.client(
            "lambda",
            read_timeout=self.seconds + NETWORK_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            tcp_keepalive=True,
            max_pool_connections=self.options.parallel,
        )

        def call() -> Answer:
            with self.target.describe_operation(
                f"send messages of queue {self.queue.name} again through function {name}"
            ):
                answer = client.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=batch.event)
                return answer_of(batch.messages, answer["Payload"].read(), answer.get("FunctionError", ""))

        try:
            return self._retry_policy.wait_out(call, lambda error: isinstance(error, ThrottledError))
        except ThrottledError as error:
            advice = "The function has no free concurrency: raise its reserved concurrency, or run again later."
            raise error.with_advice(advice) from None
        except ReflectorError as error:
            if isinstance(error, UnreachableError) or error.code == "ServiceException":
                return Answer.all_failed(batch.messages, f"Lambda gave no answer: {error.message}")
            raise

    def _delete_accepted(self) -> None:
        """Delete the accepted messages, those that SQS refused before included."""
        try:
            self.refusals = self._in_flight.delete(sorted(self.tally.to_delete))
        finally:
            self.tally.to_delete = {key for key in self.tally.to_delete if key in self._in_flight}

    def _take_answers(self) -> None:
        """Take the answers that have arrived. After an interruption do not wait for others."""
        while self._invocations.running and (ended := self._invocations.next_ended(0)):
            if ended.answer:
                self.tally.add(ended.batch.messages, ended.answer)

    def _clean_up(self) -> None:
        for step in (self._take_answers, self._delete_accepted, self._in_flight.release):
            try:
                step()
            except ReflectorError as error:  # it must not replace the error that ended the run
                self.cleanup_error = error

    def _problems(self) -> list[str]:
        tally, problems = self.tally, []
        if tally.failures:
            listed = "; ".join(f"{item['messages']}: {item['reason']}" for item in tally.reasons()[:3])
            problems.append(f"{len(tally.failures)} of the {_count(tally.sent)} sent again failed again ({listed})")
        if tally.failures and tally.stopped:
            problems.append(f"it stopped early: {tally.stopped}")
        if tally.to_delete:
            message = f" ({', '.join(sorted(self.refusals))})" if self.refusals else ""
            problems.append(
                f"SQS did not delete {_count(len(tally.to_delete))} that the function had accepted{message}"
            )
        if self.cleanup_error and len(self._in_flight):
            problems.append(
                f"{_count(len(self._in_flight))} may stay hidden for some minutes ({self.cleanup_error.message})"
            )
        return problems

    def _advice(self) -> str:
        return f"{_count(self.tally.deleted)} left the queue, the others are unchanged. Remove the cause and run again."

    def _problem(self, message: str, advice: str = "") -> ReplayError:
        return ReplayError(
            f"send all of queue {self.queue.name} again", message, advice=advice, where=self.target.where
        )

    def report(self, sent: int, accepted: int, after: int | None) -> Result:
        """Return the task's result. `sent` and `accepted` are numbers of messages, `after` of those in the queue, None if unknown."""
        tally, name, before = self.tally, self.queue.name, self.queue.messages
        deleted = accepted - len(tally.to_delete)
        header = f"queue {name}"
        diff = {
            "before_header": header,
            "after_header": header,
            "before": {"messages": before},
            "after": {"messages": after},
        }
        return {
            "changed": deleted > 0,
            "changes": [f"send {_count(deleted)} of queue {name} again"] if deleted else [],
            "diff": [diff] if deleted else [],
            "counts": {
                "before": before,
                "sent": sent,
                "accepted": accepted,
                "failed": len(tally.failures),
                "not_deleted": len(tally.to_delete),
                "after": after,
            },
            "reasons": tally.reasons(),
            "stopped": tally.stopped,
            "events": dict(sorted(tally.events.items())),
        }


def replay_dead_letters(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module dead_letter_replay. Raises ReplayError, with all counts, if a message was not accepted."""
    options = Options.from_params(params)
    try:
        queue = read_queue(target, options.queue)
    except NotFoundError as error:
        raise error.with_advice(DEPLOY_FIRST) from None
    run = Replay(target, options, queue, int(find_reflector(target, options.function_name)["Timeout"]))
    if check_mode:
        return run.report(run.announced, run.announced, queue.messages - run.announced)
    try:
        run.send()
    except ReflectorError as error:
        error.done = _outcome(run)
        raise
    return _outcome(run)


def _outcome(run: Replay) -> Result:
    try:
        after = read_queue(run.target, run.options.queue).messages
    except ReflectorError:  # the run's own result matters more than this count
        after = None
    return run.report(run.tally.sent, len(run.tally.accepted), after)


def _count(number: int, noun: str = "message", plural: str = "s") -> str:
    return f"{number} {noun}{plural * (number != 1)}"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into a KeyboardInterrupt: Ansible's workers would end without any `finally`.

    Later signals are ignored until the block ends, so that the clean-up is not interrupted. Only a process's main thread
    can handle signals; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: Any) -> None:
        for number in former:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in former:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
