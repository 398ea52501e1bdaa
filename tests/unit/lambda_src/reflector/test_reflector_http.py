# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import datetime
import email.utils
import gzip
import itertools
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from reflector import http, retries, secrets
from reflector.delivery import Backoff, Delivery
from reflector.http import USER_AGENT, Answer, Endpoint, HttpSink, Request, by_status
from reflector.options import SettingsError
from reflector.secrets import Secret, SecretError
from reflector.sinks import Batch, Chunk
from reflector_support import LONG, TOKEN, Sink, hang, ok_then_close, payload, raw, status

QUICK = Backoff(base=0.001, cap=0.002)


def coarse_clock():
    """Return a clock on which ten seconds pass with each look. On a real one an attempt that waits for the processor may be late."""
    return itertools.count(step=10.0).__next__


class Courier(HttpSink):
    """Posts each body unchanged, and stores the undelivered ones."""

    def __init__(self, url):
        super().__init__(Secret(url, "endpoint"))
        self.sent = self.unsent = None

    def chunks(self, batch):
        for position, body in enumerate(self.bodies):
            yield Chunk([position], Request((("X-Test", b"yes"), *self.headers), body))

    def attempt(self, bodies, seconds, backoff, headers=(), clock=time.monotonic):
        self.bodies, self.headers = bodies or (b"x",), headers
        batch = Batch("", "", "", (), payload("x" * len(self.bodies))["logEvents"], range(len(self.bodies)))
        end = clock() + seconds
        way = Delivery(self, lambda: end - clock(), backoff)
        self.unsent = list(way.deliver(batch))
        self.sent = way.sent
        return way.sent

    def deliver(self, *bodies, seconds=10.0, backoff=QUICK):
        sent = self.attempt(bodies, seconds, backoff)
        assert not self.unsent
        assert sent.events == len(self.bodies)
        return sent

    def fail(self, *bodies, seconds=10.0, backoff=QUICK, clock=time.monotonic):
        """Return the reason of each undelivered event."""
        self.attempt(bodies, seconds, backoff, clock=clock)
        assert self.unsent
        assert TOKEN not in repr(self.unsent)
        return [unsent.reason for unsent in self.unsent for _event in unsent.batch.events]


@pytest.fixture
def courier(sink):
    courier = Courier(sink.url)
    yield courier
    courier._connection_to_endpoint().close()


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_send_any_2xx_is_delivered(sink, courier, code):
    sink.script.append(status(code))
    sent = courier.deliver(b"x")
    assert (sent.events, sent.requests, sent.retries) == (1, 1, 0)
    (got,) = sink.received
    assert got.path == f"/receiver/{TOKEN}"
    assert got.headers["X-Test"] == "yes"
    assert got.body == b"x"


TRANSIENT = {
    "408": status(408),
    "429": status(429),
    "500": status(500, b"oops"),
    "503": status(503),
    "504": status(504),
    "no answer": raw(b""),
    "half a status line": raw(b"HTTP/1.1 20"),
    "half an answer": raw(b"HTTP/1.1 503 No\r\nContent-Le"),
    "no HTTP": raw(b"220 smtp ready\r\n"),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_send_transient_fault_is_retried(sink, courier, fault):
    sink.script.extend([fault, fault])
    sent = courier.deliver(b"once")
    assert (sent.events, sent.requests, sent.retries) == (1, 3, 2)
    assert {got.body for got in sink.received} == {b"once"}


def test_send_hanging_sink_is_retried(sink, courier, monkeypatch):
    monkeypatch.setattr(retries, "ATTEMPT_SECONDS", 0.1)
    sink.script.append(hang(1))
    assert courier.deliver().retries == 1


def test_send_absent_sink_is_retried_until_time_is_over():
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    gone = Courier(f"http://127.0.0.1:{port}/{TOKEN}")
    (reason,) = gone.fail(seconds=300.0, clock=coarse_clock())
    assert reason == "the connection to the sink broke (ConnectionRefusedError)"
    assert gone.sent.requests == gone.unsent[0].attempts > 1


@pytest.fixture
def elsewhere(sink, monkeypatch):
    """Give the name `many.localhost` these addresses. `silent` is a port without answers."""
    resolve, addresses = socket.getaddrinfo, []

    def found(host, *arguments, **options):
        return addresses if host == "many.localhost" else resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(http, "_is_loopback", lambda host: host == "many.localhost")
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _unused in range(4):  # its queue is full: it does not answer further connections
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield SimpleNamespace(
            add=lambda port: addresses.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))),
            silent=full.getsockname()[1],
        )


def test_connect_many_silent_addresses_end_in_time(elsewhere):
    for _unused in range(120):
        elsewhere.add(elsewhere.silent)
    started = time.monotonic()
    assert Courier("http://many.localhost/x").fail(seconds=0.5) == ["the sink did not answer in time"]
    assert time.monotonic() - started < LONG / 2  # 120 times 0.5 s, if each had the whole time


def test_connect_silent_address_tries_the_next(sink, elsewhere, monkeypatch):
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.1)
    elsewhere.add(elsewhere.silent)
    elsewhere.add(sink.port)
    assert Courier("http://many.localhost/x").deliver().requests == 1


@pytest.mark.parametrize("code", [300, 301, 307, 400, 401, 403, 404, 411, 413])
def test_send_permanent_refusal_is_not_retried(sink, courier, code):
    sink.script.extend([status(200), status(code, Location="http://127.0.0.1:1/")])
    assert courier.fail(b"a", b"b") == [f"the sink answered {code}"]
    assert [got.body for got in sink.received] == [b"a", b"b"]
    assert (courier.sent.events, courier.unsent[0].attempts, courier.unsent[0].batch.numbers) == (1, 1, [1])


def test_send_refused_request_does_not_block_the_next(sink, courier):
    sink.script.append(status(400))
    assert len(courier.fail(b"a", b"b")) == 1
    assert courier.sent.events == 1


def test_send_ends_in_time_with_a_reason(sink, courier):
    sink.script.extend([status(503)] * 10_000)
    assert courier.fail(seconds=300.0, clock=coarse_clock()) == ["the sink answered 503"]
    attempts = len(sink.received)
    assert attempts > 1
    assert attempts == courier.sent.requests == courier.unsent[0].attempts
    assert courier.sent.retries == attempts - 1


def test_send_without_time_makes_no_request(sink, courier):
    assert courier.fail(seconds=-1) == ["the invocation's time was over"]
    assert courier.unsent[0].attempts == 0
    assert not sink.received


def test_send_hanging_sink_ends_in_time(sink, courier):
    sink.script.append(hang(LONG))
    started = time.monotonic()
    assert courier.fail(seconds=0.4) == ["the sink did not answer in time"]
    assert time.monotonic() - started < LONG / 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_respected(sink, courier, form):
    # A date has whole seconds: two from now is more than one away.
    wish = "1" if form == "seconds" else email.utils.formatdate(time.time() + 2, usegmt=True)
    sink.script.append(status(429, Retry_After=wish))
    started = time.monotonic()
    courier.deliver()
    assert time.monotonic() - started >= 0.95


def test_retry_after_beyond_the_budget_is_not_waited_for(sink, courier):
    sink.script.append(status(429, Retry_After="120"))
    started = time.monotonic()
    assert courier.fail(b"a", b"b") == ["the sink answered 429"]
    assert [request.body for request in sink.received] == [b"a", b"b"]
    assert time.monotonic() - started < LONG


@pytest.mark.parametrize(
    "wish",
    [
        "soon",
        "-5",
        "1.5",
        "",
        "²",
        "Wed, 99 Foo 2026",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999",
    ],
)
def test_retry_after_malformed_is_ignored(sink, courier, monkeypatch, wish):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    sink.script.append(
        raw(f"HTTP/1.1 503 No\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n".encode(), then_close=False)
    )
    assert courier.deliver().retries == 1
    assert max(slept) < 1


def test_connection_is_reused(sink, courier):
    sink.script.extend([status(200, b"a body " * 9000), status(503), status(200, b"a body")])
    courier.deliver()
    courier.deliver(seconds=5.0)
    courier.deliver(b"x", b"y")
    assert len({got.client_port for got in sink.received}) == 1


def test_connection_closed_by_sink_is_reopened(sink, courier):
    closed = threading.Event()
    sink.script.append(ok_then_close(closed))
    courier.deliver()
    assert closed.wait(LONG)
    sent = courier.deliver(backoff=Backoff(base=60, cap=60), seconds=30)
    assert (sent.requests, sent.retries) == (1, 0)
    assert [got.body for got in sink.received] == [b"x", b"x"]


def test_connection_closed_by_sink_large_request_is_sent(sink, courier):
    closed = threading.Event()
    sink.script.append(ok_then_close(closed))
    courier.deliver()
    assert closed.wait(LONG)
    assert courier.deliver(b"y" * 5_000_000).retries == 0


def test_connection_idle_for_long_is_not_reused(sink, courier, monkeypatch):
    courier.deliver()
    monkeypatch.setattr(http, "IDLE_SECONDS", -1.0)
    courier.deliver()
    assert len({got.client_port for got in sink.received}) == 2


def test_connection_close_header_opens_a_new_one(sink, courier):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye"))
    assert courier.deliver(b"x", b"y").retries == 0
    assert len({got.client_port for got in sink.received}) == 2


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\npart",
        b"Content-Length: 100\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n7\r\npart",
        b"Server: x\r\n\r\n",
        b"\r\n",
    ],
)
def test_answer_incomplete_body_stays_accepted(sink, courier, rest):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\n" + rest))
    sent = courier.deliver(b"x", b"y")
    assert (sent.requests, sent.retries, len(sink.received)) == (2, 0, 2)


@pytest.mark.parametrize("rest", [b"", b"\r", b"Content-Le", b"Content-Length: 0\r\n"])
def test_answer_incomplete_headers_are_no_answer(sink, courier, rest):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\n" + rest))
    sent = courier.deliver(b"x")
    assert (sent.requests, sent.retries, len(sink.received)) == (2, 1, 2)


def test_answer_missing_body_stays_accepted(sink, courier, monkeypatch):
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.05)
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pause=LONG))
    started = time.monotonic()
    assert courier.deliver().retries == 0
    assert time.monotonic() - started < LONG / 2
    assert courier.deliver().retries == 0


def test_answer_body_is_awaited_within_the_time(sink, courier):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pause=LONG))
    started = time.monotonic()
    assert courier.deliver(seconds=2.0).retries == 0
    assert time.monotonic() - started < LONG / 2


def test_answer_endless_body_is_cut(courier, sink, monkeypatch):
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.05)

    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _unused in range(int(LONG * 100)):
            handler.wfile.write(b"x")
            time.sleep(0.01)

    sink.script.append(endless)
    started = time.monotonic()
    assert courier.deliver().retries == 0
    assert time.monotonic() - started < LONG / 2


def test_answer_is_read_if_sink_reads_no_request():
    """A server that answers 413 after the headers and closes, while the client may still send."""
    server = socket.create_server(("127.0.0.1", 0))
    courier = Courier(f"http://127.0.0.1:{server.getsockname()[1]}/")

    def refuse():
        while True:
            try:
                client, _unused = server.accept()
            except OSError:
                return
            client.recv(1024)
            client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            time.sleep(0.05)  # the client has read the answer and is still sending: closing now breaks its pipe
            client.close()

    threading.Thread(target=refuse, daemon=True).start()
    try:
        assert courier.fail(b"z" * 30_000_000) == ["the sink answered 413"]
    finally:
        server.close()


@pytest.mark.parametrize("faults", list(itertools.product(["429", "no answer", "half an answer"], repeat=3)))
def test_send_faults_in_a_row(sink, courier, faults):
    sink.script.extend(TRANSIENT[fault] for fault in faults)
    courier.deliver()
    assert len(sink.received) == 4


# --- the meaning of answers ---


def post(courier, **options):
    return courier._connection_to_endpoint().post((), b"x", **{"timeout": 5.0, **options})


def test_answer_body_is_returned(sink, courier):
    sink.script.append(status(207, b'{"errors":true}' * 20_000, Retry_After="7"))
    assert post(courier) == Answer(207, 7.0, b'{"errors":true}' * 20_000)


def test_answer_incomplete_body_is_returned(sink, courier):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"))
    assert post(courier) == Answer(200, 0.0, b"part")
    assert post(courier) == Answer(200, 0.0)


def test_answer_body_beyond_limit_closes_connection(sink, courier, monkeypatch):
    monkeypatch.setattr(http, "_BODY_BYTES", 100_000)
    sink.script.append(status(200, b"x" * 1_000_000))
    assert 100_000 < len(post(courier).body) < 300_000
    post(courier)
    assert len({got.client_port for got in sink.received}) == 2


def test_endpoint_repr_hides_token(courier):
    assert TOKEN not in repr(courier._connection_to_endpoint()._endpoint)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (200, "accepted"),
        (204, "accepted"),
        (299, "accepted"),
        (301, "refused"),
        (400, "refused"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "refused"),
        (408, "retry"),
        (411, "refused"),
        (413, "too_large"),
        (425, "retry"),
        (429, "retry"),
        (500, "retry"),
        (502, "retry"),
        (503, "retry"),
        (599, "retry"),
    ],
)
def test_by_status_outcomes(code, verdict):
    got = by_status(Answer(code, 3.0, b"private"))
    assert got.verdict == verdict
    assert got.retry_after == (3.0 if verdict == "retry" else 0.0)
    assert got.reason == ("" if verdict == "accepted" else f"the sink answered {code}")


# --- sinks that use POST ---


class Guarded(Courier):
    """A sink that needs a token."""

    def __init__(self, url, token):
        super().__init__(url)
        self.token = Secret(token, "sinks.x.token")

    def secret_headers(self):
        return (("Authorization", self.token.value().encode()),)

    def secrets(self):
        return [self.token]


@pytest.fixture
def vault(monkeypatch):
    """Secrets by name, with a count of reads."""
    kept, reads = {}, []

    def read(reference, _keys):
        reads.append(reference)
        if reference not in kept:
            raise SecretError(f"{reference} was refused: AccessDenied.")
        return kept[reference]

    monkeypatch.setattr("reflector.secrets.read", read)
    kept["reads"] = reads
    return kept


def test_secrets_refused_are_read_again(sink, vault):
    vault.update({"ssm:/url": sink.url, "ssm:/token": "old"})
    courier = Guarded("ssm:/url", "ssm:/token")
    courier.deliver(b"a", b"b")
    assert vault["reads"] == ["ssm:/url", "ssm:/token"]
    vault["ssm:/token"] = "new"
    sink.script.append(status(401))
    courier.deliver(b"c")
    assert [(got.headers["Authorization"], got.body) for got in sink.received[2:]] == [("old", b"c"), ("new", b"c")]
    assert vault["reads"] == ["ssm:/url", "ssm:/token"] * 2


def test_secrets_renewed_endpoint_is_used(sink, vault):
    vault["ssm:/url"] = sink.url
    courier = Courier("ssm:/url")
    courier.deliver(b"a")
    vault["ssm:/url"] = sink.url + "-2"
    sink.script.append(status(403))
    courier.deliver(b"b")
    assert [got.path for got in sink.received] == [f"/receiver/{TOKEN}"] * 2 + [f"/receiver/{TOKEN}-2"]


def test_secrets_renewal_closes_connection(sink, vault):
    vault["ssm:/url"] = sink.url
    courier = Courier("ssm:/url")
    courier.deliver(b"a")
    connection = courier._connection_to_endpoint()
    assert courier.renew()
    assert connection._open is None


def test_secrets_refused_twice_end_delivery(sink, vault):
    vault["ssm:/url"] = sink.url
    sink.script.extend([status(401)] * 9)
    courier = Courier("ssm:/url")
    assert courier.fail(b"a", b"b", b"c", b"d", b"e") == ["the sink answered 401"] * 5
    assert (len(sink.received), len(vault["reads"])) == (4, 2)


def test_secrets_literal_is_not_retried(sink):
    sink.script.extend([status(401)] * 9)
    assert Guarded(sink.url, "literal").fail(b"a", b"b", b"c", b"d", b"e") == ["the sink answered 401"] * 5
    assert len(sink.received) == 3


def test_secrets_unreadable_is_the_reason(sink, vault):
    vault["ssm:/url"] = sink.url
    assert Guarded("ssm:/url", "ssm:/gone").fail(b"a", b"b") == ["ssm:/gone was refused: AccessDenied"] * 2
    assert not sink.received


def test_secrets_throttled_reading_is_retried(sink, vault, monkeypatch):
    """A throttled reading of the secret dead-lettered the events at once."""
    vault["ssm:/url"] = sink.url
    read, throttled = secrets.read, iter([True, True, False])

    def busy(reference, keys=()):
        if next(throttled):
            raise SecretError("GetParameter of ssm /url was refused: ThrottlingException.", transient=True)
        return read(reference, keys)

    monkeypatch.setattr(secrets, "read", busy)
    courier = Courier("ssm:/url")
    assert courier.deliver(b"a").retries == 2
    assert [request.body for request in sink.received] == [b"a"]


def test_secrets_without_url_are_not_quoted(vault):
    vault["ssm:/url"] = f"http://example.com/{TOKEN}"
    (reason,) = Courier("ssm:/url").fail()
    assert reason.startswith("endpoint: must be an https URL")


def test_endpoint_literal_without_url_is_refused_at_once():
    with pytest.raises(SettingsError, match=r"^endpoint: must be an https URL"):
        Courier(f"http://example.com/{TOKEN}")


def test_request_is_compressed_by_default(courier):
    assert courier.request(b"x" * 1000).headers == (("Content-Encoding", b"gzip"), ("User-Agent", USER_AGENT.encode()))
    assert gzip.decompress(courier.request(b"x" * 1000).body) == b"x" * 1000
    plain = HttpSink(Secret("https://example.com", "endpoint"), compress=False).request(b"x", (("A", b"b"),))
    assert plain == Request((("User-Agent", USER_AGENT.encode()), ("A", b"b")), b"x")


def test_secret_header_unfit_value_is_not_quoted(sink, courier):
    courier.attempt([b"x"], 5.0, QUICK, (("X", b"private\r\nprivate: b"),))
    assert [unsent.reason for unsent in courier.unsent] == ["the sink's code failed (ValueError)"]
    assert not sink.received


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key").write_bytes(private)
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder


@pytest.fixture
def secure_sink(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate", certificate / "key")
    sink = Sink(context)
    http.tls_context.cache_clear()
    yield sink
    sink.stop()
    http.tls_context.cache_clear()


def test_https_trusted_certificate_is_accepted(secure_sink, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate"))
    courier = Courier(secure_sink.url)
    closed = threading.Event()
    secure_sink.script.extend([status(200), ok_then_close(closed)])
    assert courier.deliver(b"x", b"y").retries == 0
    assert closed.wait(LONG)
    assert courier.deliver().retries == 0
    assert [got.path for got in secure_sink.received] == [f"/receiver/{TOKEN}"] * 3


def test_https_untrusted_certificate_sends_nothing(secure_sink):
    courier = Courier(secure_sink.url)
    assert courier.fail() == ["the sink's certificate is not trusted"]
    assert courier.sent.requests == 1
    assert not secure_sink.received


# --- endpoints ---


@pytest.mark.parametrize(
    ("url", "secure", "host", "port", "target"),
    [
        ("https://example.com/receiver/v1/http/abc==", True, "example.com", 443, "/receiver/v1/http/abc=="),
        ("https://example.com:8443", True, "example.com", 8443, "/"),
        ("HTTPS://Example.com/a?b=c&d#e", True, "example.com", 443, "/a?b=c&d"),
        ("http://127.0.0.1:8080/x", False, "127.0.0.1", 8080, "/x"),
        ("http://127.9.9.9/x", False, "127.9.9.9", 80, "/x"),
        ("http://localhost:1/x", False, "localhost", 1, "/x"),
        ("http://[::1]/x", False, "::1", 80, "/x"),
    ],
)
def test_endpoint_parse(url, secure, host, port, target):
    got = Endpoint.parse(url, "SUMO_ENDPOINT")
    assert (got.secure, got.host, got.port, got.target) == (secure, host, port, target)
    assert "target" not in repr(got)


def test_endpoint_default_path():
    for url in ("https://example.com", "https://example.com/"):
        assert Endpoint.parse(url, "e", "/v1/logs").target == "/v1/logs"
    assert Endpoint.parse("https://example.com?a=b", "e", "/v1/logs").target == "/v1/logs?a=b"
    assert Endpoint.parse("https://example.com/x/", "e", "/v1/logs").target == "/x/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "token",
        "ftp://example.com/token",
        "http://example.com/token",
        "http://10.0.0.1/token",
        "http://localhost.example.com/token",
        "http://127.0.0.1.example.com/token",
        "https:///token",
        "https://[token",
        "https://example.com:token/",
        "https://example.com:99999/token",
        "https://user:token@example.com/",
        "https://example.com/to ken",
        "https://example.com/tok\nen",
        "https://example.com/tokén",
        "//example.com/token",
        "https://exa℀mple.com/token",
    ],
)
def test_endpoint_bad_url_is_refused_without_quoting(url):
    with pytest.raises(SettingsError, match=r"^SUMO_ENDPOINT: must be an https URL") as caught:
        Endpoint.parse(url, "SUMO_ENDPOINT")
    assert "tok" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
