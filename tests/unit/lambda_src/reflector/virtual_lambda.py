# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real reflector in one virtual execution environment: its sockets, its AWS calls and its clock are simulated.

Only `socket.create_connection`, `boto3.Session`, `time`, `os.environ` and ThreadPoolExecutor are replaced, so a change of the
reflector's own modules needs no change here. Threads run one after the other, each from the same virtual time,
which makes a history deterministic.
"""

import concurrent.futures
import copy
import copyreg
import gzip
import importlib
import io
import json
import os
import socket
import sys
import threading
import time
import typing
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from unittest import mock

import boto3
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

ROOT = Path(__file__).resolve().parents[4] / "lambda_src" / "reflector"
LATENCY = 0.05
"""Virtual seconds of a call to a service."""

_LOCKS = (threading.Lock, threading.RLock)
for _make in _LOCKS:
    copyreg.pickle(type(_make()), lambda _lock, make=_make: (make, ()))  # a new process has new locks


class Killed(BaseException):
    """The execution environment ended. Nothing in the function may catch it."""


@dataclass(frozen=True, slots=True)
class Kill:
    """The process ends at its call number `call` (from 1), before or after the call has its effect."""

    call: int
    effect: Literal["before", "after"]


class Clock:
    """Virtual time. `ends_at`: the time at which Lambda ends the process."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.ends_at = float("inf")

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance. Raises Killed at the process's end."""
        then = self.now + max(0.0, seconds)
        if then >= self.ends_at:
            self.now = max(self.now, self.ends_at)
            raise Killed
        self.now = then


class Wire:
    """The connections of the process to the services, which are `answer_http` and `answer_aws`."""

    def __init__(self, answer_http: "AnswerHttp", answer_aws: "AnswerAws") -> None:
        self.clock = Clock()
        self.calls = 0
        self.kill: Kill | None = None
        self.bug: Exception | None = None
        self.answer_http, self.answer_aws = answer_http, answer_aws

    def call(self, effect: Callable[[], Any]) -> Any:
        """Make a call: count it, let its time pass, kill the process if the kill is due."""
        self.calls += 1
        self.clock.sleep(LATENCY)
        due = self.kill if self.kill and self.kill.call == self.calls else None
        if due and due.effect == "before":
            self._end()
        try:
            answer = effect()
        except Exception as error:
            self.bug = error  # the function would handle it like an error of the service
            raise
        if due:
            self._end()
        return answer

    def _end(self) -> None:
        self.clock.ends_at = self.clock.now  # for the other threads
        raise Killed


@dataclass(frozen=True, slots=True)
class Request:
    """A received HTTP request."""

    port: int
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of an answer, and what follows: the next request, the connection's end, or nothing at all."""

    data: bytes = b""
    then: Literal["keep", "close", "hang"] = "keep"


AnswerHttp = Callable[[Request], Reply]
AnswerAws = Callable[[str, Mapping[str, Any]], tuple[str, dict[str, Any]]]
"""Operation and parameters in; `ok` with the answer, or the name of a failure, out."""


class VirtualSocket(io.RawIOBase):
    """A connection to a simulated sink. It is its own file for reading."""

    def __init__(self, wire: Wire, port: int, timeout: float) -> None:
        self._wire, self._port, self._timeout = wire, port, timeout
        self._sent = bytearray()
        self._reply = Reply()
        self._open = True

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def setsockopt(self, *_unused: Any) -> None:
        pass

    def makefile(self, *_unused: Any, **_more: Any) -> "VirtualSocket":
        return self

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: a closed file is still the socket of its connection."""

    def sendall(self, data: bytes) -> None:
        self._sent += data
        head, found, body = bytes(self._sent).partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _colon, value in (line.partition(": ") for line in lines[1:])}
        if len(body) < int(headers["content-length"]):
            return
        self._sent.clear()
        if not self._open:  # the server has closed the idle connection: it gets nothing, and the reader sees the end
            self._reply = Reply(then="close")
            return
        text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        request = Request(self._port, lines[0].split(" ")[1], text)
        self._reply = self._wire.call(lambda: self._wire.answer_http(request))
        self._open = self._reply.then != "close"

    def readinto(self, buffer: Any) -> int:
        data = self._reply.data[: len(buffer)]
        if not data and self._reply.then != "close":
            self._wire.clock.sleep(self._timeout)
            raise TimeoutError
        buffer[: len(data)] = data
        self._reply = Reply(self._reply.data[len(data) :], self._reply.then)
        return len(data)


class VirtualAws:
    """Replaces `boto3.Session` and its clients. Failures are those of botocore after its retries."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def client(self, _service: str, **settings: Any) -> "_Client":
        return _Client(self._wire, settings.get("config"))


class _Client:
    def __init__(self, wire: Wire, config: Any) -> None:
        self._wire, self._config = wire, config

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**parameters: Any) -> dict[str, Any]:
            result, answer = self._wire.call(lambda: self._wire.answer_aws(operation, parameters))
            return answer if result == "ok" else self._fail(operation, result)

        return call

    def _fail(self, operation: str, failure: str) -> dict[str, Any]:
        attempts = self._config.retries["total_max_attempts"]
        name = "".join(part.capitalize() for part in operation.split("_"))
        if failure == "unreachable":
            self._wire.clock.sleep(attempts * self._config.connect_timeout)
            raise ConnectTimeoutError(endpoint_url="https://aws")
        if failure == "unanswered":
            self._wire.clock.sleep(attempts * self._config.read_timeout)
            raise ReadTimeoutError(endpoint_url="https://aws")
        code, status = {"denied": ("AccessDenied", 403), "throttled": ("RequestThrottled", 400)}[failure]
        if failure == "throttled":
            self._wire.clock.sleep(attempts * LATENCY + 1.0)
        raise ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, name)


class SerialThreads:
    """Replaces ThreadPoolExecutor. Each task begins at the virtual time of its submission; the last one to end sets the clock."""

    clock: Clock  # of the running function

    def __init__(self, _threads: int = 1) -> None:
        self._ends: list[float] = []

    def __enter__(self) -> "SerialThreads":
        return self

    def __exit__(self, *_unused: object) -> None:
        self.shutdown()

    def submit(self, task: Callable[..., Any], *args: Any, **more: Any) -> "Future[Any]":
        begun = self.clock.now
        done: Future[Any] = Future()
        try:
            done.set_result(task(*args, **more))
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)
        self._ends.append(self.clock.now)
        self.clock.now = begun
        return done

    def map(self, task: Callable[..., Any], *items: Any, **_unused: Any) -> Iterator[Any]:
        for done in [self.submit(task, *args) for args in zip(*items, strict=False)]:
            yield done.result()

    def shutdown(self, *_unused: Any, **_more: Any) -> None:
        self.clock.now = max([self.clock.now, *self._ends])


@dataclass(slots=True)
class Context:
    """Lambda's context, with the virtual clock."""

    clock: Clock
    ends_at: float
    log_group_name: str = "/aws/lambda/reflector"
    aws_request_id: str = "virtual"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends_at - self.clock.now) * 1000))


@dataclass(slots=True)
class Ended:
    """The end of an invocation. `how`: it returned, raised, or Lambda or a crash ended the process."""

    how: Literal["returned", "raised", "killed"]
    value: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)


class Code:
    """A separate copy of the reflector's modules."""

    def __init__(self) -> None:
        path = [str(ROOT), *sys.path]
        with (
            mock.patch.dict(sys.modules),
            mock.patch.object(sys, "path", path),
            mock.patch.object(os, "environ", {"SUMO_ENDPOINT": "http://127.0.0.1:1/"}),
            mock.patch.object(concurrent.futures, "ThreadPoolExecutor", SerialThreads),
            # A third of the time of a new process, and the same in each of them.
            mock.patch.object(typing, "get_type_hints", cache(typing.get_type_hints)),
        ):
            for name in _reflector_modules():
                del sys.modules[name]
            spec = spec_from_file_location("reflector_handler", ROOT / "handler.py")
            assert spec
            assert spec.loader
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            for kind in importlib.import_module("reflector.sinks").TYPES:
                importlib.import_module(f"reflector.sinks.{kind}")
            self.modules = _reflector_modules()
        self.module = module
        self._caches, self._state = self._stateful([module, *self.modules.values()])
        self._fresh = copy.deepcopy({key: value for key, (_module, value) in self._state.items()})

    @staticmethod
    def _stateful(modules: list[ModuleType]) -> tuple[list[Any], dict[tuple[int, str], Any]]:
        """Return the caches of functions, and the mutable values of modules, as they are after the import."""
        containers = (dict, list, set, deque, Counter, defaultdict)
        caches, state = {}, {}
        for module in modules:
            for name, value in vars(module).items():
                if hasattr(value, "cache_clear") and _is_own(value):
                    caches[id(value)] = value
                own = _is_own(type(value))
                is_value = own or type(value) in containers
                if is_value and not isinstance(value, type) and not name.startswith("__") and not name.isupper():
                    state[id(module), name] = (module, value)
        return list(caches.values()), state

    def new_process(self) -> None:
        """Give the modules the state that they have after an import.

        test_histories_are_deterministic checks that this forgets everything. An import for each process would take tens
        of CPU-ms.
        """
        for cached in self._caches:
            cached.cache_clear()
        fresh = copy.deepcopy(self._fresh)  # in one piece, so that modules still share a value
        for key, (module, _value) in self._state.items():
            setattr(module, key[1], fresh[key])


class VirtualLambda:
    """A function with one execution environment on a virtual clock. `handler` may wrap the real one (to plant a bug)."""

    def __init__(self, wire: Wire, code: Code) -> None:
        self.wire = wire
        self.code = code
        self.handler: Callable[[Any, Any], Any] = self._real_handler
        code.new_process()

    def _real_handler(self, event: Any, context: Any) -> Any:
        return self.code.module.handler(event, context)

    def new_process(self) -> None:
        self.code.new_process()

    def invoke(self, event: Any, environment: Mapping[str, str], timeout: float, kill: Kill | None = None) -> Ended:
        """Invoke the function. A killed process is replaced by a new one."""
        wire = self.wire
        wire.calls, wire.kill = 0, kill
        ends_at = wire.clock.now + timeout
        wire.clock.ends_at = ends_at
        printed = io.StringIO()
        try:
            with self._inside(environment, printed):
                value = self.handler(event, Context(wire.clock, ends_at))
                if kill and kill.call > wire.calls:  # after the last call, before Lambda has the answer
                    raise Killed
                ended = Ended("returned", value)
        except Killed:
            self.new_process()
            ended = Ended("killed")
        except Exception as error:  # noqa: BLE001
            ended = Ended("raised", error=type(error).__name__)
        finally:
            wire.clock.ends_at = float("inf")
        if wire.bug:
            raise wire.bug
        if ended.how != "killed":
            ended.lines = [json.loads(line) for line in printed.getvalue().splitlines()]
        return ended

    @contextmanager
    def _inside(self, environment: Mapping[str, str], printed: io.StringIO) -> Iterator[None]:
        """Replace clock, network, SDK, environment and output."""
        wire, clock = self.wire, self.wire.clock
        SerialThreads.clock = clock
        new = {
            (time, "time"): clock.time,
            (time, "monotonic"): clock.time,
            (time, "perf_counter"): clock.time,
            (time, "sleep"): clock.sleep,
            (socket, "getaddrinfo"): lambda host, port, *_unused, **_more: [(0, 1, 6, "", (host, port))],
            (socket, "create_connection"): lambda address, timeout=30.0, *_unused, **_more: VirtualSocket(
                wire, address[1], timeout
            ),
            (boto3, "Session"): lambda **_unused: VirtualAws(wire),
            (os, "environ"): dict(environment),
            (sys, "stdout"): printed,
        }
        old = {place: getattr(*place) for place in new}
        foreign = None
        if sys.modules.get("reflector") is not self.code.modules["reflector"]:
            foreign = _reflector_modules()
            for name in foreign:
                del sys.modules[name]
            sys.modules.update(self.code.modules)
        for (owner, name), value in new.items():
            setattr(owner, name, value)
        try:
            yield
        finally:
            for (owner, name), value in old.items():
                setattr(owner, name, value)
            if foreign:
                for name in self.code.modules:
                    sys.modules.pop(name, None)
                sys.modules.update(foreign)


def _reflector_modules() -> dict[str, ModuleType]:
    """Return the imported modules of the package `reflector`."""
    return {name: found for name, found in sys.modules.items() if name.partition(".")[0] == "reflector"}


def _is_own(value: Any) -> bool:
    """Return whether a function or class belongs to the reflector."""
    return str(value.__module__).partition(".")[0] in ("reflector", "reflector_handler")
