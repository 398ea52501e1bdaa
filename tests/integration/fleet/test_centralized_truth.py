# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth about targets whose events AWS's centralization copies, in a fleet of mixed modes: states, events, explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed, calls_of_runs
from embedded_aws import Behaviour, Configuration, EmbeddedAws, Organization, RunningAws
from waits import wait_until

from playbooks import MANAGEMENT, MEMBER, POLICY, REGIONS, Ansible, Run, write_inventory

HOME, AWAY, FAR = REGIONS[0], "eu-central-1", REGIONS[1]
CENTRAL = "444444444444"
ORGANIZATION = "o-embeddedaws"
PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
KIND = "SUBSCRIPTION_FILTER_POLICY"
# The metrics of the embedded AWS are complete at once, so the period can include this moment.
UNTIL = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
READS = [
    "observabilityadmin:GetCentralizationRuleForOrganization",
    "observabilityadmin:ListCentralizationRulesForOrganization",
    "observabilityadmin:ListTagsForResource",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
]
"""What the administrator of the rules needs beside the deployer's permissions."""
FINE, SILENT, EXCLUDED, ARCHIVE, LONG, LOST = (
    "/app/orders",
    "/app/silent",
    "/app/secret",
    "/app/archive",
    f"/app/{'long' * 120}",
    "/app/lost",
)
RULE = {
    "name": "central",
    "organization_id": ORGANIZATION,
    "source_regions": [HOME, AWAY],
    "exclude": [EXCLUDED],
    "destination_account": CENTRAL,
    "destination_region": HOME,
    "log_group_name_pattern": PATTERN,
}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    members = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL), regions=(HOME, AWAY, FAR))
    policy = {**POLICY, "Statement": [*POLICY["Statement"], {"Effect": "Allow", "Action": READS, "Resource": "*"}]}
    with EmbeddedAws(Configuration(organization=members, deployer_policy=policy)) as running:
        client = running.client("organizations", MANAGEMENT, HOME)
        client.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
        yield running


@pytest.fixture(scope="module")
def source(aws: RunningAws) -> Deployed:
    return Deployed(aws, MEMBER, AWAY)


@pytest.fixture(scope="module")
def central(aws: RunningAws) -> Deployed:
    return Deployed(aws, CENTRAL, HOME)


SOURCES = [(MEMBER, AWAY), (MEMBER, FAR)]
"""Targets in the mode centralized. No rule copies from the second one."""
TARGETS = [*SOURCES, (MEMBER, HOME), (MANAGEMENT, HOME), (CENTRAL, HOME)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


def inventory_of(folder: Path, out: Path) -> Path:
    """Write an inventory with all modes: two centralized targets, two with filters, and the destination."""
    path = write_inventory(
        folder,
        TARGETS,
        centralization_rules=[RULE],
        centralization_administrator=f"{MANAGEMENT}.{HOME}",
        report_directory=str(out),
        report_flow_hours=2,
        report_flow_until=UNTIL,
        replay_idle_timeout=2,
    )
    inventory = json.loads(path.read_text(encoding="utf-8"))
    for account, region in SOURCES:
        hosts = inventory["all"]["children"][f"account_{account}"]["hosts"]
        hosts[f"{account}.{region}"] = {"log_groups_mode": "centralized"}
    path.write_text(json.dumps(inventory), encoding="utf-8")
    return path


def rule_body() -> dict[str, Any]:
    """Return the rule as AWS has it, written without this collection."""
    own = " AND ".join(f"LogGroupName NOT LIKE '{name}'" for name in ("/aws/lambda/log-reflector%", "/central/%"))
    return {
        "Source": {
            "Regions": [HOME, AWAY],
            "Scope": f"OrganizationId = '{ORGANIZATION}'",
            "SourceLogsConfiguration": {
                "EncryptedLogGroupStrategy": "ALLOW",
                "LogGroupSelectionCriteria": f"LogGroupName NOT IN ('{EXCLUDED}') AND {own}",
            },
        },
        "Destination": {
            "Region": HOME,
            "Account": CENTRAL,
            "DestinationLogsConfiguration": {"LogGroupNameConfiguration": {"LogGroupNamePattern": PATTERN}},
        },
    }


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, source: Deployed, central: Deployed, out: Path, tmp_path_factory: Any) -> Ansible:
    """A runner of playbooks, with a deployment on the targets with filters and the destination, a rule, and events."""
    folder = tmp_path_factory.mktemp("truth")
    for group in (FINE, SILENT, EXCLUDED, LONG):
        source.client("logs").create_log_group(logGroupName=group)
    source.client("logs").create_log_group(logGroupName=ARCHIVE, logGroupClass="INFREQUENT_ACCESS")
    Deployed(aws, MEMBER, FAR).client("logs").create_log_group(logGroupName=FINE)
    Deployed(aws, MEMBER, HOME).client("logs").create_log_group(logGroupName="/app/filtered")
    central.client("logs").create_log_group(logGroupName="/app/own")
    ansible = Ansible(aws.deploy_environment(), inventory_of(folder, out), folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", ",".join(f"{a}.{r}" for a, r in TARGETS[2:]))
    assert deployed.status == 0, deployed.output
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.create_centralization_rule_for_organization(RuleName="central", Rule=rule_body())
    return ansible


def report(ansible: Ansible, out: Path, **extra: Any) -> tuple[dict[str, dict[str, Any]], Run]:
    """Run the report. Return its targets by host, and the run."""
    run = ansible.run("logreflector.aws.report", extra=extra)
    assert run.status == 0, run.output
    targets = json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]
    return {target["host"]: target for target in targets}, run


def rows(target: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["log_group"]: row for row in target["log_groups"]}


