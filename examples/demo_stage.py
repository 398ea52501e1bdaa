# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code that both demos share: the embedded AWS, runs of playbooks as an engineer runs them, and figures."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "extensions"))

from embedded_aws import Configuration, Organization, RunningAws, down  # noqa: E402

FOLDER = ROOT / "build" / "demo"
STATE = FOLDER / "embedded-aws.json"
TRANSCRIPT = FOLDER / "ansible.log"
REPORT = FOLDER / "report"
ENVIRONMENT = FOLDER / "environment.sh"
WAIT_SECONDS = 180.0
USERS_OWN = ("AWS_", "ANSIBLE_", "LOG_REFLECTOR_")
"""Beginnings of variables that a user may have set for accounts of his own. The demo has none of them."""


class Stage(ABC):
    """A demo. It runs its steps in order and collects in `failures` which expectations did not hold.

    command         that runs it
    inventory, page the folder of its inventory, the page of the documentation
    to_try          commands to try next
    place           account, region and log group to which the user can write; its stream is "demo"
    keeps           whether the embedded AWS runs on after the demo
    """

    command: ClassVar[str]
    inventory: ClassVar[str]
    page: ClassVar[str]
    to_try: ClassVar[str]
    place: ClassVar[tuple[str, str, str]]
    organization: ClassVar[Organization]

    def __init__(self, aws: RunningAws, *, keeps: bool = False) -> None:
        self.aws, self.keeps = aws, keeps
        self.failures: list[str] = []
        self.variables: dict[str, Any] = {}

    @abstractmethod
    def run(self) -> None:
        """Run the whole demo."""

    @abstractmethod
    def table(self) -> str:
        """Return the figures as aligned lines."""

    def run_playbook(self, name: str, *arguments: str) -> dict[str, int]:
        """Run a playbook on this terminal; return the number of changed tasks by target."""
        command = ["ansible-playbook", f"logreflector.aws.{name}", *arguments, "-e", json.dumps(self.variables)]
        size = TRANSCRIPT.stat().st_size if TRANSCRIPT.exists() else 0
        environment = {**os.environ, **engineer_environment(self.aws, self.inventory), **display_environment(name)}
        status = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
        self.expect(status == 0, f"the playbook {name} ended with status {status}; see {TRANSCRIPT.relative_to(ROOT)}")
        output = TRANSCRIPT.read_text(encoding="utf-8")[size:] if TRANSCRIPT.exists() else ""
        found = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)
        return {host: int(changed) for host, changed in found}

    def expect(self, holds: bool, failure: str) -> None:
        """Record an expectation that did not hold."""
        if not holds:
            self.failures.append(failure)


def engineer_environment(aws: RunningAws, inventory: str) -> dict[str, str]:
    """Return the shell variables of the engineer who deploys: keys of the management account, and this collection."""
    return {
        **aws.deploy_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_INVENTORY": str(ROOT / inventory),
        "ANSIBLE_FORKS": "6",
        "ANSIBLE_STDOUT_CALLBACK": "logreflector.aws.fleet",
        "LOG_REFLECTOR_FLEET_REPORT": str(FOLDER / "run.json"),
        # Not in the user's folders.
        "XDG_CACHE_HOME": str(ROOT / "build" / "cache"),
        "LOG_REFLECTOR_SESSION_CACHE": str(FOLDER / "sessions"),
    }


def display_environment(playbook: str) -> dict[str, str]:
    """Return the variables that write the complete output to the transcript and keep the terminal short."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "examples" / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "transcript",
        "DEMO_TRANSCRIPT": str(TRANSCRIPT),
        "LOG_REFLECTOR_FLEET_INTERVAL": "10",
        "LOG_REFLECTOR_FLEET_REPORT": str((FOLDER / f"run-{playbook}.json").relative_to(ROOT)),
    }


def wait_until(holds: Callable[[], bool]) -> bool:
    """Return whether the condition holds within the time limit."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def longest(values: Any) -> str:
    """Return the longest of the measured times as text."""
    return f"{max((value for value in values if value is not None), default=0.0):.1f} s"


def format_seconds(value: float | None) -> str:
    """Return a table cell."""
    return "-" if value is None else f"{value:.1f}"


def print_heading(text: str) -> None:
    """Print the heading of a step."""
    print(f"\n=== {text}", flush=True)


def write_environment(aws: RunningAws, inventory: str) -> None:
    """Write the engineer's shell variables for `source`, in place of the user's."""
    own = f"for name in $(env | sed -nE 's/^(({'|'.join(USERS_OWN)})[A-Z0-9_]*)=.*/\\1/p'); do unset \"$name\"; done\n"
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in engineer_environment(aws, inventory).items()]
    ENVIRONMENT.touch(mode=0o600)  # it has the keys of the emulated management account
    ENVIRONMENT.write_text("".join([own, *exports]), encoding="utf-8")


def next_steps(aws: RunningAws | None, stage: type[Stage]) -> str:
    """Return what to look at after the demo; None: the embedded AWS is stopped."""
    transcript = f"Complete Ansible output: {TRANSCRIPT.relative_to(ROOT)}"
    if aws is None:
        return f"""{transcript}

What to look at next
  {f"{stage.command} KEEP=1":<35} leave the embedded AWS running, and try the other playbooks on it
  {stage.inventory:<35} the inventory of this demo
  {stage.page:<35} how it works
  {"README.md":<35} what a deployment to real accounts needs"""
    account, region, log_group = stage.place
    owner = (
        f"AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=x AWS_SESSION_TOKEN= \\\n"
        f"    aws --endpoint-url {aws.endpoint_url} --region {region}"
    )
    names = ", ".join(f"{number} {known.name}" for number, known in stage.organization.described.items())
    return f"""{transcript}

The embedded AWS runs at {aws.endpoint_url} until `make demo-stop`, or until half an hour passes without a request.

What to try next
  source {ENVIRONMENT.relative_to(ROOT)}      the shell of the engineer who deploys
{stage.to_try}
An account with the AWS CLI: its number is the access key, any text is the secret
({names})
  {owner} logs describe-log-groups
  {owner} logs put-log-events \\
    --log-group-name {log_group} --log-stream-name demo --log-events "timestamp=$(date +%s000),message=hello"
What the sink received
  curl {aws.state.sink_control_url}/_sink/lines"""


def prepare(organization: Organization) -> Configuration:
    """Remove what an earlier demo left, and everything of the user's own AWS accounts from the environment."""
    for name in [name for name in os.environ if name.startswith(USERS_OWN)]:
        del os.environ[name]
    if down(STATE):
        print("Stopped the embedded AWS of an earlier `make demo KEEP=1`.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    policy = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
    return Configuration(organization=organization, deployer_policy=policy, idle_timeout=1800)


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Return the rows of a table as lines."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
