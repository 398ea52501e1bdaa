# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures on a real fleet: each is reported in a sentence, and the other targets are served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deployed import dead_letters
from embedded_aws import RunningAws
from embedded_aws.population import HALF_GROUP

from playbooks import EXCLUDE, MEMBER, REGIONS, TARGETS, Ansible, write_inventory


def our_filters(aws: RunningAws, account: str, region: str, group: str) -> list[str]:
    """Return the names of our filters on a group."""
    answer = aws.client("logs", account, region).describe_subscription_filters(logGroupName=group)
    return [
        item["filterName"]
        for item in answer["subscriptionFilters"]
        if item["destinationArn"].endswith(":function:log-reflector")
    ]


def test_deploy_refused_account_and_silent_region_do_not_stop_others(
    aws: RunningAws, ansible: Ansible, tmp_path: Path
) -> None:
    stranger = "999999999999"
    inventory = write_inventory(tmp_path, [*TARGETS, (stranger, REGIONS[0])], log_groups_exclude=EXCLUDE)
    # The first region of its account is silent, so the other one has to deploy the account's roles.
    aws.front.silence(MEMBER, REGIONS[0])
    fleet = Ansible(aws.deploy_environment(), inventory, tmp_path)
    run = fleet.run("logreflector.aws.deploy")
    aws.front.clear_faults()
    assert run.status != 0
    recap = run.recap().splitlines()
    for account, region in [target for target in TARGETS if target != (MEMBER, REGIONS[0])]:
        line = next(line for line in recap if line.startswith(f"{account}.{region}:"))
        assert ": changed" in line
        assert our_filters(aws, account, region, HALF_GROUP) == ["shared-half"]
    refused = next(line for line in recap if line.startswith(stranger))
    assert f"assume the role arn:aws:iam::{stranger}:role/log-reflector-deployer" in refused
    silent = next(line for line in recap if line.startswith(f"{MEMBER}.{REGIONS[0]}"))
    assert "failed. Could not" in silent
    assert f"{MEMBER}/{REGIONS[0]}" in silent
    assert "The region is enabled in this account: check that its endpoint can be reached from here" in silent
    assert "Traceback" not in run.output
    # The silent region answers again: the same command completes the deployment.
    assert ansible.run("logreflector.aws.deploy").status == 0
    assert our_filters(aws, MEMBER, REGIONS[0], HALF_GROUP) == ["shared-half"]


def test_deploy_killed_is_finished_by_next_run(aws: RunningAws, ansible: Ansible) -> None:
    assert ansible.run("logreflector.aws.teardown").status == 0
    for operation in ("CreateFunction", "AddPermission", "PutSubscriptionFilter"):
        aws.front.clear_journal()
        ansible.kill_when("logreflector.aws.deploy", lambda op=operation: aws.front.calls(operation=op))
    assert ansible.run("logreflector.aws.deploy").status == 0
    again = ansible.run("logreflector.aws.deploy")
    assert again.changed_tasks() == []
    assert ansible.run("logreflector.aws.verify").status == 0
    aws.front.clear_journal()
    ansible.kill_when("logreflector.aws.teardown", lambda: aws.front.calls(operation="DeleteSubscriptionFilter"))
    assert ansible.run("logreflector.aws.teardown").status == 0


def test_teardown_of_one_region_keeps_roles(aws: RunningAws, ansible: Ansible) -> None:
    assert ansible.run("logreflector.aws.deploy").status == 0
    assert ansible.run("logreflector.aws.teardown", "--limit", f"{MEMBER}.{REGIONS[0]}").status == 0
    verified = ansible.run("logreflector.aws.verify", "--limit", f"{MEMBER}.{REGIONS[1]}")
    assert verified.status == 0, verified.output


def test_deploy_without_account_groups_makes_one_role_for_all_regions(
    aws: RunningAws, ansible: Ansible, tmp_path: Path
) -> None:
    assert ansible.run("logreflector.aws.teardown").status == 0
    inventory = write_inventory(tmp_path, TARGETS, log_groups_exclude=EXCLUDE)
    data = json.loads(inventory.read_text(encoding="utf-8"))
    flat = {
        f"{account}.{region}": {"target_account_id": account, "target_region": region} for account, region in TARGETS
    }
    inventory.write_text(json.dumps({"all": {"vars": data["all"]["vars"], "hosts": flat}}), encoding="utf-8")
    fleet = Ansible(aws.deploy_environment(), inventory, tmp_path)
    assert fleet.run("logreflector.aws.deploy").status == 0
    assert fleet.run("logreflector.aws.deploy").changed_tasks() == []
    iam = aws.client("iam", MEMBER, REGIONS[0])
    policy = iam.get_role_policy(RoleName="log-reflector-subscriber", PolicyName="log-reflector")["PolicyDocument"]
    assert [arn.split(":")[3] for arn in policy["Statement"][0]["Resource"]] == sorted(REGIONS)
    assert fleet.run("logreflector.aws.teardown", "--limit", f"{MEMBER}.{REGIONS[0]}").status == 0
    assert iam.get_role(RoleName="log-reflector")["Role"]["RoleName"] == "log-reflector"


def test_teardown_queue_with_messages_is_kept(aws: RunningAws, ansible: Ansible) -> None:
    account, region = TARGETS[0]
    host = f"{account}.{region}"
    assert ansible.run("logreflector.aws.deploy", "--limit", host).status == 0
    sqs = aws.client("sqs", account, region)
    url = sqs.get_queue_url(QueueName="log-reflector-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="an event that could not be delivered")
    run = ansible.run("logreflector.aws.teardown", "--limit", host)
    assert run.status != 0
    assert "1 message" in run.recap()
    assert dead_letters(aws, account, region, "log-reflector-dead-letters")
    assert ansible.run("logreflector.aws.teardown", "--limit", host).status == 0


def test_target_without_region_fails_with_advice(aws: RunningAws, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path, TARGETS[:1])
    data = json.loads(inventory.read_text(encoding="utf-8"))
    for name, group in data["all"]["children"].items():
        if name.startswith("region_"):
            del group["vars"]
    inventory.write_text(json.dumps(data), encoding="utf-8")
    run = Ansible(aws.deploy_environment(), inventory, tmp_path).run("logreflector.aws.catch_up")
    assert run.status != 0
    assert "target_region" in run.recap()


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"target_region": None}, "no region is given. Set target_region of the host"),
        ({"target_region": "{{ nowhere }}"}, "'nowhere' is undefined"),
        (
            {"log_groups_exlude": ["/aws/lambda/*"]},
            "Could not accept the variable log_groups_exlude: no such variable. Did you mean log_groups_exclude?",
        ),
        ({"target_account_id": None}, "Could not accept the variable target_account_id: it is not set"),
        ({"reflector_environment": "A"}, "argument 'reflector_environment' is of type"),
        ({"recap_lines": "many"}, "Could not accept the variable recap_lines: argument 'recap_lines' is of type str"),
        (
            {"catch_up_backfill_seconds": -1},
            "Could not accept the variable catch_up_backfill_seconds: -1 is not 0 or more",
        ),
    ],
    ids=["no region", "a template", "a misspelled name", "no account", "no dictionary", "the recap's", "a number"],
)
def test_target_with_wrong_variables_fails_alone(
    aws: RunningAws, tmp_path: Path, mistake: dict[str, Any], told: str
) -> None:
    wrong, right = (f"{MEMBER}.{region}" for region in REGIONS)
    targets = [(MEMBER, region) for region in REGIONS]
    # Another memory size than that of earlier tests, so that the right target has something to change.
    inventory = write_inventory(tmp_path, targets, log_groups_exclude=EXCLUDE, reflector_memory_size=640)
    data = json.loads(inventory.read_text(encoding="utf-8"))
    for group in data["all"]["children"].values():
        if wrong in group["hosts"]:
            group["hosts"][wrong] = mistake
    inventory.write_text(json.dumps(data), encoding="utf-8")
    run = Ansible(aws.deploy_environment(), inventory, tmp_path).run("logreflector.aws.deploy", "--check")
    assert run.status == 2, run.output
    (failure,) = (line for line in run.recap().splitlines() if line.startswith(f"{wrong}: failed. "))
    assert told in failure
    assert f"{right}: would change" in run.recap()


def test_deploy_slow_and_throttling_aws_succeeds(aws: RunningAws, ansible: Ansible) -> None:
    host = f"{MEMBER}.{REGIONS[1]}"
    assert ansible.run("logreflector.aws.teardown").status == 0
    usual = aws.settings()
    # The first filter must be put before the permission is in force, on a slow machine too.
    aws.configure(role_delay=3.0, permission_delay=20.0, duplicate_probability=1.0, event_delay=1.0)
    aws.front.enforce_rates(1.0)
    try:
        deployed = ansible.run("logreflector.aws.deploy", "--limit", host)
        assert deployed.status == 0, deployed.output
        assert deployed.catch_up(host)["counts"]["changed"] == 7
        assert any(call.fault or call.status == 400 for call in aws.front.calls(operation="PutSubscriptionFilter"))
        verified = ansible.run("logreflector.aws.verify", "--limit", host)
        assert verified.status == 0, verified.output
    finally:
        aws.front.enforce_rates(None)
        aws.configure(
            role_delay=usual.role_delay,
            permission_delay=usual.permission_delay,
            duplicate_probability=usual.duplicate_probability,
            event_delay=usual.event_delay,
        )


def test_deploy_fewer_filter_slots_reports_full_groups_and_option(aws: RunningAws, ansible: Ansible) -> None:
    account, region = TARGETS[0]
    host = f"{account}.{region}"
    aws.configure(filter_slots=1)
    try:
        run = ansible.run("logreflector.aws.deploy", "--limit", host)
        counts = run.catch_up(host)["counts"]
        assert run.status == 0
        # The group with another team's filter, and the full one. The class of the latter does not matter.
        assert counts["not_possible"] == 3
        assert "log_groups_slots) to 1" in run.recap()
        told = ansible.run("logreflector.aws.verify", "--limit", host, extra={"log_groups_slots": 1})
        assert told.status == 0, told.output
    finally:
        aws.configure(filter_slots=5)
