# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 on plain sockets: a server whose handlers can misbehave on purpose, and a client that keeps its connection.

The sink and the front both have to hang, break off and drop connections on purpose, and the front carries hundreds of
calls a second: http.server allows the one only by tricks and is too slow for the other.
"""

from __future__ import annotations

import contextlib
import gzip
import http
import json
import socket
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

Headers = tuple[tuple[str, str], ...]

# Headers of one connection. A proxy never forwards them.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "proxy-connection"}
)


class ProtocolError(Exception):
    """The peer sent no valid HTTP/1.1, or closed the connection within a message."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        return header(self.headers, name)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Headers = ()

    def header(self, name: str) -> str:
        return header(self.headers, name)


Handler = Callable[[Request, "Connection"], Response | None]


def header(headers: Headers, name: str) -> str:
    """Return a header's value, or "". The name is lower case."""
    return next((value for key, value in headers if key.lower() == name), "")


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def decompressed(body: bytes, encoding: str) -> bytes:
    """Return a body without its Content-Encoding. Raises ProtocolError if the body has another encoding."""
    try:
        match encoding.strip().lower():
            case "gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
            case "" | "identity":
                return body
    except (OSError, EOFError, zlib.error) as error:
        raise ProtocolError(f"The body is not {encoding}: {error}") from error
    raise ProtocolError(f"Content-Encoding {encoding} is not supported.")


class Connection:
    """One socket with buffered reads and immediate writes."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self.stream = cast(BinaryIO, sock.makefile("rb", buffering=65536))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def wait_for_close(self, seconds: float) -> None:
        """Wait until the peer closes the connection, or for some seconds."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass

    def close(self) -> None:
        # shutdown wakes a thread that reads this socket; close alone does not.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.stream.close()
        self.socket.close()


def _read_head(stream: BinaryIO) -> tuple[str, Headers] | None:
    """Return the first line and the headers of a message; None if the peer closed the connection before it."""
    line = stream.readline(65537)
    if not line:
        return None
    first = line.rstrip(b"\r\n").decode("latin-1")
    headers: list[tuple[str, str]] = []
    while True:
        line = stream.readline(65537)
        if line in (b"\r\n", b"\n"):
            return first, tuple(headers)
        if not line.endswith(b"\n"):
            raise ProtocolError("The connection ended within the headers.")
        name, _unused, value = line.decode("latin-1").partition(":")
        headers.append((name.strip(), value.strip()))


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise ProtocolError("The connection ended within the body.")
    return data


def _read_chunks(stream: BinaryIO) -> bytes:
    chunks: list[bytes] = []
    while True:
        try:
            size = int(stream.readline(1024).split(b";")[0], 16)
        except ValueError as error:
            raise ProtocolError("A chunk has no size.") from error
        if size == 0:
            while stream.readline(65537) not in (b"\r\n", b"\n", b""):
                pass
            return b"".join(chunks)
        chunks.append(_read_exactly(stream, size))
        stream.readline(3)


def _read_body(stream: BinaryIO, headers: Headers) -> bytes | None:
    """Return the body; None if the headers do not give its length."""
    if "chunked" in header(headers, "transfer-encoding").lower():
        return _read_chunks(stream)
    length = header(headers, "content-length")
    if not length:
        return None
    if not length.isdigit():
        raise ProtocolError(f"Content-Length {length!r} is no number.")
    return _read_exactly(stream, int(length))


def read_request(connection: Connection) -> Request | None:
    """Return the next request of a connection, or None at its end."""
    head = _read_head(connection.stream)
    if head is None:
        return None
    try:
        method, target, _unused = head[0].split(" ")
    except ValueError as error:
        raise ProtocolError(f"This is no request line: {head[0][:80]!r}") from error
    if header(head[1], "expect").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, target, head[1], _read_body(connection.stream, head[1]) or b"")


def read_response(connection: Connection, method: str) -> Response:
    """Return one response. Skip interim ones."""
    while True:
        head = _read_head(connection.stream)
        if head is None:
            raise ProtocolError("The server closed the connection without an answer.")
        status = int(head[0].split(" ")[1])
        if status >= 200:
            break
    if method == "HEAD" or status in (204, 304):
        return Response(status, b"", head[1])
    body = _read_body(connection.stream, head[1])
    return Response(status, connection.stream.read() if body is None else body, head[1])


def encode(first_line: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return a message with its Content-Length."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers if name.lower() not in HOP_BY_HOP)]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "\r\n"]).encode("latin-1") + body


def encode_response(response: Response, method: str = "GET") -> bytes:
    phrase = http.HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
    body = b"" if method == "HEAD" else response.body
    return encode(f"HTTP/1.1 {response.status} {phrase}", response.headers, body)


_STATUSES = frozenset(status.value for status in http.HTTPStatus)


class HttpServer:
    """Serves 127.0.0.1 on a port that the system chooses, a thread for each connection.

    The handler returns a Response, or None after it used the connection itself, which is then closed.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._address = self._listener.getsockname()
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self.last_request = time.monotonic()
        self.url = f"http://127.0.0.1:{self._address[1]}"

    def start(self) -> None:
        """Start to serve. After `stop` it uses the same port again."""
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(self._address, backlog=256)
        threading.Thread(target=self._accept, name="http-accept", daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _unused = self._listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="http-connection", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            while (request := read_request(connection)) is not None:
                self.last_request = time.monotonic()
                response = self._answer(request, connection)
                if response is None:
                    return
                connection.send(encode_response(response, request.method))
                if request.header("connection").lower() == "close":
                    return
        except (OSError, ProtocolError, ValueError):
            pass  # the peer closed it, or a handler did (reading it then raises ValueError)
        finally:
            connection.close()
            with self._lock:
                self._connections.discard(connection)

    def _answer(self, request: Request, connection: Connection) -> Response | None:
        try:
            return self._handler(request, connection)
        except (OSError, ProtocolError):
            raise
        except Exception as error:
            traceback.print_exc()
            return json_response({"message": f"{type(error).__name__}: {error}"}, 500)


class HttpClient:
    """A client that keeps one connection. Not safe for concurrent use by threads."""

    def __init__(self, host: str, port: int, timeout: float = 920) -> None:
        self._address = (host, port)
        self._timeout = timeout
        self._connection: Connection | None = None

    def send(self, request: Request) -> Response:
        """Send a request and return the response. Raises OSError or ProtocolError if there is none."""
        message = encode(f"{request.method} {request.target} HTTP/1.1", request.headers, request.body)
        if self._connection is not None:
            # The server may have closed an idle connection. Only then, not after a time-out, is a retry harmless.
            with contextlib.suppress(ConnectionError, ProtocolError):
                return self._exchange(self._connection, message, request.method)
            self.close()
        self._connection = Connection(socket.create_connection(self._address, self._timeout))
        return self._exchange(self._connection, message, request.method)

    def _exchange(self, connection: Connection, message: bytes, method: str) -> Response:
        connection.send(message)
        response = read_response(connection, method)
        if response.header("connection").lower() == "close":
            self.close()
        return response

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def call(url: str, method: str, path: str, value: Any = None, timeout: float = 60) -> Any:
    """Send a JSON request to a control path. Raises OSError without an answer, ValueError for an error status."""
    host, _unused, port = url.removeprefix("http://").partition("/")[0].partition(":")
    client = HttpClient(host, int(port), timeout)
    try:
        body = b"" if value is None else json.dumps(value).encode()
        response = client.send(Request(method, path, (("host", f"{host}:{port}"), ("connection", "close")), body))
    except ProtocolError as error:
        raise ConnectionError(str(error)) from error
    finally:
        client.close()
    if response.status >= 400:
        raise ValueError(f"{method} {path}: {response.status} {response.body.decode('utf-8', 'replace')}")
    return json.loads(response.body or b"null")
