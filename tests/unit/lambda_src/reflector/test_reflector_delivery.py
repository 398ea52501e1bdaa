import datetime
import email.utils
import itertools
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from reflector import delivery
from reflector.accounting import Tally
from reflector.decode import Payload
from reflector.delivery import Backoff, Connection, DeliveryFailed, Endpoint, Request, deliver
from reflector.settings import SettingsError
from reflector_support import TOKEN, Sink, hang, ok_then_close, raw, status

QUICK = Backoff(base=0.001, cap=0.002)


def request(body=b"x", events=1):
    return Request((("X-Test", b"yes"),), body, events)


class Courier:
    """Delivers to a sink, with a tally of ten events and the time given."""

    def __init__(self, url):
        self.connection = Connection(Endpoint.parse(url, "SUMO_ENDPOINT"))
        self.tally = None

    def deliver(self, *requests, seconds=10.0, backoff=QUICK):
        self.tally = Tally(Payload("DATA_MESSAGE", "", "", "", [{"timestamp": 0, "message": ""}] * 10, 0))
        end = time.monotonic() + seconds
        deliver(requests or [request()], self.connection, lambda: end - time.monotonic(), self.tally, backoff)
        return self.tally

    def fail(self, *requests, **options):
        with pytest.raises(DeliveryFailed) as caught:
            self.deliver(*requests, **options)
        assert TOKEN not in str(caught.value)
        assert caught.value.__cause__ is None
        return str(caught.value)


@pytest.fixture
def courier(sink):
    courier = Courier(sink.url)
    yield courier
    courier.connection.close()


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(sink, courier, code):
    sink.script.append(status(code))
    tally = courier.deliver(request(events=7))
    assert (tally.delivered_events, tally.requests, tally.retries) == (7, 1, 0)
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
def test_a_passing_fault_is_tried_again(sink, courier, fault):
    sink.script.extend([fault, fault])
    tally = courier.deliver(request(b"once", 3))
    assert (tally.delivered_events, tally.requests, tally.retries) == (3, 3, 2)
    assert {got.body for got in sink.received} == {b"once"}


def test_a_sink_that_hangs_is_given_up_and_tried_again(sink, courier, monkeypatch):
    monkeypatch.setattr(delivery, "ATTEMPT_SECONDS", 0.1)
    sink.script.append(hang(1))
    assert courier.deliver().retries == 1


def test_a_sink_that_was_away_is_tried_again(courier, sink):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    gone = Courier(f"http://127.0.0.1:{port}/{TOKEN}")
    message = gone.fail(seconds=0.3)
    assert "the connection to the sink broke (ConnectionRefusedError)" in message
    assert gone.tally.requests > 1


@pytest.mark.parametrize("code", [300, 301, 307, 400, 401, 403, 404, 411, 413])
def test_an_answer_that_will_not_change_is_not_asked_for_again(sink, courier, code):
    sink.script.extend([status(200), status(code, Location="http://127.0.0.1:1/")])
    message = courier.fail(request(events=4), request(events=6), request(events=0))
    assert message == f"After 1 attempt: the sink answered {code}. 4 of 10 events were delivered."
    assert len(sink.received) == 2
    assert courier.tally.counts()["FailedEvents"] == 6


def test_it_ends_with_the_time_and_says_how_it_went(sink, courier):
    sink.script.extend([status(503)] * 10_000)
    message = courier.fail(seconds=0.5)
    attempts = len(sink.received)
    assert attempts > 5
    assert attempts == courier.tally.requests
    assert message == f"After {attempts} attempts: the sink answered 503. 0 of 10 events were delivered."
    assert courier.tally.retries == attempts - 1


def test_no_time_no_request(sink, courier):
    assert courier.fail(seconds=-1) == "After 0 attempts: the invocation's time is over. 0 of 10 events were delivered."
    assert not sink.received


def test_a_hanging_sink_never_outlasts_the_time(sink, courier):
    sink.script.append(hang(2))
    started = time.monotonic()
    assert "did not answer in time" in courier.fail(seconds=0.4)
    assert time.monotonic() - started < 0.8


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(sink, courier, form):
    # A date has whole seconds: two from now is more than one away.
    wish = "1" if form == "seconds" else email.utils.formatdate(time.time() + 2, usegmt=True)
    sink.script.append(status(429, Retry_After=wish))
    started = time.monotonic()
    courier.deliver()
    assert 0.95 <= time.monotonic() - started < 3


def test_a_retry_after_beyond_the_time_is_not_waited_for(sink, courier):
    sink.script.append(status(429, Retry_After="120"))
    started = time.monotonic()
    assert "After 1 attempt: the sink answered 429" in courier.fail(seconds=5)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "wish",
    ["soon", "-5", "1.5", "", "Wed, 99 Foo 2026", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00", "²"],
)
def test_a_retry_after_without_meaning_does_not_delay(sink, courier, wish):
    sink.script.append(
        raw(f"HTTP/1.1 503 No\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n".encode(), then_close=False)
    )
    started = time.monotonic()
    assert courier.deliver().retries == 1
    assert time.monotonic() - started < 0.9


def test_full_jitter_stays_within_its_doubling_bound():
    backoff = Backoff(base=0.5, cap=20)
    for attempt, bound in [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 20), (5000, 20)]:
        waits = [backoff.seconds(attempt) for _unused in range(200)]
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound


def test_one_connection_serves_many_requests(sink, courier):
    sink.script.extend([status(200, b"a body " * 9000), status(503), status(200, b"a body")])
    courier.deliver()
    courier.deliver(seconds=0.5)
    courier.deliver(request(), request())
    assert len({got.client_port for got in sink.received}) == 1


def test_a_connection_that_the_sink_closed_is_opened_again_at_once(sink, courier):
    sink.script.append(ok_then_close())
    courier.deliver()
    time.sleep(0.05)
    tally = courier.deliver(backoff=Backoff(base=60, cap=60), seconds=1)
    assert (tally.requests, tally.retries) == (1, 0)
    assert [got.body for got in sink.received] == [b"x", b"x"]


def test_a_large_request_on_a_connection_that_the_sink_closed(sink, courier):
    sink.script.append(ok_then_close())
    courier.deliver()
    time.sleep(0.05)
    assert courier.deliver(request(b"y" * 5_000_000)).retries == 0


def test_a_connection_that_rested_long_is_not_used_again(sink, courier, monkeypatch):
    courier.deliver()
    monkeypatch.setattr(delivery, "IDLE_SECONDS", -1.0)
    courier.deliver()
    assert len({got.client_port for got in sink.received}) == 2


def test_a_sink_that_asks_to_close_gets_a_new_connection(sink, courier):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye"))
    assert courier.deliver(request(), request()).retries == 0
    assert len({got.client_port for got in sink.received}) == 2


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 100\r\n\r\npart", b"Transfer-Encoding: chunked\r\n\r\n7\r\npart", b"Content-Le", b""]
)
def test_an_accepted_request_stays_accepted_when_the_answer_breaks_off(sink, courier, rest):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\n" + rest))
    tally = courier.deliver(request(), request())
    assert (tally.requests, tally.retries, len(sink.received)) == (2, 0, 2)


def test_an_accepted_request_stays_accepted_when_the_answers_body_does_not_come(sink, courier, monkeypatch):
    monkeypatch.setattr(delivery, "_DRAIN_SECONDS", 0.05)
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pause=0.3))
    started = time.monotonic()
    assert courier.deliver().retries == 0
    assert time.monotonic() - started < 0.25
    assert courier.deliver().retries == 0


def test_an_answers_body_is_not_awaited_beyond_the_time(sink, courier):
    sink.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pause=1.5))
    started = time.monotonic()
    assert courier.deliver(seconds=0.4).delivered_events == 1
    assert time.monotonic() - started < 0.8


def test_an_endless_answer_is_cut(courier, sink, monkeypatch):
    monkeypatch.setattr(delivery, "_DRAIN_SECONDS", 0.05)

    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _unused in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.01)

    sink.script.append(endless)
    started = time.monotonic()
    assert courier.deliver().retries == 0
    assert time.monotonic() - started < 0.5


def test_a_refusal_is_heard_though_the_sink_reads_nothing():
    """A server that answers 413 to the head and closes: the client may still be sending then."""
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
            time.sleep(0.05)  # the client has heard the end and is still sending: closing now breaks its pipe
            client.close()

    threading.Thread(target=refuse, daemon=True).start()
    try:
        assert "answered 413" in courier.fail(request(b"z" * 30_000_000))
    finally:
        server.close()


@pytest.mark.parametrize("faults", list(itertools.product(["429", "no answer", "half an answer"], repeat=3)))
def test_faults_in_a_row(sink, courier, faults):
    sink.script.extend(TRANSIENT[fault] for fault in faults)
    assert courier.deliver(request(events=10)).counts()["FailedEvents"] == 0


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
    delivery.tls_context.cache_clear()
    yield sink
    sink.stop()
    delivery.tls_context.cache_clear()


def test_https_with_a_certificate_that_the_system_trusts(secure_sink, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate"))
    courier = Courier(secure_sink.url)
    secure_sink.script.extend([status(200), ok_then_close()])
    assert courier.deliver(request(), request()).retries == 0
    time.sleep(0.05)
    assert courier.deliver(request()).retries == 0
    assert [got.path for got in secure_sink.received] == [f"/receiver/{TOKEN}"] * 3


def test_https_with_any_other_certificate_sends_nothing(secure_sink):
    courier = Courier(secure_sink.url)
    message = courier.fail()
    assert message == "After 1 attempt: the sink's certificate is not trusted. 0 of 10 events were delivered."
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
def test_endpoints(url, secure, host, port, target):
    got = Endpoint.parse(url, "SUMO_ENDPOINT")
    assert (got.secure, got.host, got.port, got.target) == (secure, host, port, target)
    assert "target" not in repr(got)


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
def test_other_endpoints_are_refused_without_being_quoted(url):
    with pytest.raises(SettingsError, match=r"^SUMO_ENDPOINT must be an https URL") as caught:
        Endpoint.parse(url, "SUMO_ENDPOINT")
    assert "tok" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
