"""The main job on the embedded AWS: three accounts, two regions, real playbooks, real Lambda code, a real HTTP sink.

    make demo           runs it and cleans up
    make demo KEEP=1    leaves the embedded AWS and the sink running, and says how to look around

Exit status 0 only if every claim of the table at the end held.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "extensions"))

from embedded_aws import Configuration, EmbeddedAws, RunningAws, up  # noqa: E402
from embedded_aws.population import FULL_GROUP, populate  # noqa: E402

INVENTORY = ROOT / "examples" / "inventory"
STATE = ROOT / "build" / "demo" / "embedded-aws.json"
ACCOUNT_NAMES = {"111111111111": "management", "222222222222": "shop", "333333333333": "warehouse"}
LINES = 5
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class TargetStory:
    """What happened on one target."""

    account: str
    region: str
    groups: int = 0
    subscribed: int = 0
    not_possible: list[str] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    to_subscription: float | None = None
    to_sink: float | None = None

    @property
    def name(self) -> str:
        """The inventory's name of the target."""
        return f"{ACCOUNT_NAMES[self.account]}.{self.region}"

    @property
    def new_group(self) -> str:
        """The log group that is made after the deployment."""
        return f"/brand-new/{self.name}"


class Demo:
    """The steps, in order; each says what it does, and `failures` collects what did not hold."""

    def __init__(self, aws: RunningAws) -> None:
        self.aws = aws
        self.failures: list[str] = []
        self.targets = [TargetStory(account, region) for account in aws.state.accounts for region in aws.state.regions]

    def run(self) -> None:
        """The whole story."""
        say("Preparing the organisation: every target gets 58 log groups, some of them awkward")
        with ThreadPoolExecutor(len(self.targets)) as pool:
            list(pool.map(lambda target: populate(self.aws, target.account, target.region), self.targets))
        say("What would a deployment do? ansible-playbook logreflector.aws.deploy --check")
        announced = self.playbook("deploy", "--check")
        say("Deploy: ansible-playbook logreflector.aws.deploy")
        done = self.playbook("deploy")
        self.expect(announced == done, f"--check announced other changes than were made: {announced} / {done}")
        say("A brand-new log group in every target; nobody subscribes it by hand")
        self.new_groups()
        say(f"{LINES} lines into each of them")
        self.send_lines()
        say("Deploy again: nothing may change")
        again = self.playbook("deploy")
        self.expect(
            all(changed == 0 for changed in again.values()), f"the second deployment changed something: {again}"
        )
        self.count_groups()

    def playbook(self, name: str, *arguments: str) -> dict[str, int]:
        """Run a playbook with its normal output; changed tasks per target, from Ansible's own recap."""
        command = ["ansible-playbook", "-i", str(INVENTORY), f"logreflector.aws.{name}", *arguments]
        process = subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, text=True, bufsize=1)
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            print(line, end="", flush=True)
            output.append(re.sub(r"\x1b\[[0-9;]*m", "", line))
        self.expect(process.wait() == 0, f"the playbook {name} ended with status {process.returncode}")
        found = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", "".join(output), re.MULTILINE)
        return {host: int(changed) for host, changed in found}

    def environment(self) -> dict[str, str]:
        """The shell of the engineer who deploys: the management account's keys, and this collection."""
        return {
            **os.environ,
            **self.aws.deploy_environment(),
            **settings(),
            "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0",
        }

    def new_groups(self) -> None:
        """Create them all, then watch each filter appear."""
        started = {}
        for target in self.targets:
            self.logs(target).create_log_group(logGroupName=target.new_group)
            started[target.name] = time.monotonic()
        waiting = list(self.targets)

        def look() -> bool:
            for target in list(waiting):
                filters = self.logs(target).describe_subscription_filters(logGroupName=target.new_group)
                if filters["subscriptionFilters"]:
                    target.to_subscription = time.monotonic() - started[target.name]
                    waiting.remove(target)
                    name = filters["subscriptionFilters"][0]["filterName"]
                    print(
                        f"  {target.name}: {target.new_group} got the filter {name} after {target.to_subscription:.1f} s"
                    )
            return not waiting

        self.expect(wait_for(look), f"no subscription on {[target.name for target in waiting]}")

    def send_lines(self) -> None:
        """Write to the new groups and watch the sink."""
        started = {}
        for target in self.targets:
            logs = self.logs(target)
            logs.create_log_stream(logGroupName=target.new_group, logStreamName="demo")
            now = int(time.time() * 1000)
            events = [
                {"timestamp": now, "message": f"line {number} of {target.name}, naïve ☃"} for number in range(LINES)
            ]
            logs.put_log_events(logGroupName=target.new_group, logStreamName="demo", logEvents=events)
            started[target.name] = time.monotonic()
            target.sent = LINES

        def look() -> bool:
            lines = self.aws.sink.lines()
            for target in self.targets:
                mine = {line["message"] for line in lines if line.get("logGroup") == target.new_group}
                target.received = len(mine)
                if target.received == LINES and target.to_sink is None:
                    target.to_sink = time.monotonic() - started[target.name]
                    print(f"  {target.name}: {target.received} lines arrived after {target.to_sink:.1f} s")
            return all(target.received == target.sent for target in self.targets)

        self.expect(wait_for(look), "lines are missing at the sink")

    def count_groups(self) -> None:
        """Coverage, asked from AWS directly and not from our own modules."""
        for target in self.targets:
            logs = self.logs(target)
            reflector = f":{target.account}:function:log-reflector"
            for page in logs.get_paginator("describe_log_groups").paginate():
                for group in page["logGroups"]:
                    name = group["logGroupName"]
                    target.groups += 1
                    filters = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
                    if any(item["destinationArn"].endswith(reflector) for item in filters):
                        target.subscribed += 1
                    elif group.get("logGroupClass", "STANDARD") != "STANDARD":
                        target.not_possible.append(f"{name} (its class)")
                    elif name == FULL_GROUP:
                        target.not_possible.append(f"{name} (full)")
            # Left out: the excluded group, the reflector's and the subscriber's own.
            left_out = target.groups - target.subscribed - len(target.not_possible)
            self.expect(left_out == 3, f"{target.name}: {left_out} log groups are left out, not 3")
            self.expect(len(target.not_possible) == 2, f"{target.name}: not possible are {target.not_possible}, not 2")

    def logs(self, target: TargetStory) -> Any:
        """CloudWatch Logs of a target, as its owner sees it."""
        return self.aws.client("logs", target.account, target.region)

    def expect(self, holds: bool, failure: str) -> None:
        """Remember what did not hold."""
        if not holds:
            print(f"  FAILED: {failure}")
            self.failures.append(failure)

    def table(self) -> str:
        """Target by target, in figures."""
        head = ("target", "groups", "subscribed", "sent", "received", "s to filter", "s to sink", "not possible")
        rows = [head] + [
            (
                target.name,
                str(target.groups),
                str(target.subscribed),
                str(target.sent),
                str(target.received),
                seconds(target.to_subscription),
                seconds(target.to_sink),
                ", ".join(target.not_possible),
            )
            for target in self.targets
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def settings() -> dict[str, str]:
    """The settings of Ansible for a run from this checkout. Packages and sessions go to build/, not to the user's folders."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_FORKS": "6",
        "XDG_CACHE_HOME": str(ROOT / "build" / "cache"),
        "LOGREFLECTOR_SESSION_CACHE": str(ROOT / "build" / "demo" / "sessions"),
    }


def wait_for(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a minute."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def seconds(value: float | None) -> str:
    """For the table."""
    return "-" if value is None else f"{value:.1f}"


def say(text: str) -> None:
    """A heading between the playbooks' own output."""
    print(f"\n=== {text}\n", flush=True)


def how_to_look_around(aws: RunningAws) -> str:
    """For KEEP=1."""
    shell = {**aws.deploy_environment(), **settings()}
    del shell["PATH"]
    exports = "\n".join(f"export {key}={value}" for key, value in shell.items())
    account, region = aws.state.accounts[1], aws.state.regions[0]
    return f"""
The embedded AWS runs at {aws.endpoint_url}. It ends by itself after half an hour without a request.

The engineer's shell, with the management account's keys; run playbooks by hand with it:
{exports}
.venv/bin/ansible-playbook -i examples/inventory logreflector.aws.verify
.venv/bin/ansible-playbook -i examples/inventory logreflector.aws.teardown -e reflector_drain_seconds=1 -e reflector_settle_seconds=1

Look around with the AWS CLI as the owner of an account (its number is the access key, any secret goes):
AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=x aws --endpoint-url {aws.endpoint_url} --region {region} logs describe-log-groups

What the sink has received:
curl {aws.state.sink_control_url}/_sink/lines

Stop it:
.venv/bin/python extensions/embedded_aws down --state {STATE.relative_to(ROOT)}
"""


def main() -> int:
    """Run the demo; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS and the sink running")
    keep = parser.parse_args().keep
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # nothing of the user's own accounts gets in here
    policy = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
    started = time.monotonic()
    if keep:
        STATE.parent.mkdir(parents=True, exist_ok=True)
        up(STATE, Configuration(deployer_policy=policy, idle_timeout=1800))
        demo = Demo(RunningAws.read(STATE))
        demo.run()
    else:
        with EmbeddedAws(Configuration(deployer_policy=policy)) as aws:
            demo = Demo(aws)
            demo.run()
    say(f"The whole story, in {time.monotonic() - started:.0f} seconds")
    print(demo.table())
    for failure in demo.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    print("\nEverything held." if not demo.failures else "\nNot everything held.")
    if keep:
        print(how_to_look_around(demo.aws))
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
