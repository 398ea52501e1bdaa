# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP server that plays Sumo Logic's HTTP source: it stores requests, and misbehaves on demand.

Paths under /_sink control it; every other path is the source.

    GET    /_sink/requests   the requests, in order
    GET    /_sink/lines      the lines of accepted requests, parsed as JSON: a list with a line of text for each
    GET    /_sink/behaviour  the behaviours of the next requests
    POST   /_sink/behaviour  replace the behaviours by one or a list
    DELETE /_sink/requests, DELETE /_sink/behaviour
"""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .http_server import (
    Connection,
    Headers,
    HttpServer,
    ProtocolError,
    Request,
    Response,
    call,
    decompressed,
    encode_response,
    json_response,
)

CONTROL = "/_sink/"
SOURCE = "/receiver/v1/http/embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The response to requests.

    answer: respond after `seconds`. hang: no response until the client gives up, or for `seconds`.
    close: close the connection. half: send half of the response.
    """

    kind: Literal["answer", "hang", "close", "half"] = "answer"
    status: int = 200
    retry_after: str | None = None
    seconds: float = 0
    times: int | None = None  # None: until it is replaced

    def __post_init__(self) -> None:
        if self.kind not in ("answer", "hang", "close", "half"):
            raise ValueError(f"Unknown behaviour {self.kind!r}: choose answer, hang, close or half.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request that the source received."""

    time: float  # seconds since the epoch
    path: str
    headers: Headers
    body: bytes  # decompressed
    wire_size: int  # bytes as sent
    kind: str
    status: int  # 0 where no whole answer was given
    port: int  # the client's: the same for all that came over one connection

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def lines(self) -> list[Any]:
        """The body's lines parsed as JSON; a line that is none stays a string."""
        return [_parsed(line) for line in self.body.decode("utf-8", "replace").splitlines() if line.strip()]

    def to_dict(self) -> dict[str, Any]:
        """Return a value for JSON, with the body in base64 and as text."""
        return dataclasses.asdict(self) | {
            "body": base64.b64encode(self.body).decode(),
            "text": self.body.decode("utf-8", "replace"),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Received:
        fields = {name: value for name, value in data.items() if name != "text"}
        headers = tuple((name, value) for name, value in data["headers"])
        return cls(**(fields | {"body": base64.b64decode(data["body"]), "headers": headers}))


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


class SinkControl(Protocol):
    """The methods of a sink in the same process (Sink) and in another one (SinkClient)."""

    def requests(self) -> list[Received]: ...
    def lines(self) -> list[Any]: ...
    def behave(self, *behaviours: Behaviour) -> None: ...
    def clear(self) -> None: ...


class Sink:
    def __init__(self) -> None:
        self._server = HttpServer(self._handle)
        self._received: list[Received] = []
        self._behaviours: deque[Behaviour] = deque()
        self._lock = threading.Lock()

    @property
    def control_url(self) -> str:
        return self._server.url

    @property
    def url(self) -> str:
        """Return the URL that senders use."""
        return self._server.url + SOURCE

    @property
    def last_request(self) -> float:
        return self._server.last_request

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def requests(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def lines(self) -> list[Any]:
        """Return the lines of requests that got a 2xx response. A sender may count them as delivered."""
        return [line for received in self.requests() if received.accepted for line in received.lines]

    def behave(self, *behaviours: Behaviour) -> None:
        """Set the behaviours of the next requests, in order. After them the sink answers 200."""
        with self._lock:
            self._behaviours = deque(behaviours)

    def clear(self) -> None:
        with self._lock:
            self._received.clear()

    def _next_behaviour(self) -> Behaviour:
        with self._lock:
            while self._behaviours:
                behaviour = self._behaviours[0]
                if behaviour.times is None:
                    return behaviour
                self._behaviours.popleft()
                if behaviour.times > 1:
                    self._behaviours.appendleft(dataclasses.replace(behaviour, times=behaviour.times - 1))
                if behaviour.times > 0:
                    return behaviour
        return Behaviour()

    def _handle(self, request: Request, connection: Connection) -> Response | None:
        if request.path.startswith(CONTROL):
            return self._control(request)
        behaviour = self._next_behaviour()
        try:
            body = decompressed(request.body, request.header("content-encoding"))
        except ProtocolError as error:
            behaviour, body = Behaviour(status=400), str(error).encode()
        received = Received(
            time=time.time(),
            path=request.target,
            headers=request.headers,
            body=body,
            wire_size=len(request.body),
            kind=behaviour.kind,
            status=behaviour.status if behaviour.kind == "answer" else 0,
            port=connection.socket.getpeername()[1],
        )
        if behaviour.kind == "answer":
            time.sleep(behaviour.seconds)
        with self._lock:
            self._received.append(received)
        return _answer(behaviour, request, connection)

    def _control(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(CONTROL):
            case "GET", "requests":
                return json_response([received.to_dict() for received in self.requests()])
            case "GET", "lines":
                # One event in each line of text, so that curl and grep show single events.
                events = ",\n".join(json.dumps(line) for line in self.lines())
                return Response(200, f"[{events}]\n".encode(), (("Content-Type", "application/json"),))
            case "GET", "behaviour":
                return json_response([dataclasses.asdict(behaviour) for behaviour in list(self._behaviours)])
            case "POST", "behaviour":
                try:
                    value = json.loads(request.body)
                    behaviours = [Behaviour(**item) for item in (value if isinstance(value, list) else [value])]
                except (ValueError, TypeError) as error:
                    return json_response({"message": str(error)}, 400)
                self.behave(*behaviours)
            case "DELETE", "behaviour":
                self.behave()
            case "DELETE", "requests":
                self.clear()
            case _:
                return json_response({"message": f"The sink has no {request.method} {request.path}."}, 404)
        return json_response({})


def _answer(behaviour: Behaviour, request: Request, connection: Connection) -> Response | None:
    headers = () if behaviour.retry_after is None else (("Retry-After", behaviour.retry_after),)
    response = Response(behaviour.status, b"", headers)
    match behaviour.kind:
        case "answer":
            return response
        case "hang":
            connection.wait_for_close(behaviour.seconds or 900)
        case "half":
            data = encode_response(response, request.method)
            connection.send(data[: len(data) // 2])
    return None


class SinkClient:
    """A sink that runs in another process."""

    def __init__(self, control_url: str) -> None:
        self.control_url = control_url
        self.url = control_url + SOURCE

    def requests(self) -> list[Received]:
        return [Received.from_dict(item) for item in call(self.control_url, "GET", CONTROL + "requests")]

    def lines(self) -> list[Any]:
        lines: list[Any] = call(self.control_url, "GET", CONTROL + "lines")
        return lines

    def behave(self, *behaviours: Behaviour) -> None:
        call(self.control_url, "POST", CONTROL + "behaviour", [dataclasses.asdict(item) for item in behaviours])

    def clear(self) -> None:
        call(self.control_url, "DELETE", CONTROL + "requests")
