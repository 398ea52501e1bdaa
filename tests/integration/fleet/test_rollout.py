# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole story over four targets, once: check, deploy, verify, deploy again, teardown; then what must be true of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Call, RunningAws
from embedded_aws.population import ARCHIVE_GROUP, EXCLUDED_GROUP, FULL_GROUP, foreign_state

from playbooks import POLICY, TARGETS, Ansible, Run

HOSTS = [f"{account}.{region}" for account, region in TARGETS]
# AWS asks for these when something is created, or read, with its tags (the mark is one); the emulator does not.
NEEDED_FOR_TAGS = {
    "cloudwatch:TagResource",
    "events:TagResource",
    "iam:TagRole",
    "lambda:TagResource",
    "sqs:TagQueue",
}
# What changed options, a new release or somebody's hand need, and a first roll-out and a teardown do not.
NEEDED_FOR_UPDATES = {
    "cloudwatch:UntagResource",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "lambda:DeleteFunctionConcurrency",
    "lambda:RemovePermission",
    "lambda:UntagResource",
    "lambda:UpdateEventSourceMapping",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "logs:DeleteRetentionPolicy",
    "sqs:SetQueueAttributes",
    "sqs:UntagQueue",
}
# What the mode account_policy needs. Whether a policy stands is looked at in both.
NEEDED_FOR_ACCOUNT_POLICY = {"logs:DeleteAccountPolicy", "logs:PutAccountPolicy"}
# Flow logs are asked for where a function is in a VPC, and one group's tags where the SDK cannot list groups by tag.
NEEDED_ELSEWHERE = {"ec2:DescribeFlowLogs", "logs:ListTagsForResource"}
# What rules that are longer than a function's environment need, but for GetParameter: this story has none, and teardown looks.
NEEDED_FOR_LONG_RULES = {
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:DescribeParameters",
    "ssm:ListTagsForResource",
    "ssm:PutParameter",
    "ssm:RemoveTagsFromResource",
}
# What replay needs: test_replay.py plays it.
NEEDED_FOR_REPLAY = {
    "lambda:InvokeFunction",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
}
# What a second release and a rollback need: test_rollback.py plays them. A first release lists aliases, publishes and makes one.
NEEDED_FOR_ROLLBACK = {"lambda:DeleteAlias", "lambda:ListVersionsByFunction", "lambda:UpdateAlias"}
# Whether a region is enabled is asked where one fails: test_places.py.
NEEDED_IN_TROUBLE = {"account:GetRegionOptStatus"}
# Services that IAM knows under another name than the endpoint.
IAM_NAMES = {"monitoring": "cloudwatch"}
# Verify creates and deletes the delivery check's log group; no other call of it writes.
CHECK_CALLS = {"CreateLogGroup", "CreateLogStream", "PutLogEvents", "DeleteLogGroup"}


@dataclass
class Story:
    """The runs, with the calls that the deployer made in each, and the foreign things before and after."""

    runs: dict[str, Run] = field(default_factory=dict)
    writes: dict[str, list[Call]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def story(aws: RunningAws, ansible: Ansible) -> Story:
    told = Story()
    # Where two workers of the reflector have a new group's line at the same time, it comes twice (docs/SUBSCRIPTIONS.md).
    aws.configure(parallel_events=1)

    def look(when: str) -> None:
        told.foreign[when] = [foreign_state(aws, *target) for target in TARGETS]

    def play(name: str, playbook: str, *arguments: str) -> None:
        aws.front.clear_journal()
        told.runs[name] = ansible.run(f"logreflector.aws.{playbook}", *arguments)
        calls = [call for call in aws.front.calls() if ":assumed-role/log-reflector-deployer/" in call.caller]
        told.writes[name] = [call for call in calls if call.write]
        told.looks[name] = sum(call.operation == "DescribeSubscriptionFilters" for call in calls)
        told.actions.update(f"{IAM_NAMES.get(call.service, call.service)}:{call.operation}" for call in calls)

    look("before")
    play("check", "deploy", "--check", "--diff")
    play("deploy", "deploy")
    play("again", "deploy")
    play("verify", "verify")
    look("deployed")
    play("teardown check", "teardown", "--check")
    play("teardown", "teardown")
    play("teardown again", "teardown")
    look("after")
    return told


@pytest.mark.parametrize("name", ["check", "deploy", "again", "verify", "teardown check", "teardown", "teardown again"])
def test_playbook_succeeds(story: Story, name: str) -> None:
    assert story.runs[name].status == 0, story.runs[name].output


def test_check_mode_writes_nothing(story: Story) -> None:
    assert story.writes["check"] == []
    assert story.writes["teardown check"] == []


def by_account(changes: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the lines of each account's targets. Any target does what is done once for an account, or once for the run."""
    found: dict[str, list[str]] = {}
    for host, lines in sorted(changes.items()):
        for line in lines:
            is_shared = line.startswith("create package ")
            found.setdefault("run" if is_shared else host.partition(".")[0], []).append(line)
    return {account: sorted(lines) for account, lines in found.items()}


def test_check_mode_announces_the_changes_of_deploy(story: Story) -> None:
    announced = story.runs["check"].changes()
    done = by_account(story.runs["deploy"].changes())
    for account, lines in by_account(announced).items():
        assert sorted((Counter(lines) - Counter(done[account])).elements()) == [], "announced and not done"
        assert sorted((Counter(done[account]) - Counter(lines)).elements()) == [], "done and not announced"
    assert set(announced) == set(HOSTS)
    assert any("create subscription of log group /shared/half" in changes for changes in announced.values())


def test_check_mode_announces_the_changes_of_teardown(story: Story) -> None:
    announced, done = (by_account(story.runs[run].changes()) for run in ("teardown check", "teardown"))
    for account, lines in done.items():
        assert sorted((Counter(announced[account]) - Counter(lines)).elements()) == [], "announced and not done"
        assert sorted((Counter(lines) - Counter(announced[account])).elements()) == [], "done and not announced"
    assert set(announced) == set(done)


def test_deploy_repeated_writes_nothing(story: Story) -> None:
    assert story.runs["again"].changed_tasks() == []
    assert story.writes["again"] == []


def test_deploy_repeated_reads_only_untagged_groups(story: Story) -> None:
    recap = story.runs["again"].recap()
    assert recap.count("no changes; 7 trusted by tag, not read again;") == len(HOSTS)
    assert story.looks["again"] == len(HOSTS) * 2  # at the full one, and at that of a function that others send to
    assert story.looks["verify"] >= len(HOSTS) * 8


def test_deploy_makes_roles_once_for_each_account(story: Story) -> None:
    creations = [call.account for call in story.writes["deploy"] if call.operation == "CreateRole"]
    assert sorted(creations) == sorted([account for account, region in TARGETS])  # two roles, two regions: two each


@pytest.mark.parametrize("host", HOSTS)
def test_catch_up_reports_why_a_group_is_not_subscribed(story: Story, host: str) -> None:
    result = story.runs["deploy"].catch_up(host)
    reasons = {entry["log_group"]: (entry["outcome"], entry["reason"]) for entry in result["not_subscribed"]}
    assert reasons[ARCHIVE_GROUP][0] == "not_possible"
    assert "INFREQUENT_ACCESS" in reasons[ARCHIVE_GROUP][1]
    assert reasons[FULL_GROUP][0] == "not_possible"
    assert "other-team-0" in reasons[FULL_GROUP][1]
    assert reasons[EXCLUDED_GROUP][0] == "excluded"
    assert "/aws/codebuild/*" in reasons[EXCLUDED_GROUP][1]
    assert result["counts"]["failed"] == 0
    assert result["counts"]["subscribed"] == 7


@pytest.mark.parametrize("host", HOSTS)
def test_verify_delivers_a_line_to_the_sink(story: Story, aws: RunningAws, host: str) -> None:
    check = story.runs["verify"].result(host, "Send a test line through the target")["delivery_check"]
    assert check["seconds_to_subscription"] >= 0
    assert check["seconds_to_delivery"] >= 0
    received = [line for line in aws.sink.lines() if line.get("logGroup") == check["log_group"]]
    assert len(received) == 1
    assert {call.operation for call in story.writes["verify"]} == CHECK_CALLS


def test_deploy_and_teardown_leave_foreign_resources(story: Story) -> None:
    for before, deployed, after in zip(*(story.foreign[when] for when in ("before", "deployed", "after")), strict=True):
        for what, stood in before.items():
            assert deployed[what] == stood, f"after the deployment: {what}"
            assert after[what] == stood, f"after the teardown: {what}"


def test_teardown_removes_all_our_resources(story: Story, aws: RunningAws) -> None:
    assert [name for target in TARGETS for name in Deployed(aws, *target).own_resources()] == []


def test_teardown_repeated_writes_nothing(story: Story) -> None:
    assert story.runs["teardown again"].changed_tasks() == []
    assert story.writes["teardown again"] == []


def test_deployer_policy_has_exactly_the_needed_permissions(story: Story) -> None:
    allowed = {action for statement in POLICY["Statement"] for action in as_list(statement["Action"])}
    assert story.actions - allowed == {"sts:GetCallerIdentity"}  # which needs no permission
    # PassRole is no call: CreateFunction needs it.
    needed_elsewhere = (
        NEEDED_FOR_TAGS
        | NEEDED_FOR_UPDATES
        | NEEDED_FOR_LONG_RULES
        | NEEDED_FOR_REPLAY
        | NEEDED_FOR_ROLLBACK
        | NEEDED_IN_TROUBLE
        | NEEDED_FOR_ACCOUNT_POLICY
        | NEEDED_ELSEWHERE
    )
    assert allowed - story.actions == needed_elsewhere | {"iam:PassRole"}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_output_shows_no_secret(story: Story, aws: RunningAws) -> None:
    keys = aws.deploy_environment()
    for run in story.runs.values():
        for secret in (aws.sink_url, keys["AWS_SECRET_ACCESS_KEY"]):
            assert secret not in run.output
            assert all(secret not in str(line) for line in run.results)
