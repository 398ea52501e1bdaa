# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of an invocation has every line that the function printed, however busy the machine is.

MiniStack waits 50 to 250 ms for its reading thread, and a line that comes later is missing or in the next invocation's log.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import subprocess
import threading
from typing import Any

from ministack.core import lambda_runtime

from .hooks import Function, replace

_creating = threading.Lock()


class Output:
    """The standard error of a function's process; one thread at a time reads it."""

    def __init__(self, process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stderr is not None
        self.process = process
        self._lines = lines
        self._descriptor = process.stderr.fileno()
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._unfinished = b""
        self._lock = threading.Lock()

    def read_available(self) -> bool:
        """Queue the output that the process has written so far. Return False after its end."""
        with self._lock:
            while self._poll.poll(0):
                data = os.read(self._descriptor, 65536)
                if not data:
                    if self._unfinished:
                        self._lines.put(self._unfinished.decode("utf-8", "replace"))
                        self._unfinished = b""
                    return False
                *lines, self._unfinished = (self._unfinished + data).split(b"\n")
                for line in lines:
                    self._lines.put(line.decode("utf-8", "replace"))
        return True

    def read_to_end(self) -> None:
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN)
        while waiting.poll() and self.read_available():
            pass


def install() -> None:
    @replace(lambda_runtime.Worker, "_read_stderr", "self")
    def read_stderr(_ministack: Function) -> Function:
        def read(worker: Any) -> None:
            if output := _output_of(worker):
                with contextlib.suppress(OSError):  # the process was ended meanwhile
                    output.read_to_end()

        return read

    @replace(lambda_runtime.Worker, "_drain_stderr_bounded", "self")
    def drain_stderr_bounded(ministack: Function) -> Function:
        def drain(worker: Any, *arguments: Any, **options: Any) -> str:
            if isinstance(worker, lambda_runtime.ProvidedWorker):
                text: str = ministack(worker, *arguments, **options)
                return text
            # A function prints before it answers: the pipe holds all of it by now.
            if output := _output_of(worker):
                output.read_available()
            return str(worker._drain_stderr())

        return drain


def _output_of(worker: Any) -> Output | None:
    """Return the output of the worker's current process, or of its last one if that has ended."""
    with _creating:
        process = worker._proc
        known: Output | None = getattr(worker, "output", None)
        if process is not None and (known is None or known.process is not process):
            known = worker.output = Output(process, worker._stderr_queue)
        return known
