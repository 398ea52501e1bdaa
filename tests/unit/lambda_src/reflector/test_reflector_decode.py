# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
import contextlib
import gzip
import itertools
import json
import tracemalloc
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reflector import decode as decoding
from reflector.decode import CONTROL_MESSAGE, PayloadError, decode
from reflector_support import any_text, payload, sample, subscription_event


def events(payload):
    return list(itertools.chain.from_iterable(payload.pages()))


def test_decode_control_message():
    got = decode(sample("control_message.json"))
    assert (got.message_type, got.owner, got.log_group, got.log_stream) == (CONTROL_MESSAGE, "CloudwatchLogs", "", "")


def test_decode_sample():
    got = decode(sample("powertools_cloudwatch_logs_event.json"))
    assert (got.owner, got.log_group, got.log_stream) == ("123456789123", "testLogGroup", "testLogStream")
    assert got.filters == ("testFilter",)
    assert [event["message"] for event in events(got)] == ["[ERROR] First test message", "[ERROR] Second test message"]


@given(st.lists(any_text))
def test_decode_keeps_every_message(messages):
    body = payload(messages)
    got = decode(subscription_event(body))
    assert events(got) == body["logEvents"]
    assert (got.size, got.count) == (len(json.dumps(body)), len(messages))


def test_decode_utf_8():
    text = json.dumps(payload(["žluťoučký 🐎"]), ensure_ascii=False).encode()
    assert events(decode(subscription_event(text)))[0]["message"] == "žluťoučký 🐎"


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
        ({"awslogs": {"data": ""}}, "gzip"),
        ({"awslogs": {"data": base64.b64encode(gzip.compress(b"private" * 9)[:-9]).decode()}}, "gzip"),
        ({"awslogs": {"data": base64.b64encode(gzip.compress(b"{}") + b"private").decode()}}, "gzip"),
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
def test_decode_error_is_one_sentence_without_payload(event, sentence):
    with pytest.raises(PayloadError, match=sentence) as caught:
        decode(event)
    text = str(caught.value)
    assert "rivate" not in text.lower()
    assert text.count(".") - text.count("awslogs.data") == 1
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.binary(max_size=200), st.integers(0, 200))
def test_decode_damage_raises_payload_error_only(noise, at):
    packed = gzip.compress(json.dumps(payload(["a"])).encode())
    damage = packed[:at] + noise + packed[at + len(noise) :]
    with contextlib.suppress(PayloadError):
        decode({"awslogs": {"data": base64.b64encode(damage).decode()}})


# --- memory ---

BETWEEN = '},{"id":"'
tricky = st.one_of(
    any_text,
    st.text('}],{"id:[\\', max_size=20),
    st.sampled_from([BETWEEN, json.dumps(BETWEEN), '"logEvents":[', "]}", "]"]),
)
nested = st.sampled_from(
    [None, {"a": "]}"}, {"a": [{"x": 1}, {"id": "1"}]}, {"id": "x"}, {"logEvents": []}, {"a": {"id": "1"}, "b": "},{"}]
)


def in_pages(body, size):
    """Decode a body in CloudWatch Logs' layout (a text is used unchanged), in pages of this size."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    with mock.patch.object(decoding, "PAGE_BYTES", size):
        return decode(subscription_event(text.encode()))


@given(st.lists(st.tuples(tricky, nested), max_size=12), st.integers(1, 600), st.booleans())
@example([(BETWEEN, None), (BETWEEN * 3, {"a": [{"x": 1}, {"id": "1"}]})], 1, True)
def test_pages_hold_all_events(texts, size, ascii_only):
    body = payload([text for text, _unused in texts])
    for event, (_unused, extracted) in zip(body["logEvents"], texts, strict=True):
        if extracted:
            event["extractedFields"] = extracted
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    with mock.patch.object(decoding, "PAGE_BYTES", size):
        got = decode(subscription_event(text))
    assert events(got) == events(got) == body["logEvents"]
    assert (got.count, got.size, got.page_count) == (len(texts), len(text), len(list(got.pages())))
    assert (got.owner, got.log_group, got.log_stream) == (body["owner"], body["logGroup"], body["logStream"])
    assert got.filters == ("app-orders",)


@given(st.lists(st.integers(0, 300), min_size=2, max_size=30), st.integers(1, 2000))
def test_pages_end_at_first_event_beyond_size(lengths, size):
    body = payload(["x" * length for length in lengths])
    longest = max(len(json.dumps(event, separators=(",", ":"))) for event in body["logEvents"])
    got = in_pages(body, size)
    sizes = [len(json.dumps(page, separators=(",", ":"))) for page in got.pages()]
    # Up to the byte before the limit, two of punctuation, an event more, and two brackets.
    assert all(page <= size + longest + 3 for page in sizes)
    assert all(page > size for page in sizes[:-1])


def with_members(**members):
    return json.dumps({**payload(["a", "b", "c"]), **members}, separators=(",", ":"))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(payload(["a", "b", "c"])),
        json.dumps(payload(["a", "b", "c"]), indent=2),
        json.dumps(payload(["a", "b", "c"]), separators=(",", ":"), sort_keys=True),
        json.dumps(dict(reversed(payload(["a", "b", "c"]).items())), separators=(",", ":")),
        with_members(policyLevel="ACCOUNT_LEVEL_POLICY"),
        with_members(after=["x", {"logEvents": []}]),
        '{"before":{"logEvents":[]},' + with_members()[1:],
        '{"before":{"logEvents":[{"id":"0"},{"id":"1"}]},' + with_members()[1:],
        with_members(logGroup='"logEvents":['),
    ],
    ids=["spaces", "lines", "sorted", "reversed", "a member more", "a list after", "empty before", "before", "name"],
)
def test_pages_other_layout_is_read_as_a_whole(text):
    got = in_pages(text, 1)
    assert [event["message"] for event in events(got)] == ["a", "b", "c"]
    assert got.owner == "222222222222"


@pytest.mark.parametrize(
    "damage",
    [
        {"message": 7},
        {"timestamp": None},
        {"timestamp": 1.5},
    ],
)
def test_pages_invalid_late_event_is_found_at_once(damage):
    body = payload(["private"] * 9)
    body["logEvents"][7].update(damage)
    with pytest.raises(PayloadError, match="logEvents are not a list"):
        in_pages(body, 50)


def test_pages_nested_events_are_not_the_payloads():
    body = payload(["a", "b", "c"])
    nested = {"messageType": "DATA_MESSAGE", "other": {"logEvents": body["logEvents"]}}
    with pytest.raises(PayloadError, match="logEvents are not a list"):
        in_pages(nested, 1)


def test_pages_invalid_late_json_is_found_at_once():
    text = json.dumps(payload(["private"] * 9), separators=(",", ":"))
    with pytest.raises(PayloadError, match="not valid JSON"):
        in_pages(text.replace(":1700000000007,", ":1700000000007x,"), 50)


@pytest.mark.parametrize(
    "make", [lambda text: text[:-1], lambda text: text[:-2], lambda text: text + "}", lambda text: text[1:]]
)
def test_pages_incomplete_payload_is_an_error(make):
    with pytest.raises(PayloadError):
        in_pages(make(json.dumps(payload(["a"] * 9), separators=(",", ":"))), 50)


@pytest.mark.parametrize(("memory", "megabytes"), [("128", 32), ("", 64), ("4", 1)])
def test_largest_payload_is_a_quarter_of_memory(monkeypatch, memory, megabytes):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
    assert decoding.largest_payload() == megabytes * 1024 * 1024


def test_decode_zip_bomb_is_an_error(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4")
    fits = json.dumps(payload(["x" * 1_000_000])).encode()
    assert decode(subscription_event(fits)).count == 1
    bomb = subscription_event(json.dumps(payload(["private" * 8_000_000])).encode())
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError) as caught:
            decode(bomb)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value) == (
        "The payload decompresses to more than 1 MB, a quarter of the function's memory: give the function more and replay it."
    )
    assert peak < 5_000_000


def test_pages_use_memory_of_one_page():
    body = payload(["x" * 100] * 20_000)
    got = in_pages(body, 100_000)
    tracemalloc.start()
    try:
        count = sum(len(page) for page in got.pages())
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < got.size / 2


@pytest.mark.parametrize("size", [1, 50, 1000])
def test_decode_several_gzip_members(size):
    text = json.dumps(payload(["a", "b"])).encode()
    members = [gzip.compress(text[at : at + size]) for at in range(0, len(text), size)]
    got = decode({"awslogs": {"data": base64.b64encode(b"".join(members)).decode()}})
    assert [event["message"] for event in events(got)] == ["a", "b"]
