# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest
import reflector.sinks
from contract import TOKEN
from reflector.http import Answer
from reflector.sinks import Batch, Chunk


def made(**options):
    endpoint = "http://127.0.0.1:9"
    return reflector.sinks.make(
        {"type": "splunk_hec", "endpoint": endpoint, "token": TOKEN, "compress": False, **options}, "sinks.it"
    )


def sent(sink, message, timestamp=1_700_000_000_007):
    event = {"id": "5", "timestamp": timestamp, "message": message}
    (chunk,) = sink.chunks(Batch("222222222222", "/app/orders", "web/1", (), [event], [0]))
    return chunk.content.body


def test_splunk_event_members():
    assert sent(made(), '{"a": 1.0}\n') == (
        b'{"time":1700000000.007,"host":"222222222222","source":"/app/orders","sourcetype":"aws:cloudwatchlogs"'
        b',"fields":{"log_stream":"web/1","event_id":"5"},"event":"{\\"a\\": 1.0}"}'
    )


def test_splunk_replaced_source_and_host_become_fields():
    event = json.loads(sent(made(source="aws", host="central", index="main", fields={"env": "prod"}), "x"))
    assert event["source"] == "aws"
    assert event["host"] == "central"
    assert event["index"] == "main"
    assert event["fields"] == {
        "env": "prod",
        "owner": "222222222222",
        "log_group": "/app/orders",
        "log_stream": "web/1",
        "event_id": "5",
    }


@pytest.mark.parametrize("blank", ["", "\n", " \t", "\n\n"])
def test_splunk_blank_message_is_sent_as_object(blank):
    assert json.loads(sent(made(), blank))["event"] == {"message": blank.removesuffix("\n")}


@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (200, b'{"text":"Success","code":0}', "accepted", ""),
        (200, b'{"text":"HEC queue is approaching capacity","code":24}', "accepted", ""),
        (400, b'{"text":"Incorrect index","code":7}', "refused", "the sink answered 400, HEC code 7 (incorrect index)"),
        (
            400,
            b'{"text":"Data channel is missing","code":10}',
            "refused",
            "the sink answered 400, HEC code 10 (the token demands indexer acknowledgement)",
        ),
        (
            403,
            b'{"text":"Invalid token","code":4}',
            "unauthorized",
            "the sink answered 403, HEC code 4 (invalid token)",
        ),
        (
            503,
            b'{"text":"Server is busy","code":9,"invalid-event-number":3}',
            "retry",
            "the sink answered 503, HEC code 9 (server is busy)",
        ),
        (429, b'{"text":"at capacity","code":26}', "retry", "the sink answered 429, HEC code 26"),
        (413, b"<html>", "too_large", "the sink answered 413"),
        *(
            (500, body, "retry", "the sink answered 500")
            for body in (
                b"",
                b"[]",
                b"{}",
                b'{"code":"secret"}',
                b'{"code":true}',
                b'{"code":-1}',
                b"\xff",
                b"[" * 99_999,
            )
        ),
    ],
)
def test_splunk_outcome_of_answer(status, body, verdict, reason):
    outcome = made().outcome(Answer(status, 3.0, body), Chunk([0], None))
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.retry_after == (3.0 if verdict == "retry" else 0.0)
