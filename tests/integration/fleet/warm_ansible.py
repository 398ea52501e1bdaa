# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook without its imports, which take a third of the CPU time of a short run.

The process warm_ansible_server.py imports Ansible and the collection once for all runs in an environment, and forks a process for
each. Runs with a new ansible-playbook, as users start them, are in test_installed.py, test_examples.py and test_oldest.py.
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

    def __init__(self, pid: int, output: Path, status: Path) -> None:
        self.pid, self._output, self._status = pid, output, status

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

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for the end and return the output."""
        wait_until(self._status.exists, "the end of a playbook", every=0.02, limit=timeout or RUN_LIMIT)
        return self._output.read_text(encoding="utf-8"), None


class WarmAnsible:
    """Starts playbooks in one environment. It ends with the last reference to it."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._asking = threading.Lock()
        self._server = subprocess.Popen(
            [sys.executable, str(SERVER)],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        weakref.finalize(self, self._server.communicate)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> WarmRun:
        """Start ansible-playbook with these arguments, and variables beside those of the environment."""
        name = uuid.uuid4().hex
        output, status = self._folder / f"output-{name}.txt", self._folder / f"status-{name}.txt"
        request = {
            "arguments": [*arguments],
            "environment": {**environment},
            "output": f"{output}",
            "status": f"{status}",
        }
        assert self._server.stdin
        assert self._server.stdout
        with self._asking:  # of two threads one would read the other's answer, too, and the other wait for ever
            print(json.dumps(request), file=self._server.stdin, flush=True)
            pid = int(self._server.stdout.readline())
        return WarmRun(pid, output, status)
