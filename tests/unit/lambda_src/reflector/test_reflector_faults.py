# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thousands of random faults over sockets: every event is at the sink or in the queue, and the accounts are right."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector import decode, delivery, http, retries
from reflector.dead_letters import Queue, QueueRefusedError
from reflector.sinks import sumologic
from reflector_support import examples, opened, payload, raw, status, subscription_event

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def stall(data, pause):
    """Answer with these bytes, then hang for a while."""

    def answer(handler):
        handler.wfile.write(data)
        time.sleep(pause)
        raw(b"")(handler)

    return answer


def late(handler):
    time.sleep(0.01)
    status(200)(handler)


# The answers of the sink to a request, and whether it accepted the events.
FAULTS = {
    "429": (status(429), False),
    "429, soon": (status(429, Retry_After="0"), False),
    "429, never": (status(429, Retry_After="100000"), False),
    "500": (status(500, b"private"), False),
    "503": (status(503), False),
    "413": (status(413), False),
    "401": (status(401), False),
    "400": (status(400, b"private"), False),
    "nothing": (raw(b""), False),
    "no HTTP": (raw(b"220 smtp ready\r\n"), False),
    "half a head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), False),
    "half a status": (raw(b"HTTP/1.1 20"), False),
    "half an answer": (raw(OK + b"pri"), True),
    "accepted and closed": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), True),
    "accepted, late": (late, True),
    "accepted, the rest never": (stall(OK, 0.1), True),
    "accepted": (status(200), True),
}
# The function cannot know that a sink accepted events if it does not answer in time: it sends them again.
SILENT = {
    "hangs": (stall(b"", 0.1), False),
    "hangs in the head": (stall(b"HTTP/1.1 ", 0.1), False),
    "accepted and not said": (raw(b""), True),
    "accepted and half said": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), True),
    "accepted and hangs": (stall(b"", 0.1), True),
}
ALL = {**FAULTS, **SILENT}


class Sinks:
    """The server of all sinks, which have different paths. `at` counts how often each sink accepted each event."""

    def __init__(self, sink):
        self._sink = sink
        self.met = Counter()
        self.at = Counter()

    def will(self, faults):
        """Apply these faults to the next requests, and accept the following ones."""
        self._sink.reset()
        self._sink.script.extend([self._acting(name) for name in faults] + [self._acting("accepted")] * 500)

    @property
    def faults_met(self):
        return self.met.total() - self.met["accepted"]

    def _acting(self, name):
        answer, takes = ALL[name]

        def act(handler):
            self.met[name] += 1
            if takes:
                sink = "second" if handler.path.endswith("-2") else "sumologic"
                self.at.update((sink, int(record["id"])) for record in handler.received.records)
            answer(handler)

        return act


@dataclass(slots=True)
class Context:
    """Lambda's context, with time that passes at each read."""

    seconds: float
    log_group_name: str = "/aws/lambda/reflector"

    def get_remaining_time_in_millis(self):
        self.seconds -= 0.5
        return max(0, int(self.seconds * 1000))


@pytest.fixture
def quick(monkeypatch):
    """Skip the waits between attempts. Time-outs are long enough for a slow machine: see `impatient`."""
    monkeypatch.setattr(delivery.Backoff, "seconds", lambda _backoff, _attempt: 0.0001)
    monkeypatch.setattr(delivery, "MIN_ATTEMPT_SECONDS", 5.0)
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.03)


@pytest.fixture
def impatient(monkeypatch):
    """Shorten the time-out for hanging sinks."""
    monkeypatch.setattr(retries, "ATTEMPT_SECONDS", 0.05)


# Final faults and slow faults are rare: otherwise most of a script would not be used, or the test would take long.
ENDING = ("429, never", "401")
SLOW = ("accepted, the rest never", *SILENT)


def scripts(names):
    often = [name for name in names if name not in ENDING + SLOW and name != "accepted"]
    return st.lists(st.one_of(*[st.sampled_from(often)] * 8, st.sampled_from(list(names))), min_size=10, max_size=40)


faults, silent_faults = scripts(FAULTS), scripts(ALL)
texts = st.lists(st.sampled_from(["private", '{"a":1.10}', "private \ud800é", "x" * 300]), min_size=3, max_size=20)
times = st.one_of(st.floats(5, 50), st.floats(50, 500))
shapes = st.fixed_dictionaries(
    {"limit": st.integers(50, 500), "page": st.sampled_from([400, 4_000_000]), "two": st.booleans()}
)


class Rig:
    """The function with one or two sinks, in an account with a queue."""

    def __init__(self, function, sink, queue):
        self.function, self.queue = function, queue
        self.sinks = Sinks(sink)
        self.second = json.dumps(
            {"sinks": {"second": {"type": "sumologic", "endpoint": f"{sink.url}-2", "include_event_id": True}}}
        )

    def invoke(self, event, seconds, shape, queue):
        environment = {"INCLUDE_EVENT_ID": "true", "DEAD_LETTER_QUEUE": queue}
        if shape["two"]:
            environment["REFLECTOR_RULES"] = self.second
        with (
            mock.patch.object(sumologic, "REQUEST_LIMIT", shape["limit"]),
            mock.patch.object(decode, "PAGE_BYTES", shape["page"]),
        ):
            outcome = self.function.invoke(event, context=Context(seconds), **environment)
        line = outcome.account
        assert line["ReceivedEvents"] == sum(
            line[f"{name}Events"] for name in ("Dropped", "Delivered", "DeadLettered", "Failed")
        )
        assert "private" not in outcome.printed + str(outcome.error)
        return outcome, line

    def begin(self, messages, shape):
        """Return the event, and the expected place of each log event."""
        self.queue.take()
        self.sinks.at.clear()
        self.function.forget_failures()
        wanted = {(name, number) for name in self.names(shape) for number in range(len(messages))}
        text = json.dumps(payload(messages), separators=(",", ":")).encode()
        return subscription_event(text), wanted

    @staticmethod
    def names(shape):
        return ["sumologic", "second"] if shape["two"] else ["sumologic"]


def in_dead_letters(records):
    found = Counter()
    for record in records:
        got, mark = opened(record["body"])
        found.update((mark["sink"], int(event["id"])) for event in got["logEvents"])
    return found


@pytest.fixture
def rig(quick, function, sink, queue):
    return Rig(function, sink, queue)


def test_faults_no_event_is_lost_and_replays_deliver_all(rig):
    many = examples(400)

    @many
    @given(faults, faults, texts, times, times, shapes)
    def run(first, second, messages, seconds, more_seconds, shape):
        event, wanted = rig.begin(messages, shape)
        rig.sinks.will(first)
        outcome, line = rig.invoke(event, seconds, shape, rig.queue.name)
        assert outcome.error is None
        assert line["FailedEvents"] == 0
        # Once, in one of the two places, because here the sinks acknowledge everything that they accept.
        dead_letters = rig.queue.take()
        assert rig.sinks.at + in_dead_letters(dead_letters) == Counter(wanted)
        in_queue = {number for _sink, number in in_dead_letters(dead_letters)}
        assert (line["DeadLetteredEvents"], line["DeliveredEvents"]) == (len(in_queue), len(messages) - len(in_queue))
        # Replay the queue's messages, to sinks that fail again, and then to sinks that work.
        for faults, seconds_left in ((second, more_seconds), ([], 5000.0)):
            rig.sinks.will(faults)
            before = in_dead_letters(dead_letters)
            dead_letters = replayed(rig, dead_letters, seconds_left, shape)
            assert rig.sinks.at + in_dead_letters(dead_letters) == Counter(wanted)
            assert in_dead_letters(dead_letters) <= before
        assert dead_letters == []
        assert rig.sinks.at == Counter(wanted)

    run()
    assert rig.sinks.faults_met > 7 * many.max_examples  # thousands, with the profile of `make unit`
    assert set(rig.sinks.met) == set(FAULTS)


def replayed(rig, dead_letters, seconds, shape):
    """Replay these messages and return the messages that are left in the queue."""
    if not dead_letters:
        return []
    outcome, _line = rig.invoke({"Records": dead_letters}, seconds, shape, rig.queue.name)
    assert outcome.error is None
    stay = {item["itemIdentifier"] for item in outcome.counts["batchItemFailures"]}
    assert set(outcome.counts["failures"]) == stay
    return [message for message in dead_letters if message["messageId"] in stay] + rig.queue.take()


def test_faults_lost_answers_duplicate_but_lose_nothing(rig, impatient):
    many = examples(160)

    @many
    @given(silent_faults, texts, times, shapes)
    def run(faults, messages, seconds, shape):
        event, wanted = rig.begin(messages, shape)
        rig.sinks.will(faults)
        outcome, line = rig.invoke(event, seconds, shape, rig.queue.name)
        assert outcome.error is None
        dead_letters = rig.queue.take()
        assert set(rig.sinks.at + in_dead_letters(dead_letters)) == wanted
        assert set(in_dead_letters(dead_letters).values()) <= {1}
        assert line["DeadLetteredEvents"] == len({number for _sink, number in in_dead_letters(dead_letters)})

    run()
    assert rig.sinks.faults_met > 3 * many.max_examples


@pytest.mark.parametrize("queue_name", ["", "gone"], ids=["no queue", "a queue that refuses"])
def test_faults_without_queue_lambdas_retry_delivers(rig, queue_name):
    @examples(40)
    @given(faults, texts, times, shapes)
    def run(faults, messages, seconds, shape):
        event, wanted = rig.begin(messages, shape)
        rig.sinks.will(faults)
        outcome, line = rig.invoke(event, seconds, shape, queue_name)
        failed = wanted - set(rig.sinks.at)
        assert bool(failed) is (outcome.error is not None) is (line["FailedEvents"] > 0)
        assert line["DeadLetteredEvents"] == 0
        if failed:
            assert type(outcome.error).__name__ == line["error"] == "DeliveryFailed"
            rig.sinks.will([])
            outcome, line = rig.invoke(event, 5000.0, shape, queue_name)
            assert (outcome.error, line["DeliveredEvents"]) == (None, len(messages))
        assert set(rig.sinks.at) == wanted

    run()


@pytest.mark.parametrize("refused_puts", [{1}, {2}, {1, 2, 3}, {2, 4}])
def test_faults_refusing_queue_loses_nothing(rig, monkeypatch, refused_puts):
    puts = 0
    put = Queue.put

    def sometimes(queue, body):
        nonlocal puts
        puts += 1
        if puts in refused_puts:
            raise QueueRefusedError("SendMessage to the queue dead-letters was refused: AccessDenied")
        put(queue, body)

    monkeypatch.setattr(Queue, "put", sometimes)

    @examples(25)
    @given(faults, texts, times, shapes)
    def run(faults, messages, seconds, shape):
        nonlocal puts
        puts = 0
        event, wanted = rig.begin(messages, shape)
        rig.sinks.will(faults)
        outcome, line = rig.invoke(event, seconds, shape, rig.queue.name)
        there = set(rig.sinks.at + in_dead_letters(rig.queue.take()))
        lost = {number for _sink, number in wanted - there}
        assert line["FailedEvents"] == len(lost)
        assert (outcome.error is not None) is bool(lost)

    run()
