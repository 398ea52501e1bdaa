# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy to the embedded AWS: three accounts, two regions, real playbooks, real Lambda code, a real HTTP sink.

    make demo           run the demo and stop the embedded AWS
    make demo KEEP=1    run the demo and leave the embedded AWS and the sink running
    make demo-stop      stop what KEEP=1 left running

The exit status is 0 only if every expectation held.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "extensions"))

from embedded_aws import Configuration, EmbeddedAws, RunningAws, down, up  # noqa: E402
from embedded_aws.population import FULL_GROUP, populate  # noqa: E402

INVENTORY = "examples/inventory"
FOLDER = ROOT / "build" / "demo"
STATE = FOLDER / "embedded-aws.json"
TRANSCRIPT = FOLDER / "ansible.log"
REPORT = FOLDER / "report"
ENVIRONMENT = FOLDER / "environment.sh"
ACCOUNT_NAMES = {"111111111111": "management", "222222222222": "shop", "333333333333": "warehouse"}
# A deployment reads the filters of every group, and CloudWatch Logs answers 5 such calls a second ("CloudWatch Logs
# quotas"). The demo has few groups, so that it does not wait for AWS's rate.
ORDINARY_GROUPS = 12
GROUPS = ORDINARY_GROUPS + 4
# One target first, then all the others; and a recap of one line, because the table at the end has target by target.
VARIABLES = {"deploy_waves": [1, "100%"], "recap_lines": 1}
LINES = 5
WAIT_SECONDS = 180.0


@dataclass(slots=True)
class TargetRun:
    """The figures of one target."""

    account: str
    region: str
    groups: int = 0
    subscribed: int = 0
    not_possible: list[str] = field(default_factory=list)
    received: int = 0
    seconds_to_filter: float | None = None
    seconds_to_sink: float | None = None

    @property
    def name(self) -> str:
        """Return the target's name in the inventory."""
        return f"{ACCOUNT_NAMES[self.account]}.{self.region}"

    @property
    def new_group(self) -> str:
        """Return the log group that the demo creates after the deployment."""
        return f"/brand-new/{self.name}"


class Demo:
    """Run the steps in order and collect in `failures` which expectations did not hold."""

    def __init__(self, aws: RunningAws) -> None:
        self.aws = aws
        self.failures: list[str] = []
        self.targets = [TargetRun(account, region) for account in aws.state.accounts for region in aws.state.regions]

    def run(self) -> None:
        """Run the whole demo."""
        print_heading(f"1. {len(self.targets)} targets (3 accounts, 2 regions) with {GROUPS} log groups each")
        with ThreadPoolExecutor(len(self.targets)) as pool:
            list(pool.map(self.populate, self.targets))
        print_heading("2. What would a deployment change? ansible-playbook logreflector.aws.deploy --check")
        announced = self.run_playbook("deploy", "--check")
        print_heading("3. Deploy to one target first, then to the others: ansible-playbook logreflector.aws.deploy")
        done = self.run_playbook("deploy")
        self.expect(announced == done, f"--check announced {announced}, the deployment changed {done}")
        print_heading("4. Create a log group in every target and write to it. The subscriber subscribes it.")
        self.create_groups()
        self.write_lines()
        print_heading("5. Deploy again: nothing may change")
        again = self.run_playbook("deploy")
        self.expect(not any(again.values()), f"the second deployment changed {again}")
        self.count_groups()
        print_heading("6. What is covered, and why not? ansible-playbook logreflector.aws.report")
        # The default leaves out the last minutes, whose metrics are not complete in AWS: this demo has no others.
        until = datetime.now(UTC) + timedelta(hours=1)
        options = {"report_directory": str(REPORT), "report_flow_until": until.isoformat()}
        self.run_playbook("report", "-e", json.dumps(options))
        self.compare_report()

    def populate(self, target: TargetRun) -> None:
        """Create log groups, the secret, and another team's filters and rule."""
        populate(self.aws, target.account, target.region, ORDINARY_GROUPS)

    def run_playbook(self, name: str, *arguments: str) -> dict[str, int]:
        """Run a playbook on this terminal; return the number of changed tasks by target."""
        command = ["ansible-playbook", f"logreflector.aws.{name}", *arguments, "-e", json.dumps(VARIABLES)]
        size = TRANSCRIPT.stat().st_size if TRANSCRIPT.exists() else 0
        environment = {**os.environ, **engineer_environment(self.aws), **display_environment(name)}
        status = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
        self.expect(status == 0, f"the playbook {name} ended with status {status}; see {TRANSCRIPT.relative_to(ROOT)}")
        output = TRANSCRIPT.read_text(encoding="utf-8")[size:] if TRANSCRIPT.exists() else ""
        found = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)
        return {host: int(changed) for host, changed in found}

    def create_groups(self) -> None:
        """Create a log group in each target and wait until the subscriber has subscribed it."""
        started = {}
        for target in self.targets:
            self.logs(target).create_log_group(logGroupName=target.new_group)
            started[target.name] = time.monotonic()

        def all_subscribed() -> bool:
            for target in self.targets:
                if target.seconds_to_filter is None:
                    answer = self.logs(target).describe_subscription_filters(logGroupName=target.new_group)
                    if answer["subscriptionFilters"]:
                        target.seconds_to_filter = time.monotonic() - started[target.name]
            return all(target.seconds_to_filter is not None for target in self.targets)

        self.expect(wait_until(all_subscribed), "a new log group has no subscription filter")
        print(f"{len(started)} log groups subscribed within {longest(t.seconds_to_filter for t in self.targets)}.")

    def write_lines(self) -> None:
        """Write to the new log groups and wait until the sink has every line."""
        started = {}
        for target in self.targets:
            logs = self.logs(target)
            logs.create_log_stream(logGroupName=target.new_group, logStreamName="demo")
            now = int(time.time() * 1000)
            messages = [f"line {number} of {target.name}, naïve ☃" for number in range(LINES)]
            events = [{"timestamp": now, "message": message} for message in messages]
            logs.put_log_events(logGroupName=target.new_group, logStreamName="demo", logEvents=events)
            started[target.name] = time.monotonic()

        def all_received() -> bool:
            lines = self.aws.sink.lines()
            for target in self.targets:
                target.received = len({line["message"] for line in lines if line.get("logGroup") == target.new_group})
                if target.received == LINES and target.seconds_to_sink is None:
                    target.seconds_to_sink = time.monotonic() - started[target.name]
            return all(target.received == LINES for target in self.targets)

        self.expect(wait_until(all_received), "the sink did not receive every line")
        received = sum(target.received for target in self.targets)
        print(f"{received} lines at the sink within {longest(t.seconds_to_sink for t in self.targets)}.")

    def count_groups(self) -> None:
        """Count coverage with calls to AWS, independent of the collection's modules."""
        for target in self.targets:
            logs = self.logs(target)
            for page in logs.get_paginator("describe_log_groups").paginate():
                for group in page["logGroups"]:
                    self.count_group(target, logs, group)
            # Left out: the excluded group, and the groups of the reflector and the subscriber.
            left_out = target.groups - target.subscribed - len(target.not_possible)
            self.expect(left_out == 3, f"{target.name}: {left_out} log groups are left out, not 3")
            self.expect(len(target.not_possible) == 2, f"{target.name}: not possible are {target.not_possible}, not 2")

    def compare_report(self) -> None:
        """Check that the report has as many covered log groups as AWS, and the lines that are at the sink."""
        covered = sum(target.subscribed for target in self.targets)
        path = REPORT / "report.ndjson"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        reported = sum(json.loads(line).get("state") == "covered" for line in lines)
        self.expect(reported == covered, f"the report has {reported} covered log groups, AWS has {covered}")
        whole = json.loads((REPORT / "report.json").read_text(encoding="utf-8")) if path.exists() else {}
        delivered = sum(((whole.get("flow") or {}).get("sinks") or {}).values())
        received = sum(target.received for target in self.targets)
        self.expect(delivered >= received, f"the report has {delivered} delivered lines, and {received} arrived")

    def count_group(self, target: TargetRun, logs: Any, group: dict[str, Any]) -> None:
        """Count one log group as subscribed, not possible, or left out."""
        name = group["logGroupName"]
        target.groups += 1
        filters = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
        if any(item["destinationArn"].endswith(f":{target.account}:function:log-reflector") for item in filters):
            target.subscribed += 1
        elif group.get("logGroupClass", "STANDARD") != "STANDARD":
            target.not_possible.append(f"{name} (log class)")
        elif name == FULL_GROUP:
            target.not_possible.append(f"{name} (no free slot)")

    def logs(self, target: TargetRun) -> Any:
        """Return a CloudWatch Logs client of the account's root."""
        return self.aws.client("logs", target.account, target.region)

    def expect(self, holds: bool, failure: str) -> None:
        """Record an expectation that did not hold."""
        if not holds:
            self.failures.append(failure)

    def table(self) -> str:
        """Return the figures of all targets as aligned lines."""
        rows = [("target", "groups", "subscribed", "lines", "s to filter", "s to sink", "cannot be subscribed")]
        rows += [
            (
                target.name,
                str(target.groups),
                str(target.subscribed),
                f"{target.received} of {LINES}",
                format_seconds(target.seconds_to_filter),
                format_seconds(target.seconds_to_sink),
                ", ".join(target.not_possible),
            )
            for target in self.targets
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


def engineer_environment(aws: RunningAws) -> dict[str, str]:
    """Return the shell variables of the engineer who deploys: keys of the management account, and this collection."""
    return {
        **aws.deploy_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_INVENTORY": str(ROOT / INVENTORY),
        "ANSIBLE_FORKS": "6",
        "ANSIBLE_STDOUT_CALLBACK": "logreflector.aws.fleet",
        "LOG_REFLECTOR_FLEET_REPORT": str(FOLDER / "report.json"),
        # Not in the user's folders.
        "XDG_CACHE_HOME": str(ROOT / "build" / "cache"),
        "LOGREFLECTOR_SESSION_CACHE": str(FOLDER / "sessions"),
    }


def display_environment(playbook: str) -> dict[str, str]:
    """Return the variables that write the complete output to the transcript and keep the terminal short."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "examples" / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "transcript",
        "DEMO_TRANSCRIPT": str(TRANSCRIPT),
        "LOG_REFLECTOR_FLEET_INTERVAL": "10",
        "LOG_REFLECTOR_FLEET_REPORT": str((FOLDER / f"{playbook}.json").relative_to(ROOT)),
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


def write_environment(aws: RunningAws) -> None:
    """Write the engineer's shell variables for `source`."""
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in engineer_environment(aws).items()]
    ENVIRONMENT.touch(mode=0o600)  # it has the keys of the emulated management account
    ENVIRONMENT.write_text("".join(exports), encoding="utf-8")


def next_steps(aws: RunningAws | None) -> str:
    """Return what to look at after the demo; None: the embedded AWS is stopped."""
    transcript = f"Complete Ansible output: {TRANSCRIPT.relative_to(ROOT)}"
    if aws is None:
        return f"""{transcript}

What to look at next
  make demo KEEP=1              leave the embedded AWS running, and try the other playbooks on it
  examples/inventory            the inventory of this demo
  docs/ARCHITECTURE.md          how it works
  README.md                     what a deployment to real accounts needs"""
    account, region = aws.state.accounts[1], aws.state.regions[0]
    return f"""{transcript}

The embedded AWS runs at {aws.endpoint_url} until `make demo-stop`, or until half an hour passes without a request.

What to try next
  source {ENVIRONMENT.relative_to(ROOT)}      the shell of the engineer who deploys
  ansible-playbook logreflector.aws.status
  ansible-playbook logreflector.aws.verify
  ansible-playbook logreflector.aws.teardown -e reflector_drain_seconds=1 -e reflector_settle_seconds=1
What the sink received
  curl {aws.state.sink_control_url}/_sink/lines
An account with the AWS CLI: its number is the access key, any text is the secret
  AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=x AWS_SESSION_TOKEN= \\
    aws --endpoint-url {aws.endpoint_url} --region {region} logs describe-log-groups"""


def prepare() -> Configuration:
    """Remove what an earlier demo left, and everything of the user's own AWS accounts from the environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ANSIBLE_", "LOG_REFLECTOR_"))]:
        del os.environ[name]
    if down(STATE):
        print("Stopped the embedded AWS of an earlier `make demo KEEP=1`.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    policy = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
    return Configuration(deployer_policy=policy, idle_timeout=1800)


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS and the sink running")
    keep = parser.parse_args().keep
    configuration = prepare()
    started = time.monotonic()
    if keep:
        up(STATE, configuration)
        demo = Demo(RunningAws.read(STATE))
        write_environment(demo.aws)
        demo.run()
    else:
        with EmbeddedAws(configuration) as aws:
            demo = Demo(aws)
            demo.run()
    print_heading(f"Result, after {time.monotonic() - started:.0f} seconds\n")
    print(demo.table())
    for failure in demo.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    print("\nEvery expectation held." if not demo.failures else "\nNot every expectation held.")
    print(next_steps(demo.aws if keep else None))
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
