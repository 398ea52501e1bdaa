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
from reflector.sinks.datadog import LOG_LIMIT


def made(**options):
    return reflector.sinks.make({"type": "datadog", "api_key": TOKEN, "compress": False, **options}, "sinks.it")


def batch(*messages, timestamp):
    events = [{"id": "5", "timestamp": timestamp, "message": message} for message in messages]
    return Batch("222222222222", "/app/orders", "web/1", (), events, range(len(events)))


def test_datadog_log_members(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    (chunk,) = made(service="shop", ddtags="env:prod", hostname="h").chunks(batch('{"a": 1}\n', timestamp=999_000))
    assert chunk.content.body == (
        b'[{"message":"{\\"a\\": 1}","timestamp":999000,"id":"5","ddsource":"cloudwatch","ddtags":"env:prod","hostname":"h"'
        b',"service":"shop","aws":{"awslogs":{"owner":"222222222222","logGroup":"/app/orders","logStream":"web/1"}}}]'
    )


@pytest.mark.parametrize(
    ("options", "host", "target"),
    [
        ({}, "http-intake.logs.datadoghq.com", "/api/v2/logs"),
        ({"site": "us3.datadoghq.com"}, "http-intake.logs.us3.datadoghq.com", "/api/v2/logs"),
        ({"endpoint": "https://proxy.example.com"}, "proxy.example.com", "/api/v2/logs"),
        ({"endpoint": "https://proxy.example.com/dd?x=1"}, "proxy.example.com", "/dd?x=1"),
    ],
)
def test_datadog_endpoint_of_site_or_proxy(monkeypatch, options, host, target):
    posted = []

    def post(connection, headers, body, timeout):
        posted.append((connection._endpoint.host, connection._endpoint.target, dict(headers)["DD-API-KEY"]))
        return http.Answer(202, 0)

    monkeypatch.setattr(http.Connection, "post", post)
    sink = made(**options)
    (chunk,) = sink.chunks(batch("x", timestamp=int(time.time() * 1000)))
    assert sink.send(chunk, 1).verdict == "accepted"
    assert posted == [(host, target, TOKEN.encode())]


@pytest.mark.parametrize("site", ["", "datadoghq", "https://datadoghq.eu", "datadoghq.eu/x", "a@datadoghq.eu"])
def test_datadog_site_must_be_a_domain(site):
    with pytest.raises(SettingsError, match=r"^sinks\.it\.site: must be a domain, such as datadoghq\.eu\.$"):
        made(site=site)


def test_datadog_log_at_the_limit_is_sent():
    now = int(time.time() * 1000)
    (small,) = made().chunks(batch("", timestamp=now))
    room = LOG_LIMIT - (len(small.content.body) - len("[]"))
    (chunk,) = made().chunks(batch("x" * room, timestamp=now))
    assert len(chunk.content.body) == LOG_LIMIT + len("[]")
    (refusal,) = made().chunks(batch("x" * (room + 1), timestamp=now))
    assert refusal == Refusal([0], "the event is larger than the 1 MB that Datadog takes whole")
