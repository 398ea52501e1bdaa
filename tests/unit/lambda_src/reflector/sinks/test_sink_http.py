# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest
import reflector.sinks
from contract import LOG_GROUP, LOG_STREAM, TOKEN
from reflector import http, secrets
from reflector.decode import LogEvent
from reflector.options import SettingsError
from reflector.sinks import Batch

ENDPOINT = "http://127.0.0.1:9/logs"


def made(**options):
    return reflector.sinks.make({"type": "http", "endpoint": ENDPOINT, "compress": False, **options}, "sinks.it")


def batch(*messages, **members):
    events: list[LogEvent] = [
        {"id": str(number), "timestamp": 1000 + number, "message": message, **members}
        for number, message in enumerate(messages)
    ]
    return Batch("222222222222", LOG_GROUP, LOG_STREAM, (), events, range(len(events)))


def test_http_both_formats_have_the_same_objects():
    (lines,) = made().chunks(batch("one", '{"two":2.0}', extractedFields={"level": "info"}))
    assert lines.content.body == (
        b'{"timestamp":1000,"message":"one","logStream":"web/1","logGroup":"/app/orders","owner":"222222222222"'
        b',"id":"0","extractedFields":{"level":"info"}}\n'
        b'{"timestamp":1001,"message":{"two":2.0},"logStream":"web/1","logGroup":"/app/orders","owner":"222222222222"'
        b',"id":"1","extractedFields":{"level":"info"}}\n'
    )
    (array,) = made(format="json_array").chunks(batch("one", '{"two":2.0}', extractedFields={"level": "info"}))
    assert array.content.body == b"[" + lines.content.body[:-1].replace(b"\n", b",") + b"]"
    assert ("Content-Type", b"application/x-ndjson") in lines.content.headers
    assert ("Content-Type", b"application/json") in array.content.headers


@pytest.mark.parametrize("format_", ["ndjson", "json_array"])
def test_http_both_formats_respect_max_bytes(format_):
    sink = made(format=format_, max_bytes=1000)
    sizes = [len(chunk.content.body) for chunk in sink.chunks(batch(*["x" * 20] * 50))]
    assert len(sizes) > 5
    assert max(sizes) <= 1000


def test_http_content_type_option_is_sent():
    (chunk,) = made(content_type="text/plain; charset=utf-8").chunks(batch("one"))
    assert [value for name, value in chunk.content.headers if name == "Content-Type"] == [b"text/plain; charset=utf-8"]


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"format": "csv"}, "sinks.it.format: must be one of ndjson, json_array."),
        ({"max_bytes": 0}, "sinks.it.max_bytes: must be at least 1."),
        ({"max_events": -1}, "sinks.it.max_events: must be at least 1."),
        ({"content_type": "text/plain\nX: y"}, "sinks.it.content_type: must be printable ASCII."),
        ({"headers": {"X-Key": 1}}, "sinks.it.headers: must be an object of strings."),
        ({"headers": {"X-Key": " "}}, "sinks.it.headers.X-Key: must be a string that is not empty."),
        ({"headers": {"X Key": "x"}}, "sinks.it.headers: has a malformed header name."),
        ({"headers": {"X-Key:": "x"}}, "sinks.it.headers: has a malformed header name."),
        ({"headers": {"X\n": "x"}}, "sinks.it.headers: has a malformed header name."),
        (
            {"headers": {"content-length": "0"}},
            "sinks.it.headers: must not have content-length, which the sink sets.",
        ),
        (
            {"endpoint": "http://example.com"},
            "sinks.it.endpoint: must be an https URL (http for loopback addresses only), or a reference to a secret with one.",
        ),
    ],
)
def test_http_bad_options_are_refused(options, mistake):
    with pytest.raises(SettingsError) as refused:
        made(**options)
    assert str(refused.value) == mistake


@pytest.mark.parametrize("bad", [f"{TOKEN}\r\nX-More: yes", f"{TOKEN}\0", f"{TOKEN}\xe9"])
def test_http_secret_unfit_for_header_is_not_quoted(monkeypatch, bad):
    monkeypatch.setattr(secrets, "_read", lambda *_unused: bad)
    sink = made(headers={"X-Key": "ssm:/key"})
    (chunk,) = sink.chunks(batch("one"))
    outcome = sink.send(chunk, 1)
    assert outcome.verdict == "unauthorized"
    assert outcome.reason == "sinks.it.headers.X-Key: the secret must be one line of printable ASCII"


def test_http_json_secret_has_headers_by_name(monkeypatch):
    monkeypatch.setattr(secrets, "_read", lambda *_unused: '{"X-Key": "first", "Authorization": "Bearer second"}')
    sink = made(headers={"X-Key": "ssm:/keys", "Authorization": "ssm:/keys"})
    sent = []
    monkeypatch.setattr(
        http.Connection, "post", lambda _self, headers, body, timeout: sent.append(headers) or http.Answer(200, 0)
    )
    (chunk,) = sink.chunks(batch("one"))
    assert sink.send(chunk, 1).verdict == "accepted"
    assert set(sent[0]) >= {("X-Key", b"first"), ("Authorization", b"Bearer second")}
