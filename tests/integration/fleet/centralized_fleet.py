# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of mixed modes with AWS's centralization, and what can break in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deployed import FUNCTION, Deployed
from embedded_aws import Behaviour, Configuration, EmbeddedAws, Organization, RunningAws

from playbooks import MANAGEMENT, MEMBER, POLICY, REGIONS, Ansible, write_inventory

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
SOURCES = [(MEMBER, AWAY), (MANAGEMENT, AWAY), (MEMBER, FAR)]
"""Targets in the mode centralized. No rule copies from the last one."""
DEPLOYED = [(MEMBER, HOME), (MANAGEMENT, HOME), (CENTRAL, HOME)]
"""One target with filters, one with an account policy of its own, and the destination."""
TARGETS = [*SOURCES, *DEPLOYED]
FILTERED, SERVED, OWN = "/app/filtered", "/app/served", "/app/own"
ROUTES = [{"log_groups": ["*"], "sinks": ["audit"], "drop": ["DEBUG"]}]
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}


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


def lines(number: int, text: str = "line") -> list[str]:
    return [f"{text} {each}" for each in range(number)]


def write(place: Deployed, group: str, *messages: str) -> None:
    """Write events and wait until every reflector is done with them."""
    place.write(group, *messages)
    place.wait_until_idle()


@contextmanager
def sink_down(central: Deployed) -> Iterator[None]:
    central.aws.sink.behave(Behaviour(status=400))
    yield
    central.aws.sink.behave()


@contextmanager
def no_permission(central: Deployed) -> Iterator[None]:
    """Take CloudWatch Logs' permission to invoke the destination's reflector."""
    functions = central.client("lambda")
    (statement,) = json.loads(functions.get_policy(FunctionName=FUNCTION)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=FUNCTION, StatementId=statement["Sid"])
    yield
    functions.add_permission(
        FunctionName=FUNCTION,
        StatementId=statement["Sid"],
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        SourceAccount=central.account,
    )


@contextmanager
def function_stopped(central: Deployed) -> Iterator[None]:
    """Let the destination's reflector run not at all, and Lambda give an event up after a minute (which is shorter here)."""
    functions = central.client("lambda")
    functions.update_function_event_invoke_config(FunctionName=FUNCTION, MaximumEventAgeInSeconds=60)
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    functions.update_function_event_invoke_config(FunctionName=FUNCTION, MaximumEventAgeInSeconds=21600)


@contextmanager
def no_policy(central: Deployed) -> Iterator[None]:
    logs = central.client("logs")
    (policy,) = logs.describe_account_policies(policyType=KIND)["accountPolicies"]
    logs.delete_account_policy(policyName=policy["policyName"], policyType=KIND)
    yield
    kept = ("policyName", "policyDocument", "policyType", "scope", "selectionCriteria")
    logs.put_account_policy(**{name: policy[name] for name in kept if policy.get(name)})


@contextmanager
def copies_fail(aws: RunningAws, error: str) -> Iterator[None]:
    aws.configure(centralization_error=error)
    yield
    aws.configure(centralization_error="")


@contextmanager
def denied(place: Deployed, *actions: str) -> Iterator[None]:
    """Deny actions to the deployer's role in one account."""
    iam = place.client("iam")
    before = iam.get_role_policy(**DEPLOYER)["PolicyDocument"]
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    changed = {**before, "Statement": [*before["Statement"], statement]}
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(changed))
    try:
        yield
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(before))


@contextmanager
def no_trusted_access(aws: RunningAws) -> Iterator[None]:
    client = aws.client("organizations", MANAGEMENT, HOME)
    client.disable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
    yield
    client.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")


@contextmanager
def running_organization(*statements: dict[str, Any]) -> Iterator[RunningAws]:
    """Start the accounts. The deployer's role also has the administrator's permissions, and those statements."""
    members = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL), regions=(HOME, AWAY, FAR))
    reads = {"Effect": "Allow", "Action": READS, "Resource": "*"}
    policy = {**POLICY, "Statement": [*POLICY["Statement"], reads, *statements]}
    with EmbeddedAws(Configuration(organization=members, deployer_policy=policy)) as running:
        client = running.client("organizations", MANAGEMENT, HOME)
        client.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
        yield running


def deployed_fleet(aws: RunningAws, folder: Path, out: Path) -> Ansible:
    """Deploy everything, create the rule, and return a runner of playbooks.

    out     the directory that reports are written to
    """
    create_groups(aws)
    ansible = Ansible(aws.deploy_environment(), inventory_of(folder, out, aws.sink_url), folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", ",".join(f"{a}.{r}" for a, r in DEPLOYED))
    assert deployed.status == 0, deployed.output
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.create_centralization_rule_for_organization(RuleName="central", Rule=rule_body(AWAY))
    return ansible
