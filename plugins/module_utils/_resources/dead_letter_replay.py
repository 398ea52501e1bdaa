# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of the reflector's dead-letter queue, sent again through the same function."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._errors import (
    InvalidInputError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
    UnreachableError,
    check_name,
)
from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import check_number
from .dead_letter_queue import Queue, QueueApi
from .hidden_messages import AT_ONCE, HiddenMessages
from .replay_event import Answer, Batch, Message, answer_of, batches

NETWORK_SECONDS = 30
"""What an invocation may take longer than the function itself."""
_LONGEST_POLL = 20
_NAMED_IDS = 20
_DEPLOY = "Deploy first: ansible-playbook logreflector.aws.deploy."


class ReplayError(ReflectorError):
    """Not everything that was sent again was accepted and deleted."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to replay. Times in seconds; None: no limit.

    rate            messages a second at most
    give_up_after   batches in a row of which nothing was accepted; 0: never
    idle_timeout    without a new message, until the queue counts as empty
    wait_timeout    for what passes by itself: throttling
    """

    function_name: str
    queue: str
    limit: int | None = None
    rate: float | None = None
    batch_size: int = AT_ONCE
    give_up_after: int = 3
    idle_timeout: int = 10
    time_limit: int | None = None
    wait_timeout: int = 90

    @classmethod
    def from_params(cls, params: Params) -> Options:
        """InvalidInputError for what cannot be right."""
        function = params["function_name"]
        check_name("function_name", function, r"[A-Za-z0-9_-]{1,64}", "a function's name: 1 to 64 of A-Z a-z 0-9 _ -")
        queue = f"{function}-dead-letters" if params["queue"] is None else params["queue"]
        check_name("queue", queue, r"[A-Za-z0-9_-]{1,80}", "a standard queue's name: 1 to 80 of A-Z a-z 0-9 _ -")
        check_number("rate", params["rate"], 0.1, 1000)
        check_number("batch_size", params["batch_size"], 1, AT_ONCE)
        for option, lowest in (("limit", 1), ("time_limit", 1), ("give_up_after", 0), ("idle_timeout", 0)):
            if params[option] is not None and params[option] < lowest:
                raise InvalidInputError(option, f"{params[option]} is less than {lowest}")
        names = ("limit", "rate", "batch_size", "give_up_after", "idle_timeout", "time_limit", "wait_timeout")
        return cls(function, queue, **{name: params[name] for name in names})

    @property
    def at_once(self) -> int:
        """Messages in one invocation: with a rate no more than a second's worth."""
        return self.batch_size if self.rate is None else min(self.batch_size, max(1, int(self.rate)))


@dataclass(slots=True)
class Tally:
    """What became of the messages, by their ids.

    accepted   by the function, each to be deleted; `to_delete` are those that are not deleted yet
    failures   message id -> reason, of those that stay in the queue
    events     sums of what the function tells of the log events in the messages
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
        """Messages that left the queue."""
        return len(self.accepted) - len(self.to_delete)

    def add(self, messages: Sequence[Message], answer: Answer) -> None:
        """Take in what the function answered to a batch."""
        accepted = {message.message_id for message in messages} - answer.failures.keys()
        self.sent += len(messages)
        self.accepted |= accepted
        self.to_delete |= accepted
        self.failures.update(answer.failures)
        self.events.update(answer.counts)
        self.fruitless = 0 if accepted else self.fruitless + 1

    def new(self, messages: Sequence[Message]) -> list[Message]:
        """Those that this run has not sent yet: SQS may deliver one twice. What was accepted before is to be deleted again."""
        self.to_delete |= {message.message_id for message in messages} & self.accepted
        return [item for item in messages if item.message_id not in self.accepted | self.failures.keys()]

    def reasons(self) -> list[dict[str, Any]]:
        """Failures by reason, the most frequent first."""
        by_reason: dict[str, list[str]] = {}
        for message_id, reason in self.failures.items():
            by_reason.setdefault(reason, []).append(message_id)
        return [
            {"reason": reason, "messages": len(ids), "message_ids": ids[:_NAMED_IDS]}
            for reason, ids in sorted(by_reason.items(), key=lambda item: -len(item[1]))
        ]


@dataclass(slots=True)
class Replay:
    """One run over one queue. `send` is the only writer; messages that it could not delete are visible again after it.

    seconds   that the function may run
    """

    target: Target
    options: Options
    queue: Queue
    seconds: int
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    tally: Tally = field(init=False, default_factory=Tally)
    refusals: set[str] = field(init=False, default_factory=set)
    untidy: ReflectorError | None = field(init=False, default=None)
    _hidden: HiddenMessages = field(init=False)
    _patience: RetryPolicy = field(init=False)
    _end: float | None = field(init=False)
    _next_turn: float = field(init=False)

    def __post_init__(self) -> None:
        self._patience = RetryPolicy(seconds=self.options.wait_timeout, sleep=self.sleep, clock=self.clock)
        # Hidden for twice as long as an invocation may last: half of it is always left when one begins.
        hidden_seconds = 2 * (self.seconds + NETWORK_SECONDS)
        self._hidden = HiddenMessages(self.target, self.queue, self._patience, hidden_seconds, self.clock)
        limit = self.options.time_limit
        self._end = None if limit is None else self.clock() + limit
        self._next_turn = self.clock()

    @property
    def limit(self) -> int:
        """Messages that the run sends at most: never more than there were, or it would chase what it brings back."""
        held = self.queue.messages
        return held if self.options.limit is None else min(self.options.limit, held)

    @property
    def announced(self) -> int:
        """Messages that a run would send now, as far as SQS's counts tell: those that somebody else has are not to be had."""
        return min(self.limit, self.queue.counts["visible"])

    def send(self) -> None:
        """Send, delete what was accepted, and let everybody see the rest again, whatever happens meanwhile."""
        try:
            with interruptible():
                try:
                    self._send_all()
                finally:
                    self._tidy_up()
        except KeyboardInterrupt:
            message = "it was interrupted; what was under way may have been accepted, and is sent again by the next run"
            raise self._problem(message) from None
        if problems := self._problems():
            raise self._problem("; ".join(problems), self._hint())

    def _send_all(self) -> None:
        options, tally = self.options, self.tally
        # Two polls before the queue counts as empty: the time without a message is at least both of theirs.
        poll = max(1, min(_LONGEST_POLL, options.idle_timeout // 2))
        polls, last_seen = 0, self.clock()
        while tally.sent < self.limit and not self._time_is_up():
            self._hidden.stay_hidden()
            messages = tally.new(self._hidden.receive(min(options.at_once, self.limit - tally.sent), poll))
            for batch in batches(messages, self.queue.arn):
                if self._time_is_up():
                    return
                self._send(batch)
                if tally.fruitless and tally.fruitless == options.give_up_after and tally.sent < self.limit:
                    tally.stopped = f"nothing of {_count(tally.fruitless, 'batch', 'es')} in a row was accepted"
                    return
            if messages:
                polls, last_seen = 0, self.clock()
                continue
            polls += 1
            if polls > 1 and self.clock() - last_seen >= options.idle_timeout:
                return

    def _time_is_up(self) -> bool:
        if self._end is None or self.clock() < self._end:
            return False
        self.tally.stopped = f"the time limit of {self.options.time_limit} seconds was reached"
        return True

    def _send(self, batch: Batch) -> None:
        self._await_turn(len(batch.messages))
        self.tally.add(batch.messages, self._invoke(batch))
        self._delete_accepted()

    def _await_turn(self, messages: int) -> None:
        """Wait until the rate allows so many messages more. At most ten seconds: the lowest rate is 0.1 a second."""
        if self.options.rate is None:
            return
        pause = self._next_turn - self.clock()
        if pause > 0:
            self.sleep(pause)
        self._next_turn = max(self._next_turn, self.clock()) + messages / self.options.rate

    def _invoke(self, batch: Batch) -> Answer:
        """The function's answer. Asked once, but for throttling: an invocation that gave no answer may have been one."""
        name = self.options.function_name
        client = self.target.client(
            "lambda",
            read_timeout=self.seconds + NETWORK_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            tcp_keepalive=True,
        )

        def call() -> Answer:
            self._hidden.stay_hidden()
            with self.target.describe_operation(
                f"send messages of queue {self.queue.name} again through function {name}"
            ):
                answer = client.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=batch.event)
                return answer_of(batch.messages, answer["Payload"].read(), answer.get("FunctionError", ""))

        try:
            return self._patience.wait_out(call, lambda error: isinstance(error, ThrottledError))
        except ThrottledError as error:
            advice = "The function has no free concurrency: look at its reserved concurrency, or run again later."
            raise ThrottledError(
                error.operation, error.message, advice=advice, code=error.code, where=error.where
            ) from error
        except ReflectorError as error:
            if isinstance(error, UnreachableError) or error.code == "ServiceException":
                return Answer.all_failed(batch.messages, f"Lambda gave no answer: {error.message}")
            raise

    def _delete_accepted(self) -> None:
        """Also what SQS refused to delete before."""
        try:
            self.refusals = self._hidden.delete(sorted(self.tally.to_delete))
        finally:
            self.tally.to_delete = {key for key in self.tally.to_delete if key in self._hidden}

    def _tidy_up(self) -> None:
        for step in (self._delete_accepted, self._hidden.release):
            try:
                step()
            except ReflectorError as error:  # and not instead of the error that brought us here
                self.untidy = error

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
        if self.untidy and len(self._hidden):
            problems.append(f"{_count(len(self._hidden))} may stay hidden for some minutes ({self.untidy.message})")
        return problems

    def _hint(self) -> str:
        return f"{_count(self.tally.deleted)} left the queue, the others are in it as they were. Mend the cause and run again."

    def _problem(self, message: str, advice: str = "") -> ReplayError:
        return ReplayError(
            f"send all of queue {self.queue.name} again", message, advice=advice, where=self.target.where
        )

    def report(self, sent: int, accepted: int, after: int | None) -> Result:
        """A task's result. `sent` and `accepted`: messages; `after`: in the queue, None if SQS does not say."""
        tally, name, before = self.tally, self.queue.name, self.queue.messages
        gone = accepted - len(tally.to_delete)
        header = f"queue {name}"
        diff = {
            "before_header": header,
            "after_header": header,
            "before": {"messages": before},
            "after": {"messages": after},
        }
        return {
            "changed": gone > 0,
            "changes": [f"send {_count(gone)} of queue {name} again"] if gone else [],
            "diff": [diff] if gone else [],
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
    """The work of the module dead_letter_replay. ReplayError, with all counts, if not everything was accepted."""
    options = Options.from_params(params)
    api = QueueApi(target, options.queue, RetryPolicy(seconds=options.wait_timeout))
    queue = api.queue()
    if queue is None:
        raise NotFoundError(f"find queue {options.queue}", "there is none", advice=_DEPLOY, where=target.where)
    run = Replay(target, options, queue, _function_seconds(target, options.function_name))
    if check_mode:
        return run.report(run.announced, run.announced, queue.messages - run.announced)
    try:
        run.send()
    except ReflectorError as error:
        error.done = _outcome(run, api)
        raise
    return _outcome(run, api)


def _outcome(run: Replay, api: QueueApi) -> Result:
    try:
        queue = api.queue()
    except ReflectorError:  # the run's own result matters more than this count
        queue = None
    return run.report(run.tally.sent, len(run.tally.accepted), queue.messages if queue else None)


def _function_seconds(target: Target, name: str) -> int:
    """How long the function may run. NotFoundError with what to do where there is none."""
    try:
        with target.describe_operation(f"find function {name}"):
            return int(target.client("lambda").get_function_configuration(FunctionName=name)["Timeout"])
    except NotFoundError as error:
        raise NotFoundError(
            error.operation, error.message, advice=_DEPLOY, code=error.code, where=error.where
        ) from error


def _count(number: int, noun: str = "message", plural: str = "s") -> str:
    return f"{number} {noun}{plural * (number != 1)}"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM inside become one KeyboardInterrupt: Ansible's workers would end without any `finally`.

    Later ones are ignored until the block ends, so that tidying up is not interrupted. Signals belong to a process's
    main thread; in another one nothing is changed.
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
