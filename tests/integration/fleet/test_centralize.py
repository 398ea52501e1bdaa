# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook centralize: an organisation with two members and two destination regions, with the policies of docs/iam."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Sink
from waits import wait_until

from playbooks import MANAGEMENT, POLICY, REGIONS, ROOT, Ansible, Run, write_inventory

CENTRAL = "444444444444"
MEMBERS = ("222222222222", "333333333333")
DESTINATIONS = [(CENTRAL, region) for region in REGIONS]
ADMINISTRATOR = f"{MANAGEMENT}.{REGIONS[0]}"
DEPLOYER = "log-reflector-deployer"
TRUSTED = "observabilityadmin.amazonaws.com"
GROUP = "/app/orders"
RULES = [
    {
        "name": f"from-{region}",
        "organization_id": "o-embeddedaws",
        "source_regions": [region],
        "exclude": ["/secret/*"],
        "destination_account": CENTRAL,
        "destination_region": region,
    }
    for region in REGIONS
]
QUICK = {"reflector_drain_seconds": 0, "centralization_drain_seconds": 0, "centralization_healthy_seconds": 10}


def policy(name: str) -> str:
    return (ROOT / "docs" / "iam" / f"{name}-policy.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """The management account's role has the administrator's policy only, that of the destination both of its policies."""
    organization = Organization(management=MANAGEMENT, members=(*MEMBERS, CENTRAL), regions=REGIONS)
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        administrator = running.client("iam", MANAGEMENT, REGIONS[0])
        administrator.put_role_policy(RoleName=DEPLOYER, PolicyName="deploy", PolicyDocument=policy("administrator"))
        destination = running.client("iam", CENTRAL, REGIONS[0])
        destination.put_role_policy(RoleName=DEPLOYER, PolicyName="destination", PolicyDocument=policy("destination"))
        yield running


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    found = Sink()
    found.start()
    yield found
    found.stop()


@dataclass
class Story:
    """The runs of the playbook in their order, and what the lines' sink has seen."""

    aws: RunningAws
    runs: dict[str, Run] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)
    resources: dict[str, list[str]] = field(default_factory=dict)
    written: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    copies: dict[str, dict[str, int | None]] = field(default_factory=dict)

    def keep(self, name: str, run: Run) -> None:
        """Store a run with the state of AWS after it."""
        self.runs[name] = run
        found = self.aws.client(
            "observabilityadmin", MANAGEMENT, REGIONS[0]
        ).list_centralization_rules_for_organization()
        self.rules[name] = [rule["RuleName"] for rule in found["CentralizationRuleSummaries"]]
        self.resources[name] = [each for place in DESTINATIONS for each in Deployed(self.aws, *place).own_resources()]
        self.copies[name] = {
            group["logGroupName"]: group.get("retentionInDays")
            for account, region in DESTINATIONS
            for group in self.aws.client("logs", account, region).describe_log_groups(logGroupNamePrefix="/central/")[
                "logGroups"
            ]
        }


def write_lines(story: Story) -> None:
    """Write a line to a new log group in each region of each member, and to one that the rules exclude."""
    for account in MEMBERS:
        for region in REGIONS:
            source = Deployed(story.aws, account, region)
            for group in (GROUP, "/secret/keys"):
                source.client("logs").create_log_group(logGroupName=group)
            message = f"from {account}/{region}"
            story.written[message] = (account, GROUP, source.write(GROUP, message))
            source.write("/secret/keys", f"secret {message}")


@pytest.fixture(scope="module")
def story(aws: RunningAws, sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("centralize")
    inventory = write_inventory(
        folder,
        [(MANAGEMENT, REGIONS[0]), *DESTINATIONS],
        reflector_sinks={"audit": {"type": "http", "endpoint": sink.url}},
        reflector_sumo_endpoint=None,
        centralization_rules=RULES,
        centralization_administrator=ADMINISTRATOR,
        **QUICK,
    )
    ansible, found = Ansible(aws.deploy_environment(), inventory, folder), Story(aws)

    def centralize(name: str, *arguments: str, **extra: Any) -> None:
        found.keep(name, ansible.run("logreflector.aws.centralize", *arguments, extra=extra))

    found.runs["preflight"] = ansible.run(
        "logreflector.aws.preflight", "--limit", ADMINISTRATOR, extra={"log_groups_mode": "centralized"}
    )
    trust = {"centralization_enable_trusted_access": True}
    centralize("without trusted access")
    centralize("check", "--check", "--diff", **trust)
    centralize("deploy", **trust)
    assert found.runs["deploy"].status == 0, found.runs["deploy"].output
    write_lines(found)
    wait_until(lambda: len(lines(sink)) >= len(found.written), "the lines at the sink", seen=lambda: str(sink.lines()))
    for place in DESTINATIONS:
        Deployed(aws, *place).wait_until_idle()
    found.keep("copied", found.runs["deploy"])
    centralize("retention", centralization_retention_days=7)
    centralize("retention again", centralization_retention_days=7)
    absent = {"centralization_state": "absent"}
    centralize("check removal", "--check", **absent)
    centralize("remove", **absent)
    centralize("remove copies", **absent, centralization_delete_copies=True)
    centralize("removed already", **absent, centralization_delete_copies=True)
    return found


def lines(sink: Sink) -> list[dict[str, Any]]:
    return [line for line in sink.lines() if line["message"].startswith(("from ", "secret "))]


def test_centralize_without_trusted_access_changes_nothing(story: Story) -> None:
    run = story.runs["without trusted access"]
    assert run.status != 0
    assert f"trusted access of {TRUSTED} is not enabled" in run.recap()
    assert "enable_trusted_access: true" in run.recap()
    assert (story.rules["without trusted access"], story.resources["without trusted access"]) == ([], [])


def test_preflight_of_the_administrator_finds_missing_trusted_access(story: Story) -> None:
    run = story.runs["preflight"]
    assert run.status != 0
    assert "PROBLEM: AWS's centralization (1 target)" in run.output
    assert f"trusted access of {TRUSTED} is not enabled" in run.output


def test_centralize_check_mode_announces_what_the_run_does(story: Story) -> None:
    check, deploy = story.runs["check"], story.runs["deploy"]
    assert (check.status, deploy.status) == (0, 0), check.output + deploy.output
    assert (story.rules["check"], story.resources["check"]) == ([], [])
    # One of the account's two hosts reports its roles, whichever was first.
    planned, done = ([line for lines in run.changes().values() for line in lines] for run in (check, deploy))
    assert sorted({*planned}) == sorted({*done})
    assert deploy.changes()[ADMINISTRATOR][-3:] == [
        f"create trusted access of {TRUSTED}",
        *(f"create centralization rule from-{region}" for region in REGIONS),
    ]
    assert story.rules["deploy"] == sorted(rule["name"] for rule in RULES)  # type: ignore[type-var]


def test_centralize_says_first_what_it_cannot_do(story: Story) -> None:
    output = story.runs["check"].output
    assert output.index("neither in GovCloud nor in China") < output.index("PLAY [Deploy the destinations]")
    for text in (
        "not by tag",
        "INFREQUENT_ACCESS",
        "2.5 GB a second",
        "after the creation of the rule",
        "bills each copy",
    ):
        assert text in output


def test_centralize_lines_arrive_once_with_their_origin(story: Story, sink: Sink) -> None:
    found = [(line["message"], (line["owner"], line["logGroup"], line["logStream"])) for line in lines(sink)]
    assert sorted(found) == sorted(story.written.items())
    assert len(found) == 4


def test_centralize_again_changes_nothing(story: Story) -> None:
    run = story.runs["retention again"]
    assert (run.status, run.changed_tasks()) == (0, []), run.output
    assert "2 centralization rules, 2 of them healthy" in run.recap()


def test_centralize_retention_is_set_on_copies_only(story: Story) -> None:
    assert set(story.copies["copied"].values()) == {None}
    run = story.runs["retention"]
    assert run.status == 0, run.output
    assert len(story.copies["copied"]) == 4
    assert story.copies["retention"] == dict.fromkeys(story.copies["copied"], 7)
    assert {task for _host, task in run.changed_tasks()} == {"Set the retention of copies"}


def test_centralize_removal_is_complete(story: Story, aws: RunningAws) -> None:
    check, run = story.runs["check removal"], story.runs["remove"]
    assert (check.status, run.status) == (0, 0), check.output + run.output
    assert story.rules["check removal"] == sorted(rule["name"] for rule in RULES)  # type: ignore[type-var]
    assert {"create function log-reflector"}.isdisjoint(run.changes())
    assert (story.rules["remove"], story.resources["remove"]) == ([], [])
    assert set(story.copies["remove"]) == set(story.copies["copied"])
    copies = story.runs["remove copies"]
    assert (copies.status, story.copies["remove copies"]) == (0, {}), copies.output
    last = story.runs["removed already"]
    assert (last.status, last.changed_tasks()) == (0, []), last.output
    assert [
        each for account in MEMBERS for region in REGIONS for each in Deployed(aws, account, region).own_resources()
    ] == []


def test_centralize_administrators_policy_has_exactly_the_needed_permissions(story: Story, aws: RunningAws) -> None:
    allowed = {
        action
        for statement in json.loads(policy("administrator"))["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    caller = f"{MANAGEMENT}:assumed-role/{DEPLOYER}/"
    used = {f"{call.service}:{call.operation}" for call in aws.front.calls() if caller in call.caller}
    # The one needs no permission, the other is of the preflight, which is for deployers.
    assert used - allowed <= {"sts:GetCallerIdentity", "logs:DescribeLogGroups"}
    # The resource test registers a delegated administrator, and changes a rule and its tags.
    # Rules by OU, and deployments in the mode centralized, read the organization's units.
    rest = {
        "ListAccountsForParent",
        "ListDelegatedAdministrators",
        "ListOrganizationalUnitsForParent",
        "RegisterDelegatedAdministrator",
    }
    others = {"TagResource", "UpdateCentralizationRuleForOrganization"}
    assert allowed - used == {f"organizations:{name}" for name in rest} | {
        f"observabilityadmin:{name}" for name in others
    }
