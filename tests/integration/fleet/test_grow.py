# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `grow` deploys to targets without a release, and to no other."""

from __future__ import annotations

from collections import Counter

import pytest
from deployed import FUNCTION, Deployed, calls_of_runs
from embedded_aws import RunningAws

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, REGIONS, Ansible, Run, write_inventory

GROW = "logreflector.aws.grow"
FIRST, SECOND = (MANAGEMENT, REGIONS[0]), (MEMBER, REGIONS[0])
UNREADABLE = ("333333333333", REGIONS[0])
READS = {"AssumeRole", "GetCallerIdentity", "GetFunction", "ListAliases", "GetAlias", "GetFunctionConfiguration"}


def host(target: tuple[str, str]) -> str:
    return ".".join(target)


@pytest.fixture(scope="module")
def growing(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return a runner of playbooks over two targets, and a third whose role nobody can assume."""
    folder = tmp_path_factory.mktemp("grow")
    inventory = write_inventory(folder, [FIRST, SECOND, UNREADABLE], log_groups_exclude=EXCLUDE)
    return Ansible(aws.deploy_environment(), inventory, folder)


def said(run: Run) -> str:
    """Return what the playbook printed about new targets."""
    return next(str(line["result"]["msg"]) for line in run.results if line["task"].endswith("Print what is new"))


def has_function(aws: RunningAws, target: tuple[str, str]) -> bool:
    return FUNCTION in Deployed(aws, *target).own_resources()


def test_grow_check_mode_announces_what_grow_does(aws: RunningAws, growing: Ansible) -> None:
    announced = growing.run(GROW, "--check", "--limit", host(FIRST))
    assert announced.status == 0, announced.output
    assert said(announced).startswith("1 new, 0 with a release")
    assert not has_function(aws, FIRST)
    run = growing.run(GROW, "--limit", host(FIRST))
    assert run.status == 0, run.output
    assert run.changes()[host(FIRST)] == announced.changes()[host(FIRST)] != []
    assert "subscribed" in run.recap()
    assert has_function(aws, FIRST)
    assert not has_function(aws, SECOND)


def test_grow_serves_new_target_and_names_unreadable_one(aws: RunningAws, growing: Ansible) -> None:
    aws.front.clear_journal()
    run = growing.run(GROW)
    assert run.status != 0
    assert said(run).startswith("1 new, 1 with a release, 0 without")
    assert "1 could not be read" in said(run)
    assert "Nothing is new" not in said(run)
    assert f"{host(UNREADABLE)}: failed." in run.recap()
    assert f"{host(SECOND)}: changed." in run.recap()
    assert has_function(aws, SECOND)
    assert run.changes()[host(FIRST)] == []
    deployed = {line["host"] for line in run.results if line["task"].endswith("Deploy everything")}
    assert deployed == {host(SECOND)}


def test_grow_without_new_targets_reads_each_once(aws: RunningAws, growing: Ansible) -> None:
    aws.front.clear_journal()
    run = growing.run(GROW, "--limit", f"{host(FIRST)},{host(SECOND)}")
    assert (run.status, run.changed_tasks()) == (0, []), run.output
    assert said(run).endswith("Nothing is new.")
    calls = Counter(call.operation for call in calls_of_runs(aws))
    assert set(calls) <= READS, calls
    assert [line["task"] for line in run.results if "preflight" in line["task"].lower()] == []


def test_grow_finishes_deployment_that_has_no_subscriber(aws: RunningAws, growing: Ansible) -> None:
    aws.client("lambda", *SECOND).delete_function(FunctionName=f"{FUNCTION}-subscriber")
    run = growing.run(GROW, "--limit", host(SECOND))
    assert run.status == 0, run.output
    assert said(run).startswith("1 new, 0 with a release")
    assert f"{FUNCTION}-subscriber" in Deployed(aws, *SECOND).own_resources()


def test_grow_does_not_deploy_where_preflight_finds_a_problem(aws: RunningAws, growing: Ansible) -> None:
    aws.client("lambda", *SECOND).delete_function(FunctionName=f"{FUNCTION}-subscriber")
    other = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:other"
    run = growing.run(GROW, "--limit", host(SECOND), extra={"reflector_secret_arns": [other]})
    assert run.status != 0
    assert "PROBLEM" in run.output
    assert f"{host(SECOND)}: failed. The target is not ready for a deployment" in run.recap()
    assert [line for line in run.results if line["task"].endswith("Deploy everything") and line["changed"]] == []


def test_grow_leaves_centralized_targets_alone(aws: RunningAws, growing: Ansible) -> None:
    aws.front.clear_journal()
    run = growing.run(GROW, "--limit", host(UNREADABLE), extra={"log_groups_mode": "centralized"})
    assert run.status == 0, run.output
    assert "1 without a deployment because AWS copies their logs" in said(run)
    assert calls_of_runs(aws) == []
