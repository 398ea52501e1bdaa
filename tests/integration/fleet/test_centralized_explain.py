# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the events of a log group of a centralized target do not arrive: broken at one station after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from centralized_fleet import (
    ARCHIVE,
    AWAY,
    CENTRAL,
    EXCLUDED,
    FAR,
    FINE,
    HOME,
    LONG,
    LOST,
    SILENT,
    copies_fail,
    denied,
    deployed_fleet,
    function_stopped,
    no_permission,
    no_policy,
    no_trusted_access,
    running_organization,
    sink_down,
    write,
)
from deployed import Deployed, calls_of_runs
from embedded_aws import RunningAws

from playbooks import MANAGEMENT, MEMBER, ROOT, Ansible

SEND_POLICY = json.loads((ROOT / "docs" / "iam" / "test-line-policy.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    with running_organization(*SEND_POLICY["Statement"]) as running:
        yield running


@pytest.fixture(scope="module")
def source(aws: RunningAws) -> Deployed:
    return Deployed(aws, MEMBER, AWAY)


@pytest.fixture(scope="module")
def central(aws: RunningAws) -> Deployed:
    return Deployed(aws, CENTRAL, HOME)


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with everything deployed and a rule."""
    folder = tmp_path_factory.mktemp("explain")
    return deployed_fleet(aws, folder, folder / "out")


def explain(ansible: Ansible, place: Deployed, log_group: str, **extra: Any) -> tuple[dict[str, Any], str, int]:
    """Run the playbook on one target. Return the path, the output and the exit status."""
    run = ansible.run("logreflector.aws.explain", "--limit", place.host, extra={"log_group": log_group, **extra})
    return run.result(place.host, "Read every station")["log_group_path"], run.output, run.status


def statuses(path: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Status and cause of each station that is not in order."""
    return {each["name"]: (each["status"], each["cause"]) for each in path["stations"] if each["status"] != "ok"}


def problems(path: dict[str, Any]) -> dict[str, str]:
    """The cause of each problem."""
    return {name: cause for name, (status, cause) in statuses(path).items() if status == "problem"}


def fact(path: dict[str, Any], name: str) -> str:
    return str(next(each["fact"] for each in path["stations"] if each["name"] == name))


def test_delivered_events_are_followed_through_both_accounts(
    ansible: Ansible, source: Deployed, central: Deployed
) -> None:
    write(source, FINE, "one", "two")
    source.aws.front.clear_journal()
    path, output, status = explain(ansible, source, FINE)
    calls = calls_of_runs(source.aws)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}
    assert status == 0, output
    assert statuses(path) == {}
    assert path["verdict"]["outcome"] == "delivered"
    assert [each["name"] for each in path["stations"]] == [
        "log_group",
        "centralization",
        "copy",
        "subscription",
        "permission",
        "function",
        "route",
        "sink",
        "dead_letters",
        "delivery",
    ]
    assert "the rule central is healthy and copies it to 444444444444/eu-west-1" in output
    assert f"/central/{MEMBER}/{AWAY}{FINE} in {CENTRAL}/{HOME} exists since" in fact(path, "copy")
    assert "keeps events for ever" in fact(path, "copy")
    assert "2 of 2 events" in fact(path, "delivery")


def test_events_of_another_origin_with_the_same_name_do_not_count(
    ansible: Ansible, aws: RunningAws, source: Deployed
) -> None:
    write(source, FINE, "theirs")
    path, _output, status = explain(ansible, Deployed(aws, MANAGEMENT, AWAY), FINE)
    assert status == 0
    assert "yet, and the log group shows no event since the rule" in fact(path, "copy")
    assert path["verdict"]["outcome"] == "no_problem"


@pytest.mark.parametrize(
    ("region", "group", "station", "cause", "words", "advice"),
    [
        (
            AWAY,
            EXCLUDED,
            "centralization",
            "rule",
            f"the rule central leaves it out: LogGroupName NOT IN ('{EXCLUDED}')",
            "change centralization_rules",
        ),
        (AWAY, ARCHIVE, "log_group", "class", "its class INFREQUENT_ACCESS takes no filter", "class STANDARD"),
        (AWAY, LONG, "centralization", "name", "would have 519 characters", "Shorten log_group_name_pattern"),
        (
            FAR,
            FINE,
            "centralization",
            "no_rule",
            f"the rule central does not copy from {FAR}",
            "change centralization_rules",
        ),
    ],
)
def test_log_group_that_no_rule_copies_is_explained(
    ansible: Ansible, aws: RunningAws, region: str, group: str, station: str, cause: str, words: str, advice: str
) -> None:
    path, output, status = explain(ansible, Deployed(aws, MEMBER, region), group)
    assert status == 2
    assert path["verdict"]["station"] == station
    assert problems(path)[station] == cause
    assert words in fact(path, station)
    assert advice in path["verdict"]["to_do"][0]["advice"]
    assert "Verdict: Events of" in output


CAUSES = {
    "subscription": (no_policy, "missing", "the account has no subscription filter policy", "deploy"),
    "permission": (no_permission, "permission", "no statement of the policy of log-reflector lets", "deploy"),
    "function": (function_stopped, "stopped", "its reserved concurrency is 0", "deploy"),
}


@pytest.mark.parametrize("station", CAUSES)
def test_cause_in_the_destination_is_named_and_the_command_is_for_its_host(
    ansible: Ansible, source: Deployed, central: Deployed, station: str
) -> None:
    broken, cause, words, command = CAUSES[station]
    with broken(central):
        path, output, status = explain(ansible, source, FINE)
    assert status == 2
    assert problems(path)[station] == cause
    assert path["verdict"]["station"] == station
    assert words in fact(path, station)
    assert f"ansible-playbook logreflector.aws.{command} --limit {central.host}" in output


def test_unhealthy_rule_is_the_first_problem(ansible: Ansible, aws: RunningAws, source: Deployed) -> None:
    with no_trusted_access(aws):
        path, output, _status = explain(ansible, source, FINE)
    assert path["verdict"]["station"] == "centralization"
    assert problems(path)["centralization"] == "unhealthy"
    assert "selects it and copies nothing: Trusted access of observabilityadmin.amazonaws.com is not enabled" in output


def test_dropped_copies_are_a_problem_of_the_copy(ansible: Ansible, aws: RunningAws, source: Deployed) -> None:
    source.client("logs").create_log_group(logGroupName=LOST)
    with copies_fail(aws, "InvalidLogStream"):
        write(source, LOST, "never copied")
    path, _output, status = explain(ansible, source, LOST)
    assert status == 2
    assert problems(path)["copy"] == "no_copy"
    assert "AWS counted 1 InvalidLogStream errors of copies there" in fact(path, "copy")
    path, _output, _status = explain(ansible, source, FINE)
    assert problems(path) == {}, "the errors of copies are of another log group"


def test_refused_events_are_dead_letters_of_their_origin(
    ansible: Ansible, aws: RunningAws, source: Deployed, central: Deployed
) -> None:
    with sink_down(central):
        write(source, FINE, "refused")
    path, output, status = explain(ansible, source, FINE)
    assert status == 2
    assert problems(path) == {"sink": "refused", "dead_letters": "dead_letters"}
    assert f"ansible-playbook logreflector.aws.replay --limit {central.host}" in output
    assert "dead_letters" not in problems(explain(ansible, Deployed(aws, MANAGEMENT, AWAY), FINE)[0])
    sqs, url = central.queue()
    sqs.purge_queue(QueueUrl=url)
    write(source, FINE, "accepted")
    assert problems(explain(ansible, source, FINE)[0]) == {}


def test_unread_destination_makes_the_verdict_unknown(ansible: Ansible, source: Deployed, central: Deployed) -> None:
    with denied(central, "logs:DescribeLogGroups", "lambda:GetPolicy"):
        path, output, status = explain(ansible, source, SILENT)
    assert status == 2
    assert path["verdict"]["outcome"] == "unknown"
    assert statuses(path)["copy"] == ("not_checked", "denied")
    assert statuses(path)["permission"] == ("not_checked", "denied")
    assert "logs:DescribeLogGroups" in fact(path, "copy")
    assert "Whether events of /app/silent arrive is unknown: the copy was not checked." in output


def test_test_line_goes_through_the_copy_and_leaves_nothing(
    ansible: Ansible, source: Deployed, central: Deployed
) -> None:
    path, output, status = explain(ansible, source, FINE, send=True)
    assert status == 0, output
    assert path["seconds_to_delivery"] is not None
    assert path["notes"] == []
    assert "it accepted the test line" in fact(path, "sink")
    for place, group in ((source, FINE), (central, f"/central/{MEMBER}/{AWAY}{FINE}")):
        pages = place.client("logs").get_paginator("describe_log_streams").paginate(logGroupName=group)
        names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        assert not [name for name in names if name.startswith("log-reflector-explain-")]
        assert names, "other streams stay"
