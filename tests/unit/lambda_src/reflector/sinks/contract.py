# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of a sink's service in the contract tests (test_contract.py), and shared parts of the stand-ins.

Each type of sink has one file here, `service_<type>.py`, with a class `Local`: a stand-in for the service on this machine.
It checks requests by the service's documentation, stores accepted events, and shows faults on demand. A wrong request is a
violation, whatever the answer was, and fails the test.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from typing import Any, NamedTuple

from reflector_support import Outcome, QuietHandler, Received, Server, hang, raw, status

TOKEN = "t0ken-0f-the-c0ntract"
STALE = "t0ken-that-was-rotated-away"
ACCOUNT, LOG_GROUP, LOG_STREAM = "222222222222", "/app/orders", "web/1"  # those of reflector_support.payload

Reply = Callable[[BaseHTTPRequestHandler], None]


class Case(StrEnum):
    """Cases of the contract. A service that cannot have a case leaves it out of `supports`; test_contract.py has the reason."""

    # Faults for `misbehave`. The service accepts nothing of such a request, except in the two cases about items.
    THROTTLED = "asks for patience (429)"
    UNAVAILABLE = "does not work now (5xx)"
    BROKEN = "closes the connection without an answer"
    HALF = "closes the connection within the answer's status line"
    SILENT = "does not answer in time"
    TOO_LARGE = "finds the request too large (413)"
    REFUSED = "refuses the request for good (400)"
    ITEMS_AGAIN = "accepts all items but every second one (places 1, 3, ...), which may come again"
    ITEMS_REFUSED = "accepts all items but every second one (places 1, 3, ...), which it refuses for good"

    # Features of the service.
    RETRY_AFTER = "says how long to be patient"
    SECRET = "has a secret that may be renewed (401, 403)"
    COMPRESSION = "takes bodies compressed and not: option `compress`"
    REQUEST_BYTES = "bounds the bytes of a request: limits.request_bytes"
    ITEMS = "bounds the items of a request: limits.items"
    ID = "keeps the event's id"
    OWNER = "keeps the account"
    LOG_GROUP = "keeps the log group"
    LOG_STREAM = "keeps the log stream"
    QUIET = "is not the function's own log"


EVERY_CASE = frozenset(Case)


@dataclass(frozen=True, slots=True)
class Limits:
    """The service's documented limits: bytes of a request before compression, its items, bytes of an item. None: no limit known."""

    request_bytes: int | None = None
    items: int | None = None
    item_bytes: int | None = None


class Accepted(NamedTuple):
    """An event in the service: `timestamp` in ms; members that it does not keep are None. For `message` see `Service.text`."""

    id: str | None
    message: Any
    timestamp: int
    log_group: str | None = None
    log_stream: str | None = None
    owner: str | None = None


class Service:
    """A stand-in for a sink's service."""

    type: str
    supports: frozenset[Case] = EVERY_CASE
    limits = Limits()

    over_long: str = "alone"
    """An event beyond the limits is sent "alone", or "refused" before it is sent."""

    oldest_hours: int | None = None
    """Maximum age of an event. The service would accept an older one and lose it, so the sink refuses it."""

    several_items: Sequence[str] = tuple("abcdefg")
    """Messages that are several items of one request."""

    def __init__(self) -> None:
        self.requests: list[Any] = []  # raw, as they came, those included that were not accepted
        self.violations: list[str] = []
        self.faults: deque[Case] = deque()
        self.retry_after = 0
        self._accepted: list[Accepted] = []

    # Properties of a stand-in.

    def start(self) -> None:
        """Start to listen; called once, before the first test."""

    def stop(self) -> None:
        """Stop to listen."""

    def options(self, **overrides: Any) -> dict[str, Any]:
        """Return the sink's configuration, with `type`, so that it sends here and keeps all that `supports` names."""
        raise NotImplementedError

    def secret_options(self, reference: str) -> dict[str, Any]:
        """Return overrides for `options` with a reference instead of the secret."""
        raise NotImplementedError

    def secret(self, *, stale: bool) -> str:
        """Return the value in Secrets Manager: the valid one, or one from before a rotation."""
        return STALE if stale else TOKEN

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables that the function needs to find the service."""
        return {}

    def text(self, message: str) -> Any:
        """Return the expected `Accepted.message`. The default is the text without one trailing newline; see also `embedded`."""
        return message.removesuffix("\n")

    def size(self, request: Any) -> int:
        """Return the size of a request that `limits.request_bytes` limits."""
        return len(request.text)

    def fingerprint(self, request: Any) -> Any:
        """Return the parts of a request that are equal if the same events are sent again."""
        return request.path, {name: value for name, value in request.headers.items() if name != "Host"}, request.body

    def observe(self, outcome: Outcome) -> None:
        """Observe an invocation's output, for a service that consists of it."""

    # Methods for the tests.

    def reset(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.violations.clear()
        self.faults.clear()
        self.retry_after = 0
        self._accepted.clear()

    def misbehave(self, *faults: Case, retry_after: int = 0) -> None:
        """Apply these faults to the next requests, one each. `retry_after` is for all that are `THROTTLED`."""
        self.faults.extend(faults)
        self.retry_after = retry_after

    def accepted(self) -> list[Accepted]:
        """Return the accepted events in their order."""
        return list(self._accepted)

    # Methods for stand-ins.

    def accept(self, items: Sequence[Accepted], fault: Case | None = None) -> list[bool]:
        """Store the items; with `ITEMS_AGAIN` and `ITEMS_REFUSED` only every second one. Return for each whether it was stored."""
        partly = fault in (Case.ITEMS_AGAIN, Case.ITEMS_REFUSED)
        kept = [not (partly and place % 2) for place in range(len(items))]
        self._accepted.extend(item for item, keep in zip(items, kept, strict=True) if keep)
        return kept

    def check(self, condition: object, what: str) -> None:
        """Raise AssertionError, which is a violation, unless the condition holds."""
        if not condition:
            raise AssertionError(what)

    def check_limits(self, size: int, items: int, largest_item: int = 0) -> None:
        """Raise AssertionError if the request is beyond the limits. A single item may be, if it is sent alone."""
        alone = items == 1 and self.over_long == "alone"
        limits = self.limits
        self.check(items > 0, "a request without items")
        self.check(limits.items is None or items <= limits.items, f"{items} items")
        self.check(alone or limits.request_bytes is None or size <= limits.request_bytes, f"{size} bytes")
        self.check(
            alone or limits.item_bytes is None or largest_item <= limits.item_bytes, f"{largest_item} in an item"
        )


class HttpService(Service):
    """Base of services that receive POST requests. A subclass defines `path`, `options` and `take`."""

    path = "/"

    def __init__(self) -> None:
        super().__init__()
        self._server: Server | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen on a port of the loopback address."""
        service = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Received(self.path, dict(self.headers.items()), body, self.client_address[1])
                with service._lock:
                    service.requests.append(request)
                    reply = service.reply(request, service.faults.popleft() if service.faults else None)
                reply(self)

        self._server = Server(Handler)

    def stop(self) -> None:
        """Release the port."""
        if self._server:
            self._server.stop()

    @property
    def url(self) -> str:
        """Return the URL for the sink."""
        assert self._server
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def take(self, request: Received, fault: Case | None) -> Reply:
        """Check a request (an exception is a violation), `accept` its events, and answer. The fault is one of items, if any."""
        raise NotImplementedError

    def authorized(self, request: Received) -> bool:
        """Return whether the request has the valid secret."""
        raise NotImplementedError

    def unauthorized(self, request: Received) -> Reply:
        """Return the answer to a request with an invalid secret."""
        return status(403, echo(request))

    def error(self, fault: Case, request: Received) -> Reply:
        """Return the answer for a fault that does not concern items. It quotes the request, which no log may show."""
        waiting = {"Retry_After": str(self.retry_after)} if self.retry_after else {}
        replies: dict[Case, Callable[[], Reply]] = {
            Case.THROTTLED: lambda: status(429, echo(request), **waiting),
            Case.UNAVAILABLE: lambda: status(503, echo(request)),
            Case.BROKEN: lambda: raw(b""),
            Case.HALF: lambda: raw(b"HTTP/1."),
            Case.SILENT: lambda: hang(0.5),
            Case.TOO_LARGE: lambda: status(413, echo(request)),
            Case.REFUSED: lambda: status(400, echo(request)),
        }
        return replies[fault]()

    def reply(self, request: Received, fault: Case | None) -> Reply:
        """Return the answer to a request."""
        try:
            self.check(request.path == self.path or self.path not in request.path, f"path {request.path}")
            if not self.authorized(request):
                return self.unauthorized(request)
            if fault is not None and fault not in (Case.ITEMS_AGAIN, Case.ITEMS_REFUSED):
                return self.error(fault, request)
            return self.take(request, fault)
        except Exception as error:  # noqa: BLE001  (an unexpected request is a violation, too)
            self.violations.append(f"{type(error).__name__}: {error}")
            return status(400, echo(request))


def echo(request: Received) -> bytes:
    """Return a body that no good service would answer: the request and the secret."""
    return b"%b %b" % (TOKEN.encode(), request.text[:2000])


def make(kind: str) -> Service:
    """Return the stand-in for a type's service."""
    local: Service = import_module(f"service_{kind}").Local()
    return local


def embedded(message: str) -> Any:
    """Return the message as services with structured events get it: the JSON value, with unchanged digits, or trimmed text."""
    try:
        return json_value(message.strip(" \t\r\n"))
    except (ValueError, RecursionError):
        return message.strip()


def json_value(text: str | bytes) -> Any:
    """Return the value of JSON text (RFC 8259), with unchanged digits for each number. Raises ValueError."""
    return json.loads(text, parse_int=_digits, parse_float=_digits, parse_constant=_no_constant)


def _digits(text: str) -> tuple[str, str]:
    return "number", text


def _no_constant(text: str) -> Any:
    raise ValueError(text)
