# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
import gzip
import json
import random
import re
from unittest import mock

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reflector.codec import utf8
from reflector.dead_letters import (
    MAX_MESSAGE_BYTES,
    Queue,
    QueueRefusedError,
    current_queue,
    dead_letters,
    undecodable_letter,
)
from reflector.decode import decode
from reflector.delivery import Undelivered
from reflector.lines import json_lines
from reflector.records import identified, pick
from reflector_support import DeadLetters, any_text, examples, messages, opened, payload
from scripted_sink import batch_of

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"
OTHER = "f08bb4c8-d6b2-4f05-ac17-af7e2ba005fb"


def unsent(*texts, first=0):
    return Undelivered(batch_of(*texts, first=first), "the sink answered 503", 4)


def noise(size, seed=0):
    """Return text that gzip makes only a third smaller."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


# --- the content of dead letters ---


def test_dead_letter_is_a_subscription_event_with_metadata(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "log-reflector")
    ((body, part),) = dead_letters(unsent("a", "b", first=7), "main")
    got, metadata = opened(body)
    assert got == {**payload(["a", "b"], "/g", "s"), "subscriptionFilters": ["f"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata.pop("time"))
    assert metadata == {
        "sink": "main",
        "reason": "the sink answered 503",
        "attempts": 4,
        "events": 2,
        "function": "log-reflector",
    }
    assert list(part.batch.numbers) == [7, 8]


@given(st.lists(messages, min_size=1, max_size=8), st.sampled_from([None, {"n": "1"}, {"é": [1, "\ud800"]}]))
@example(["\ud800"], None)
def test_dead_letter_decodes_to_the_same_events(texts, extracted):
    left = unsent(*texts)
    if extracted:
        for event in left.batch.events:
            event["extractedFields"] = extracted
    ((body, _part),) = dead_letters(left, "main")
    body.encode("ascii")  # characters that SQS accepts
    got = decode(json.loads(body))
    (events,) = got.pages()
    assert events == left.batch.events
    assert (got.owner, got.log_group, got.log_stream, got.filters) == ("222222222222", "/g", "s", ("f",))


lines = st.one_of(
    st.sampled_from([f"START RequestId: {ID}", f"2020-03-05T16:30:36.113Z\t{OTHER}\tINFO\t{{}}\n", "x", '{"a":1.10}']),
    any_text,
)


@given(st.lists(lines, min_size=1, max_size=12), st.data())
def test_dead_letter_of_subset_makes_the_same_lines(texts, data):
    batch = batch_of(*texts)
    chosen = sorted(data.draw(st.sets(st.sampled_from(range(len(texts))), min_size=1)))
    whole = list(json_lines(batch.events, ',"logGroup":"/g"', ["id"]))
    ((body, _part),) = dead_letters(Undelivered(pick(identified(batch), chosen), "x", 1), "main")
    (events,) = decode(json.loads(body)).pages()
    again = list(json_lines(events, ',"logGroup":"/g"', ["id"]))
    assert [utf8(line) for line in again] == [utf8(whole[position]) for position in chosen]


# --- sizes ---


@examples(25)
@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=12), st.integers(0, 1000))
def test_dead_letters_respect_size_and_order(sizes, seed):
    texts = [noise(size, seed + number) for number, size in enumerate(sizes)]
    got = list(dead_letters(unsent(*texts), "main"))
    names = []
    for body, part in got:
        found, metadata = opened(body)
        assert [event["message"] for event in found["logEvents"]] == [event["message"] for event in part.batch.events]
        assert metadata["events"] == len(found["logEvents"]) == len(part.batch.numbers)
        assert (part.reason, part.attempts, metadata["attempts"]) == ("the sink answered 503", 4, 4)
        assert len(body.encode()) <= MAX_MESSAGE_BYTES or metadata["events"] == 1
        names += [int(event["id"]) for event in found["logEvents"]]
    assert names == list(range(len(sizes)))


def test_dead_letters_of_thousands_of_events_are_few():
    got = list(dead_letters(unsent(*(noise(300, seed) for seed in range(5000))), "main"))
    assert sum(len(part.batch.events) for _body, part in got) == 5000
    assert all(MAX_MESSAGE_BYTES / 4 < len(body) <= MAX_MESSAGE_BYTES for body, _part in got)


def test_dead_letters_compress_events_about_twice():
    events = unsent(*(noise(300, seed) for seed in range(5000)))
    with mock.patch("reflector.dead_letters.gzip", wraps=gzip.compress) as compress:
        got = list(dead_letters(events, "main"))
    packed = sum(len(call.args[0]) for call in compress.call_args_list)
    whole = len(compress.call_args_list[0].args[0])
    assert len(got) > 4
    assert packed < 2.5 * whole


def test_dead_letter_of_largest_event_fits_sqs():
    # 1 MB of the least compressible text that a log has: base64 of noise. SQS takes 1 MiB since 2025.
    ((body, _part),) = dead_letters(unsent(noise(1_024_000)), "main")
    assert MAX_MESSAGE_BYTES < len(body) <= 1024 * 1024


# --- payloads that cannot be decoded ---


@pytest.mark.parametrize(
    "event", [{"awslogs": {"data": "no!"}}, {}, {"awslogs": 5, "more": ["é"]}, {"deadLetter": {"sink": "x"}}]
)
def test_undecodable_dead_letter_keeps_event_unchanged(event):
    body = json.loads(undecodable_letter(event, "The payload is not valid base64."))
    metadata = body.pop("deadLetter")
    assert body == {name: value for name, value in event.items() if name != "deadLetter"}
    assert (metadata["sink"], metadata["events"], metadata["reason"]) == (None, 0, "The payload is not valid base64.")


@pytest.mark.parametrize("event", ["text", ["a"], None, 5])
def test_undecodable_dead_letter_of_non_object(event):
    assert json.loads(undecodable_letter(event, "x"))["event"] == event


# --- the queue ---


def test_current_queue_needs_a_name(monkeypatch):
    for name in ("", " "):
        monkeypatch.setenv("DEAD_LETTER_QUEUE", name)
        assert current_queue() is None
    monkeypatch.delenv("DEAD_LETTER_QUEUE")
    assert current_queue() is None
    monkeypatch.setenv("DEAD_LETTER_QUEUE", "q")
    assert isinstance(current_queue(), Queue)


def test_queue_put_stores_message(queue: DeadLetters):
    Queue(queue.name).put("one")
    Queue(queue.name).put("two")
    assert sorted(record["body"] for record in queue.take()) == ["one", "two"]


def test_queue_refusal_has_code_without_message(queue: DeadLetters):
    with pytest.raises(QueueRefusedError) as caught:
        Queue(queue.name).put("private" * 1_000_000)
    assert str(caught.value) == "SendMessage to the queue dead-letters was refused: InvalidParameterValue"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_queue_missing_is_reported_and_looked_up_again(aws):
    with pytest.raises(QueueRefusedError, match=r"^GetQueueUrl to the queue dead-letters was refused: .*NonExistent"):
        Queue("dead-letters").put("x")
    found = DeadLetters(boto3.client("sqs"))
    Queue("dead-letters").put("x")
    assert len(found.take()) == 1


def test_queue_unreachable_is_reported(aws, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(QueueRefusedError, match=r"^the queue q was not reached: NoRegionError$"):
        Queue("q").put("private")


def test_dead_letter_opens_with_documented_commands():
    """Decode as in the module's docstring: base64, gunzip."""
    ((body, _part),) = dead_letters(unsent("a"), "main")
    assert b'"message":"a"' in gzip.decompress(base64.b64decode(json.loads(body)["awslogs"]["data"]))
