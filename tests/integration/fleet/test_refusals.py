# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refused run changes nothing: wrong rules on one target, and a teardown with dead letters in the queue."""

from __future__ import annotations

from typing import Any

import pytest
from deployed import FUNCTION, QUEUE, Deployed, calls_of_runs
from embedded_aws import Behaviour, RunningAws
from waits import wait_until

from playbooks import EXCLUDE, MEMBER, REGIONS, Ansible, write_inventory

FIRST, SECOND = (f"{MEMBER}.{region}" for region in REGIONS)
GOOD: dict[str, Any] = {"archive": {"type": "http", "endpoint": "ssm:/archive/endpoint"}}
BAD: dict[str, Any] = {"archive": {"type": "kinesis", "stream": 5}}


@pytest.fixture(scope="module")
def place(aws: RunningAws) -> Deployed:
    """Return the first target of the account. All its targets have the parameter of the good sinks."""
    for region in REGIONS:
        parameters = aws.client("ssm", MEMBER, region)
        parameters.put_parameter(Name="/archive/endpoint", Value=aws.sink_url, Type="SecureString")
    return Deployed(aws, MEMBER, REGIONS[0])


def ansible_over(aws: RunningAws, folder: Any, **variables: Any) -> Ansible:
    """Return a runner of playbooks over the account's two targets."""
    targets = [(MEMBER, region) for region in REGIONS]
    inventory = write_inventory(folder, targets, log_groups_exclude=EXCLUDE, replay_idle_timeout=2, **variables)
    return Ansible(aws.deploy_environment(), inventory, folder)


def secrets_read(place: Deployed) -> list[list[str]]:
    """Return the parameters that the reflector's role may read."""
    policy = place.client("iam").get_role_policy(RoleName=FUNCTION, PolicyName="log-reflector")["PolicyDocument"]
    return [item["Resource"] for item in policy["Statement"] if item.get("Sid") == "ReadSsm"]


def test_deploy_wrong_target_is_untouched_and_next_target_makes_roles(place: Deployed, tmp_path: Any) -> None:
    sinks = f"{{{{ {BAD} if inventory_hostname == '{FIRST}' else {GOOD} }}}}"
    ansible = ansible_over(place.aws, tmp_path, reflector_sinks=sinks)
    announced, run = (ansible.run("logreflector.aws.deploy", *mode) for mode in (["--check"], []))
    assert (announced.status, run.status) == (2, 2), run.output
    assert (
        f"{FIRST}: failed. Could not accept the variable reflector_sinks: the reflector would refuse its rules: sinks.archive.stream: must be a string."
        in run.recap()
    )
    assert f"{SECOND}: changed" in run.recap()
    assert run.changes()[FIRST] == []
    assert announced.changes() == run.changes()
    assert f"create IAM role {FUNCTION}" in run.changes()[SECOND]
    assert secrets_read(place) == [[f"arn:aws:ssm:*:{MEMBER}:parameter/archive/endpoint"]]


@pytest.mark.parametrize(
    ("sinks", "told"),
    [
        (BAD, "sinks.archive.stream: must be a string."),
        (["archive"], "argument 'reflector_sinks' is of type list"),
        (
            {"archive": {**GOOD["archive"], "headers": {"X-Long": "x" * 8192}}},
            "bytes of JSON, and an SSM parameter holds at most 8192.",
        ),
    ],
    ids=["an option", "a type", "too long"],
)
def test_deploy_wrong_rules_change_no_function(place: Deployed, tmp_path: Any, sinks: Any, told: str) -> None:
    deployed = ansible_over(place.aws, tmp_path, reflector_sinks=GOOD).run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    standing = secrets_read(place)
    assert len(standing) == 1
    place.aws.front.clear_journal()
    mistaken = ansible_over(place.aws, tmp_path, reflector_sinks=sinks).run("logreflector.aws.deploy")
    assert mistaken.status == 2, mistaken.output
    assert told in mistaken.recap()
    assert "2 targets: failed. " in mistaken.recap()
    assert "Traceback" not in mistaken.output
    assert calls_of_runs(place.aws) == []
    assert secrets_read(place) == standing


def test_teardown_with_dead_letters_is_refused(place: Deployed, tmp_path: Any) -> None:
    ansible = ansible_over(place.aws, tmp_path)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    place.aws.sink.behave(Behaviour(status=404))
    place.write("/aws/lambda/service-00", "to be sent again")
    wait_until(lambda: place.counts() == (1, 0), "one dead letter", seen=lambda: (place.counts(), place.accounts()))
    place.aws.sink.behave()
    place.aws.sink.clear()

    refused = ansible.run("logreflector.aws.teardown", "--limit", FIRST)
    assert refused.status == 2, refused.output
    assert f"{FIRST}: failed. Could not delete queue {QUEUE}" in refused.recap()
    replayed = ansible.run("logreflector.aws.replay", "--limit", FIRST)
    assert replayed.status == 0, replayed.output
    assert [line["message"] for line in place.aws.sink.lines()] == ["to be sent again"]
    torn_down = ansible.run("logreflector.aws.teardown")
    assert torn_down.status == 0, torn_down.output
    assert place.own_resources() == []
