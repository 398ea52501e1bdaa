import base64
import contextlib
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.decode import CONTROL_MESSAGE, PayloadError, decode
from reflector_support import any_text, payload, sample, subscription_event


def test_a_control_message_is_read():
    got = decode(sample("control_message.json"))
    assert (got.message_type, got.owner, got.log_group, got.log_stream) == (CONTROL_MESSAGE, "CloudwatchLogs", "", "")


def test_a_sample_is_read():
    got = decode(sample("powertools_cloudwatch_logs_event.json"))
    assert (got.owner, got.log_group, got.log_stream) == ("123456789123", "testLogGroup", "testLogStream")
    assert [event["message"] for event in got.events] == ["[ERROR] First test message", "[ERROR] Second test message"]


@given(st.lists(any_text))
def test_every_message_comes_through_as_it_was(messages):
    body = payload(messages)
    got = decode(subscription_event(body))
    assert got.events == body["logEvents"]
    assert got.size == len(json.dumps(body))


def test_utf_8_is_read_as_such():
    text = json.dumps(payload(["žluťoučký 🐎"]), ensure_ascii=False).encode()
    assert decode(subscription_event(text)).events[0]["message"] == "žluťoučký 🐎"


def damaged(**change):
    return subscription_event({**payload(["private"]), **change})


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({}, "no awslogs.data"),
        ({"awslogs": None}, "no awslogs.data"),
        ("private", "no awslogs.data"),
        ({"awslogs": {"data": None}}, "base64"),
        ({"awslogs": {"data": "private!"}}, "base64"),
        ({"awslogs": {"data": "prívate"}}, "base64"),
        ({"awslogs": {"data": base64.b64encode(b"private").decode()}}, "gzip"),
        ({"awslogs": {"data": ""}}, "JSON"),
        ({"awslogs": {"data": base64.b64encode(gzip.compress(b"private" * 9)[:-9]).decode()}}, "gzip"),
        (subscription_event(b"private"), "JSON"),
        (subscription_event(b'"\xff private"'), "JSON"),
        (subscription_event(b"[" * 200_000), "JSON"),
        (subscription_event(["private"]), "JSON object"),
        (damaged(messageType="PRIVATE"), "messageType"),
        (damaged(logGroup=7), "strings"),
        (damaged(logEvents=None), "logEvents"),
        (damaged(logEvents=["private"]), "logEvents"),
        (damaged(logEvents=[{"timestamp": 1}]), "logEvents"),
        (damaged(logEvents=[{"timestamp": True, "message": "private"}]), "logEvents"),
        (damaged(logEvents=[{"timestamp": float("nan"), "message": "private"}]), "JSON"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_without_the_payload(event, sentence):
    with pytest.raises(PayloadError, match=sentence) as caught:
        decode(event)
    text = str(caught.value)
    assert "rivate" not in text.lower()
    assert text.count(".") - text.count("awslogs.data") == 1
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damage_never_raises_anything_else(noise, at):
    packed = gzip.compress(json.dumps(payload(["a"])).encode())
    damage = packed[:at] + noise + packed[at + len(noise) :]
    with contextlib.suppress(PayloadError):
        decode({"awslogs": {"data": base64.b64encode(damage).decode()}})
