# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules in processes of their own, forked from one that has imported Ansible's and AWS's libraries.

These imports are most of a module process. The collection's code is imported in each process, as Ansible does.

This file is also the program of the process that forks. It reads requests and writes answers, a JSON document a line.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

LIBRARIES = ("ansible.module_utils.basic", "boto3")


class ModuleProcesses:
    """The process that forks. It starts with the first run."""

    def __init__(self, collections: Path) -> None:
        self._collections = collections
        self._lock = threading.Lock()
        self._server: subprocess.Popen[str] | None = None

    def run(self, module: str, arguments: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a module of the collection with this environment, and these arguments on standard input."""
        request = {"module": module, "input": json.dumps(arguments), "environment": dict(os.environ)}
        with self._lock:
            server = self._server = self._server or self._start()
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())
        return subprocess.CompletedProcess(module, **answer)

    def stop(self) -> None:
        """End the process. Raise if it failed."""
        if self._server:
            self._server.communicate()
            assert self._server.returncode == 0
            self._server = None

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(self._collections)}
        return subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )


def serve() -> None:
    """Answer requests until standard input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not [name for name in sys.modules if name.startswith("ansible_collections")]
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            given.write(request["input"].encode())
            given.seek(0)
            child = os.fork()
            if child == 0:
                run_here(request, given.fileno(), output.fileno(), errors.fileno())
                return  # ends as an ordinary process does, with the handlers of atexit
            _pid, status = os.waitpid(child, 0)
            output.seek(0)
            errors.seek(0)
            answer = {"stdout": output.read().decode(), "stderr": errors.read().decode()}
        sys.stdout.write(json.dumps({**answer, "returncode": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


def run_here(request: dict[str, Any], *streams: int) -> None:
    """Run the module in this process with these file descriptors as its standard streams."""
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # the old one has read further requests
    os.environ.clear()
    os.environ.update(request["environment"])
    name = f"ansible_collections.logreflector.aws.plugins.modules.{request['module']}"
    sys.argv = [name]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
