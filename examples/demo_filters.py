# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo of subscription filters: three accounts, two regions, real playbooks, real Lambda code, a real HTTP sink."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from demo_stage import REPORT, ROOT, Stage, aligned, format_seconds, longest, print_heading, wait_until
from embedded_aws import Account, Organization, RunningAws
from embedded_aws.population import FULL_GROUP, populate

MANAGEMENT = "111111111111"
MEMBERS = {"222222222222": "shop", "333333333333": "warehouse"}
ACCOUNT_NAMES = {MANAGEMENT: "management", **MEMBERS}
# A deployment reads the filters of every group, and CloudWatch Logs answers 5 such calls a second ("CloudWatch Logs
# quotas"). The demo has few groups, so that it does not wait for AWS's rate.
ORDINARY_GROUPS = 11
GROUPS = ORDINARY_GROUPS + 5
# The log group that README and docs/TROUBLESHOOTING.md explain.
DOCUMENTED_GROUP = "/aws/lambda/payments"
STREAM = "demo"
# One target first, then all the others; and a recap of one line, because the table at the end has target by target.
VARIABLES = {"deploy_waves": [1, "100%"], "recap_lines": 1}
LINES = 5


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


class Demo(Stage):
    """The reflector in each target, with subscription filters."""

    command = "make demo"
    inventory = "examples/inventory"
    page = "docs/ARCHITECTURE.md"
    place = ("222222222222", "eu-west-1", DOCUMENTED_GROUP)
    to_try = """  ansible-playbook logreflector.aws.status
  ansible-playbook logreflector.aws.verify
  ansible-playbook logreflector.aws.explain -e log_group=/aws/lambda/payments --limit shop.eu-west-1
  ansible-playbook logreflector.aws.teardown -e reflector_drain_seconds=1 -e reflector_settle_seconds=1"""
    organization = Organization(
        management=MANAGEMENT,
        members=tuple(MEMBERS),
        described={account: Account(name=name) for account, name in ACCOUNT_NAMES.items()},
    )

    def __init__(self, aws: RunningAws, *, keeps: bool = False) -> None:
        super().__init__(aws, keeps=keeps)
        self.variables = VARIABLES
        self.targets = [TargetRun(account, region) for account in aws.state.accounts for region in aws.state.regions]

    def run(self) -> None:
        """Run the whole demo."""
        print_heading(f"1. {len(self.targets)} targets (3 accounts, 2 regions) with {GROUPS} log groups each")
        with ThreadPoolExecutor(len(self.targets)) as pool:
            list(pool.map(self.populate, self.targets))
        self.create_boundaries()
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
        self.logs(target).create_log_group(logGroupName=DOCUMENTED_GROUP)
        self.logs(target).create_log_stream(logGroupName=DOCUMENTED_GROUP, logStreamName=STREAM)

    def create_boundaries(self) -> None:
        """Create in every account the permissions boundary that the inventory of docs/START.md names."""
        document = (ROOT / "docs" / "iam" / "boundary-policy.json").read_text(encoding="utf-8")
        for account in self.aws.state.accounts:
            iam = self.aws.client("iam", account, self.aws.state.regions[0])
            iam.create_policy(PolicyName="log-reflector-boundary", PolicyDocument=document)

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
            logs.create_log_stream(logGroupName=target.new_group, logStreamName=STREAM)
            now = int(time.time() * 1000)
            messages = [f"line {number} of {target.name}, naïve ☃" for number in range(LINES)]
            events = [{"timestamp": now, "message": message} for message in messages]
            logs.put_log_events(logGroupName=target.new_group, logStreamName=STREAM, logEvents=events)
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

    def table(self) -> str:
        """Return the figures of all targets as aligned lines."""
        rows: list[tuple[str, ...]] = [
            ("target", "groups", "subscribed", "lines", "s to filter", "s to sink", "cannot be subscribed")
        ]
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
        return aligned(rows)
