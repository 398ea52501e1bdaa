# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module deployment in the mode centralized, against moto: what remains of a target, and when it is left alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized import switch
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.destinations import read_policies
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    Rules,
    SourceTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.criteria import parse_criteria
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import AccountPolicy

ACCOUNT, REGION, AWAY = "123456789012", "eu-west-1", "eu-central-1"
DEFAULTS = {name: argument.get("default") for name, argument in CONNECTION.items()}
OPTIONS = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}
CENTRALIZED = {
    **OPTIONS,
    "log_groups_mode": "centralized",
    "catch_up_settle_seconds": 0,
    "reflector_drain_seconds": 0,
    "reflector_settle_seconds": 0,
}
RULE = CopyRule(
    name="central",
    destination=("444444444444", REGION),
    regions=frozenset({REGION, AWAY}),
    pattern="/central/${source.accountId}/${source.region}${source.logGroup}",
    scope=parse_criteria(f"AccountId = '{ACCOUNT}'", frozenset({"AccountId"})),
    groups=parse_criteria("LogGroupName NOT LIKE '/aws/lambda/log-reflector%'", frozenset({"LogGroupName"})),
)


class Check:
    """The line through the copy, which arrives."""

    def __init__(self, *_unused: Any) -> None:
        pass

    def require_reflector(self) -> None:
        pass

    def run(self) -> dict[str, Any]:
        return {"seconds_to_copy": 1.0, "seconds_to_delivery": 2.0}


@pytest.fixture(autouse=True)
def centralization(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rule copy the account: moto has no centralization."""
    monkeypatch.setattr(
        switch, "read_rules_of", lambda target, _params: Rules(SourceTarget(ACCOUNT, target.region), (RULE,))
    )
    monkeypatch.setattr(switch, "copy_destinations", lambda *_unused: [])
    monkeypatch.setattr(switch, "read_policies", lambda *_unused: {})
    monkeypatch.setattr(switch, "CopyCheck", Check)


def functions(aws: Any, region: str = REGION) -> list[str]:
    return [each["FunctionName"] for each in aws.client("lambda", region).list_functions()["Functions"]]


def roles(aws: Any) -> list[str]:
    return [each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]]


def deploy(aws: Any, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = aws.run("deployment", **options)
    assert "failed" not in result, result
    return result


def test_centralized_target_keeps_nothing_and_check_mode_says_so(aws: Any) -> None:
    aws.client("logs").create_log_group(logGroupName="/app/orders")
    deploy(aws, **OPTIONS)
    planned = deploy(aws, check_mode=True, **CENTRALIZED)
    assert aws.writes == []
    done = deploy(aws, **CENTRALIZED)
    assert done["changes"] == planned["changes"]
    assert "delete subscription of log group /app/orders" in done["changes"]
    assert (functions(aws), roles(aws)) == ([], [])
    found = done["centralization"]
    assert (found["rules"], found["doubled"]["groups"]) == (["central"], 1)
    assert found["delivery_check"]["seconds_to_copy"] == 1.0
    again = deploy(aws, **CENTRALIZED)
    assert (again["changes"], aws.writes) == ([], [])


def test_centralized_target_with_dead_letters_is_left_as_it_is(aws: Any) -> None:
    deploy(aws, **OPTIONS)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="log-reflector-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    result = aws.run("deployment", **CENTRALIZED)
    assert result["failed"]
    assert "Send them again first: ansible-playbook logreflector.aws.replay." in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize("mode", ["filters", None])
def test_centralized_target_leaves_the_roles_to_other_targets_with_functions(aws: Any, mode: str | None) -> None:
    deploy(aws, **OPTIONS)
    other = {"region": AWAY} if mode is None else {"region": AWAY, "log_groups_mode": mode}
    deploy(aws, **CENTRALIZED, account_targets=[other])
    assert (functions(aws), len(roles(aws))) == ([], 2)


def test_centralized_targets_remove_the_roles_with_the_last_function(aws: Any) -> None:
    aws.client("secretsmanager", AWAY).create_secret(Name="log-reflector/sumo-endpoint")
    for region in (REGION, AWAY):
        deploy(aws, region=region, account_targets=[{"region": AWAY}], **OPTIONS)
    deploy(aws, **CENTRALIZED, account_targets=[{"region": AWAY, "log_groups_mode": "centralized"}])
    assert (functions(aws), len(functions(aws, AWAY)), len(roles(aws))) == ([], 2, 2)
    deploy(aws, region=AWAY, **CENTRALIZED, account_targets=[{"region": REGION, "log_groups_mode": "centralized"}])
    assert (functions(aws, AWAY), roles(aws)) == ([], [])


def test_centralized_target_names_excluded_groups_that_are_forwarded_from_now_on(aws: Any) -> None:
    for name in ("/app/orders", "/aws/codebuild/orders"):
        aws.client("logs").create_log_group(logGroupName=name)
    excluded = {"log_groups_exclude": ["/aws/codebuild/*"]}
    deploy(aws, **OPTIONS, **excluded)
    (_doubled, note) = deploy(aws, check_mode=True, **CENTRALIZED, **excluded)["centralization"]["notes"]
    assert (
        "1 log groups that the target's rules leave out are copied, and so forwarded from now on: /aws/codebuild"
        in note
    )


def test_centralized_target_under_a_policy_with_unknown_criteria_may_serve_any_group(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be parsed is not taken for unserved."""
    aws.client("logs").create_log_group(logGroupName="/app/orders")
    deploy(aws, **OPTIONS)
    policy = AccountPolicy("log-reflector", aws.arn("lambda", "function:log-reflector"), excluded=None)
    monkeypatch.setattr(switch.SwitchToCopies, "_policy", lambda *_unused: policy)
    nothing = dataclasses.replace(RULE, groups=parse_criteria("LogGroupName = '/other'", frozenset({"LogGroupName"})))
    monkeypatch.setattr(switch, "read_rules_of", lambda *_unused: Rules(SourceTarget(ACCOUNT, REGION), (nothing,)))
    result = aws.run("deployment", **CENTRALIZED)
    assert "served now would not be any more: /app/orders (the rule central leaves it out" in result["msg"]
    assert aws.writes == []


def test_centralized_target_whose_copy_the_destination_leaves_out_is_refused(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule copies the log group, and nothing forwards its copy."""
    aws.client("logs").create_log_group(logGroupName="/app/orders")
    deploy(aws, **OPTIONS)
    copy = f"/central/{ACCOUNT}/{REGION}/app/orders"
    policy = AccountPolicy("log-reflector", "arn:aws:lambda:x:y:function:log-reflector", excluded=frozenset({copy}))
    monkeypatch.setattr(switch, "read_policies", lambda *_unused: {RULE.destination: policy})
    result = aws.run("deployment", **CENTRALIZED)
    assert f"/app/orders (the account policy of 444444444444/{REGION} leaves out its copy {copy})" in result["msg"]
    assert aws.writes == []


def test_policies_are_read_in_the_destination(aws: Any) -> None:
    """A policy that sends elsewhere is none of ours."""
    rule = dataclasses.replace(RULE, destination=(ACCOUNT, AWAY))
    place = {
        "host": "central",
        "account": ACCOUNT,
        "region": AWAY,
        "options": {"region": AWAY, "function_name": "theirs"},
    }
    document = {"DestinationArn": f"arn:aws:lambda:{AWAY}:{ACCOUNT}:function:log-reflector", "FilterPattern": ""}
    kind = "SUBSCRIPTION_FILTER_POLICY"
    described = {"policyName": "ours", "policyDocument": json.dumps(document), "policyType": kind}
    aws.answering("logs", DescribeAccountPolicies=lambda _request: {"accountPolicies": [described]})

    def read(function: str) -> list[str]:
        place["options"] = {"region": AWAY, "reflector_function_name": function}
        params = {**DEFAULTS, "centralization": {"destinations": [place]}}
        found = read_policies(aws.target(), params, Rules(SourceTarget(ACCOUNT, REGION), (rule,)))
        return [policy.name for policy in found.values()]

    assert read("log-reflector") == ["ours"]
    assert read("theirs") == []
    assert (
        read_policies(aws.target(), {**DEFAULTS, "centralization": {}}, Rules(SourceTarget(ACCOUNT, REGION), (rule,)))
        == {}
    )
