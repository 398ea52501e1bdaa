# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real playbooks against the embedded AWS, as a user runs them. A callback records their results."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from waits import RUN_LIMIT, wait_until
from warm_ansible import WarmRun, warm_ansible

ROOT = Path(__file__).resolve().parents[3]
CALLBACKS = Path(__file__).resolve().parent / "callbacks"

MANAGEMENT, MEMBER = "111111111111", "222222222222"
REGIONS = ("eu-west-1", "us-east-1")
# An account with one region and one with two: a fourth target would repeat the second account.
TARGETS = [(MANAGEMENT, REGIONS[0]), (MEMBER, REGIONS[0]), (MEMBER, REGIONS[1])]
POLICY = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
BOUNDED_POLICY = json.loads((ROOT / "docs" / "iam" / "deployer-policy-bounded.json").read_text(encoding="utf-8"))
BOUNDARY_POLICY = (ROOT / "docs" / "iam" / "boundary-policy.json").read_text(encoding="utf-8")
EXCLUDE = ["/aws/codebuild/*"]


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one ansible-playbook."""

    status: int
    output: str
    results: list[dict[str, Any]]

    def changes(self) -> dict[str, list[str]]:
        """Return the changes of each target (announced ones in check mode), in order."""
        found: dict[str, list[str]] = {}
        for line in self.results:
            found.setdefault(line["host"], []).extend(line["result"].get("changes") or [])
        return found

    def changed_tasks(self) -> list[tuple[str, str]]:
        """Return host and name of each task that reported a change."""
        return [(line["host"], line["task"]) for line in self.results if line["changed"]]

    def result(self, host: str, task: str) -> dict[str, Any]:
        """Return the last result of a task, by the end of its name."""
        matches = [x["result"] for x in self.results if x["host"] == host and x["task"].endswith(task)]
        assert matches, f"no result of {task!r} on {host}:\n{self.output}"
        return matches[-1]

    def catch_up(self, host: str) -> dict[str, Any]:
        """Return the result of the step `catch_up` of the playbook deploy."""
        found: dict[str, Any] = self.result(host, "Deploy everything")["catch_up"]
        return found

    def recap(self) -> str:
        """Return the recap, or "" if the run ended before it. Check that it was printed unchanged."""
        found = [line["result"]["lines"] for line in self.results if line["task"].endswith("Print the recap")]
        text = "\n".join(found[-1]) if found else ""
        assert text in self.output
        return text

    def waves(self) -> list[str]:
        """Return the line that is printed at the end of each wave."""
        return re.findall(r"^Wave \d+ of \d+: .*$", self.output, re.MULTILINE)


Process: TypeAlias = subprocess.Popen[str] | WarmRun


class Ansible:
    """Runs playbooks with the keys of the management account, in a separate home folder.

    program     instead of ansible-playbook with its imports done (warm_ansible.py)
    environment, inventory   of each run
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        inventory: Path,
        folder: Path,
        program: Sequence[str] = (),
    ) -> None:
        self._program = program
        self._folder = folder
        self.inventory = inventory
        self.environment = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("AWS_", "ANSIBLE_", "LOG_REFLECTOR_"))
            },
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_CONFIG": str(Path(__file__).with_name("ansible.cfg")),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_FORKS": "6",
            **environment,
        }

    def run(self, playbook: str, *arguments: str, extra: Mapping[str, Any] | None = None) -> Run:
        """Run a playbook to its end."""
        process, record = self.start(playbook, *arguments, extra=extra)
        try:
            output, _unused = process.communicate(timeout=RUN_LIMIT)
        except subprocess.TimeoutExpired:
            kill(process)
            raise
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        return Run(process.returncode, output, [json.loads(line) for line in lines])

    def start(self, playbook: str, *arguments: str, extra: Mapping[str, Any] | None = None) -> tuple[Process, Path]:
        """Start a playbook in a new process group. Return the process, and the file with its results."""
        record = self._folder / f"record-{uuid.uuid4().hex}.jsonl"
        given = ["-i", str(self.inventory), playbook, *arguments]
        if extra:
            given += ["-e", json.dumps(dict(extra))]
        environment = {**self.environment, "RECORD_FILE": str(record)}
        if not self._program:
            return warm_ansible(environment).start("ansible-playbook", given, environment, self._folder), record
        process = subprocess.Popen(
            [*self._program, *given],
            env=environment,
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return process, record

    def kill_when(self, playbook: str, holds: Any, *arguments: str) -> None:
        """Kill a playbook as soon as `holds` returns a true value."""
        process, _unused = self.start(playbook, *arguments)
        wait_while_running(process, holds, f"the moment to kill {playbook}")
        kill(process)


def wait_while_running(process: Process, condition: Callable[[], Any], what: str) -> None:
    """Wait until a process has caused a state. If the process ends before, AssertionError has its output."""

    def holds() -> Any:
        assert process.poll() is None, f"The process ended before {what}:\n{process.stdout.read()}"  # type: ignore[union-attr]
        return condition()

    try:
        wait_until(holds, what, every=0.02)
    except BaseException:
        kill(process)
        raise


def kill(process: Process) -> None:
    """Kill a playbook and all its descendants, as a power failure would. Its workers are in sessions of their own."""
    for pid in _halted(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def _halted(pid: int) -> list[int]:
    """Stop the process and its descendants and return their ids. A stopped process starts none, so no id is used again."""
    children: list[int] = []
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, signal.SIGSTOP)
        for threads in Path(f"/proc/{pid}/task").glob("*/children"):
            children += map(int, threads.read_text().split())
    return [pid, *(item for child in children for item in _halted(child))]


def write_inventory(folder: Path, targets: Iterable[tuple[str, str]], **variables: Any) -> Path:
    """Write an inventory of (account, region) targets, in the form of examples/inventory. Variables with None are left out."""
    groups: dict[str, Any] = {}
    for account, region in targets:
        host = f"{account}.{region}"
        account_group = groups.setdefault(f"account_{account}", {"vars": {"target_account_id": account}, "hosts": {}})
        region_group = groups.setdefault(
            f"region_{region.replace('-', '_')}", {"vars": {"target_region": region}, "hosts": {}}
        )
        account_group["hosts"][host] = region_group["hosts"][host] = {}
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "target_role_arn": "arn:aws:iam::{{ target_account_id }}:role/log-reflector-deployer",
        "reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint",
        "reflector_environment": {"INCLUDE_LOG_INFO": "true"},
        "reflector_drain_seconds": 1,
        "reflector_settle_seconds": 0,
        # A delivery check for each target and a wave for a few of them take time; test_waves.py has both.
        "deploy_verify": False,
        "deploy_waves": "100%",
        "teardown_waves": "100%",
        **variables,
    }
    common = {name: value for name, value in common.items() if value is not None}
    path = folder / f"inventory-{uuid.uuid4().hex[:8]}.json"
    path.write_text(json.dumps({"all": {"vars": common, "children": groups}}), encoding="utf-8")
    return path
