# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a Lambda function on this machine as AWS does: AWS's runtime client gets events from a Runtime API (2018-06-01).

    with Runtime(package, python="3.13", environment={"SUMO_ENDPOINT": sink.url}) as function:
        invocation = function.invoke(event)

Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes", "Understanding the Lambda execution
environment lifecycle" and "Working with Lambda environment variables". The texts of a time-out and an exit are from
answers that users of AWS quote.

Differences to AWS: memory is not limited and does not decide about CPU; processes are not frozen between invocations; /tmp
is the machine's; a failed initialisation is not retried; the log has no lines of the platform.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from embedded_aws.http_server import Connection, HttpServer, Request, Response, json_response
from lambda_pythons import environments

ACCOUNT = "222222222222"
REGION = "eu-west-1"
INIT_SECONDS = 300.0
"""Time for a function's import, before the time-out of the first invocation begins. AWS gives 10 s; a busy machine needs more."""

_API = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Report:
    """The resources of an invocation, if the process lived long enough to report them.

    `seconds` from the event's hand-over to the answer. `cpu_seconds` of the process, in a cold start with the interpreter's
    start and the import; `max_rss` is its peak of resident memory so far, in bytes. Both None without Linux, or when it died.
    """

    cold: bool
    seconds: float
    cpu_seconds: float | None
    max_rss: int | None


@dataclass(frozen=True, slots=True)
class Invocation:
    """The answer of Invoke: the function's value, or its error (`errorType`, `errorMessage`, ...).

    `log_lines` is what the function printed since the invocation before it; a logged traceback is one line, as on AWS.
    """

    kind: Literal["ok", "error"]
    payload: Any
    log_lines: tuple[str, ...]
    report: Report
    request_id: str


class Runtime:
    """A function with one execution environment, so with one event at a time. A new one replaces an ended one.

    `package` is a zip or the folder that it would unpack to, `python` a version ("3.13"), `timeout` in seconds, `memory` in
    MB. `environment` are the function's variables: it sees none of this process.
    """

    def __init__(
        self,
        package: Path,
        *,
        python: str,
        handler: str = "handler.handler",
        environment: Mapping[str, str] | None = None,
        timeout: float = 3,
        memory: int = 256,
        name: str = "log-reflector",
    ) -> None:
        self._python = environments()[python]
        self._handler = handler
        self._timeout = timeout
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        if package.is_file():
            self._unpacked = tempfile.TemporaryDirectory(prefix="lambda-task-")
            with zipfile.ZipFile(package) as archive:
                archive.extractall(self._unpacked.name)
        self._task_root = Path(self._unpacked.name if self._unpacked else package).resolve()
        self._variables = {
            "_HANDLER": handler,
            "AWS_ACCESS_KEY_ID": "ASIA0000000000000000",
            "AWS_SECRET_ACCESS_KEY": "of-the-role",
            "AWS_SESSION_TOKEN": "of-the-role",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{python}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/11/22/[$LATEST]{uuid.uuid4().hex}",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
            "PYTHONDONTWRITEBYTECODE": "1",  # on AWS the package's folder is read-only
            **(environment or {}),
        }
        self._one_at_a_time = threading.Lock()
        self._sandbox: _Sandbox | None = None

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the execution environment, with all processes that the function started."""
        self._discard()
        if self._unpacked:
            self._unpacked.cleanup()

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function, with its time-out. Errors of the function are values."""
        body = json.dumps(event).encode()
        request_id = str(uuid.uuid4())
        with self._one_at_a_time:
            sandbox, cold, said = self._ready()
            started = time.monotonic()
            if said.kind == "next":
                said = sandbox.hand_over(_event(body, request_id, self.arn, self._timeout), request_id, self._timeout)
            report = Report(cold, time.monotonic() - started, *sandbox.usage())
            over = said.kind not in ("response", "error")
            if over:
                sandbox.end()  # before its log is read: its last output belongs to this invocation
            log_lines = sandbox.new_log_lines()
            if over:
                self._discard()
        kind: Literal["ok", "error"] = "ok" if said.kind == "response" else "error"
        return Invocation(kind, self._payload(said, request_id), log_lines, report, request_id)

    def _ready(self) -> tuple[_Sandbox, bool, _Message]:
        """Return an execution environment that waits for an event, whether it is new, and its last message: not "next" if it failed."""
        if self._sandbox:
            said = self._sandbox.listen(INIT_SECONDS)
            if said.kind == "next" and self._sandbox.is_alive:
                return self._sandbox, False, said
            self._discard()  # it ended after its last answer
        command = [str(self._python), "-m", "awslambdaric", self._handler]
        self._sandbox = _Sandbox(command, self._task_root, self._variables)
        return self._sandbox, True, self._sandbox.listen(INIT_SECONDS)

    def _discard(self) -> None:
        if self._sandbox:
            self._sandbox.close()
        self._sandbox = None

    def _payload(self, said: _Message, request_id: str) -> Any:
        match said.kind:
            case "exit":
                return _error("Runtime.ExitError", request_id, _exit_message(said.status))
            case "silence":
                return _error("Sandbox.Timedout", request_id, f"Task timed out after {self._timeout:.2f} seconds")
        return json.loads(said.body)


@dataclass(frozen=True, slots=True)
class _Message:
    """A message from an execution environment: a call of the Runtime API, the process's end, or nothing in time."""

    kind: Literal["next", "response", "error", "init error", "exit", "silence"]
    body: bytes = b""
    status: int = 0


class _Sandbox:
    """A process of AWS's runtime client, with a separate Runtime API: no other process can get its events."""

    def __init__(self, command: list[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Response | None] = queue.SimpleQueue()
        self._request_id = ""
        self._cpu_seconds = 0.0
        # A file and no pipe: when an answer arrives, everything that was printed before it is in the file.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._log_read = 0
        self._server = HttpServer(self._answer)
        self._server.start()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**variables, "AWS_LAMBDA_RUNTIME_API": self._server.url.removeprefix("http://")},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._wait_for_end, name="lambda-process", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def listen(self, seconds: float) -> _Message:
        """Return the next message."""
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            return _Message("silence")

    def hand_over(self, event: Response, request_id: str, seconds: float) -> _Message:
        """Answer the waiting request for an event, and return the next message."""
        self._request_id = request_id
        self._events.put(event)
        return self.listen(seconds)

    def usage(self) -> tuple[float | None, int | None]:
        """Return CPU seconds since the last call, and the peak of resident memory in bytes."""
        try:
            # The process's CPU clock: clock_getcpuclockid(3) computes its id from the process's.
            total = time.clock_gettime((~self._process.pid << 3) | 2)
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        except (OSError, ValueError):
            return None, None
        spent, self._cpu_seconds = total - self._cpu_seconds, total
        return spent, int(peak) * 1024

    def new_log_lines(self) -> tuple[str, ...]:
        """Return the output since the last call."""
        size = os.fstat(self._log.fileno()).st_size
        data = os.pread(self._log.fileno(), size - self._log_read, self._log_read)  # leaves the writers' position alone
        self._log_read = size
        # AWS's client separates the lines of a traceback by \r, so that they stay one log event.
        return tuple(line for line in data.decode("utf-8", "replace").split("\n") if line)

    def end(self) -> None:
        """Kill the process and its children, even if the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.end()
        self._events.put(None)  # for the thread that waits for an event on its behalf
        self._server.stop()
        self._log.close()

    def _wait_for_end(self) -> None:
        self._messages.put(_Message("exit", status=self._process.wait()))

    def _answer(self, request: Request, _connection: Connection) -> Response | None:
        match [request.method, *request.path.removeprefix(_API).split("/")]:
            case ["GET", "invocation", "next"]:
                self._messages.put(_Message("next"))
                return self._events.get()
            case ["POST", "init", "error"]:
                self._messages.put(_Message("init error", request.body))
            case ["POST", "invocation", self._request_id, ("response" | "error") as kind]:
                self._request_id = ""  # one answer each
                self._messages.put(_Message(kind, request.body))
            case _:
                refusal = {"errorType": "InvalidRequest", "errorMessage": f"{request.method} {request.path}"}
                return json_response(refusal, 400)
        return json_response({"status": "OK"}, 202)


def _event(body: bytes, request_id: str, arn: str, timeout: float) -> Response:
    """Return the response with an event for the runtime client. The deadline is in ms since the epoch."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": request_id,
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": arn,
        "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
    }
    return Response(200, body, tuple(headers.items()))


def _error(error_type: str, request_id: str, message: str) -> dict[str, str]:
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}


def _exit_message(status: int) -> str:
    """Return AWS's text for a subprocess's return code."""
    if status == 0:
        return "Runtime exited without providing a reason"
    how = f"signal: {(signal.strsignal(-status) or str(-status)).lower()}" if status < 0 else f"exit status {status}"
    return f"Runtime exited with error: {how}"
