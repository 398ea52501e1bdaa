# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One life cycle over three targets: check, deploy, verify, deploy again, teardown. The tests check its results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Call, RunningAws
from embedded_aws.population import ARCHIVE_GROUP, EXCLUDED_GROUP, FULL_GROUP, foreign_state

from playbooks import MANAGEMENT, MEMBER, POLICY, TARGETS, Ansible, Run

HOSTS = [f"{account}.{region}" for account, region in TARGETS]
# AWS requires these to create or read a resource with tags (such as the owner tag). The emulator does not.
NEEDED_FOR_TAGS = {
    "cloudwatch:TagResource",
    "events:TagResource",
    "iam:TagRole",
    "lambda:TagResource",
    "sqs:TagQueue",
}
# Needed after changed options, a new release or a manual change, but not by a first deployment or a teardown.
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
# Needed by the mode account_policy. Both modes check whether a policy exists.
NEEDED_FOR_ACCOUNT_POLICY = {"logs:DeleteAccountPolicy", "logs:PutAccountPolicy"}
# Flow logs are read if a function is in a VPC, and a group's tags if the SDK cannot list groups by tag.
NEEDED_ELSEWHERE = {"ec2:DescribeFlowLogs", "logs:ListTagsForResource"}
# Needed by the playbook explain: see test_explain.py.
NEEDED_FOR_EXPLAIN = {"cloudwatch:GetMetricData", "logs:DescribeLogStreams"}
# Needed by the playbook preflight: see test_preflight.py.
NEEDED_FOR_PREFLIGHT = {
    "iam:GetPolicy",
    "iam:SimulatePrincipalPolicy",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "secretsmanager:GetResourcePolicy",
}
# Needed by the events of the playbook report: see test_flow.py.
NEEDED_FOR_EVENT_FLOW = {"cloudwatch:ListMetrics", "logs:GetQueryResults", "logs:StartQuery"}
# Needed by the playbook preview: see test_preview.py.
NEEDED_FOR_PREVIEW = {"cloudwatch:GetMetricStatistics", "pricing:GetProducts"}
# Needed by rules that are too long for the environment. The teardown here only uses GetParameter.
NEEDED_FOR_LONG_RULES = {
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:DescribeParameters",
    "ssm:ListTagsForResource",
    "ssm:PutParameter",
    "ssm:RemoveTagsFromResource",
}
# Needed by replay: see test_replay.py.
NEEDED_FOR_REPLAY = {
    "lambda:InvokeFunction",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
}
# Needed by a second release and a rollback: see test_rollback.py. A first release lists aliases, publishes and creates one.
NEEDED_FOR_ROLLBACK = {"lambda:DeleteAlias", "lambda:ListVersionsByFunction", "lambda:UpdateAlias"}
# Needed only if a region fails: see test_places.py.
NEEDED_IN_TROUBLE = {"account:GetRegionOptStatus"}
# Services whose IAM prefix differs from the endpoint.
IAM_NAMES = {"monitoring": "cloudwatch"}
# Verify creates and deletes the delivery check's log group, and writes nothing else.
CHECK_CALLS = {"CreateLogGroup", "CreateLogStream", "PutLogEvents", "DeleteLogGroup"}


@dataclass
class Story:
    """The runs, with the deployer's calls in each, and the resources of others before and after."""

    runs: dict[str, Run] = field(default_factory=dict)
    writes: dict[str, list[Call]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def story(aws: RunningAws, ansible: Ansible) -> Story:
    told = Story()
    # If two workers of the reflector get a new group's line at the same time, it arrives twice (docs/SUBSCRIPTIONS.md).
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
    """Return the lines by account: any target may do the work for its account."""
    found: dict[str, list[str]] = {}
    for host, lines in sorted(changes.items()):
        found.setdefault(host.partition(".")[0], []).extend(lines)
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
    assert story.looks["again"] == len(HOSTS) * 2  # on the full group, and on that of a function that others send to
    assert story.looks["verify"] >= len(HOSTS) * 8


def test_deploy_makes_roles_once_for_each_account(story: Story) -> None:
    creations = [call.account for call in story.writes["deploy"] if call.operation == "CreateRole"]
    assert Counter(creations) == dict.fromkeys((MANAGEMENT, MEMBER), 2)  # the reflector's role and the subscriber's


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
    assert story.actions - allowed == {"sts:GetCallerIdentity"}  # needs no permission
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
        | NEEDED_FOR_EXPLAIN
        | NEEDED_FOR_PREFLIGHT
        | NEEDED_FOR_EVENT_FLOW
        | NEEDED_FOR_PREVIEW
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
