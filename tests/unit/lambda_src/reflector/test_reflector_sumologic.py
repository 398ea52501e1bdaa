# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Sumo Logic, over real sockets."""

import gzip
import json
import math
from unittest import mock

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from reflector import __version__
from reflector.sinks.sumologic import MAX_SOURCES, REQUEST_LIMIT, header_value, without_member
from reflector_support import (
    DATA,
    any_text,
    exact,
    examples,
    json_objects,
    messages,
    payload,
    sample,
    subscription_event,
)

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"
ALLOWED = {"ALLOW_SUMO_METADATA": "true"}
over_http = examples(60)


def delivered(function, sink, *texts, **options):
    """Return the requests for these messages."""
    sink.reset()
    outcome = function.forward(*texts, **options)
    assert outcome.error is None
    return list(sink.received)


def records(requests):
    return [record for request in requests for record in request.records]


# --- records ---


def test_record_members(function, sink):
    (request,) = delivered(function, sink, f"START RequestId: {ID}\n", '{"price": 1.10}')
    assert request.lines == [
        b'{"timestamp":1700000000000,"message":"START RequestId: %s","requestID":"%s"}' % (ID.encode(), ID.encode()),
        b'{"timestamp":1700000000001,"message":{"price": 1.10},"requestID":"%s"}' % ID.encode(),
    ]


def test_record_with_log_info(function, sink):
    (request,) = delivered(function, sink, "a", log_group='/a"b', log_stream="s/[$LATEST]é", INCLUDE_LOG_INFO="true")
    assert request.records == [
        {"timestamp": 1700000000000, "message": "a", "logStream": "s/[$LATEST]é", "logGroup": '/a"b'}
    ]


def test_record_with_event_id(function, sink):
    (request,) = delivered(function, sink, "a", "b", INCLUDE_EVENT_ID="true")
    assert [record["id"] for record in request.records] == [f"{number:056d}" for number in range(2)]


def test_record_with_extracted_fields(function, sink):
    event = subscription_event(payload(["a"], extractedFields={"ip": "10.0.0.1", "é": '"'}))
    function.invoke(event)
    function.invoke(event, INCLUDE_EXTRACTED_FIELDS="true")
    without, having = records(sink.received)
    assert "extractedFields" not in without
    assert having["extractedFields"] == {"ip": "10.0.0.1", "é": '"'}


def test_record_missing_members_are_left_out(function, sink):
    body = payload(["a"])
    del body["logEvents"][0]["id"]
    function.invoke(subscription_event(body), INCLUDE_EVENT_ID="true", INCLUDE_EXTRACTED_FIELDS="true")
    assert records(sink.received) == [{"timestamp": 1700000000000, "message": "a"}]


def test_record_empty_and_scalar_messages_are_kept(function, sink):
    (request,) = delivered(function, sink, "", "0", "null", "false", '""', "\n", "[]")
    assert [record["message"] for record in request.records] == ["", 0, None, False, "", "", []]


def test_record_lone_surrogates_are_escaped(function, sink):
    (request,) = delivered(function, sink, "a\ud800b", '{"x":"\udfff"}')
    assert rb"a\ud800b" in request.text
    assert [record["message"] for record in request.records] == ["a\ud800b", {"x": "\udfff"}]


@over_http
@given(st.lists(messages, max_size=8), st.booleans())
@example(["\u2028\x85\x0b\x0c\x1c\x00"], True)
def test_records_are_one_line_each_in_order_with_unchanged_digits(function, sink, texts, compress):
    requests = delivered(function, sink, *texts, COMPRESS_DATA=str(compress), INCLUDE_EVENT_ID="true")
    got = [exact(line) for request in requests for line in request.lines]
    assert [record["id"] for record in got] == [f"{number:056d}" for number in range(len(texts))]
    for record, text in zip(got, texts, strict=True):
        try:
            json.loads(text, parse_constant=lambda _unused: 1 / 0)
        except (ValueError, ZeroDivisionError):
            assert record["message"] == text.strip()
        else:
            assert record["message"] == exact(text)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in DATA.glob("*.json") if path.name != "control_message.json")
)
def test_samples_of_other_projects_are_forwarded_completely(function, sink, name):
    outcome = function.invoke(sample(name))
    assert outcome.error is None
    assert len(records(sink.received)) == outcome.counts["ReceivedEvents"] == outcome.counts["DeliveredEvents"] > 0


def test_sample_makes_expected_request(function, sink):
    function.invoke(sample("newrelic_lambda_timeout.json"))
    first, second = records(sink.received)
    assert first["requestID"] == second["requestID"] == ID
    assert first["message"].startswith(f"REPORT RequestId: {ID}\tDuration: 3003.28 ms")
    assert second == {"timestamp": 1548935491175, "message": "Task timed out after 3.00 seconds", "requestID": ID}


# --- headers ---


def test_headers_defaults(function, sink):
    (request,) = delivered(function, sink, "a")
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders"}
    assert request.headers["User-Agent"] == request.headers["X-Sumo-Client"] == f"logreflector.aws/{__version__}"


def test_headers_overrides(function, sink):
    (request,) = delivered(
        function,
        sink,
        "a",
        SOURCE_NAME_OVERRIDE="name",
        SOURCE_HOST_OVERRIDE="host:1",
        SOURCE_CATEGORY_OVERRIDE="prod:app/é",
        SOURCE_FIELDS_OVERRIDE="team=a,env=prod",
    )
    assert request.sumo == {"Name": "name", "Host": "host:1", "Category": "prod:app/é", "Fields": "team=a,env=prod"}


@pytest.mark.parametrize("word", ["none", "None"])
def test_headers_none_sends_no_header(function, sink, word):
    (request,) = delivered(
        function, sink, "a", SOURCE_NAME_OVERRIDE=word, SOURCE_HOST_OVERRIDE=word, SOURCE_CATEGORY_OVERRIDE=word
    )
    assert request.sumo == {}


def test_headers_stream_named_none_is_sent(function, sink):
    """`none` is a word of options. A log stream of that name had no X-Sumo-Name."""
    (request,) = delivered(function, sink, "a", log_group="NONE", log_stream="none")
    assert request.sumo == {"Name": "none", "Host": "NONE"}


def metadata(message="m", **chosen):
    return json.dumps({"message": message, "_sumo_metadata": chosen})


def test_sumo_metadata_sets_headers_and_is_removed(function, sink):
    text = '{"a":1.10, "_sumo_metadata" : {"category":"c:d","sourceName":"n","sourceHost":"h","sourceFieldsOverride":"k=v"}, "b":1e400}'
    (request,) = delivered(function, sink, text, **ALLOWED)
    assert request.sumo == {"Name": "n", "Host": "h", "Category": "c:d", "Fields": "k=v"}
    assert request.lines == [b'{"timestamp":1700000000000,"message":{"a":1.10,"b":1e400}}']


def test_sumo_metadata_changes_named_headers_only(function, sink):
    (request,) = delivered(function, sink, metadata(category="c", unknown="x"), SOURCE_FIELDS_OVERRIDE="k=v", **ALLOWED)
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders", "Category": "c", "Fields": "k=v"}


def test_sumo_metadata_none_sends_no_header(function, sink):
    (request,) = delivered(function, sink, metadata(sourceName="", sourceHost="none"), **ALLOWED)
    assert request.sumo == {}


def test_sumo_metadata_non_text_values_are_ignored(function, sink):
    (request,) = delivered(
        function, sink, metadata(category=5, sourceName=None, sourceHost=["x"], sourceFieldsOverride={}), **ALLOWED
    )
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders", "Category": "5"}


@pytest.mark.parametrize(
    "text",
    [
        '{"_sumo_metadata":"x"}',
        '{"_sumo_metadata":null}',
        '{"a":{"_sumo_metadata":{"category":"x"}}}',
        '["_sumo_metadata"]',
        "_sumo_metadata",
        '{"a":"_sumo_metadata"}',
    ],
)
def test_sumo_metadata_non_object_stays_in_message(function, sink, text):
    (request,) = delivered(function, sink, text, **ALLOWED)
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders"}
    (record,) = request.records
    assert record["message"] == (json.loads(text) if text != "_sumo_metadata" else text)


def test_sumo_metadata_in_too_deep_json_is_ignored(function, sink):
    with mock.patch("reflector.sinks.sumologic._decoder.raw_decode", side_effect=RecursionError):
        (request,) = delivered(function, sink, metadata(category="c"), "after", **ALLOWED)
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders"}
    assert [record["message"] for record in request.records] == [json.loads(metadata(category="c")), "after"]


def test_sumo_metadata_is_ignored_by_default(function, sink):
    """Every author of a log line chose the category of his lines: he could write into the logs of another team."""
    text = metadata(category="aws/production/audit", sourceName="n", sourceHost="h", sourceFieldsOverride="k=v")
    (request,) = delivered(function, sink, text)
    assert request.sumo == {"Name": "web/1", "Host": "/app/orders"}
    assert request.records[0]["message"] == json.loads(text)


@pytest.mark.parametrize(
    ("chosen", "allowed"),
    [
        ({"category": "dev/shop"}, True),
        ({"category": "dev/shop", "sourceHost": "h1"}, True),
        ({"category": "prod/shop"}, False),
        ({"category": "dev/shop", "sourceHost": "x"}, False),
        ({"sourceName": "dev/shop"}, False),
        ({"category": "prod\ncategory=dev/x"}, False),
        ({"category": "dev/" + "x" * 1020}, True),
        ({"category": "dev/" + "x" * 1021}, False),
        ({"unknown": "x"}, True),
    ],
)
def test_sumo_metadata_is_allowed_by_patterns(function, sink, chosen, allowed):
    (request,) = delivered(function, sink, metadata(**chosen), ALLOW_SUMO_METADATA="category=dev/*, sourceHost=h?")
    assert request.sumo.get("Category") == (chosen.get("category") if allowed else None)
    assert ("_sumo_metadata" in request.records[0]["message"]) is not allowed


@pytest.mark.parametrize("pattern", ["dev/*", "Category=*", "category=a,x=b", "=*"])
def test_sumo_metadata_wrong_pattern_is_refused(function, sink, pattern):
    outcome = function.forward("a", ALLOW_SUMO_METADATA=pattern)
    assert str(outcome.error).startswith("ALLOW_SUMO_METADATA: must have * or patterns such as category=dev/*, for ")


def test_sumo_metadata_makes_at_most_50_sources(function, sink):
    """20,000 categories made 20,000 requests."""
    texts = [metadata(str(number), category=f"c{number % 80}") for number in range(160)]
    requests = delivered(function, sink, *texts, **ALLOWED)
    assert len(requests) == MAX_SOURCES + 1
    assert sum("Category" in request.sumo for request in requests) == MAX_SOURCES
    assert sorted(int(record["timestamp"]) - 1700000000000 for record in records(requests)) == [*range(160)]
    (usual,) = [request for request in requests if "Category" not in request.sumo]
    assert all("_sumo_metadata" in record["message"] for record in usual.records)


def test_sumo_metadata_that_cannot_be_removed_stays(function, sink):
    """Removing it takes one stack frame more than reading it. That RecursionError ended the delivery of the whole payload."""
    with mock.patch("reflector.sinks.sumologic.without_member", side_effect=RecursionError):
        requests = delivered(function, sink, "before", metadata(category="c"), "after", **ALLOWED)
    assert [len(request.lines) for request in requests] == [3]


@pytest.mark.parametrize("depth", [1490, 1495, 1496, 1497, *range(9988, 10_000)])
def test_sumo_metadata_at_the_parsers_limit_holds_up_no_line(function, sink, depth):
    """A line that was nested just valid made the sink's code fail, and with it all lines of the payload."""
    deep = '{"_sumo_metadata":{"category":"x"},"a":' + "[" * depth + "]" * depth + "}"
    requests = delivered(function, sink, "before", deep, "after", **ALLOWED)
    assert sum(len(request.lines) for request in requests) == 3


def test_headers_are_at_most_1024_bytes(function, sink):
    (request,) = delivered(function, sink, "a", log_stream="é" * 600)
    assert request.sumo["Name"] == "é" * 512


def test_requests_are_one_for_each_set_of_headers(function, sink):
    texts = [
        metadata("1", category="a"),
        "2",
        metadata("3", category="a"),
        metadata("4", category="b"),
        "5",
        metadata("6", sourceName="web/1"),
    ]
    requests = delivered(function, sink, *texts, **ALLOWED)
    found = [
        (request.sumo.get("Category"), [record["timestamp"] - 1700000000000 for record in request.records])
        for request in requests
    ]
    assert found == [("a", [0, 2]), (None, [1, 4, 5]), ("b", [3])]


def test_requests_similar_sets_of_headers_stay_separate(function, sink):
    requests = delivered(
        function, sink, metadata(sourceName="a:b", category="c"), metadata(sourceName="a", category="b:c"), **ALLOWED
    )
    assert [(request.sumo["Name"], request.sumo["Category"]) for request in requests] == [("a:b", "c"), ("a", "b:c")]


header_texts = st.one_of(
    any_text, st.text("a: \r\n\té🐎\x85", max_size=20), st.just("x\r\nX-Evil: 1"), st.just("x\n X-Evil: 1")
)


@over_http
@given(
    st.fixed_dictionaries(dict.fromkeys(("category", "sourceName", "sourceHost", "sourceFieldsOverride"), header_texts))
)
def test_headers_no_text_can_add_a_header(function, sink, chosen):
    usual = {"Host", "Accept-Encoding", "Content-Length", "Content-Encoding", "User-Agent", "X-Sumo-Client"}
    (request,) = delivered(function, sink, metadata(**chosen), **ALLOWED)
    assert len(request.records) == 1
    assert set(request.headers) - usual <= {"X-Sumo-Name", "X-Sumo-Host", "X-Sumo-Category", "X-Sumo-Fields"}
    names = {"category": "Category", "sourceName": "Name", "sourceHost": "Host", "sourceFieldsOverride": "Fields"}
    assert request.sumo == {
        names[name]: header_value(text).decode() for name, text in chosen.items() if header_value(text)
    }


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"])))
def test_headers_text_without_control_characters_is_unchanged(text):
    assume(text.strip(" ").lower() != "none")
    assert header_value(text).decode() == text.strip(" ")


def test_headers_control_characters_become_a_space():
    assert header_value("\na\r\nb\tc\x00\x7fd\n") == b"a b c d"
    assert header_value("a\ud800b") == b"a?b"
    assert header_value("\r\n") == b""


# --- bodies ---


def test_bodies_are_compressed_by_default(function, sink):
    function.forward("a" * 1000)
    function.forward("a" * 1000, COMPRESS_DATA="false")
    compressed, plain = sink.received
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.body) == plain.body
    assert len(compressed.body) < len(plain.body) / 5
    assert "Content-Encoding" not in plain.headers
    assert plain.body.startswith(b'{"timestamp"')


def test_requests_have_at_most_a_megabyte(function, sink):
    texts = ["é" * 300_000, "b" * 500_000, "c", "d" * 1_200_000, "e", "f" * 900_000, "g" * 100_000]
    requests = delivered(function, sink, *texts)
    assert [record["message"][0] for record in records(requests)] == list("ébcdefg")
    assert [len(request.lines) for request in requests] == [1, 2, 1, 2, 1]
    assert all(len(request.text) <= 1_000_000 or len(request.lines) == 1 for request in requests)
    assert REQUEST_LIMIT == 1_000_000


@examples(15)
@given(st.lists(st.tuples(st.integers(0, 700_000), st.sampled_from("aé🐎\\\x01")), max_size=6))
def test_requests_splitting_keeps_all_events_in_order(function, sink, sizes):
    texts = [letter * math.ceil(size / len(json.dumps(letter, ensure_ascii=False).encode())) for size, letter in sizes]
    requests = delivered(function, sink, *texts)
    assert [record["message"] for record in records(requests)] == [text.strip() for text in texts]
    assert all(len(request.text) <= REQUEST_LIMIT or len(request.lines) == 1 for request in requests)


@over_http
@given(json_objects)
def test_sumo_metadata_removal_changes_nothing_else(function, sink, text):
    assume("_sumo_metadata" not in text)
    comma = "," if text.strip("{} \t\r\n") else ""
    (request,) = delivered(function, sink, '{"_sumo_metadata":{"category":"c"}' + comma + text[1:], **ALLOWED)
    (line,) = request.lines
    assert exact(line)["message"] == exact(text)
    assert request.sumo["Category"] == "c"


@given(json_objects, st.text(max_size=2))
def test_without_member_keeps_other_members_unchanged(text, name):
    with_it = "{" + f"{json.dumps(name)}: [1.0]" + (", " if text.strip("{} \t\r\n") else "") + text[1:]
    expected = exact(with_it)
    del expected[name]
    assert exact(without_member(with_it, name)) == expected


def test_without_member_keeps_nested_members():
    assert without_member('{"a":{"m":1},"m":2, "b" : 1.10}', "m") == '{"a":{"m":1},"b" : 1.10}'
    assert without_member('{ "m" : {} }', "m") == "{}"
