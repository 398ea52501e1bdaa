# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice for targets that differ: it is what each one's log groups, slots, policy and trail ask for, and it can be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployed import Deployed, calls_of_runs
from embedded_aws import Call, Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate
from jsonschema import Draft202012Validator

from playbooks import MANAGEMENT, MEMBER, POLICY, REGIONS, ROOT, TARGETS, Ansible, Run, write_inventory

SCHEMA = json.loads((ROOT / "docs" / "advise.schema.json").read_text(encoding="utf-8"))
FULL, TAKEN, NARROW = (f"{account}.{region}" for account, region in TARGETS)
MODE = "log_groups_mode"


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start two accounts. All log groups of the first are full, others have the policy of the second, one excludes many names."""
    organization = Organization(management=MANAGEMENT, members=(MEMBER,), regions=REGIONS)
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        for target in TARGETS:
            populate(running, *target, groups=1)
        _fill(Deployed(running, *TARGETS[0]))
        _take_the_policy(Deployed(running, *TARGETS[1]))
        _add_long_names(Deployed(running, *TARGETS[2]))
        yield running


def _fill(place: Deployed) -> None:
    logs = place.client("logs")
    full = logs.describe_subscription_filters(logGroupName="/shared/full")["subscriptionFilters"]
    for group in logs.describe_log_groups()["logGroups"]:
        if group.get("logGroupClass", "STANDARD") == "STANDARD":
            for item in full:
                logs.put_subscription_filter(
                    logGroupName=group["logGroupName"],
                    filterName=item["filterName"],
                    filterPattern="",
                    destinationArn=item["destinationArn"],
                )


def _take_the_policy(place: Deployed) -> None:
    logs = place.client("logs")
    other = logs.describe_subscription_filters(logGroupName="/shared/half")["subscriptionFilters"][0]
    document = {"DestinationArn": other["destinationArn"], "FilterPattern": ""}
    logs.put_account_policy(
        policyName="theirs", policyType="SUBSCRIPTION_FILTER_POLICY", policyDocument=json.dumps(document)
    )


def _add_long_names(place: Deployed) -> None:
    logs = place.client("logs")
    for number in range(55):
        logs.create_log_group(logGroupName=f"/noise/{number:02}/{'x' * 490}")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the advice."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks for all targets. Nothing is deployed."""
    folder = tmp_path_factory.mktemp("advise")
    inventory = write_inventory(folder, TARGETS, advise_directory=str(out), preflight_slots=True)
    return Ansible(aws.deploy_environment(), inventory, folder)


def advised(run: Run, out: Path) -> dict[str, dict[str, Any]]:
    """Return the targets of the file, which has to follow the schema, by host."""
    assert (out / "advice.json").exists(), run.output
    document = json.loads((out / "advice.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(document)
    assert (out / "advice.json").stat().st_mode & 0o777 == 0o640
    assert (out / "advice.yml").stat().st_mode & 0o777 == 0o640
    return {target["host"]: target for target in document["targets"]}


def keys(target: dict[str, Any], way: str, effect: str) -> set[str]:
    return {point["key"] for point in target["ways"][way]["points"] if point["effect"] == effect}


@dataclass(frozen=True, slots=True)
class Advice:
    """The first advice for all targets: the run's calls, the targets by host, and a copy of the inventory."""

    calls: list[Call]
    targets: dict[str, dict[str, Any]]
    inventory: Path


@pytest.fixture(scope="module")
def advice(ansible: Ansible, aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Advice:
    aws.front.clear_journal()
    run = ansible.run("logreflector.aws.advise", extra={"log_groups_exclude": ["/noise/*"]})
    assert run.status == 0, run.output
    calls = calls_of_runs(aws)
    inventory = tmp_path_factory.mktemp("advice") / "advice.yml"
    inventory.write_text((out / "advice.yml").read_text(encoding="utf-8"), encoding="utf-8")
    return Advice(calls, advised(run, out), inventory)


def test_targets_that_differ_get_different_advice_and_nothing_is_written(advice: Advice) -> None:
    assert {call.operation for call in advice.calls if call.write} <= {"AssumeRole"}
    found = advice.targets
    assert {host: target["deployed"] for host, target in found.items()} == dict.fromkeys((FULL, TAKEN, NARROW), False)
    assert "slots" in keys(found[FULL], "filters", "change")
    assert found[TAKEN]["ways"]["account_policy"]["fit"] == "does_not_fit"
    assert keys(found[TAKEN], "account_policy", "against") == {"account_policy"}
    assert keys(found[NARROW], "account_policy", "against") == {"policy_size"}
    assert found[NARROW]["ways"]["filters"]["fit"] == "after_changes"
    for target in found.values():
        assert target["ways"]["centralized"]["fit"] == "unknown"
        assert target["ways"]["firehose"]["fit"] == "does_not_fit"
        assert target["ways"]["filters"]["cost"]["low"] > 0
        assert "class" in keys(target, "filters", "note")
    assert (found[TAKEN]["way"], found[NARROW]["way"]) == ("filters", "filters")
    assert found[FULL]["way"] == "account_policy"
    assert found[FULL]["changes"]


def test_advice_is_an_inventory_that_a_deployment_uses(
    advice: Advice, ansible: Ansible, aws: RunningAws, out: Path
) -> None:
    inventory = yaml.safe_load(advice.inventory.read_text(encoding="utf-8"))
    modes = {host: variables[MODE] for host, variables in inventory["all"]["hosts"].items()}
    assert modes == {FULL: "account_policy", TAKEN: "filters", NARROW: "filters"}
    deployed = ansible.run(
        "logreflector.aws.deploy",
        "-i",
        str(advice.inventory),
        "--limit",
        FULL,
        extra={"catch_up_settle_seconds": 0},
    )
    assert deployed.status == 0, deployed.output
    policies = (
        Deployed(aws, *TARGETS[0])
        .client("logs")
        .describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
    )
    assert [json.loads(each["policyDocument"])["DestinationArn"].rpartition(":")[2] for each in policies] == [
        "log-reflector"
    ]
    again = ansible.run("logreflector.aws.advise", "--limit", FULL)
    target = advised(again, out)[FULL]
    assert target["deployed"] is True


def test_organisation_and_destination_make_centralization_possible(ansible: Ansible, out: Path) -> None:
    run = ansible.run(
        "logreflector.aws.advise",
        extra={"target_ou_path": "/Workloads/Prod", "advise_destination": TAKEN, "log_groups_exclude": ["/noise/*"]},
    )
    assert run.status == 0, run.output
    found = advised(run, out)
    assert found[TAKEN]["ways"]["centralized"]["fit"] == "does_not_fit"
    assert found[NARROW]["ways"]["centralized"]["fit"] == "fits"
    assert found[NARROW]["way"] == "centralized"
    inventory = yaml.safe_load((out / "advice.yml").read_text(encoding="utf-8"))
    (rule, *others) = inventory["all"]["vars"]["centralization_rules"]
    assert (rule["destination_account"], rule["destination_region"]) == TARGETS[1]
    assert rule["exclude"] == ["/noise/*"]
    scopes = {(a, r) for each in [rule, *others] for a in each["accounts"] for r in each["source_regions"]}
    assert scopes == {tuple(host.split(".")) for host, target in found.items() if target["way"] == "centralized"}
    assert "/Workloads/Prod" in run.output


def test_target_that_cannot_be_reached_is_named_and_stops_no_other(ansible: Ansible, out: Path) -> None:
    run = ansible.run(
        "logreflector.aws.advise",
        "--limit",
        f"{FULL},{TAKEN}",
        extra={
            "target_role_arn": "arn:aws:iam::{{ target_account_id }}:role/{{ 'none' if target_account_id == '222222222222' else 'log-reflector-deployer' }}"
        },
    )
    found = advised(run, out)
    assert found.keys() == {FULL, TAKEN}
    assert found[TAKEN]["way"] == ""
    assert found[TAKEN]["error"]
    assert found[FULL]["way"]
    assert f"{TAKEN}: was not read" in run.output
