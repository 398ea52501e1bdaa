# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL at a call that leaves the process: the tests' AWS behind HTTP, and processes that it kills.

The code runs in a fork of `killable_child.py` for each job, with boto3's real clients and the endpoint of `Wire`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from logs_server import LogsServer

READS = ("Describe", "Filter", "Get", "List")


def kill_points(calls: Sequence[str]) -> Iterator[tuple[int, bool]]:
    """Yield after which calls to kill (0: before the first), and whether that call writes.

    Of several reads in a row only the first is yielded: the process forgets what it read, so AWS is the same after the others.
    """
    yield 0, False
    for number, operation in enumerate(calls, 1):
        writes = not operation.startswith(READS)
        if writes or (number > 1 and not calls[number - 2].startswith(READS)):
            yield number, writes


class Wire:
    """Serves the calls to `aws` one at a time, and kills the process that makes them.

    calls   operations of the last job, in order
    """

    def __init__(self) -> None:
        self.aws: LogsServer
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._pid = 0
        self._kill_after: int | None = None
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operation, request = _request(self.path, self.headers.get("X-Amz-Target", ""), body)
                status, content = wire.answer(int(self.headers["X-Caller"]), operation, request) or (0, None)
                if not status:
                    self.close_connection = True
                    return
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if status >= 300:
                    self.send_header("x-amzn-ErrorType", content["__type"])
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST  # noqa: N815 - the method's name in http.server

            def log_message(self, *_unused: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def watch(self, pid: int, kill_after: int | None) -> None:
        """Begin a job of process `pid`. Its first call after `kill_after` others, or the answer to the last of them, kills it."""
        self.calls = []
        self._pid, self._kill_after = pid, kill_after

    def answer(self, pid: int, operation: str, request: dict[str, Any]) -> tuple[int, Any] | None:
        """Return status and content; None if process `pid` is killed.

        A dead process makes no more calls: those that its threads had sent may be read during the next job.
        """
        with self._lock:
            answer = None
            if pid != self._pid:
                return None
            if self._kill_after != 0:
                self.calls.append(operation)
                answer = self._effect_of(operation, request)
            if self._kill_after in (0, len(self.calls)):
                os.kill(self._pid, signal.SIGKILL)
                self._pid = 0
            return answer if self._pid else None

    def _effect_of(self, operation: str, request: dict[str, Any]) -> tuple[int, Any]:
        if not hasattr(self.aws, f"_{operation}"):
            return self.aws._answer(operation, request)
        try:
            return 200, getattr(self.aws, f"_{operation}")(request)
        except ClientError as error:
            return 404, {"__type": error.response["Error"]["Code"], "Message": error.response["Error"]["Message"]}

    def stop(self) -> None:
        """Release the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the clients are killed."""


def _request(path: str, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the operation and its parameters."""
    if target:
        return target.rpartition(".")[2], json.loads(body)
    _empty, _date, _functions, function, kind = path.partition("?")[0].split("/")
    if kind == "configuration":
        return "GetFunctionConfiguration", {"FunctionName": function}
    assert kind == "invocations", path
    return "Invoke", {"FunctionName": function, "InvocationType": "Event", "Payload": body}


class Processes:
    """Runs jobs, each in a process of its own.

    program     a module with the function `prepare`, see killable_child.py
    """

    def __init__(self, wire: Wire, program: str, **environment: str) -> None:
        self._wire = wire
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": wire.url,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killable_child.py")), program],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: dict[str, Any], kill_after: int | None = None) -> Any:
        """Return the job's answer, or None if its process was killed.

        kill_after  number of calls, None for no kill
        """
        self._say(json.dumps(job))
        self._wire.watch(int(self._hear()), kill_after)
        self._say("")
        ended = json.loads(self._hear())
        assert ended["signal"] in (0, signal.SIGKILL)
        return None if ended["signal"] else json.loads(ended["answer"])

    def _say(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End the process that forks."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
