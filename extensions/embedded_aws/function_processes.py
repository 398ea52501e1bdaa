# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of Python functions, as forks of one that has imported the SDK.

The SDK's import is most of a cold start's CPU time. It happens once, before MiniStack is imported, so that a function finds
nothing of MiniStack's: no logging settings, threads or open files.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import IO, NoReturn

_LONGEST_REQUEST = 1 << 20


class FunctionProcess:
    """A function's process, with the part of the interface of subprocess.Popen that MiniStack uses.

    _process  a descriptor of the process itself: unlike its id, it is never another process's
    """

    def __init__(self, process: int, stdin: int, stdout: int, stderr: int) -> None:
        self._process = io.FileIO(process)
        self.stdin: IO[str] = os.fdopen(stdin, "w", buffering=1, encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(stdout, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(stderr, encoding="utf-8", errors="replace")

    def poll(self) -> int | None:
        """Return None while it runs, then 0: MiniStack does not ask for the status."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("a function's process", timeout or 0)
        return 0

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        """Wait up to `timeout` seconds for the end, without a limit if it is None."""
        ended = select.poll()
        ended.register(self._process, select.POLLIN)
        return bool(ended.poll(None if timeout is None else timeout * 1000))

    def _signal(self, number: int) -> None:
        if not self._has_ended(0):
            signal.pidfd_send_signal(self._process.fileno(), number)


class FunctionProcesses:
    """The process whose forks run functions. It ends with this one."""

    def __init__(self) -> None:
        importlib.import_module("boto3")
        self._asking = threading.Lock()
        self._requests, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        if not os.fork():
            _serve(theirs)
        theirs.close()

    def start(self, script: str, folder: str, environment: Mapping[str, str]) -> FunctionProcess:
        """Run a Python script in a folder, with an environment and pipes of its own."""
        request = json.dumps({"script": script, "folder": folder, "environment": {**environment}})
        (their_input, stdin), (stdout, their_output), (stderr, their_errors) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_input, their_output, their_errors]
        with self._asking:
            socket.send_fds(self._requests, [request.encode()], theirs)
            _answer, processes, _flags, _address = socket.recv_fds(self._requests, 1, 1)
        for descriptor in theirs:
            os.close(descriptor)
        return FunctionProcess(processes[0], stdin, stdout, stderr)


def function_processes() -> FunctionProcesses | None:
    """Start the process for forks; None where the system has no descriptors of processes (only Linux has)."""
    return FunctionProcesses() if hasattr(os, "pidfd_open") else None


def _serve(requests: socket.socket) -> NoReturn:
    """Fork a process for each request, until the other end is closed."""
    kept = requests.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while True:
        message, pipes, _flags, _address = socket.recv_fds(requests, _LONGEST_REQUEST, 3)
        if not message:
            os._exit(0)
        pid = os.fork()
        if not pid:
            _run(pipes, **json.loads(message))
        process = os.pidfd_open(pid)
        socket.send_fds(requests, [b"1"], [process])
        for descriptor in (*pipes, process):
            os.close(descriptor)
        _reap()


def _run(pipes: list[int], script: str, folder: str, environment: dict[str, str]) -> NoReturn:
    """Become what `python script` would be."""
    for standard, pipe in enumerate(pipes):
        os.dup2(pipe, standard)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
        time.tzset()
        os.chdir(folder)
        random.seed()
        sys.argv = [script]
        sys.path[0] = os.path.dirname(script)
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)


def _reap() -> None:
    """Remove ended functions from the system's table of processes."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
