# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OTLP's partial successes, retryable statuses, and headers."""

import json

import pytest
from delivering import deliver, event, running
from reflector.http import Answer
from reflector.options import SettingsError
from reflector.sinks import Chunk, make

OPTIONS = {"type": "otlp", "endpoint": "https://otlp.example.com"}


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with running("otlp") as service:
        yield service


def outcome(status: int, body: object = b""):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make(OPTIONS, "it").outcome(Answer(status, 7.0, text), Chunk(range(3), None))


def test_otlp_partial_success_goes_to_queue(receiver):
    receiver.rejects = 2
    events = [event(number) for number in range(5)]
    (unsent,) = deliver(receiver.options(), events)
    assert unsent.batch.events == events
    assert unsent.reason == "the sink rejected 2 of 5 log records, and does not name them"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (b"", 0),
        ({}, 0),
        ({"partialSuccess": {}}, 0),
        ({"partialSuccess": {"rejectedLogRecords": 0, "errorMessage": "a warning"}}, 0),
        ({"partialSuccess": {"rejectedLogRecords": "1"}}, 1),
        ({"partialSuccess": {"rejectedLogRecords": 2}}, 2),
        ({"partialSuccess": {"rejectedLogRecords": "99"}}, 3),
        ({"partialSuccess": {"rejectedLogRecords": None}}, 3),
        (b'{"partialSuccess":{"rejectedLogRecords":"1"', 3),
        (b"<html>welcome</html>", 0),
    ],
)
def test_otlp_outcome_of_success(body, rejected):
    found = outcome(200, body)
    assert found.verdict == ("refused" if rejected else "accepted")
    assert found.reason == (
        f"the sink rejected {rejected} of 3 log records, and does not name them" if rejected else ""
    )


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_otlp_retryable_statuses(status):
    assert (outcome(status).verdict, outcome(status).retry_after) == ("retry", 7.0)


@pytest.mark.parametrize("status", [400, 404, 408, 425, 500, 501])
def test_otlp_other_statuses_are_refused(status):
    assert (outcome(status).verdict, outcome(status).reason) == ("refused", f"the sink answered {status}")


def test_otlp_record_members(receiver):
    assert deliver(receiver.options(), [event(5, 'said "it"\n\n')]) == []
    (logs,) = json.loads(receiver.requests[0].text)["resourceLogs"]
    assert logs["scopeLogs"][0]["logRecords"] == [
        {
            "timeUnixNano": "1700000000000000000",
            "body": {"stringValue": 'said "it"\n'},
            "attributes": [{"key": "log.record.uid", "value": {"stringValue": f"{5:056d}"}}],
        }
    ]


def test_otlp_record_without_id(receiver, monkeypatch):
    monkeypatch.setattr(receiver, "_event", lambda _resource, record: record)
    assert deliver(receiver.options(), [{"timestamp": 1, "message": ""}]) == []
    (logs,) = json.loads(receiver.requests[0].text)["resourceLogs"]
    assert logs["scopeLogs"][0]["logRecords"] == [
        {"timeUnixNano": "1000000", "body": {"stringValue": ""}, "attributes": []}
    ]


def test_otlp_headers_are_sent(receiver):
    headers = {**receiver.options()["headers"], "Authorization": "Bearer it"}
    assert deliver(receiver.options(headers=headers), [event(0)]) == []
    assert receiver.requests[0].headers["Authorization"] == "Bearer it"


@pytest.mark.parametrize("name", ["two words", "Content-Type"])
def test_otlp_bad_headers_are_refused(name):
    with pytest.raises(SettingsError) as caught:
        make({**OPTIONS, "headers": {name: "value"}}, "it")
    assert str(caught.value).startswith("it.headers: ")
