# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replay of the dead-letter queue. test_reflector_handler.py tests it through the whole function."""

import json
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector import delivery
from reflector.accounting import Tally, metric_line
from reflector.config import Config
from reflector.dead_letters import QueueRefusedError, dead_letters, undecodable_letter
from reflector.delivery import TIME_IS_OVER, Undelivered
from reflector.flow import Flow
from reflector.records import identified, pick
from reflector.replay import Replay, is_queue_event
from reflector.retries import RETRY_SECONDS
from reflector.rules import routes
from reflector.sinks import ACCEPTED
from reflector_support import opened, payload, sample, sqs_event, subscription_event
from scripted_sink import AGAIN, REFUSED, TOO_LARGE, UNAUTHORIZED, Clock, ScriptedSink, batch_of


class Messages:
    """A queue that stores messages, and refuses them after `full_after`."""

    def __init__(self, full_after=None):
        self.bodies = []
        self.full_after = full_after

    def put(self, body):
        if len(self.bodies) == self.full_after:
            raise QueueRefusedError("SendMessage to the queue q was refused: AccessDenied")
        self.bodies.append(body)


class Replaying:
    def __init__(self, *, queue=None, rules=(), seconds=100.0, own="/own", **sinks):
        self.sinks = sinks
        self.queue = queue
        self.tally = Tally()
        self.clock = Clock(seconds)
        self.config = Config(sinks, routes(list(rules), sinks, "routes"), ())
        flow = Flow(self.config, self.clock, self.tally)
        self.replay = Replay(flow, self.config, self.tally, queue, own)

    def answer(self, *bodies):
        with mock.patch.object(delivery.time, "sleep", self.clock.sleep):
            answer = self.replay.run(sqs_event(*bodies)["Records"])
        self.tally.check()
        assert set(answer) == {"batchItemFailures", "failures"}
        assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == list(answer["failures"])
        return answer["failures"]

    @property
    def counts(self):
        counts = self.tally.counts()
        return tuple(counts[f"{name}Events"] for name in ("Received", "Dropped", "Delivered", "DeadLettered", "Failed"))

    @property
    def resent(self):
        """The accepted events of each message in the accounting line."""
        return [message["events"] for message in json.loads(metric_line(self.tally)).get("resent", [])]


def sink(*script, **options):
    return ScriptedSink(Clock(1e9), script, **options)


def dead_letter(*texts, sink="a", first=0):
    """Return a dead letter of these events, with ids from `first` on."""
    batch = batch_of(*["x"] * first, *texts)
    chosen = pick(identified(batch), range(first, first + len(texts)))
    ((body, _part),) = dead_letters(Undelivered(chosen, "busy", 3), sink)
    return body


def at(sink):
    return list(map(int, sink.accepted))


# --- events of a queue ---


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        {"Records": []},
        {"Records": "x"},
        {"Records": [5]},
        {"Records": [{"eventSource": "aws:sns"}]},
        {"Records": [{"eventSource": "aws:sqs"}, {"eventSource": "aws:sns"}]},
        sample("powertools_cloudwatch_logs_event.json"),
    ],
)
def test_is_queue_event_other_events(event):
    assert not is_queue_event(event)


def test_is_queue_event_sqs_event():
    assert is_queue_event(sqs_event("x"))


# --- accepted messages ---


def test_replay_dead_letters_go_to_their_sink():
    replaying = Replaying(a=sink(), b=sink(), queue=Messages())
    assert replaying.answer(dead_letter("x", "y"), dead_letter("z", sink="b", first=5)) == {}
    assert (at(replaying.sinks["a"]), at(replaying.sinks["b"])) == ([0, 1], [5])
    assert replaying.counts == (3, 0, 3, 0, 0)
    assert replaying.resent == [2, 1]
    assert replaying.queue.bodies == []


def test_replay_ignores_routes_that_drop_today():
    rules = [{"log_groups": ["*"], "sinks": [], "drop": ["."]}]
    replaying = Replaying(a=sink(), rules=rules)
    assert replaying.answer(dead_letter("x")) == {}
    assert at(replaying.sinks["a"]) == [0]


def test_replay_event_without_metadata_uses_routes():
    rules = [{"log_groups": ["/app/*"], "sinks": ["b"], "drop": ["y"]}, {"log_groups": ["*"]}]
    replaying = Replaying(a=sink(), b=sink(), rules=rules)
    assert replaying.answer(json.dumps(subscription_event(payload(["x", "y", "z"])))) == {}
    assert (at(replaying.sinks["a"]), at(replaying.sinks["b"])) == ([], [0, 2])
    assert replaying.counts == (3, 1, 2, 0, 0)
    (message,) = json.loads(metric_line(replaying.tally))["resent"]
    assert message == {"logGroup": "/app/orders", "owner": "222222222222", "events": 2}


@pytest.mark.parametrize("mark", [None, {"sink": "a"}])
def test_replay_lambdas_failure_records(mark):
    """AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations"."""
    event = subscription_event(payload(["x", "y"])) | ({"deadLetter": mark} if mark else {})
    record = {
        "version": "1.0",
        "timestamp": "2026-11-22T10:00:00.000Z",
        "requestContext": {"requestId": "1", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "x", "errorType": "DeliveryFailed"},
    }
    replaying = Replaying(a=sink(), b=sink())
    assert replaying.answer(json.dumps(record)) == {}
    assert replaying.tally.given_up == [2]
    assert at(replaying.sinks["a"]) == [0, 1]
    assert at(replaying.sinks["b"]) == ([] if mark else [0, 1])


def test_replay_payload_that_is_readable_today_is_sent():
    """The payload was too large for the function's memory then."""
    body = undecodable_letter(subscription_event(payload(["x"])), "The payload decompresses to more than 32 MB.")
    replaying = Replaying(a=sink(), b=sink())
    assert replaying.answer(body) == {}
    assert (at(replaying.sinks["a"]), at(replaying.sinks["b"])) == ([0], [0])


@pytest.mark.parametrize(
    "event", [sample("control_message.json"), subscription_event(payload(["x", "y"], log_group="/own"))]
)
def test_replay_own_log_group_is_dropped(event):
    replaying = Replaying(a=sink())
    assert replaying.answer(json.dumps(event)) == {}
    assert replaying.sinks["a"].seen == []
    assert replaying.counts[1] == replaying.counts[0] > 0


# --- messages that stay ---


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("private", "the message is no JSON: it is not the reflector's"),
        (None, "the message is no JSON: it is not the reflector's"),
        ("[" * 200_000, "the message is no JSON: it is not the reflector's"),
        ("{}", "The event has no awslogs.data: it does not come from a CloudWatch Logs subscription"),
        ("5", "The event has no awslogs.data: it does not come from a CloudWatch Logs subscription"),
        ('"private"', "The event has no awslogs.data: it does not come from a CloudWatch Logs subscription"),
        ('{"awslogs":{"data":"private!"},"deadLetter":{"sink":null}}', "The payload is not valid base64"),
        ('{"requestPayload":{"awslogs":{"data":"private!"}}}', "The payload is not valid base64"),
        (dead_letter("x", sink="gone"), "there is no sink gone any more"),
    ],
)
def test_replay_failed_message_stays_with_reason(body, reason):
    replaying = Replaying(a=sink(), queue=Messages())
    assert replaying.answer(dead_letter("x"), body, dead_letter("y", first=1)) == {"m1": reason}
    assert at(replaying.sinks["a"]) == [0, 1]
    assert replaying.queue.bodies == []


def test_replay_message_without_accepted_event_stays():
    replaying = Replaying(a=sink(REFUSED, REFUSED, size=1), queue=Messages())
    assert replaying.answer(dead_letter("x", "y"), dead_letter("z", first=2)) == {"m0": "bad"}
    assert at(replaying.sinks["a"]) == [2]
    assert replaying.queue.bodies == []
    assert replaying.counts == (3, 0, 1, 2, 0)


def test_replay_without_time_keeps_messages():
    replaying = Replaying(a=sink(), queue=Messages(), seconds=0.1)
    assert replaying.answer(dead_letter("x"), dead_letter("y", first=1)) == {"m0": TIME_IS_OVER, "m1": TIME_IS_OVER}
    assert replaying.sinks["a"].seen == []


def test_replay_sink_still_down_costs_the_retry_budget_only():
    replaying = Replaying(a=sink(after=AGAIN), b=sink(), queue=Messages(), seconds=900.0)
    replaying.sinks["a"].clock = replaying.clock
    letters = [dead_letter("x", first=number) for number in range(9)]
    failures = replaying.answer(*letters, dead_letter("z", sink="b", first=9))
    assert list(failures) == [f"m{number}" for number in range(9)]
    assert 900.0 - replaying.clock.left <= RETRY_SECONDS + 1
    assert at(replaying.sinks["b"]) == [9]


@pytest.mark.parametrize("outcome", [AGAIN, UNAUTHORIZED, REFUSED, ValueError()])
@pytest.mark.parametrize("poison", [{0}, {4}, {9}, {0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}, {0, 3, 6, 9}])
def test_replay_messages_that_always_fail_do_not_stop_others(outcome, poison):
    """One message that the sink always answered with 500 or 403 failed the nine others, at each replay."""

    class Poisoned(ScriptedSink):
        def send(self, chunk, timeout):
            self.script.append(outcome if int(chunk.content[0]) in poison else ACCEPTED)
            return super().send(chunk, timeout)

    replaying = Replaying(a=Poisoned(Clock(1e9)), queue=Messages())
    failures = replaying.answer(*[dead_letter("x", first=number) for number in range(10)])
    assert list(failures) == [f"m{number}" for number in sorted(poison)]
    assert at(replaying.sinks["a"]) == [number for number in range(10) if number not in poison]


def test_replay_reads_refused_secrets_once():
    replaying = Replaying(a=sink(after=UNAUTHORIZED, secrets=9), queue=Messages())
    replaying.answer(*[dead_letter("x", first=number) for number in range(10)])
    assert replaying.sinks["a"].renewals == 1


# --- messages that are accepted in part ---


def test_replay_remainder_becomes_a_new_message():
    replaying = Replaying(a=sink(ACCEPTED, REFUSED, size=1), queue=Messages())
    assert replaying.answer(dead_letter("x", "y", "z", first=3)) == {}
    (body,) = replaying.queue.bodies
    got, mark = opened(body)
    assert [int(event["id"]) for event in got["logEvents"]] == [4]
    assert (mark["sink"], mark["reason"], mark["events"]) == ("a", "bad", 1)
    assert replaying.counts == (3, 0, 2, 1, 0)
    assert replaying.resent == [2]
    again = Replaying(a=sink(), queue=Messages())
    assert again.answer(body) == {}
    assert at(again.sinks["a"]) == [4]


def test_replay_requeues_for_failed_sinks_only():
    replaying = Replaying(a=sink(), b=sink(REFUSED), queue=Messages())
    assert replaying.answer(json.dumps(subscription_event(payload(["x", "y"])))) == {}
    (body,) = replaying.queue.bodies
    got, mark = opened(body)
    assert ([int(event["id"]) for event in got["logEvents"]], mark["sink"]) == ([0, 1], "b")
    assert replaying.counts == (2, 0, 0, 2, 0)
    assert replaying.resent == []


@pytest.mark.parametrize(
    ("queue", "reason"),
    [
        (Messages(full_after=0), "bad, and SendMessage to the queue q was refused: AccessDenied"),
        (None, "bad, and DEAD_LETTER_QUEUE is not set for the part that was not delivered"),
    ],
)
def test_replay_remainder_without_queue_keeps_message(queue, reason):
    replaying = Replaying(a=sink(ACCEPTED, REFUSED, size=1), queue=queue)
    assert replaying.answer(dead_letter("x", "y")) == {"m0": reason}
    assert at(replaying.sinks["a"]) == [0]


outcomes = st.lists(st.sampled_from([ACCEPTED, ACCEPTED, AGAIN, TOO_LARGE, REFUSED, ValueError()]), max_size=12)


@given(
    outcomes,
    outcomes,
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 5)), max_size=4),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(0, 3)),
    st.floats(0, 20),
)
def test_replay_loses_no_event(first, second, messages, size, full_after, seconds):
    queue = Messages(full_after)
    replaying = Replaying(a=sink(*first, size=size), b=sink(*second, size=size), queue=queue, seconds=seconds)
    for one in replaying.sinks.values():
        one.clock = replaying.clock
    wanted, bodies, number = Counter(), {}, 0
    for name, count in messages:
        body = dead_letter(*["x"] * count, sink=name, first=number)
        bodies[f"m{len(bodies)}"] = body
        wanted.update((one, event) for one in ([name] if name else "ab") for event in range(number, number + count))
        number += count
    failures = replaying.answer(*bodies.values())
    there = Counter((name, event) for name, one in replaying.sinks.items() for event in at(one))
    assert max(there.values(), default=1) == 1
    for body in [*queue.bodies, *(bodies[name] for name in failures)]:
        got, mark = opened(body)
        there.update(
            (one, int(event["id"])) for one in ([mark["sink"]] if mark["sink"] else "ab") for event in got["logEvents"]
        )
    assert not wanted - there
    # Twice only if a remainder could not be put into the queue: then its message stays, beside the remainders that were put.
    if full_after is None:
        assert there == wanted
    assert sum(replaying.counts[1:]) == replaying.counts[0] == number
