# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo of AWS's centralization: one reflector in each of two regions forwards the logs of an organisation."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

from demo_stage import ROOT, Stage, aligned, format_seconds, print_heading, wait_until
from embedded_aws import Account, Organization, RunningAws

MANAGEMENT, CENTRAL = "111111111111", "444444444444"
MEMBERS = {"222222222222": "shop", "333333333333": "warehouse", "555555555555": "payments"}
REGIONS = ("eu-west-1", "us-east-1")
DEPLOYER = "log-reflector-deployer"
SECRET = "log-reflector/endpoint"
GROUPS, LINES = 5, 5


@dataclass(slots=True)
class Source:
    """The figures of one account and region that AWS copies from."""

    account: str
    region: str
    received: int = 0
    seconds_to_sink: float | None = None

    @property
    def name(self) -> str:
        """Return the name of account and region."""
        return f"{MEMBERS[self.account]}.{self.region}"

    @property
    def groups(self) -> list[str]:
        """Return the log groups that the demo writes to."""
        return [f"/aws/lambda/{MEMBERS[self.account]}-{number}" for number in range(GROUPS)]


class CentralizedDemo(Stage):
    """AWS copies, one reflector a region forwards."""

    command = "make demo MODE=centralized"
    inventory = "examples/inventory-centralized"
    page = "docs/CENTRALIZE.md"
    to_try = """  ansible-playbook logreflector.aws.centralize --check --diff
  ansible-playbook logreflector.aws.status --limit '!management*'
  ansible-playbook logreflector.aws.centralize -e centralization_state=absent -e centralization_drain_seconds=1"""
    place = ("222222222222", "eu-west-1", "/aws/lambda/shop-0")
    organization = Organization(
        management=MANAGEMENT,
        members=(*MEMBERS, CENTRAL),
        regions=REGIONS,
        described={
            account: Account(name=name)
            for account, name in {MANAGEMENT: "management", **MEMBERS, CENTRAL: "central"}.items()
        },
    )

    def __init__(self, aws: RunningAws, *, keeps: bool = False) -> None:
        super().__init__(aws, keeps=keeps)
        # Nothing is on its way any more when the demo removes the rules and the reflectors.
        waits = ("centralization_drain_seconds", "reflector_drain_seconds", "reflector_settle_seconds")
        self.variables = {"recap_lines": 5, **dict.fromkeys(waits, 1)}
        self.sources = [Source(*place) for place in product(MEMBERS, REGIONS)]

    def run(self) -> None:
        """Run the whole demo."""
        print_heading(f"1. {len(MEMBERS)} member accounts in {len(REGIONS)} regions. Nothing will be deployed in them.")
        self.prepare_accounts()
        print_heading("2. What would it change? ansible-playbook logreflector.aws.centralize --check")
        announced = self.run_playbook("centralize", "--check")
        print_heading("3. Deploy the destinations, then create the rules: ansible-playbook logreflector.aws.centralize")
        done = self.run_playbook("centralize")
        self.expect(announced == done, f"--check announced {announced}, the run changed {done}")
        print_heading(
            "4. Create log groups in every member account and write to them. AWS copies, the reflector forwards."
        )
        self.write_lines()
        print_heading("5. Run again: copies get their retention, and then nothing may change")
        self.run_playbook("centralize")
        again = self.run_playbook("centralize")
        self.expect(not any(again.values()), f"the last run changed {again}")
        if not self.keeps:
            print_heading("6. Remove the rules, the reflectors and the copies")
            self.run_playbook(
                "centralize", "-e", "centralization_state=absent", "-e", "centralization_delete_copies=true"
            )
            self.expect(not self.left_over(), f"the removal left {self.left_over()}")
        print_heading("What is in the member accounts?")
        self.expect(not self.in_members(), f"member accounts have {self.in_members()}")
        print("Only their own log groups.")

    def prepare_accounts(self) -> None:
        """Give the deployer's roles their policies, and the destinations the secret with the sink's URL."""
        policies = ROOT / "docs" / "iam"
        for account, policy, name in (
            (MANAGEMENT, "administrator-policy.json", "deploy"),
            (CENTRAL, "destination-policy.json", "destination"),
        ):
            document = (policies / policy).read_text(encoding="utf-8")
            iam = self.aws.client("iam", account, REGIONS[0])
            iam.put_role_policy(RoleName=DEPLOYER, PolicyName=name, PolicyDocument=document)
        for region in REGIONS:
            secrets = self.aws.client("secretsmanager", CENTRAL, region)
            secrets.create_secret(Name=SECRET, SecretString=self.aws.sink_url)

    def write_lines(self) -> None:
        """Write to new log groups of every source and wait until the sink has every line once, with its origin."""
        started = time.monotonic()
        with ThreadPoolExecutor(len(self.sources)) as pool:
            list(pool.map(self.write_to, self.sources))
        whole = GROUPS * LINES

        def all_received() -> bool:
            lines = self.aws.sink.lines()
            for source in self.sources:
                # The account comes from the copy's name, so it shows that the origin is kept.
                found = [
                    line
                    for line in lines
                    if line.get("owner") == source.account and line.get("logGroup") in source.groups
                ]
                source.received = sum(str(line["message"]).endswith(source.name) for line in found)
                if source.received == whole and source.seconds_to_sink is None:
                    source.seconds_to_sink = time.monotonic() - started
            return all(source.received == whole for source in self.sources)

        self.expect(wait_until(all_received), "the sink did not receive every line once, with its origin")
        print(
            f"{sum(source.received for source in self.sources)} lines at the sink, each with its account and log group."
        )

    def write_to(self, source: Source) -> None:
        """Write lines to new log groups of a source."""
        logs = self.aws.client("logs", source.account, source.region)
        now = int(time.time() * 1000)
        for group in source.groups:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="demo")
            events = [{"timestamp": now, "message": f"line {number} of {source.name}"} for number in range(LINES)]
            logs.put_log_events(logGroupName=group, logStreamName="demo", logEvents=events)

    def in_members(self) -> list[str]:
        """Return functions and subscriptions in the member accounts: there must be none."""
        found: list[str] = []
        for source in self.sources:
            functions = self.aws.client("lambda", source.account, source.region).list_functions()["Functions"]
            found += [each["FunctionName"] for each in functions]
            logs = self.aws.client("logs", source.account, source.region)
            for group in source.groups:
                filters = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
                found += [each["filterName"] for each in filters]
        return found

    def left_over(self) -> list[Any]:
        """Return what is left in the destinations, and the rules."""
        client = self.aws.client("observabilityadmin", MANAGEMENT, REGIONS[0])
        rules = client.list_centralization_rules_for_organization()["CentralizationRuleSummaries"]
        found = [rule["RuleName"] for rule in rules]
        for region in REGIONS:
            functions = self.aws.client("lambda", CENTRAL, region).list_functions()["Functions"]
            groups = self.aws.client("logs", CENTRAL, region).describe_log_groups(logGroupNamePrefix="/central/")
            found += [
                *(each["FunctionName"] for each in functions),
                *(each["logGroupName"] for each in groups["logGroups"]),
            ]
        return found

    def table(self) -> str:
        """Return the figures of all sources as aligned lines."""
        rows: list[tuple[str, ...]] = [("source", "log groups", "lines at the sink", "s to sink")]
        rows += [
            (
                source.name,
                str(GROUPS),
                f"{source.received} of {GROUPS * LINES}",
                format_seconds(source.seconds_to_sink),
            )
            for source in self.sources
        ]
        return aligned(rows)
