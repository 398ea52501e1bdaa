# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoint of every client, Lambda functions included: it forwards requests to MiniStack, keeps a journal of them,
and injects faults.

Control paths, for other processes (FrontClient speaks them):

    GET, POST, DELETE /_front/faults   list the faults; add one (returns its number); remove all
    DELETE /_front/faults/NUMBER
    GET, DELETE /_front/journal        list the calls since the start or the last DELETE
    PUT /_front/rates                  {"scale": 1.0} enforces AWS's documented rates, {"scale": null} does not
    GET, DELETE /_front/instance       return the process id; DELETE stops the whole embedded AWS
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from .http_server import Connection, HttpClient, HttpServer, ProtocolError, Request, Response, call, json_response
from .operations import denied, error_response, is_write, operation_of, signed_by, throttled
from .rates import Rates

CONTROL = "/_front/"
PASSED_ON = "/_embedded_aws/"  # MiniStack's own control paths: no AWS call
# A region that does not answer leaves these services available.
GLOBAL_SERVICES = frozenset({"account", "iam", "organizations"})  # STS is called in the client's region
Kind = Literal["throttle", "deny", "error", "drop", "lose", "hang", "delay"]
KINDS = ("throttle", "deny", "error", "drop", "lose", "hang", "delay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault for the calls that match. A field that is None matches everything.

    throttle: AWS's error for too many calls. deny: AWS's error for a missing permission. error: any code.
    drop: close the connection before the call is executed. lose: execute the call and send no answer.
    hang: no answer until the client gives up. delay: execute the call after `seconds`.
    """

    kind: Kind
    operation: str | None = None
    service: str | None = None
    account: str | None = None
    region: str | None = None
    regional: bool = False  # the fault spares the global services
    times: int | None = None  # None: until the fault is removed
    code: str = "InternalFailure"
    message: str = "We encountered an internal error. Please try again."
    status: int = 500
    retry_after: str | None = None
    seconds: float = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}: choose from {', '.join(KINDS)}.")

    def matches(self, call: Call) -> bool:
        if self.regional and call.service in GLOBAL_SERVICES:
            return False
        pairs = (
            (self.operation, call.operation),
            (self.service, call.service),
            (self.account, call.account),
            (self.region, call.region),
        )
        return all(wanted is None or wanted == actual for wanted, actual in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One line of the journal."""

    number: int
    began: float  # seconds since the epoch
    time: float  # the same, at its end
    service: str
    operation: str
    account: str
    region: str
    caller: str  # the ARN of who signed it
    write: bool
    status: int = 0  # 0: no answer
    fault: str | None = None


class Faults:
    """The active faults. The oldest fault that matches a call applies."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = fault
            return number

    def remove(self, number: int) -> None:
        with self._lock:
            self._faults.pop(number, None)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def all(self) -> dict[int, Fault]:
        with self._lock:
            return dict(self._faults)

    def take(self, call: Call) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for number, fault in self._faults.items():
                if fault.matches(call) and (fault.times is None or fault.times > 0):
                    if fault.times == 1:
                        del self._faults[number]
                    elif fault.times is not None:
                        self._faults[number] = dataclasses.replace(fault, times=fault.times - 1)
                    return fault
        return None


class Front:
    """A reverse proxy. It keeps the Host header, so signatures stay valid."""

    def __init__(self, upstream: tuple[str, int], stop: Callable[[], None] = lambda: None) -> None:
        self._upstream = upstream
        self._stop = stop
        self._server = HttpServer(self._handle)
        self._clients = threading.local()
        self._callers: dict[str, tuple[str, str]] = {}
        self._numbers = itertools.count(1)
        self._journal: list[Call] = []
        self.faults = Faults()
        self.rates = Rates()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def last_request(self) -> float:
        return self._server.last_request

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def _handle(self, request: Request, connection: Connection) -> Response | None:
        if request.path.startswith(CONTROL):
            return self._control(request)
        if request.path.startswith(PASSED_ON):
            return self._pass_on(request)
        call = self._call(request)
        fault = self.faults.take(call)
        if fault is None and not self.rates.allow(call.account, call.region, call.service, call.operation):
            fault = Fault(kind="throttle")
        response = self._pass_on(request) if fault is None else self._inject(fault, call, request, connection)
        status = 0 if response is None else response.status
        kind = None if fault is None else fault.kind
        self._journal.append(dataclasses.replace(call, time=time.time(), status=status, fault=kind))
        return response

    def _call(self, request: Request) -> Call:
        key, region, service = signed_by(request)
        account, arn = self._caller(key)
        operation = operation_of(request, service)
        return Call(
            number=next(self._numbers),
            began=(now := time.time()),
            time=now,
            service=service,
            operation=operation,
            account=account,
            region=region,
            caller=arn,
            write=is_write(operation),
        )

    def _caller(self, access_key: str) -> tuple[str, str]:
        """Return account and ARN of an access key; ask MiniStack once for each key."""
        if not access_key:
            return "", ""
        if (known := self._callers.get(access_key)) is None:
            asked = Request("GET", f"{PASSED_ON}caller?{quote(access_key)}", (("host", "front"),))
            answer = json.loads(self._pass_on(asked).body)
            known = answer["account"], answer["arn"]
            if known[0]:
                self._callers[access_key] = known
        return known

    def _inject(self, fault: Fault, call: Call, request: Request, connection: Connection) -> Response | None:
        match fault.kind:
            case "throttle":
                return throttled(request, call.service, fault.retry_after)
            case "deny":
                resource = f"arn:aws:{call.service}:{call.region}:{call.account}:*"
                return denied(request, call.service, call.operation, call.caller, resource)
            case "error":
                return error_response(request, call.service, fault.status, fault.code, fault.message, fault.retry_after)
            case "delay":
                time.sleep(fault.seconds)
                return self._pass_on(request)
            case "lose":
                self._pass_on(request)
            case "hang":
                connection.wait_for_close(fault.seconds or 900)
        return None

    def _pass_on(self, request: Request) -> Response:
        """Forward a request to MiniStack. Each client connection has its own connection to it."""
        client: HttpClient | None = getattr(self._clients, "client", None)
        if client is None:
            client = self._clients.client = HttpClient(*self._upstream)
        try:
            return client.send(request)
        except (OSError, ProtocolError) as error:
            client.close()
            return json_response({"message": f"The embedded AWS does not answer: {error}"}, 502)

    def _control(self, request: Request) -> Response:
        what, _unused, number = request.path.removeprefix(CONTROL).partition("/")
        try:
            value = json.loads(request.body or b"{}")
            match request.method, what:
                case "GET", "faults":
                    faults = self.faults.all().items()
                    return json_response([{"number": key, **dataclasses.asdict(fault)} for key, fault in faults])
                case "POST", "faults":
                    return json_response({"number": self.faults.add(Fault(**value))})
                case "DELETE", "faults":
                    self.faults.remove(int(number)) if number else self.faults.clear()
                case "GET", "journal":
                    return json_response([dataclasses.asdict(call) for call in list(self._journal)])
                case "DELETE", "journal":
                    self._journal = []
                case "GET", "instance":
                    return json_response({"pid": os.getpid()})
                case "DELETE", "instance":
                    self._stop()
                case "PUT", "rates":
                    self.rates.set(value["scale"])
                case _:
                    return json_response({"message": f"The front has no {request.method} {request.path}."}, 404)
        except (KeyError, TypeError, ValueError) as error:
            return json_response({"message": f"{type(error).__name__}: {error}"}, 400)
        return json_response({})


class FrontClient:
    """A front that runs in another process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, fault: Fault) -> int:
        """Add a fault and return its number."""
        number: int = call(self.url, "POST", CONTROL + "faults", dataclasses.asdict(fault))["number"]
        return number

    def throttle(self, operation: str | None = None, **where: Any) -> int:
        return self.add(Fault(kind="throttle", operation=operation, **where))

    def deny(self, operation: str | None = None, **where: Any) -> int:
        return self.add(Fault(kind="deny", operation=operation, **where))

    def error(self, code: str, message: str, status: int, **where: Any) -> int:
        return self.add(Fault(kind="error", code=code, message=message, status=status, **where))

    def silence(self, account: str, region: str) -> int:
        """Make a region not answer an account."""
        return self.add(Fault(kind="drop", account=account, region=region, regional=True))

    def remove(self, number: int) -> None:
        call(self.url, "DELETE", f"{CONTROL}faults/{number}")

    def clear_faults(self) -> None:
        call(self.url, "DELETE", CONTROL + "faults")

    def enforce_rates(self, scale: float | None = 1.0) -> None:
        """Enforce AWS's rates multiplied by `scale`; None disables them."""
        call(self.url, "PUT", CONTROL + "rates", {"scale": scale})

    def calls(self, **where: Any) -> list[Call]:
        """Return the journal's calls whose fields have these values."""
        found = [Call(**item) for item in call(self.url, "GET", CONTROL + "journal")]
        return [item for item in found if all(getattr(item, name) == value for name, value in where.items())]

    def writes(self, **where: Any) -> list[Call]:
        return self.calls(write=True, **where)

    def clear_journal(self) -> None:
        call(self.url, "DELETE", CONTROL + "journal")
