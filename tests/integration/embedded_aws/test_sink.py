# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator

import pytest
from embedded_aws import Behaviour, RunningAws, Sink, SinkClient
from embedded_aws.http_server import call
from embedded_aws.sink import SinkControl


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture(params=["object", "http"])
def control(sink: Sink, request: pytest.FixtureRequest) -> SinkControl:
    return sink if request.param == "object" else SinkClient(sink.control_url)


def post(sink: Sink, body: bytes = b"{}", timeout: float = 120, **headers: str) -> int:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    try:
        return urllib.request.urlopen(urllib.request.Request(sink.url, body, named), timeout=timeout).status
    except urllib.error.HTTPError as error:
        return error.code


def test_sink_stores_requests(sink: Sink, control: SinkControl) -> None:
    begin = time.time()
    assert post(sink, b'{"a": 1}\nplain\n\xff', X_Sumo_Category="c") == 200
    (received,) = control.requests()
    assert received.path == "/receiver/v1/http/embedded"
    assert dict(received.headers)["X-Sumo-Category"] == "c"
    assert received.body == b'{"a": 1}\nplain\n\xff'
    assert (received.status, received.wire_size) == (200, 16)
    assert begin <= received.time <= time.time()
    assert control.lines() == [{"a": 1}, "plain", "�"]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_sink_decompresses_bodies(sink: Sink, encoding: str, compress: object) -> None:
    body = compress(b'{"a": 1}')
    assert post(sink, body, Content_Encoding=encoding) == 200
    assert sink.lines() == [{"a": 1}]
    assert sink.requests()[0].wire_size == len(body)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_sink_body_with_wrong_encoding_is_refused(sink: Sink, encoding: str) -> None:
    assert post(sink, b"plain", Content_Encoding=encoding) == 400
    assert sink.lines() == []


def test_sink_reads_chunked_bodies(sink: Sink) -> None:
    connection = http.client.HTTPConnection(sink.url.split("/")[2])
    connection.request("POST", "/source", iter([b'{"a":', b" 1}"]), encode_chunked=True)
    assert connection.getresponse().status == 200
    assert sink.lines() == [{"a": 1}]


def test_sink_keeps_connections_open(sink: Sink) -> None:
    connection = http.client.HTTPConnection(sink.url.split("/")[2])
    ports = []
    for _unused in range(3):
        connection.request("POST", "/source", b"{}")
        connection.getresponse().read()
        ports.append(connection.sock.getsockname())
    assert len(set(ports)) == 1


def test_behaviour_with_times_ends_after_its_count(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(status=429, times=2), Behaviour(status=503, times=1))
    assert [post(sink) for _unused in range(4)] == [429, 429, 503, 200]
    assert [received.status for received in control.requests()] == [429, 429, 503, 200]
    assert control.lines() == [{}]  # the refused ones are not delivered


def test_behaviour_without_times_lasts_until_it_is_replaced(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(status=500))
    assert [post(sink) for _unused in range(3)] == [500] * 3
    control.behave()
    assert post(sink) == 200


def test_behaviour_retry_after_sets_the_header(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(status=429, retry_after="7", times=1))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sink.url, b"{}")
    assert caught.value.headers["Retry-After"] == "7"


def test_behaviour_hang_gives_no_answer(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(kind="hang", times=1))
    with pytest.raises(TimeoutError):
        post(sink, timeout=0.3)
    assert post(sink) == 200
    assert [received.status for received in control.requests()] == [0, 200]


def test_behaviour_close_closes_the_connection(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(kind="close", times=1))
    with pytest.raises(http.client.RemoteDisconnected):
        post(sink)
    assert control.lines() == []


def test_behaviour_half_sends_half_an_answer(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(kind="half", times=1))
    with socket.create_connection(("127.0.0.1", int(sink.url.split(":")[2].split("/")[0]))) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        connection.settimeout(120)
        data = b""
        while part := connection.recv(1000):
            data += part
    assert data.startswith(b"HTTP/1.1")
    assert not data.endswith(b"\r\n\r\n")


def test_behaviour_seconds_delays_the_answer(sink: Sink, control: SinkControl) -> None:
    control.behave(Behaviour(seconds=0.3, times=1))
    started = time.monotonic()
    assert post(sink) == 200
    assert time.monotonic() - started >= 0.3


def test_clear_removes_stored_requests(sink: Sink, control: SinkControl) -> None:
    post(sink)
    control.clear()
    assert control.requests() == []


def test_sink_lines_have_a_line_of_text_each(sink: Sink) -> None:
    """All events were one line of JSON, so `curl | grep` printed everything."""
    post(sink, b'{"a": 1}\n{"b": 2}')
    with urllib.request.urlopen(f"{sink.control_url}/_sink/lines") as answer:
        assert answer.read().decode().splitlines() == ['[{"a": 1},', '{"b": 2}]']


def test_sink_control_paths_accept_json(sink: Sink) -> None:
    call(sink.control_url, "POST", "/_sink/behaviour", {"status": 429, "times": 1})
    assert [item["status"] for item in call(sink.control_url, "GET", "/_sink/behaviour")] == [429]
    post(sink)
    assert call(sink.control_url, "GET", "/_sink/requests")[0]["text"] == "{}"
    with pytest.raises(ValueError, match="400"):
        call(sink.control_url, "POST", "/_sink/behaviour", {"kind": "explode"})
    with pytest.raises(ValueError, match="404"):
        call(sink.control_url, "GET", "/_sink/nothing")


def test_embedded_sink_receives_requests(aws: RunningAws) -> None:
    aws.sink.clear()
    urllib.request.urlopen(aws.sink_url, json.dumps({"hello": "sink"}).encode())
    assert aws.sink.lines() == [{"hello": "sink"}]
