# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth about targets whose events AWS's centralization copies, in a fleet of mixed modes: states, events, explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployed import Deployed, calls_of_runs
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws

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
    "source_regions": [AWAY],
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


SOURCES = [(MEMBER, AWAY), (MANAGEMENT, AWAY), (MEMBER, FAR)]
"""Targets in the mode centralized. No rule copies from the last one."""
DEPLOYED = [(MEMBER, HOME), (MANAGEMENT, HOME), (CENTRAL, HOME)]
"""One target with filters, one with an account policy of its own, and the destination."""
TARGETS = [*SOURCES, *DEPLOYED]
FILTERED, SERVED, OWN = "/app/filtered", "/app/served", "/app/own"
ROUTES = [{"log_groups": ["*"], "sinks": ["audit"], "drop": ["DEBUG"]}]
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


def inventory_of(folder: Path, out: Path, sink_url: str) -> Path:
    """Write an inventory with all modes."""
    path = write_inventory(
        folder,
        TARGETS,
        centralization_rules=[RULE],
        centralization_administrator=f"{MANAGEMENT}.{HOME}",
        reflector_sumo_endpoint=None,
        reflector_sinks={"audit": {"type": "http", "endpoint": sink_url}},
        reflector_routes=ROUTES,
        report_directory=str(out),
        report_flow_hours=2,
        report_flow_until=UNTIL,
        report_flow_settle_minutes=0,
        replay_idle_timeout=2,
    )
    inventory = json.loads(path.read_text(encoding="utf-8"))
    for account, region in SOURCES:
        hosts = inventory["all"]["children"][f"account_{account}"]["hosts"]
        hosts[f"{account}.{region}"] = {"log_groups_mode": "centralized"}
    served = inventory["all"]["children"][f"account_{MANAGEMENT}"]["hosts"][f"{MANAGEMENT}.{HOME}"]
    served["log_groups_mode"] = "account_policy"
    path.write_text(json.dumps(inventory), encoding="utf-8")
    return path


def rule_body(*regions: str) -> dict[str, Any]:
    """Return the rule as AWS has it, written without this collection."""
    own = " AND ".join(f"LogGroupName NOT LIKE '{name}'" for name in ("/aws/lambda/log-reflector%", "/central/%"))
    return {
        "Source": {
            "Regions": list(regions),
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


def create_groups(aws: RunningAws) -> None:
    """Create the log groups of all targets."""
    for account, region in SOURCES:
        logs = Deployed(aws, account, region).client("logs")
        for group in (FINE, SILENT, EXCLUDED, LONG):
            logs.create_log_group(logGroupName=group)
        logs.create_log_group(logGroupName=ARCHIVE, logGroupClass="INFREQUENT_ACCESS")
    for (account, region), group in zip(DEPLOYED, (FILTERED, SERVED, OWN), strict=True):
        Deployed(aws, account, region).client("logs").create_log_group(logGroupName=group)


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with everything deployed and a rule."""
    folder = tmp_path_factory.mktemp("truth")
    create_groups(aws)
    ansible = Ansible(aws.deploy_environment(), inventory_of(folder, out, aws.sink_url), folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", ",".join(f"{a}.{r}" for a, r in DEPLOYED))
    assert deployed.status == 0, deployed.output
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.create_centralization_rule_for_organization(RuleName="central", Rule=rule_body(AWAY))
    return ansible


def report(ansible: Ansible, out: Path, **extra: Any) -> tuple[dict[str, dict[str, Any]], Run]:
    """Run the report. Return its targets by host, and the run."""
    run = ansible.run("logreflector.aws.report", extra=extra)
    assert run.status == 0, run.output
    targets = json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]
    return {target["host"]: target for target in targets}, run


def lines(number: int, text: str = "line") -> list[str]:
    return [f"{text} {each}" for each in range(number)]


def rows(target: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["log_group"]: row for row in target["log_groups"]}


def groups_in(place: Deployed) -> set[str]:
    pages = place.client("logs").get_paginator("describe_log_groups").paginate()
    return {group["logGroupName"] for page in pages for group in page["logGroups"]}


def arrived(aws: RunningAws) -> set[tuple[str, str]]:
    """Return account and log group of every line at the sink, as the reflector names them."""
    return {(line["owner"], line["logGroup"]) for line in aws.sink.lines()}


def test_states_of_a_mixed_fleet_are_as_aws_delivers(ansible: Ansible, aws: RunningAws, out: Path) -> None:
    aws.front.clear_journal()
    targets, run = report(ansible, out)
    calls = calls_of_runs(aws)
    assert any(call.operation == "ListCentralizationRulesForOrganization" for call in calls)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}, "the report changed something"
    assert sum(call.operation == "ListCentralizationRulesForOrganization" for call in calls) == 1, "one read for all"
    assert {host: target["mode"] for host, target in targets.items()} == {
        **{f"{account}.{region}": "centralized" for account, region in SOURCES},
        f"{MEMBER}.{HOME}": "filters",
        f"{MANAGEMENT}.{HOME}": "account_policy",
        f"{CENTRAL}.{HOME}": "account_policy",
    }
    expected = set()
    for account, region in TARGETS:
        place = Deployed(aws, account, region)
        found = rows(targets[place.host])
        names = {name for name in groups_in(place) if not name.startswith("/central/")}
        assert found.keys() == names, "a log group is missing, or a copy is listed as one of the target"
        for name, row in found.items():
            if name.startswith("/app/"):
                place.write(name, f"{place.host} {name}")
                expected |= {f"{place.host} {name}"} if row["state"] == "covered" else set()
        place.wait_until_idle()
    assert {line["message"] for line in aws.sink.lines()} == expected, "the sink got other lines than the report says"
    assert len(expected) == 7
    assert "5 chosen, but not subscribed" in run.output


@pytest.mark.parametrize(
    ("host", "group", "state", "cause", "reason"),
    [
        (f"{MEMBER}.{AWAY}", FINE, "covered", None, None),
        (
            f"{MEMBER}.{AWAY}",
            EXCLUDED,
            "excluded",
            "rule",
            f"the rule central leaves it out: LogGroupName NOT IN ('{EXCLUDED}')",
        ),
        (f"{MEMBER}.{AWAY}", ARCHIVE, "impossible", "class", "its log class is INFREQUENT_ACCESS"),
        (f"{MEMBER}.{AWAY}", LONG, "impossible", "name", "the copy's name would have 519 characters"),
        (f"{MEMBER}.{FAR}", FINE, "missing", "no_rule", f"the rule central does not copy from {FAR}"),
        (f"{MEMBER}.{HOME}", FILTERED, "covered", None, None),
    ],
)
def test_row_has_state_and_reason(
    ansible: Ansible, out: Path, host: str, group: str, state: str, cause: str | None, reason: str | None
) -> None:
    targets, _run = report(ansible, out, report_flow=False)
    row = rows(targets[host])[group]
    assert (row["state"], row.get("cause")) == (state, cause)
    assert (reason or "") in row.get("reason", "")
    if host == f"{MEMBER}.{AWAY}" and group == FINE:
        assert (row["means"], row["known_by"]) == ("centralization", "copy")
        assert row["since"] > row["created"]


def test_log_groups_of_other_modes_that_a_rule_copies_are_duplicates(
    ansible: Ansible, aws: RunningAws, out: Path
) -> None:
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY, HOME))
    targets, _run = report(ansible, out, report_flow=False)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY))
    for host, group, means in (
        (f"{MEMBER}.{HOME}", FILTERED, "filter"),
        (f"{MANAGEMENT}.{HOME}", SERVED, "account policy"),
    ):
        row = rows(targets[host])[group]
        assert (row["state"], row["cause"]) == ("broken", "duplicate")
        assert row["reason"] == f"its {means} sends its events, and the rule central copies them, so they arrive twice"
    assert rows(targets[f"{CENTRAL}.{HOME}"])[OWN]["state"] == "covered", "a rule does not copy within its destination"
