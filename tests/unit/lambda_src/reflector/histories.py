# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Histories of a reflector among faults, and the proof after each step that no event is lost.

A history is a list of steps: a method's name of `History` and its arguments. `random_steps(seed)` makes one. The tests, the state
machine (test_reflector_histories.py) and bench/chaos.py run the same steps.

The model of AWS is the class `History`:

* CloudWatch Logs invokes the function asynchronously (Lambda developer guide, "Process CloudWatch Logs with Lambda").
* After a function error, an exit or a time-out Lambda tries twice more, after one minute and after two more. A throttled event
  returns to Lambda's queue, and is tried again after 1 s to 5 min, for 6 hours at most (the same guide, "How Lambda handles errors
  and retries with asynchronous invocation").
* Then the whole event goes to the on-failure destination, which is the dead-letter queue here (the same guide, "Capturing records
  of Lambda asynchronous invocations").
* A received message is hidden for its visibility time-out, and visible again if nobody deletes it (SQS developer guide, "Amazon SQS
  visibility timeout").

AWS keeps what it has: an event in Lambda's queue, a record for the destination, a message in SQS. The model counts none of AWS's own
repetitions of an event (both services deliver at least once), so that each duplicate here is one that the reflector causes.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reflector_support import opened, subscription_event
from virtual_lambda import Code, Kill, Reply, Request, VirtualLambda, Wire

MAX_EVENT_AGE = 21_600.0
"""Seconds; the default of `reflector_maximum_event_age`."""

TRIES = 3
"""The first try, and the two of `reflector_maximum_retry_attempts`."""

QUEUE = "dead-letters"
PORTS = {1: "sumologic", 2: "search", 3: "lines"}
DROP = "DROP"
GROUPS = ("/app/orders", "/both/web", "/none/noise", "/other")
TIMEOUTS = (120.0, 120.0, 30.0, 6.0)

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def _status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} x", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


ANSWERS: dict[str, tuple[bool, Reply]] = {
    "200": (True, Reply(_OK)),
    "200, then closes": (True, Reply(_OK, "close")),
    "429": (False, Reply(_status(429))),
    "429, Retry-After 1": (False, Reply(_status(429, "Retry-After: 1"))),
    "429, Retry-After 3600": (False, Reply(_status(429, "Retry-After: 3600"))),
    "500": (False, Reply(_status(500))),
    "503": (False, Reply(_status(503))),
    "400": (False, Reply(_status(400))),
    "403": (False, Reply(_status(403))),
    "413": (False, Reply(_status(413))),
    "closes": (False, Reply(b"", "close")),
    "hangs": (False, Reply(b"", "hang")),
    "half an answer": (False, Reply(b"HTTP/1.1 200 OK\r\nContent-Le", "close")),
    "accepts, half an answer": (True, Reply(b"HTTP/1.1 200 OK\r\nContent-Le", "close")),
    "accepts and closes": (True, Reply(b"", "close")),
    "accepts and hangs": (True, Reply(b"", "hang")),
    "partial": (True, Reply(_OK)),  # the sink `search` accepts every third item; the others have no such answer
}
"""The answers of a sink to a request: whether it accepts the events, and its reply."""

MOODS = ("200", "200", "200", "429", "500", "403", "hangs", "accepts and hangs")
"""The answers of a sink after its script, with repetitions as weights."""

AWS_ANSWERS = ("ok", "denied", "throttled", "unreachable", "accepted, unanswered", "accepted twice")
UNANSWERED = frozenset(
    name for name, (takes, reply) in ANSWERS.items() if takes and not reply.data.endswith(b"\r\n\r\n")
)


# The causes of duplicates.
UNANSWERED_REQUEST = "the sink accepted a request and did not answer"
PROCESS_ENDED = "the function was killed or timed out"
WHOLE_EVENT_AGAIN = "the queue refused, and Lambda tried the whole event again"
REPLAYED_AGAIN = "a message was in the queue twice, or its replay was killed or ran twice"
OVERLAP = "another process got the overlap of a new log group"
CAUSES = frozenset({UNANSWERED_REQUEST, PROCESS_ENDED, WHOLE_EVENT_AGAIN, REPLAYED_AGAIN, OVERLAP})
SENT_TWICE = "the function sent an accepted event again"
"""A bug of the reflector, and so in none of the causes."""


@dataclass(frozen=True, slots=True)
class Release:
    """Settings of the function, and their effect on an event. `routes`: log group, sinks, whether a rule drops events."""

    name: str
    routes: tuple[tuple[str, tuple[str, ...], bool], ...]
    has_queue: bool = True
    is_valid: bool = True

    def environment(self) -> dict[str, str]:
        """Return the function's environment variables."""
        used = {sink for _pattern, sinks, _drops in self.routes for sink in sinks}
        sinks = {
            "search": {"type": "elasticsearch", "endpoint": "http://127.0.0.1:2/"},
            "lines": {"type": "http", "endpoint": "http://127.0.0.1:3/", "max_events": 2, "compress": False},
        }
        routes = [
            {"log_groups": [pattern], "sinks": list(to), "drop": [DROP] if drops else []}
            for pattern, to, drops in self.routes
        ]
        rules = {"sinks": {name: sink for name, sink in sinks.items() if name in used}, "routes": routes}
        return {
            "SUMO_ENDPOINT": "secretsmanager:endpoint",
            "INCLUDE_EVENT_ID": "true",
            "AWS_REGION": "eu-west-1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "REFLECTOR_RULES": json.dumps(rules) if self.is_valid else "{",
            **({"DEAD_LETTER_QUEUE": QUEUE} if self.has_queue else {}),
        }

    def sinks_for(self, log_group: str, message: str) -> tuple[str, ...]:
        """Return the sinks that must get an event; none if a rule drops it."""
        for pattern, sinks, drops in self.routes:
            if pattern == "*" or log_group.startswith(pattern.rstrip("*")):
                return () if drops and DROP in message else sinks
        raise AssertionError(log_group)


_ALL = (
    ("/app/*", ("sumologic", "search", "lines"), True),
    ("/both/*", ("sumologic", "lines"), False),
    ("/none/*", (), False),
    ("*", ("sumologic",), True),
)
RELEASES = {
    release.name: release
    for release in (
        Release("all", _ALL),
        Release("one sink", (("*", ("sumologic",), False),)),
        Release("no queue", _ALL, has_queue=False),
        Release("broken", _ALL, is_valid=False),
    )
}
_ENVIRONMENTS = {name: release.environment() for name, release in RELEASES.items()}


@dataclass(slots=True)
class Event:
    """A log event that CloudWatch Logs handed to Lambda. `required_sinks`: those that must get it; None while Lambda has it."""

    log_group: str
    message: str
    required_sinks: set[str] | None = None


@dataclass(slots=True)
class Payload:
    """An event in Lambda's queue, with the ids of its log events. `arrived` and `due` are virtual times."""

    body: dict[str, Any]
    ids: tuple[int, ...]
    kind: str
    arrived: float
    due: float
    tries: int = 0
    throttles: int = 0
    lag: float = 0.0
    """Seconds in which the event was due and the history did something else: no delay of AWS or the reflector."""


@dataclass(slots=True)
class Message:
    """A message of the dead-letter queue. A dead letter has a `sink`; Lambda's record and an unreadable event have a `payload`."""

    name: str
    body: str
    ids: tuple[int, ...]
    sink: str = ""
    payload: Payload | None = None
    visible_at: float = 0.0


@dataclass(slots=True)
class Record:
    """The figures of histories; they can be added."""

    histories: int = 0
    steps: int = 0
    events: int = 0
    copies: int = 0
    invocations: int = 0
    lost: int = 0
    unaccounted: int = 0
    duplicates: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    """How often each cause of duplicates happened, with or without a duplicate."""
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)
    """The longest delay in seconds, with its reason, by the kind of path."""

    def delay(self, kind: str, seconds: float, reason: str) -> None:
        if seconds > self.worst.get(kind, (-1.0, ""))[0]:
            self.worst[kind] = (seconds, reason)

    def add(self, other: "Record") -> None:
        for name in ("histories", "steps", "events", "copies", "invocations", "lost", "unaccounted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.duplicates += other.duplicates
        self.causes += other.causes
        for kind, (seconds, reason) in other.worst.items():
            self.delay(kind, seconds, reason)


class ViolationError(AssertionError):
    """Events are lost, or the function's accounts are wrong."""


class History:
    """A function, its sinks and its AWS. The steps are the methods up to `drain`."""

    def __init__(self, code: Code, seed: int = 0, name: str = "") -> None:
        random.seed(seed)  # makes the reflector's pauses between attempts reproducible
        self.name = name or f"seed {seed}"
        self.wire = Wire(self._answer_http, self._answer_aws)
        self.function = VirtualLambda(self.wire, code)
        self.clock = self.wire.clock
        self.release = RELEASES["all"]
        self.timeout = TIMEOUTS[seed % len(TIMEOUTS)]
        self.record = Record(histories=1)
        self.events: dict[int, Event] = {}
        self.payloads: list[Payload] = []
        self.queue: list[Message] = []
        self.at: Counter[tuple[str, int]] = Counter()
        self._script: list[str] = []
        self._moods: dict[str, str] = {}
        self._aws_script: list[str] = []
        self._aws_mood = "ok"
        self._token, self._stored = "token-0", "token-0"
        self._accepted_in: dict[tuple[str, int], tuple[int, bool]] = {}
        self._ends: dict[int, str] = {}
        self._running: Payload | None = None
        self._acknowledged: set[int] = set()
        self._messages = 0

    def play(self, steps: Iterable["Step"]) -> None:
        """Take the steps, with a check after each, and drain. Raises ViolationError."""
        for name, arguments in steps:
            getattr(self, name)(**arguments)
            self.record.steps += 1
            self.check()
        self.drain()

    # --- steps ---

    def arrive(self, group: int, messages: Iterable[str], kind: str = "filter", again: int = 0) -> None:
        """CloudWatch Logs invokes the function with events. `kind`: also backfill, overlap, control, garbage.

        `again`: how many of the events of an overlap are the group's latest ones.
        """
        log_group = GROUPS[group % len(GROUPS)]
        known = [number for number, event in self.events.items() if event.log_group == log_group]
        repeated = known[-again:] if kind == "overlap" and again else []
        fresh: list[int] = []
        if kind not in ("control", "garbage"):
            for text in messages:
                fresh.append(len(self.events))
                self.events[fresh[-1]] = Event(log_group, text)
        ids = (*repeated, *fresh)
        body = _subscription_event(kind, log_group, [(number, self.events[number].message) for number in ids])
        self.record.events += len(fresh)
        self.record.causes[OVERLAP] += bool(repeated)
        self.payloads.append(Payload(body, ids, kind, self.clock.now, self.clock.now))

    def sinks(self, script: Iterable[str] = (), **moods: str) -> None:
        """The sinks answer the next requests like this, then according to their moods."""
        self._script = list(script)
        self._moods.update(moods)

    def aws(self, script: Iterable[str] = (), mood: str = "ok") -> None:
        """SQS and Secrets Manager answer the next calls like this, then according to the mood."""
        self._aws_script, self._aws_mood = list(script), mood

    def run(self, number: int = 0, kill: tuple[int, str] | None = None) -> None:
        """Lambda runs the function with one of the events that wait, when it is due."""
        if not self.payloads:
            return
        payload = self.payloads[number % len(self.payloads)]
        if not self._wait_until_due(payload):
            return
        self._acknowledged = set()
        self._running = payload
        ended = self._invoke(payload.body, kill)
        self._running = None
        if ended.how == "returned":
            self.payloads.remove(payload)
            self._check_line(payload, ended.lines)
            self._settle(payload)
        else:
            self._check_sums(ended.lines)
            payload.tries += 1
            payload.due = self.clock.now + 60.0 * payload.tries
            if payload.tries == TRIES:
                self._hand_to_destination(payload)

    def throttle(self, number: int = 0, times: int = 1) -> None:
        """Lambda has no concurrency for one of the events that wait, several times in a row."""
        if not self.payloads:
            return
        payload = self.payloads[number % len(self.payloads)]
        for _unused in range(times):
            if not self._wait_until_due(payload):
                return
            payload.throttles += 1
            payload.due = self.clock.now + min(300.0, 2.0 ** min(payload.throttles - 1, 9))

    def recycle(self) -> None:
        """Lambda replaces the execution environment."""
        self.function.new_process()

    def wait(self, seconds: float) -> None:
        """Time passes without an event."""
        self.clock.now += seconds

    def rotate(self, *, store: bool) -> None:
        """The sink accepts another token only. `store`: the secret has it; otherwise the step `store` follows some time later."""
        self._token = f"token-{int(self._token.rpartition('-')[2]) + 1}"
        if store:
            self.store()

    def store(self) -> None:
        """The secret gets the token that the sink accepts."""
        self._stored = self._token

    def deploy(self, release: str) -> None:
        """A release with other settings, or a rollback, replaces the function."""
        self.release = RELEASES[release]
        self.function.new_process()

    def replay(self, limit: int = 10, fault: str = "", kill: tuple[int, str] | None = None) -> None:
        """A replay sends messages of the queue again. `fault`: it is killed before or after the invocation, or runs twice."""
        visible = [message for message in self.queue if message.visible_at <= self.clock.now][:limit]
        if not visible:
            return
        for message in visible:
            message.visible_at = self.clock.now + 2 * self.timeout + 60
        if fault == "killed before":
            return
        records = [{"messageId": item.name, "body": item.body, "eventSource": "aws:sqs"} for item in visible]
        self.record.causes[REPLAYED_AGAIN] += fault in ("twice", "killed after")
        accepted: set[str] = set()
        for _run in range(2 if fault == "twice" else 1):
            ended = self._invoke({"Records": records}, kill)
            self._check_sums(ended.lines)
            if ended.how == "returned":
                failed = {item["itemIdentifier"] for item in ended.value["batchItemFailures"]}
                accepted |= {message.name for message in visible} - failed
        if fault == "killed after":
            return
        for message in visible:
            message.visible_at = self.clock.now
            if message.name in accepted:
                self.queue.remove(message)
                if message.payload:
                    self._settle(message.payload)

    def drain(self) -> None:
        """Repair all faults and process both queues to their end. Raise ViolationError if an event is not where it belongs."""
        self.deploy("all")
        self.store()
        self.aws()
        self.sinks((), **dict.fromkeys(PORTS.values(), "200"))
        for _unused in range(30):
            while self.payloads:
                self.run()
            if not any(message.ids for message in self.queue):
                break
            self.queue.sort(key=lambda message: not message.ids)  # unreadable messages stay in the queue
            self.clock.now = max([self.clock.now + 120, *(message.visible_at for message in self.queue)])
            self.replay()
        self.check()
        left = [message for message in self.queue if message.ids]
        missing = [
            number for number, event in self.events.items() if event.required_sinks is None or self._missing(number)
        ]
        if left or missing:
            raise ViolationError(f"{self.name}: {len(left)} messages remain, {len(missing)} events are not delivered")

    # --- the checks after each step ---

    def check(self) -> dict[str, int]:
        """Return the number of events by their place. Raise ViolationError if an event is nowhere."""
        with_lambda: set[int] = set()
        letters: set[tuple[str, int]] = set()
        for payload in self.payloads:
            with_lambda.update(payload.ids)
        for message in self.queue:
            if message.payload:
                with_lambda.update(message.ids)
            else:
                letters.update((message.sink, number) for number in message.ids)
        found: Counter[str] = Counter()
        for number, event in self.events.items():
            if number in with_lambda:
                found["required_sinks by AWS"] += 1
            elif event.required_sinks is None:
                found["lost"] += 1
            elif missing := self._missing(number):
                is_queued = all((sink, number) in letters for sink in missing)
                found["dead-lettered" if is_queued else "lost"] += 1
            else:
                found["delivered" if event.required_sinks else "dropped"] += 1
        self.record.lost += found["lost"]
        if found["lost"]:
            raise ViolationError(f"{self.name}: {found['lost']} of {len(self.events)} events are lost")
        assert found.total() == len(self.events)
        return found

    def _missing(self, number: int) -> list[str]:
        return [sink for sink in self.events[number].required_sinks or () if not self.at[sink, number]]

    def _settle(self, payload: Payload) -> None:
        """Note for each event of an accepted payload the sinks of the current release, which must get it."""
        if payload.kind == "garbage" and not any(message.payload is payload for message in self.queue):
            raise ViolationError(f"{self.name}: an unreadable payload is nowhere")
        for number in payload.ids:
            event = self.events[number]
            if event.required_sinks is None:
                event.required_sinks = set(self.release.sinks_for(event.log_group, event.message))

    def _check_line(self, payload: Payload, lines: list[dict[str, Any]]) -> None:
        """Compare the accounting line of an invocation that succeeded with what happened."""
        self._check_sums(lines)
        if payload.kind in ("control", "garbage"):
            return
        (line,) = lines
        overlap = line.get("droppedBy", {}).get("delivered by the filter already", 0)
        route = line.get("droppedBy", {}).get("route", 0)
        unrouted = sum(
            not self.release.sinks_for(self.events[number].log_group, self.events[number].message)
            for number in payload.ids
        )
        wrong = abs(line["ReceivedEvents"] - len(payload.ids)) + line["FailedEvents"]
        wrong += abs(line["DeadLetteredEvents"] - len(self._acknowledged))
        # The function drops known events of an overlap before it chooses a route.
        wrong += max(0, unrouted - overlap - route) + max(0, route - unrouted)
        self._account(wrong)

    def _check_sums(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            fates = (line[f"{name}Events"] for name in ("Dropped", "Delivered", "DeadLettered", "Failed"))
            self._account(abs(line["ReceivedEvents"] - sum(fates)))

    def _account(self, wrong: int) -> None:
        self.record.unaccounted += wrong
        if wrong:
            raise ViolationError(f"{self.name}: the accounts are wrong by {wrong} events")

    # --- Lambda ---

    def _invoke(self, event: Any, kill: tuple[int, str] | None) -> Any:
        self.record.invocations += 1
        number = self.record.invocations
        due = Kill(kill[0], "after" if kill[1] == "after" else "before") if kill else None
        ended = self.function.invoke(event, _ENVIRONMENTS[self.release.name], self.timeout, due)
        if ended.how == "killed":
            self.record.causes[PROCESS_ENDED] += 1
        elif ended.error == "DeliveryFailed":
            self.record.causes[WHOLE_EVENT_AGAIN] += 1
        self._ends[number] = {
            "killed": PROCESS_ENDED,
            "raised": WHOLE_EVENT_AGAIN,
            "returned": REPLAYED_AGAIN if "Records" in event else OVERLAP,
        }[ended.how]
        return ended

    def _wait_until_due(self, payload: Payload) -> bool:
        """Advance the clock until the event is due. Return False if it expired and went to the on-failure destination."""
        payload.lag += max(0.0, self.clock.now - payload.due)
        self.clock.now = max(self.clock.now, payload.due)
        if self.clock.now - payload.arrived <= MAX_EVENT_AGE:
            return True
        self._hand_to_destination(payload)
        return False

    def _hand_to_destination(self, payload: Payload) -> None:
        self.payloads.remove(payload)
        record = {
            "version": "1.0",
            "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": payload.tries},
            "requestPayload": payload.body,
        }
        self._put(json.dumps(record), payload=payload)

    def _put(self, body: str, payload: Payload | None = None) -> None:
        self._messages += 1
        name = f"m{self._messages}"
        if payload is None and self._running is not None and self._running.kind == "garbage":
            payload = self._running
        if payload:
            self.queue.append(Message(name, body, payload.ids, payload=payload))
            return
        content, metadata = opened(body)
        ids = tuple(int(event["id"]) for event in content["logEvents"])
        self.queue.append(Message(name, body, ids, sink=metadata["sink"]))

    # --- the services ---

    def _answer_aws(self, operation: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        result = self._aws_script.pop(0) if self._aws_script else self._aws_mood
        if operation != "send_message":
            result = {"accepted, unanswered": "unanswered", "accepted twice": "ok"}.get(result, result)
            return result, {"QueueUrl": "https://sqs/queue", "SecretString": f"http://127.0.0.1:1/{self._stored}"}
        if result not in ("ok", "accepted, unanswered", "accepted twice"):
            return result, {}
        self.record.causes[REPLAYED_AGAIN] += result != "ok"
        for _unused in range(2 if result == "accepted twice" else 1):
            self._put(parameters["MessageBody"])
        if result == "accepted, unanswered":
            return "unanswered", {}
        if self.queue[-1].payload is None:
            self._acknowledged.update(self.queue[-1].ids)
        return "ok", {}

    def _answer_http(self, request: Request) -> Reply:
        sink = PORTS[request.port]
        answer = self._script.pop(0) if self._script else self._moods.get(sink, "200")
        if sink == "sumologic" and request.path != f"/{self._token}":
            answer = "403"
        accepts, reply = ANSWERS[answer]
        if not accepts:
            return reply
        self.record.causes[UNANSWERED_REQUEST] += answer in UNANSWERED
        if sink == "search":
            return self._answer_bulk(request.body, reply, answer)
        for line in request.body.rstrip(b"\n").split(b"\n"):
            self._accept(sink, int(json.loads(line)["id"]), answer)
        return reply

    def _answer_bulk(self, body: bytes, reply: Reply, answer: str) -> Reply:
        """Answer for each item, as the bulk API does. A document that exists is a conflict, not a duplicate."""
        items = []
        for place, action in enumerate(body.splitlines()[::2]):
            number = int(json.loads(action)["create"]["_id"].partition("-")[0])
            if answer == "partial" and place % 3 != 1:
                items.append({"create": {"status": (429, 0, 400)[place % 3]}})
            elif self.at["search", number]:
                items.append({"create": {"status": 409, "error": {"type": "version_conflict_engine_exception"}}})
            else:
                self._accept("search", number, answer)
                items.append({"create": {"status": 201}})
        if answer in UNANSWERED:
            return reply
        text = json.dumps({"items": items}).encode()
        return Reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text), reply.then)

    def _accept(self, sink: str, number: int, answer: str) -> None:
        copy = sink, number
        self.at[copy] += 1
        if self.at[copy] == 1:
            self.record.copies += 1
            self._note_delay()
        else:
            self.record.duplicates[self._reason(copy)] += 1
        self._accepted_in[copy] = self.record.invocations, answer in UNANSWERED

    def _reason(self, copy: tuple[str, int]) -> str:
        """Return why the sink gets a copy again."""
        invocation, is_unanswered = self._accepted_in[copy]
        if is_unanswered:
            return UNANSWERED_REQUEST
        if invocation < self.record.invocations:
            return self._ends[invocation]
        return SENT_TWICE if self._running else REPLAYED_AGAIN

    def _note_delay(self) -> None:
        payload = self._running
        if payload is None:  # a replay begins when a user wants it
            return
        seconds = self.clock.now - payload.arrived - payload.lag
        if payload.throttles:
            self.record.delay("after throttling", seconds, f"{payload.throttles} throttles in a row")
        elif payload.tries:
            self.record.delay("after failed tries", seconds, f"{payload.tries} tries failed")
        else:
            self.record.delay("at the first try", seconds, f"retries in an invocation of {self.timeout:.0f} s")


def _subscription_event(kind: str, log_group: str, events: list[tuple[int, str]]) -> dict[str, Any]:
    if kind == "garbage":
        return {"awslogs": {"data": "bm8gZ3ppcA=="}}
    body: dict[str, Any] = {
        "messageType": "CONTROL_MESSAGE" if kind == "control" else "DATA_MESSAGE",
        "owner": "222222222222",
        "logGroup": log_group,
        "logStream": "web/1",
        "subscriptionFilters": ["log-reflector"],
        "logEvents": [
            {"id": f"{number:056d}", "timestamp": 1_700_000_000_000, "message": text} for number, text in events
        ],
    }
    if kind == "control":
        body["logEvents"] = [{"id": "", "timestamp": 1_700_000_000_000, "message": "CWL CONTROL MESSAGE"}]
    if kind in ("backfill", "overlap"):
        body["backfill"] = True if kind == "backfill" else "overlap"
    return subscription_event(body)


Step = tuple[str, dict[str, Any]]


def run_steps(code: Code, steps: Iterable[Step], seed: int = 0, total: Record | None = None) -> Record:
    """Run a history to its end and return its figures. Raises ViolationError.

    The figures are added to `total`, also if the history fails.
    """
    history = History(code, seed)
    try:
        history.play(steps)
    finally:
        if total is not None:
            total.add(history.record)
    return history.record


def run_history(code: Code, seed: int, total: Record | None = None) -> Record:
    """Run the history of a seed."""
    return run_steps(code, random_steps(seed), seed, total)


MESSAGES = (
    "plain",
    '{"level":"info","total":1.10}',
    f"noise {DROP}",
    "RequestId: 5d2c8f1e-3b7a-4c55-9e0f-8a6b1c2d3e4f é",
)
KINDS = ("filter",) * 12 + ("overlap", "overlap", "overlap", "backfill", "control", "garbage")
FAULTS_OF_REPLAY = ("", "", "", "killed before", "killed after", "twice")
WAITS = (1.0, 30.0, 61.0, 130.0, 600.0, 3600.0)


def without_lost_answers(steps: Iterable[Step]) -> list[Step]:
    """Return the steps without lost answers, killed processes, refused messages and overlaps, which make duplicates unavoidable."""
    harmless = [name for name in ANSWERS if name not in UNANSWERED]
    found = []
    for name, given in steps:
        arguments = {**given, "kill": None} if "kill" in given else dict(given)
        if name == "aws" or arguments.get("fault") or arguments.get("release") == "no queue":
            continue
        if name == "sinks":
            moods = {sink: mood for sink, mood in arguments.items() if sink in PORTS.values() and mood in harmless}
            arguments = {"script": [answer for answer in arguments.get("script", ()) if answer in harmless], **moods}
        if arguments.get("kind") == "overlap":
            arguments["kind"] = "backfill"
        found.append((name, arguments))
    return found


def random_steps(seed: int) -> list[Step]:
    """Return the steps of a seed: 4 to 25, with at least one arrival."""
    source = random.Random(seed)
    makers = list(_MAKERS)
    weights = [weight for _maker, weight in makers]
    steps = _arrive(source)
    while len(steps) < source.randint(4, 20):
        ((make, _weight),) = source.choices(makers, weights)
        steps += make(source)
    return steps


def _arrive(source: random.Random) -> list[Step]:
    arguments = {
        "group": source.randrange(len(GROUPS)),
        "messages": source.choices(MESSAGES, k=source.randint(1, 9)),
        "kind": source.choice(KINDS),
        "again": source.randint(0, 4),
    }
    return [("arrive", arguments)]


def _run(source: random.Random) -> list[Step]:
    return [("run", {"number": source.randrange(4), "kill": _kill(source)})]


def _sinks(source: random.Random) -> list[Step]:
    moods = {sink: source.choice(MOODS) for sink in PORTS.values() if source.random() < 0.4}
    return [("sinks", {"script": source.choices(list(ANSWERS), k=source.randint(0, 6)), **moods})]


def _aws(source: random.Random) -> list[Step]:
    mood = source.choice(("ok", "ok", "ok", *AWS_ANSWERS))
    return [("aws", {"script": source.choices(AWS_ANSWERS, k=source.randint(0, 4)), "mood": mood})]


def _kill(source: random.Random) -> tuple[int, str] | None:
    return (source.randint(1, 8), source.choice(("before", "after"))) if source.random() < 0.25 else None


def _replay(source: random.Random) -> list[Step]:
    arguments = {"limit": source.choice((1, 10)), "fault": source.choice(FAULTS_OF_REPLAY), "kill": _kill(source)}
    steps: list[Step] = [("replay", arguments)]
    if source.random() < 0.7:  # to sinks that accept some of it
        bad = source.choice(("400", "400", "413", "429, Retry-After 3600", *ANSWERS))
        script = source.choices(("200", bad), k=source.randint(1, 6))
        steps.insert(0, ("sinks", {"script": script, **dict.fromkeys(PORTS.values(), "200")}))
    return steps


def _outage(source: random.Random) -> list[Step]:
    """Return an outage of some sinks, with events during it, and a replay."""
    bad = source.choice(("400", "403", "500", "429, Retry-After 3600", "hangs"))
    down = source.choice((("lines",), ("search",), ("sumologic",), tuple(PORTS.values())))
    return [("sinks", dict.fromkeys(down, bad)), *_arrive(source), ("run", {"number": -1}), *_replay(source)]


def _crashes(source: random.Random) -> list[Step]:
    """Return events whose tries all end in a crash, and a replay of Lambda's record."""
    crashes: list[Step] = [("run", {"number": -1, "kill": (source.randint(1, 3), "before")}) for _try in range(TRIES)]
    return [*_arrive(source), *crashes, *_replay(source)]


def _throttle(source: random.Random) -> list[Step]:
    return [("throttle", {"number": source.randrange(4), "times": source.choice((1, 1, 3, 12, 60, 90))})]


_MAKERS: tuple[tuple[Callable[[random.Random], list[Step]], int], ...] = (
    (_arrive, 25),
    (_run, 35),
    (_sinks, 14),
    (_aws, 8),
    (_replay, 12),
    (_outage, 8),
    (_crashes, 2),
    (_throttle, 3),
    (lambda source: [("wait", {"seconds": source.choice(WAITS)})], 4),
    (lambda _source: [("recycle", {})], 2),
    (lambda source: [("rotate", {"store": source.random() < 0.6})], 3),
    (lambda _source: [("store", {})], 2),
    (lambda source: [("deploy", {"release": source.choice(list(RELEASES))})], 4),
)
