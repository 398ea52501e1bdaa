# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP: one kept-alive connection to an endpoint, and a base class for sinks that use POST.

It uses http.client, since importing urllib3 or requests would make a cold start slower, and limits the total time of a request.
"""

import contextlib
import email.utils
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from . import __version__, codec
from .options import SettingsError
from .secrets import Secret, SecretError
from .sinks import ACCEPTED, Batch, Chunk, Outcome, Refusal

CONNECT_SECONDS = 5.0
"""The longest wait for one address of a host: another address may be reachable."""

IDLE_SECONDS = 60.0
"""Connections that were idle for longer are not used again: a NAT gateway or firewall may have dropped them silently."""

USER_AGENT = f"logreflector.aws/{__version__}"

Headers = tuple[tuple[str, bytes], ...]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)
_BODY_SECONDS = 5.0
_BODY_BYTES = 4 * 1024 * 1024
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL for POST. `target` (path and query) may hold a token, as in the URL of a Sumo Logic source: no repr shows it."""

    secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @classmethod
    def parse(cls, url: str, option: str, path: str = "/") -> "Endpoint":
        """Parse a URL; `path` is the default path. Raises SettingsError, which names the option and not the URL."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _bad_endpoint(option) from None
        printable = url.isascii() and url.isprintable() and " " not in url
        allowed = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
        if not (printable and allowed and host) or "@" in parts.netloc:
            raise _bad_endpoint(option)
        secure = parts.scheme == "https"
        target = path if parts.path in ("", "/") else parts.path
        if parts.query:
            target += ("&" if "?" in target else "?") + parts.query
        return cls(secure, host, port or (443 if secure else 80), target)


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: header values as bytes, and the body as it is sent."""

    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, seconds of its Retry-After header (0 without one), and the received part of its body."""

    status: int
    retry_after: float
    body: bytes = b""


class Connection:
    """A connection that is opened at the first request, kept alive, and opened again after the server has closed it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.secure = endpoint.secure
        self._endpoint = endpoint
        self._open: http.client.HTTPConnection | None = None
        self._used_at = 0.0
        self._deadline = 0.0

    def post(self, headers: Headers, body: bytes, timeout: float) -> Answer:
        """Return the answer. Raises OSError or http.client.HTTPException if there is none within `timeout` seconds."""
        # The wall clock, because the monotonic clock may stop while Lambda is frozen.
        if time.time() - self._used_at > IDLE_SECONDS:
            self.close()
        self._deadline = time.monotonic() + timeout
        if self._open is not None:
            try:
                return self._exchange(headers, body)
            except (ConnectionError, ssl.SSLError):
                pass  # the server closed the idle connection: that is no answer to this request
        return self._exchange(headers, body)

    def close(self) -> None:
        """Close the connection, if it is open. The next request opens another one."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _exchange(self, headers: Headers, body: bytes) -> Answer:
        try:
            response = self._respond(headers, body)
            content, whole = self._content(response)
        except BaseException:
            self.close()
            raise
        if not whole:
            self.close()
        self._used_at = time.time()
        return Answer(response.status, _retry_after(response.getheader("Retry-After")), content)

    def _respond(self, headers: Headers, body: bytes) -> http.client.HTTPResponse:
        if self._open is None:
            self._open = _connection(self._endpoint, self._seconds_left())
            self._open.response_class = partial(_Response, self._seconds_left)  # type: ignore[assignment]
            self._open._create_connection = partial(_create_connection, self._seconds_left)  # type: ignore[attr-defined]
            self._open.connect()
        self._open.sock.settimeout(self._seconds_left())
        # A server may refuse (413) and close before it has read everything: its answer can still be read.
        with contextlib.suppress(BrokenPipeError):
            self._open.request("POST", self._endpoint.target, body, dict(headers))
        return self._open.getresponse()

    def _content(self, response: http.client.HTTPResponse) -> tuple[bytes, bool]:
        """Return the answer's body, and whether it is complete, so that the connection can be used again.

        An incomplete body raises no exception: status and headers decide the outcome.
        """
        self._deadline = min(self._deadline, time.monotonic() + _BODY_SECONDS)
        parts: list[bytes] = []
        try:
            while part := response.read1(_READ_BYTES):
                parts.append(part)
                if sum(map(len, parts)) > _BODY_BYTES:
                    return b"".join(parts), False
        except (OSError, http.client.HTTPException):
            return b"".join(parts), False
        response.close()  # otherwise the connection counts it as unread
        return b"".join(parts), not response.will_close

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Response(http.client.HTTPResponse):
    """A response with a deadline. The socket's own time-out would start again with each received byte."""

    def __init__(self, seconds_left: Callable[[], float], sock: socket.socket, *args: object, **kwargs: object) -> None:
        super().__init__(sock, *args, **kwargs)  # type: ignore[arg-type]
        self.fp.close()
        self._received = _DeadlineReader(seconds_left, sock)
        self.fp = io.BufferedReader(self._received, _READ_BYTES)

    def begin(self) -> None:
        """Read status and headers. Raises IncompleteRead if they are incomplete, which http.client does not notice.

        A server that stops there may have accepted nothing, whatever the status is.
        """
        super().begin()
        if self._received.ended:
            raise http.client.IncompleteRead(b"")


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until no seconds are left."""

    def __init__(self, seconds_left: Callable[[], float], sock: socket.socket) -> None:
        self._seconds_left = seconds_left
        self._socket = sock
        self.ended = False
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open after the connection has closed it

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._seconds_left())
        count: int | None = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class HttpSink:
    """Base class of sinks that use POST. A subclass implements `chunks`.

    `endpoint`: a URL, or a reference to one. `path`: the default path. `keys`: names of the URL in a secret that is a JSON
    object. `header_secrets`: secrets by the header that has nothing but the secret.
    """

    def __init__(
        self,
        endpoint: Secret,
        *,
        path: str = "/",
        keys: Sequence[str] = (),
        compress: bool = True,
        header_secrets: Mapping[str, Secret] = MappingProxyType({}),
    ) -> None:
        self._endpoint = endpoint
        self._path = path
        self._keys = keys
        self._compress = compress
        self._header_secrets = header_secrets
        self._connection: Connection | None = None
        self.may_use_tls = endpoint.is_reference or self._connection_to_endpoint().secure  # or raises SettingsError

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request] | Refusal]:
        """See `Sink`."""
        raise NotImplementedError

    def secret_headers(self) -> Headers:
        """Return headers that hold a secret. Called for each request, since secrets may be renewed. May raise SecretError."""
        return tuple(secret_header(name, secret) for name, secret in self._header_secrets.items())

    def secrets(self) -> Sequence[Secret]:
        """Return the secrets that `renew` forgets, besides the endpoint."""
        return list(self._header_secrets.values())

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:  # noqa: ARG002
        """Return the outcome of an answer. A sink overrides this if the body has more than the status."""
        return by_status(answer)

    def send(self, chunk: Chunk[Request], timeout: float) -> Outcome:
        """See `Sink`."""
        request = chunk.content
        try:
            answer = self._connection_to_endpoint().post(
                (*self.secret_headers(), *request.headers), request.body, timeout
            )
        except (SecretError, SettingsError) as error:
            transient = isinstance(error, SecretError) and error.transient
            return Outcome("retry" if transient else "unauthorized", str(error).rstrip("."))
        except ssl.SSLCertVerificationError:
            return Outcome("refused", "the sink's certificate is not trusted")
        except TimeoutError:
            return Outcome("retry", "the sink did not answer in time")
        # The errors' texts may quote the request, their names do not.
        except (OSError, http.client.HTTPException) as error:
            return Outcome("retry", f"the connection to the sink broke ({type(error).__name__})")
        return self.outcome(answer, chunk)

    def renew(self) -> bool:
        """See `Sink`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # A list instead of a generator, so that each secret is renewed.
        renewed = [secret.renew() for secret in (self._endpoint, *self.secrets())]
        return any(renewed)

    def request(self, body: bytes, headers: Headers = ()) -> Request:
        """Return a request with this body, compressed if the sink is set to it."""
        client = (("User-Agent", USER_AGENT.encode()), *headers)
        if not self._compress:
            return Request(client, body)
        return Request((("Content-Encoding", b"gzip"), *client), codec.gzip(body))

    def _connection_to_endpoint(self) -> Connection:
        if self._connection is None:
            url = self._endpoint.value(self._keys)
            self._connection = Connection(Endpoint.parse(url, self._endpoint.option, self._path))
        return self._connection


def by_status(answer: Answer) -> Outcome:
    """Return the outcome for the status (RFC 9110): 408, 425, 429 and 5xx are transient, other 4xx are not."""
    status = answer.status
    reason = f"the sink answered {status}"
    if 200 <= status <= 299:
        return ACCEPTED
    if status in (408, 425, 429) or status >= 500:
        return Outcome("retry", reason, answer.retry_after)
    if status == 413:
        return Outcome("too_large", reason)
    if status in (401, 403):
        return Outcome("unauthorized", reason)
    return Outcome("refused", reason)


def secret_header(name: str, secret: Secret, prefix: str = "") -> tuple[str, bytes]:
    """Return the header with the secret. Raises SecretError for a value that no header can have: http.client would quote it."""
    value = secret.value()
    if not (value.isascii() and value.isprintable()):
        raise SecretError(f"{secret.option}: the secret must be one line of printable ASCII.")
    return name, f"{prefix}{value}".encode()


def check_header_names(names: Iterable[str], option: str = "headers") -> None:
    """Raise ValueError for a malformed header name (RFC 9110, 5.6.2), or one that the sink itself sets."""
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{option}: has a malformed header name")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{option}: must not have {name}, which the sink sets")


def basic_header(username: str, password: Secret) -> tuple[str, bytes]:
    """Return the `Authorization` header with user name and password (RFC 7617). Raises SecretError."""
    return "Authorization", b"Basic " + b64encode(f"{username}:{password.value()}".encode())


def _connection(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    if endpoint.secure:
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=timeout, context=tls_context())
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)


def _create_connection(seconds_left: Callable[[], float], address: tuple[str, int], *_unused: Any) -> socket.socket:
    """Connect like `socket.create_connection`, which would use the whole time for each address of the host."""
    error = OSError()
    for *_family, found in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        try:
            # For mypy: some address families, such as Bluetooth, have no host and port.
            connected = socket.create_connection(found[:2], min(seconds_left(), CONNECT_SECONDS))  # type: ignore[arg-type]
            connected.settimeout(seconds_left())  # for the TLS handshake
        except OSError as failed:
            error = failed
        else:
            return connected
    raise error


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the default context: the system's certificates, verification on. Cached, since reading them is slow."""
    return ssl.create_default_context()


def _retry_after(header: str | None) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), a number or a date. A malformed one counts as 0."""
    if header is None:
        return 0.0
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except (ValueError, IndexError, OverflowError):
        return 0.0
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _bad_endpoint(option: str) -> SettingsError:
    return SettingsError(
        f"{option}: must be an https URL (http for loopback addresses only), or a reference to a secret with one."
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
