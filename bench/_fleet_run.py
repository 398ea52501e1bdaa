# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook and other commands, measured: CPU of the whole process tree, wall time, memory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FORKS = 10
_RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A command's cost and result."""

    status: int
    output: str
    cpu_s: float  # user and system time of it and all its descendants
    wall_s: float
    peak_mb: float  # VmHWM of the process itself
    tree_mb: float  # the highest of the samples of the tree's PSS: what all its processes hold together

    def recap(self) -> dict[str, dict[str, int]]:
        """Return the counts of Ansible's own recap, by host."""
        names = ("ok", "changed", "unreachable", "failed", "skipped")
        return {host: dict(zip(names, map(int, counts), strict=True)) for host, *counts in _RECAP.findall(self.output)}

    def total(self, *names: str) -> int:
        """Return the sum of these counts over all hosts."""
        return sum(counts[name] for counts in self.recap().values() for name in names)

    def expect(self, status: int = 0, **totals: int) -> Measured:
        """Return itself, or end the bench with the output if status or totals differ."""
        wrong = {name: self.total(name) for name, wanted in totals.items() if self.total(name) != wanted}
        if self.status != status or wrong:
            raise SystemExit(
                f"{self.output}\nExpected status {status} and {totals}, got status {self.status} and {wrong}."
            )
        return self


def measure(command: list[str], folder: Path, environment: Mapping[str, str], timeout: float = 3600) -> Measured:
    """Run a command to its end. After `timeout` seconds kill it and end the bench with its output."""
    log = folder / "output.txt"
    started = time.monotonic()
    peak = tree = 0.0
    sample_at = started + 1
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                time.sleep(0.05)
                peak = max(peak, _kilobytes(process.pid, "status", "VmHWM:"))
                now = time.monotonic()
                if now > sample_at:
                    tree = max(tree, tree_mb(process.pid))
                    sample_at = now + 3
                if now - started > timeout:
                    sys.exit(f"{log.read_text()}\n{command[0]} did not end in {timeout:.0f} s.")
        except BaseException:
            process.kill()
            process.wait()
            raise
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    usage = ended[2]
    return Measured(
        process.returncode,
        log.read_text(encoding="utf-8", errors="replace"),
        usage.ru_utime + usage.ru_stime,
        time.monotonic() - started,
        peak / 1024,
        tree,
    )


def tree_mb(pid: int) -> float:
    """Return the memory of a process and all its descendants: the sum of their PSS."""
    return sum(_kilobytes(each, "smaps_rollup", "Pss:") for each in _tree(pid)) / 1024


def _kilobytes(pid: int, file: str, name: str) -> float:
    """Return a figure from one of a process's files in /proc, 0 if the process has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name):
                return float(line.split()[1])
    return 0


def _tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, path.read_text().split())
    return [pid, *(found for child in children for found in _tree(child))]


@dataclass(frozen=True, slots=True)
class Ansible:
    """ansible-playbook as an engineer runs it: default callback, its own home, keys of the management account."""

    environment: Mapping[str, str]
    inventory: Path
    home: Path
    collections: str = str(ROOT / "build" / "collections")

    def run(
        self, playbook: str | Path, *arguments: str, extra: Mapping[str, Any] | None = None, endpoint_url: str = ""
    ) -> Measured:
        """Run one playbook to its end.

        endpoint_url   replaces that of the environment
        """
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_", "PYTHON"))},
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": str(FORKS),
            **self.environment,
        }
        if endpoint_url:
            environment["AWS_ENDPOINT_URL"] = endpoint_url
        command = ["ansible-playbook", "-i", str(self.inventory), str(playbook), *arguments]
        if extra:
            command += ["-e", json.dumps(dict(extra))]
        return measure(command, self.home, environment)
