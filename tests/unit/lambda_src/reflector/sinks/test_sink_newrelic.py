# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import time

import pytest
import reflector.sinks
from contract import TOKEN
from reflector import http
from reflector.options import SettingsError
from reflector.sinks import Batch, Refusal


def made(**options):
    return reflector.sinks.make({"type": "newrelic", "license_key": TOKEN, "compress": False, **options}, "sinks.it")


def batch(*messages, timestamp):
    events = [{"id": "5", "timestamp": timestamp, "message": message} for message in messages]
    return Batch("222222222222", "/app/orders", "web/1", (), events, range(len(events)))


def test_newrelic_log_members(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    (chunk,) = made(attributes={"logtype": "app"}).chunks(batch('{"a": 1}\n', timestamp=999_000))
    assert chunk.content.body == (
        b'[{"common":{"attributes":{"logtype":"app","aws.accountId":"222222222222","aws.logGroup":"/app/orders"'
        b',"aws.logStream":"web/1"}},"logs":[{"timestamp":999000,"message":"{\\"a\\": 1}","attributes":{"aws.logEventId":"5"}}]}]'
    )


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, "log-api.newrelic.com"),
        ({"region": "EU"}, "log-api.eu.newrelic.com"),
        ({"region": "FedRAMP"}, "gov-log-api.newrelic.com"),
        ({"endpoint": "https://proxy.example.com"}, "proxy.example.com"),
    ],
)
def test_newrelic_endpoint_of_region_or_proxy(monkeypatch, options, host):
    posted = []

    def post(connection, headers, body, timeout):
        posted.append((connection._endpoint.host, connection._endpoint.target, dict(headers)["Api-Key"]))
        return http.Answer(202, 0)

    monkeypatch.setattr(http.Connection, "post", post)
    sink = made(**options)
    (chunk,) = sink.chunks(batch("x", timestamp=int(time.time() * 1000)))
    assert sink.send(chunk, 1).verdict == "accepted"
    assert posted == [(host, "/log/v1", TOKEN.encode())]


@pytest.mark.parametrize(
    ("attributes", "mistake"),
    [
        ({"": "x"}, "names must have 1 to 255 characters, and no whitespace"),
        ({"a b": "x"}, "names must have 1 to 255 characters, and no whitespace"),
        ({"n" * 256: "x"}, "names must have 1 to 255 characters, and no whitespace"),
        ({"a": "v" * 4097}, "values must have at most 4096 characters"),
        ({f"a{number}": "x" for number in range(250)}, "must have at most 249"),
    ],
)
def test_newrelic_bad_attributes_are_refused(attributes, mistake):
    with pytest.raises(SettingsError) as refused:
        made(attributes=attributes)
    assert str(refused.value) == f"sinks.it.attributes: {mistake}."


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u20ac", "\U0001f4dc"])
def test_newrelic_message_at_the_limit_is_sent(character):
    now = int(time.time() * 1000)
    whole = "x" * 4_094 + character * (128_000 // len(character.encode()))
    (chunk,) = made().chunks(batch(whole, timestamp=now))
    assert list(chunk.positions) == [0]
    (refusal,) = made().chunks(batch(whole + character, timestamp=now))
    assert refusal == Refusal(
        [0], "the message is longer than the 4,094 characters and 128,000 bytes that New Relic stores"
    )
