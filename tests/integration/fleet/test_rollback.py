# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollback on two targets: while lines are written, after a deployment that was killed, and twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed
from embedded_aws import Call, RunningAws
from embedded_aws.population import foreign_state

from playbooks import EXCLUDE, MEMBER, REGIONS, Ansible, Run, kill, wait_while_running, write_inventory

TARGETS = [(MEMBER, region) for region in REGIONS]
HOSTS = [f"{account}.{region}" for account, region in TARGETS]
SUBSCRIBER = "log-reflector-subscriber"
RULES = (SUBSCRIBER, f"{SUBSCRIBER}-sweep")
GROUP = "/aws/lambda/service-00"
SECOND = {
    "reflector_memory_size": 512,
    "reflector_environment": {"INCLUDE_LOG_INFO": "true", "SOURCE_CATEGORY_OVERRIDE": "second"},
    "subscriber_sweep_schedule": "rate(2 days)",
    "log_groups_exclude_tags": {"no-logs": ""},
}


def current_state(place: Deployed) -> dict[str, Any]:
    """Return functions, rules and filters as AWS has them."""
    functions = place.client("lambda")
    keys = ("CodeSha256", "MemorySize", "Environment", "Role", "Runtime", "Timeout")
    configurations = {name: functions.get_function_configuration(FunctionName=name) for name in (FUNCTION, SUBSCRIBER)}
    logs = place.client("logs")
    return {
        **{name: {key: found.get(key) for key in keys} for name, found in configurations.items()},
        **{f"rule {name}": rule(place, name) for name in RULES},
        "filters": logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"],
    }


def rule(place: Deployed, name: str) -> dict[str, Any]:
    """Return a rule with its target."""
    events = place.client("events")
    found, targets = events.describe_rule(Name=name), events.list_targets_by_rule(Rule=name)["Targets"]
    return {
        "description": found["Description"],
        "pattern": json.loads(found.get("EventPattern", "null")),
        "schedule": found.get("ScheduleExpression", ""),
        "state": found["State"],
        "targets": targets,
    }


@dataclass
class Story:
    """The runs by name, the deployer's writes in each run, and the state after it."""

    runs: dict[str, Run] = field(default_factory=dict)
    writes: dict[str, list[Call]] = field(default_factory=dict)
    stood: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    foreign: list[list[dict[str, Any]]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


def without_hashes(recap: str) -> str:
    """Return the recap without the hashes of the releases. Checks that each release has one."""
    shortened, found = re.subn(r"(0\.1\.0)\+[0-9a-f]{12}\b", r"\1", recap)
    assert found
    return shortened


@pytest.fixture(scope="module")
def places(aws: RunningAws) -> list[Deployed]:
    return [Deployed(aws, *target) for target in TARGETS]


@pytest.fixture(scope="module")
def fleet(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder: Path = tmp_path_factory.mktemp("rollback")
    inventory = write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE, rollback_waves=[1])
    return Ansible(aws.deploy_environment(), inventory, folder)


@pytest.fixture(scope="module")
def story(aws: RunningAws, fleet: Ansible, places: list[Deployed]) -> Story:
    told = Story()

    def play(name: str, playbook: str, *arguments: str, **extra: Any) -> None:
        aws.front.clear_journal()
        told.runs[name] = fleet.run(f"logreflector.aws.{playbook}", *arguments, extra=extra)
        assert told.runs[name].status == 0, told.runs[name].output
        writes = aws.front.writes()
        told.writes[name] = [call for call in writes if ":assumed-role/log-reflector-deployer/" in call.caller]

    def stand(name: str) -> None:
        told.stood[name] = [current_state(place) for place in places]

    play("status of nothing", "status")
    play("first", "deploy")
    stand("first")
    play("second", "deploy", **SECOND)
    stand("second")
    play("status of second", "status")
    told.foreign.append([foreign_state(aws, *target) for target in TARGETS])
    play("check", "rollback", "--check", "--diff")
    stand("check")
    with places[0].writing(GROUP) as told.written:
        play("back", "rollback")
    stand("back")
    told.foreign.append([foreign_state(aws, *target) for target in TARGETS])
    play("back again", "rollback", rollback_verify=False)
    play("status of back", "status")
    play("first again", "deploy")
    return told


def test_rollback_restores_functions_and_rules_and_keeps_filters(story: Story) -> None:
    assert story.stood["second"] != story.stood["first"]
    for place in story.stood["second"]:
        new_groups, sweep = (place[f"rule {name}"] for name in RULES)
        tag_events = new_groups["pattern"]["detail"]["$or"][1]
        assert "TagResource" in tag_events["eventName"]
        assert sweep["schedule"] == "rate(2 days)"
    assert story.stood["back"] == story.stood["first"]
    assert story.foreign[0] == story.foreign[1]
    # The run created nothing in CloudWatch Logs but the delivery check's log group.
    logs = {call.operation for call in story.writes["back"] if call.service == "logs"}
    assert logs == {"CreateLogGroup", "CreateLogStream", "PutLogEvents", "DeleteLogGroup"}


def test_rollback_check_mode_announces_the_changes(story: Story) -> None:
    assert story.writes["check"] == []
    assert story.stood["check"] == story.stood["second"]
    assert story.runs["check"].changes() == story.runs["back"].changes()
    recap = without_hashes(story.runs["check"].recap())
    assert "2 targets: reflector would go back to 0.1.0, subscriber would go back to 0.1.0" in recap


def test_rollback_during_deliveries_loses_no_line(story: Story, places: list[Deployed]) -> None:
    assert len(story.written) > 10
    sink = places[0].aws.sink

    def arrived() -> Counter[str]:
        return Counter(line["message"] for line in sink.lines() if line.get("message") in set(story.written))

    places[0].wait_until_idle()
    assert arrived() == dict.fromkeys(story.written, 1)
    assert [line for line in places[0].accounts() if "error" in line] == []
    started = sum(line.startswith("START ") for line in places[0].log())
    assert started == len(places[0].accounts()), "an invocation ended without its accounting line"
    assert places[0].counts() == (0, 0)


def test_rollback_repeated_changes_nothing(story: Story) -> None:
    assert story.runs["back again"].changed_tasks() == []
    assert story.writes["back again"] == []
    recap = without_hashes(story.runs["back again"].recap())
    assert "reflector is already back at 0.1.0, subscriber is already back at 0.1.0" in recap
    functions = {line for lines in story.runs["first again"].changes().values() for line in lines}
    assert functions <= {f"update release of function {name}" for name in (FUNCTION, SUBSCRIBER)}


def test_rollback_runs_in_waves_and_checks_delivery(story: Story) -> None:
    for number, host in enumerate(HOSTS, 1):
        assert f"Wave {number} of {len(HOSTS)}: 1 target ok, 0 failed (limit 0%)." in story.runs["back"].waves()
        assert (
            story.runs["back"].result(host, "Send a test line through the target")["delivery_check"][
                "seconds_to_delivery"
            ]
            >= 0
        )


def test_status_shows_current_and_previous_release(story: Story) -> None:
    packages = [str(story.stood["first"][0][name]["CodeSha256"])[:12] for name in (FUNCTION, SUBSCRIBER)]

    def told(name: str, history: str) -> None:
        recap = without_hashes(story.runs[name].recap())
        reflector, subscriber = (f"0.1.0 (package {package}, {history})" for package in packages)
        assert f"2 targets: reflector {reflector}, subscriber {subscriber}" in recap
        assert all(host in recap for host in HOSTS)
        assert story.writes[name] == []

    assert "2 targets: no reflector, no subscriber" in story.runs["status of nothing"].recap()
    told("status of second", "release before: 0.1.0")
    told("status of back", "withdrawn: 0.1.0")


def test_status_shows_manual_changes_and_failed_targets(story: Story, fleet: Ansible, places: list[Deployed]) -> None:
    places[0].client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=1024)
    places[0].aws.front.deny("GetFunction", account=MEMBER, region=REGIONS[1])
    try:
        run = fleet.run("logreflector.aws.status")
    finally:
        places[0].aws.front.clear_faults()
        assert fleet.run("logreflector.aws.deploy").status == 0
    assert run.status == 2
    assert "), CHANGED since its release, subscriber" in run.recap()
    assert f"{HOSTS[1]}: failed. Could not read function {FUNCTION}" in run.recap()


def test_rollback_after_killed_deployment_restores_functions(
    story: Story, fleet: Ansible, places: list[Deployed]
) -> None:
    aws = places[0].aws
    assert fleet.run("logreflector.aws.deploy").status == 0
    before = [current_state(place) for place in places]
    aws.front.clear_journal()
    process, _record = fleet.start("logreflector.aws.deploy", extra=SECOND)
    wait_while_running(
        process, lambda: aws.front.calls(operation="UpdateFunctionConfiguration"), "the update of a function"
    )
    kill(process)
    run = fleet.run("logreflector.aws.rollback")
    assert run.status == 0, run.output
    after = [current_state(place) for place in places]
    assert [place["filters"] for place in after] == [place["filters"] for place in before]
    assert after == before


def test_rollback_skips_targets_without_previous_release(story: Story, fleet: Ansible, places: list[Deployed]) -> None:
    """The first target without a release to go back to stopped the rollback of those that needed it."""
    for playbook in ("teardown", "deploy"):
        assert fleet.run(f"logreflector.aws.{playbook}").status == 0
    assert fleet.run("logreflector.aws.deploy", "--limit", HOSTS[1], extra=SECOND).status == 0
    run = fleet.run("logreflector.aws.rollback")
    assert run.status == 0, run.output
    recap = without_hashes(run.recap())
    assert f"1 target: left as it is, no release before is kept\n    {HOSTS[0]}" in recap
    assert f"1 target: reflector is back at 0.1.0, subscriber is back at 0.1.0\n    {HOSTS[1]}" in recap
