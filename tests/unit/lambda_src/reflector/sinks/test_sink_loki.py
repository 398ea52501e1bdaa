# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loki's imprecise partial refusals, its duplicates, and labels."""

import json

import pytest
from delivering import deliver, event, running
from reflector.http import Answer, Request
from reflector.options import SettingsError
from reflector.sinks import Chunk, make
from reflector_support import Received, status

NOW = 1_700_000_000_000
HOUR = 3_600_000


@pytest.fixture
def loki(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with running("loki") as service:
        yield service


def stream(request: Received) -> dict:
    (found,) = json.loads(request.text)["streams"]
    return found


def ids(service) -> list[int]:
    return [int(accepted.id) for accepted in service.accepted()]


def test_loki_too_old_lines_are_refused_alone(loki):
    loki.oldest = NOW
    events = [event(number, str(number), NOW - HOUR if number % 2 else NOW + 1000 + number) for number in range(200)]
    (unsent,) = deliver(loki.options(), events)
    assert unsent.reason == "its timestamp is too old for Loki"
    assert [int(kept["id"]) for kept in unsent.batch.events] == list(range(1, 200, 2))
    assert ids(loki) == list(range(0, 200, 2))
    assert len(loki.requests) == 2


def test_loki_too_new_lines_are_refused_alone(loki):
    loki.newest = NOW
    events = [event(number, str(number), NOW + HOUR * (number % 2)) for number in range(200)]
    (unsent,) = deliver(loki.options(), events)
    assert unsent.reason == "its timestamp is too far in the future for Loki"
    assert [int(kept["id"]) for kept in unsent.batch.events] == list(range(1, 200, 2))
    assert ids(loki) == list(range(0, 200, 2))
    assert len(loki.requests) == 2


def test_loki_bounds_have_a_resolution_of_a_second(loki):
    loki.oldest, loki.newest = NOW + 500, NOW + 9500
    times = [NOW + 499, NOW + 500, NOW + 1000, NOW + 8999, NOW + 9500, NOW + 9501]
    unsent = deliver(loki.options(), [event(number, str(number), time) for number, time in enumerate(times)])
    assert {part.reason: [int(kept["id"]) for kept in part.batch.events] for part in unsent} == {
        "its timestamp is too old for Loki": [0, 1],
        "its timestamp is too far in the future for Loki": [4, 5],
    }
    assert ids(loki) == [1, 2, 3, 4]


def test_loki_all_lines_too_old_need_one_request(loki):
    loki.oldest = NOW + HOUR
    (unsent,) = deliver(loki.options(), [event(number, str(number)) for number in range(200)])
    assert len(unsent.batch.events) == 200
    assert len(loki.requests) == 1


@pytest.mark.parametrize("compress", [True, False])
def test_loki_too_long_lines_are_refused_alone(loki, compress):
    loki.max_line_size = 100
    events = [event(number, "é" * (51 if number % 3 else 50)) for number in range(99)]
    (unsent,) = deliver(loki.options(compress=compress), events)
    assert unsent.reason == "its line is too long for Loki"
    assert [int(kept["id"]) for kept in unsent.batch.events] == [number for number in range(99) if number % 3]
    assert ids(loki) == list(range(0, 99, 3))
    assert len(loki.requests) == 2


def test_loki_equal_lines_of_different_events_are_kept(loki):
    for log_stream in "web/1", "web/2":
        first = 0 if log_stream == "web/1" else 10
        assert deliver(loki.options(), [event(first), event(first + 1)], log_stream=log_stream) == []
    assert [(accepted.id[-2:], accepted.log_stream) for accepted in loki.accepted()] == [
        ("00", "web/1"),
        ("01", "web/1"),
        ("10", "web/2"),
        ("11", "web/2"),
    ]


def test_loki_event_sent_twice_is_stored_once(loki):
    events = [event(0), event(1)]
    assert deliver(loki.options(), events) == []
    assert deliver(loki.options(), events[1:]) == []
    assert ids(loki) == [0, 1]


def test_loki_labels_and_metadata(loki):
    options = loki.options(stream_labels=["region", "log_stream"], structured_metadata=False)
    assert deliver(options, [event(0, "x\n\n")]) == []
    (request,) = loki.requests
    assert stream(request) == {
        "stream": {"job": "aws", "region": "eu-central-1", "log_stream": "web/1"},
        "values": [["1700000000000000000", "x\n"]],
    }


def test_loki_event_without_id(loki):
    bare = {"timestamp": NOW, "message": "x"}
    assert deliver(loki.options(), [bare]) == []
    assert stream(loki.requests[0])["values"] == [["1700000000000000000", "x", {"log_stream": "web/1"}]]


def test_loki_basic_authorization(loki):
    options = loki.options(username="123456", password="pässword")
    del options["bearer_token"]
    assert len(deliver(options, [event(0)])) == 1  # the stand-in knows the token only
    assert loki.requests[0].headers["Authorization"] == "Basic MTIzNDU2OnDDpHNzd29yZA=="


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (260, "ingestion blocked for user fake", "the sink blocks all ingestion for now (260)"),
        (400, "entry for stream '{a=\"b\"}' has 16 label names; limit 15", "the sink answered 400"),
        (
            400,
            "stream '{a=\"b\"}' includes structured metadata, but this feature is disallowed",
            "the sink accepts no structured metadata: set structured_metadata to false",
        ),
        (
            400,
            "entry with timestamp 2026-11-22 10:00:00 +0000 UTC ignored, reason: 'entry out of order'",
            "the sink accepts no lines out of order: its unordered_writes is off",
        ),
    ],
)
def test_loki_400_about_the_whole_request_is_refused(status, text, reason):
    outcome = make({"type": "loki", "endpoint": "https://loki.example.com"}, "it").outcome(
        Answer(status, 0.0, text.encode()), Chunk(range(3), Request((), b""))
    )
    assert (outcome.verdict, outcome.reason) == ("refused", reason)


def test_loki_bound_of_ingester_is_read(loki, monkeypatch):
    def far_behind(_request, _fault):
        monkeypatch.undo()
        return status(
            400,
            b"entry with timestamp 2023-11-14 22:13:20 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is:"
            b" 2023-11-14T22:13:20Z, oldest acceptable timestamp is: 2023-11-14T22:13:40Z',\n"
            b"user 'fake', total ignored: 1 out of 2 for stream: {}",
        )

    monkeypatch.setattr(loki, "take", far_behind)
    (unsent,) = deliver(loki.options(), [event(0), event(1, timestamp=NOW + 21_000)])
    assert [int(kept["id"]) for kept in unsent.batch.events] == [0]
    assert ids(loki) == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "it"}, "it.password: must be given together with username."),
        ({"password": "it"}, "it.password: must be given together with username."),
        ({"username": "a", "password": "b", "bearer_token": "c"}, "it.bearer_token: cannot be combined with "),
        ({"tenant_id": "two\nlines"}, "it.tenant_id: must be printable ASCII."),
        (
            {"stream_labels": ["loggroup"]},
            "it.stream_labels: has loggroup; allowed are owner, region, log_group, log_stream.",
        ),
        ({"labels": {"a-b": "c"}}, "it.labels: names must have letters, digits and _"),
        ({"labels": {"__a": "c"}}, "it.labels: names must have letters, digits and _"),
        ({"labels": {"owner": "me"}}, "it.labels: has owner, which is in stream_labels, too."),
        ({"stream_labels": ["region"]}, "it.stream_labels: without labels, must have owner, log_group or log_stream."),
    ],
)
def test_loki_bad_options_are_refused(options, message):
    with pytest.raises(SettingsError) as caught:
        make({"type": "loki", "endpoint": "https://loki.example.com", **options}, "it")
    assert str(caught.value).startswith(message)
