# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook and ansible-inventory without their imports, which take a third of the CPU time of a short run.

The process warm_ansible_server.py imports Ansible and the collection once for all runs with the same settings, and forks a process
for each. Runs with a new process, as users start them, are in test_installed.py, test_examples.py and test_oldest.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from waits import RUN_LIMIT, wait_until

SERVER = Path(__file__).with_name("warm_ansible_server.py")


class WarmRun:
    """A run in progress, with the part of the interface of subprocess.Popen that tests use.

    pid      of the run's own session
    _status  the file that gets the exit status
    """

    def __init__(self, pid: int, output: Path, errors: Path, status: Path) -> None:
        self.pid, self._output, self._errors, self._status = pid, output, errors, status

    @property
    def stdout(self) -> IO[str]:
        """The output until now."""
        return self._output.open(encoding="utf-8")

    @property
    def returncode(self) -> int | None:
        """The exit status; minus the signal's number if one ended the run; None before its end."""
        return int(self._status.read_text()) if self._status.exists() else None

    def poll(self) -> int | None:
        """Return `returncode`."""
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end. Return standard output and standard error; if they share a file, both are its text."""
        wait_until(self._status.exists, "the end of a program", every=0.02, limit=timeout or RUN_LIMIT)
        return self._output.read_text(encoding="utf-8"), self._errors.read_text(encoding="utf-8")


class WarmAnsible:
    """Starts playbooks with the settings of Ansible that an environment has. It ends with this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._asking = threading.Lock()
        self._server = subprocess.Popen(
            [sys.executable, str(SERVER)],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        weakref.finalize(self, self._server.communicate)

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        apart: bool = False,
    ) -> WarmRun:
        """Start ansible-playbook or ansible-inventory in an environment and a folder. The files with its output are in the folder, too.

        apart   whether standard error has a file of its own
        """
        name = uuid.uuid4().hex
        output, status = folder / f"output-{name}.txt", folder / f"status-{name}.txt"
        errors = folder / f"errors-{name}.txt" if apart else output
        request = {
            "program": program,
            "arguments": [*arguments],
            "environment": {**environment},
            "folder": f"{folder}",
            "output": f"{output}",
            "errors": f"{errors}",
            "status": f"{status}",
        }
        assert self._server.stdin
        assert self._server.stdout
        with self._asking:  # of two threads one would read the other's answer, too, and the other wait for ever
            print(json.dumps(request), file=self._server.stdin, flush=True)
            pid = int(self._server.stdout.readline())
        return WarmRun(pid, output, errors, status)


def warm_ansible(environment: Mapping[str, str]) -> WarmAnsible:
    """Return the process for runs in this environment. Runs with the same settings of Ansible share one."""
    settings = {name: value for name, value in environment.items() if name.startswith("ANSIBLE_")}
    settings.pop("ANSIBLE_LOCAL_TEMP", None)  # a run gets its own
    key = json.dumps(settings, sort_keys=True)
    with _starting:
        if key not in _processes:
            _processes[key] = WarmAnsible(environment)
        return _processes[key]


_processes: dict[str, WarmAnsible] = {}
_starting = threading.Lock()
