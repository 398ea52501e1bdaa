"""Requests over a kept-alive connection, tried again while that makes sense and the invocation's time allows.

Delivered means that a status line with 2xx came, whatever became of the rest of the answer. One request that cannot be
delivered fails the invocation, Lambda tries the whole event again, and what was accepted before is then sent a second
time: at least once, as CloudWatch Logs itself delivers.
"""

import contextlib
import email.utils
import http.client
import ipaddress
import random
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from .accounting import Tally
from .settings import SettingsError

ATTEMPT_SECONDS = 30.0
"""The longest wait for one answer: Sumo Logic gives a request up after 30 s."""

LEAST_SECONDS = 0.2
"""An attempt with less time than this is not begun: it would be sent, and its answer not awaited."""

IDLE_SECONDS = 60.0
"""Connections that rested longer are not used again: what lies between may have forgotten them without telling."""

_DRAIN_SECONDS = 2.0
_READ_BYTES = 16_384


class DeliveryFailed(Exception):  # noqa: N818  (a name that operators meet in dead-letter queues: it says what happened)
    """Events could not be delivered. The text names the reason, the attempts and the counts, never the endpoint."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post to. `target` (path and query) holds the token of a Sumo Logic source: it is in no repr."""

    secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @classmethod
    def parse(cls, url: str, setting: str) -> "Endpoint":
        """The endpoint that a URL names. Raises SettingsError, which names the setting and not the URL."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _bad_endpoint(setting) from None
        printable = url.isascii() and url.isprintable() and " " not in url
        allowed = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
        if not (printable and allowed and host) or "@" in parts.netloc:
            raise _bad_endpoint(setting)
        secure = parts.scheme == "https"
        return cls(secure, host, port or (443 if secure else 80), _target(parts))


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: header values as bytes, the body as it goes over the wire, and how many log events it carries."""

    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's status, and the seconds that its Retry-After asks for (0 without one)."""

    status: int
    retry_after: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): anything from 0 to a doubling, capped bound, in s."""

    base: float = 0.5
    cap: float = 20.0

    def seconds(self, attempt: int) -> float:
        """How long to wait after that attempt (the first is 1)."""
        return random.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, 30)))  # noqa: S311


class Connection:
    """A connection that is opened when needed, kept alive, and opened again when the other side has closed it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._open: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def post(self, request: Request, timeout: float) -> Answer:
        """The answer to the request. Raises OSError or http.client.HTTPException when none came within `timeout` seconds."""
        # The wall clock: a frozen Lambda's monotonic clock may stand still.
        if time.time() - self._used_at > IDLE_SECONDS:
            self.close()
        deadline = time.monotonic() + timeout
        if self._open is not None:
            try:
                return self._exchange(request, deadline)
            except (ConnectionError, ssl.SSLError):
                pass  # closed by the other side while it rested: that says nothing about the request
        return self._exchange(request, deadline)

    def close(self) -> None:
        """Close the connection, if there is one; the next request opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _exchange(self, request: Request, deadline: float) -> Answer:
        try:
            response = self._respond(request, deadline)
            answer = Answer(response.status, _retry_after(response.getheader("Retry-After")))
            if not self._drained(response, deadline):
                self.close()
        except BaseException:
            self.close()
            raise
        self._used_at = time.time()
        return answer

    def _respond(self, request: Request, deadline: float) -> http.client.HTTPResponse:
        if self._open is None:
            self._open = _connection(self._endpoint, _seconds_until(deadline))
            self._open.connect()
        self._open.sock.settimeout(_seconds_until(deadline))
        # A server may refuse (413) and close before it has read everything: its answer can still be there.
        with contextlib.suppress(BrokenPipeError):
            self._open.request("POST", self._endpoint.target, request.body, dict(request.headers))
        self._open.sock.settimeout(_seconds_until(deadline))
        return self._open.getresponse()

    def _drained(self, response: http.client.HTTPResponse, deadline: float) -> bool:
        """Whether the connection can be used again. The status decided already: a body that breaks off changes nothing."""
        end = min(deadline, time.monotonic() + _DRAIN_SECONDS)
        try:
            if self._open is not None and self._open.sock is not None:
                self._open.sock.settimeout(_seconds_until(end))
            while response.read1(_READ_BYTES):
                if time.monotonic() > end:
                    return False
        except (OSError, http.client.HTTPException):
            return False
        response.close()  # or the connection takes it for unread
        return not response.will_close


def deliver(
    requests: Iterable[Request],
    connection: Connection,
    seconds_left: Callable[[], float],
    tally: Tally,
    backoff: Backoff = Backoff(),
) -> None:
    """Post the requests one after the other, and count in `tally`.

    Answers 408, 429 and 5xx, time-outs and broken connections are tried again, not before their Retry-After, as long as
    `seconds_left` allows. Raises DeliveryFailed at the first request that is not delivered: Lambda tries the whole event
    again, so that further requests would only become duplicates.
    """
    for request in requests:
        _deliver(request, connection, seconds_left, tally, backoff)
        tally.delivered_events += request.events


def _deliver(
    request: Request, connection: Connection, seconds_left: Callable[[], float], tally: Tally, backoff: Backoff
) -> None:
    attempt = 0
    reason = "the invocation's time is over"
    while (left := seconds_left()) >= LEAST_SECONDS:
        attempt += 1
        tally.requests += 1
        tally.retries += attempt > 1
        outcome = _attempt(connection, request, min(left, ATTEMPT_SECONDS))
        if outcome.delivered:
            return
        reason = outcome.reason
        wait = max(outcome.retry_after, backoff.seconds(attempt))
        if not outcome.again or wait > seconds_left() - LEAST_SECONDS:
            break
        time.sleep(wait)
    raise _failure(reason, attempt, tally)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an attempt came to: delivered, or why not and whether another one may help."""

    delivered: bool
    again: bool
    reason: str
    retry_after: float = 0.0


def _attempt(connection: Connection, request: Request, timeout: float) -> _Outcome:
    try:
        answer = connection.post(request, timeout)
    except ssl.SSLCertVerificationError:
        return _Outcome(delivered=False, again=False, reason="the sink's certificate is not trusted")
    except TimeoutError:
        return _Outcome(delivered=False, again=True, reason="the sink did not answer in time")
    # The errors' own texts may quote what was sent: their names say enough.
    except (OSError, http.client.HTTPException) as error:
        return _Outcome(
            delivered=False, again=True, reason=f"the connection to the sink broke ({type(error).__name__})"
        )
    status = answer.status
    return _Outcome(
        delivered=200 <= status <= 299,
        again=status in (408, 429) or status >= 500,
        reason=f"the sink answered {status}",
        retry_after=answer.retry_after,
    )


def _failure(reason: str, attempts: int, tally: Tally) -> DeliveryFailed:
    kept = tally.received_events - tally.dropped_events
    tries = "attempt" if attempts == 1 else "attempts"
    return DeliveryFailed(
        f"After {attempts} {tries}: {reason}. {tally.delivered_events} of {kept} events were delivered."
    )


def _connection(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    if endpoint.secure:
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=timeout, context=tls_context())
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The default context: the system's certificates, verification on. Made once, since reading those takes long."""
    return ssl.create_default_context()


def _seconds_until(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _retry_after(header: str | None) -> float:
    """Seconds of a Retry-After (RFC 9110, 10.2.3): a number of them or a date. Nonsense is no wish."""
    if header is None:
        return 0.0
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except (ValueError, IndexError):
        return 0.0
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _bad_endpoint(setting: str) -> SettingsError:
    return SettingsError(
        f"{setting} must be an https URL (http for loopback addresses only), or a reference to a secret with one."
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
