# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sink's service looks like to the contract (test_contract.py), and what the services' stand-ins have in common.

A type of sink has one file here, `service_<type>.py`, with a class `Local`. `Local` is a stand-in for
the service on this machine. It checks what it gets as the service's documentation says, keeps what it accepts, and
misbehaves when told to. What the sink sends wrongly is a violation, whatever the answer was: no test passes with one.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any, NamedTuple

from reflector_support import Outcome, Received, hang, raw, status

TOKEN = "t0ken-0f-the-c0ntract"
STALE = "t0ken-that-was-rotated-away"
ACCOUNT, LOG_GROUP, LOG_STREAM = "222222222222", "/app/orders", "web/1"  # those of reflector_support.payload

Reply = Callable[[BaseHTTPRequestHandler], None]


class Case(StrEnum):
    """What the contract asks of a service. One that cannot have a case leaves it out of `supports`; test_contract.py says why."""

    # Misbehaviour: what `misbehave` is given. Nothing of such a request is accepted, but for the two about items.
    THROTTLED = "asks for patience (429)"
    UNAVAILABLE = "does not work now (5xx)"
    BROKEN = "closes the connection without an answer"
    HALF = "closes the connection within the answer's status line"
    SILENT = "does not answer in time"
    TOO_LARGE = "finds the request too large (413)"
    REFUSED = "refuses the request for good (400)"
    ITEMS_AGAIN = "accepts all items but every second one (places 1, 3, ...), which may come again"
    ITEMS_REFUSED = "accepts all items but every second one (places 1, 3, ...), which it refuses for good"

    # What the service knows.
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
    """The service's documented limits: bytes of a request before compression, items of one, bytes of an item; None: none known."""

    request_bytes: int | None = None
    items: int | None = None
    item_bytes: int | None = None


class Accepted(NamedTuple):
    """An event as the service has it: `timestamp` in ms, what it doesn't keep is None. See `Service.text` for `message`."""

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
    """What happens to an event beyond the limits: it travels "alone", or is "refused" before it is sent."""

    oldest_hours: int | None = None
    """The age beyond which the service would take an event and lose it, so that the sink refuses it."""

    several_items: Sequence[str] = tuple("abcdefg")
    """Messages that are several items of one request."""

    def __init__(self) -> None:
        self.requests: list[Any] = []  # raw, as they came, those included that were not accepted
        self.violations: list[str] = []
        self.faults: deque[Case] = deque()
        self.retry_after = 0
        self._accepted: list[Accepted] = []

    # What a stand-in says of itself.

    def start(self) -> None:
        """Begin to listen; once, before the first test."""

    def stop(self) -> None:
        """The end."""

    def options(self, **overrides: Any) -> dict[str, Any]:
        """The sink's configuration, `type` included, so that it sends here (and what `supports` says is kept)."""
        raise NotImplementedError

    def secret_options(self, reference: str) -> dict[str, Any]:
        """Overrides for `options` with the secret named by that reference instead of given."""
        raise NotImplementedError

    def secret(self, *, stale: bool) -> str:
        """What Secrets Manager has there: a value that the service takes, or one from before a rotation."""
        return STALE if stale else TOKEN

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the function needs to find the service."""
        return {}

    def text(self, message: str) -> Any:
        """What `Accepted.message` is for an event's message. Usually the text without one trailing newline; see also `embedded`."""
        return message.removesuffix("\n")

    def size(self, request: Any) -> int:
        """The bytes of a request that `limits.request_bytes` is about."""
        return len(request.text)

    def fingerprint(self, request: Any) -> Any:
        """Everything of a request that is the same when the same events are sent again."""
        return request.path, {name: value for name, value in request.headers.items() if name != "Host"}, request.body

    def observe(self, outcome: Outcome) -> None:
        """Called after every invocation with what it printed: the service may be just that."""

    # What the tests do with it.

    def reset(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.violations.clear()
        self.faults.clear()
        self.retry_after = 0
        self._accepted.clear()

    def misbehave(self, *faults: Case, retry_after: int = 0) -> None:
        """Do that to the next requests, one after the other. The wish to wait is for all those that are `THROTTLED`."""
        self.faults.extend(faults)
        self.retry_after = retry_after

    def accepted(self) -> list[Accepted]:
        """What was accepted, in that order."""
        return list(self._accepted)

    # What stand-ins do.

    def accept(self, items: Sequence[Accepted], fault: Case | None = None) -> list[bool]:
        """Keep the items, with `ITEMS_AGAIN` and `ITEMS_REFUSED` but every second one; says of each whether it was kept."""
        partly = fault in (Case.ITEMS_AGAIN, Case.ITEMS_REFUSED)
        kept = [not (partly and place % 2) for place in range(len(items))]
        self._accepted.extend(item for item, keep in zip(items, kept, strict=True) if keep)
        return kept

    def check(self, condition: object, what: str) -> None:
        """Raises AssertionError, which is a violation, unless the condition holds."""
        if not condition:
            raise AssertionError(what)

    def check_limits(self, size: int, items: int, largest_item: int = 0) -> None:
        """Raises AssertionError when the request is beyond the limits; a single item may be, where it travels alone."""
        alone = items == 1 and self.over_long == "alone"
        limits = self.limits
        self.check(items > 0, "a request without items")
        self.check(limits.items is None or items <= limits.items, f"{items} items")
        self.check(alone or limits.request_bytes is None or size <= limits.request_bytes, f"{size} bytes")
        self.check(
            alone or limits.item_bytes is None or largest_item <= limits.item_bytes, f"{largest_item} in an item"
        )


class HttpService(Service):
    """A service that is posted to. A subclass says where (`path`, `options`) and takes requests (`take`)."""

    path = "/"

    def __init__(self) -> None:
        super().__init__()
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen on a port of the loopback address."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Received(self.path, dict(self.headers.items()), body, self.client_address[1])
                with service._lock:
                    service.requests.append(request)
                    reply = service.reply(request, service.faults.popleft() if service.faults else None)
                reply(self)

            def log_message(self, *_unused: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients that go away are what is tested here

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Give the port back."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where the sink is to post to."""
        assert self._server
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def take(self, request: Received, fault: Case | None) -> Reply:
        """Check a request (what it raises is a violation), `accept` what is in it, and answer; the fault is one of items, if any."""
        raise NotImplementedError

    def authorized(self, request: Received) -> bool:
        """Whether the request has the right secret."""
        raise NotImplementedError

    def unauthorized(self, request: Received) -> Reply:
        """The answer to a request that has a wrong one."""
        return status(403, echo(request))

    def error(self, fault: Case, request: Received) -> Reply:
        """The answer that a fault other than one of items is. What it quotes of the request must be seen nowhere."""
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
        """What a request gets."""
        try:
            self.check(request.path == self.path or self.path not in request.path, f"path {request.path}")
            if not self.authorized(request):
                return self.unauthorized(request)
            if fault is not None and fault not in (Case.ITEMS_AGAIN, Case.ITEMS_REFUSED):
                return self.error(fault, request)
            return self.take(request, fault)
        except Exception as error:  # noqa: BLE001  (a stand-in that stumbles has met what it doesn't know)
            self.violations.append(f"{type(error).__name__}: {error}")
            return status(400, echo(request))


def echo(request: Received) -> bytes:
    """A body that no good service would answer: what was sent, and the secret."""
    return b"%b %b" % (TOKEN.encode(), request.text[:2000])


def make(kind: str) -> Service:
    """The stand-in for a type's service."""
    local: Service = import_module(f"service_{kind}").Local()
    return local


def embedded(message: str) -> Any:
    """The message as services get it whose users expect structured events: the JSON value, with numbers as written, or trimmed text."""
    try:
        return json_value(message.strip(" \t\r\n"))
    except (ValueError, RecursionError):
        return message.strip()


def json_value(text: str | bytes) -> Any:
    """The value of JSON text (RFC 8259), numbers as the digits they are written with. Raises ValueError."""
    return json.loads(text, parse_int=_digits, parse_float=_digits, parse_constant=_no_constant)


def _digits(text: str) -> tuple[str, str]:
    return "number", text


def _no_constant(text: str) -> Any:
    raise ValueError(text)
