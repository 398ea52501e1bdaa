# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planned resources, and names, of a deployment that is checked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    ConflictError,
    LimitReachedError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.resources import (
    denied_findings,
    function_policy_findings,
    plan_finding,
    role_size_findings,
)

OPTIONS: dict[str, Any] = {"reflector_sumo_endpoint": "https://collectors.example/receiver/v1/http/token"}


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (RefusedError("change it", "not ours"), "foreign"),
        (ConflictError("change a statement", "somebody else's"), "foreign"),
        (LimitReachedError("write it", "too long"), "policy_size"),
        (AccessDeniedError("read it", "sqs:GetQueueUrl"), "permission"),
        (AccessDeniedError("read it", "explicit deny in a service control policy"), "organization"),
        (ReflectorError("use it", "it failed"), "resources"),
    ],
)
def test_error_of_a_plan_is_a_problem_of_its_kind(error: ReflectorError, key: str) -> None:
    found = plan_finding(error)
    assert (found.level, found.key) == ("problem", key)


@pytest.mark.parametrize(
    ("characters", "keeps", "number"), [(5120, True, 0), (5121, True, 1), (5121, False, 0), (10_241, True, 0)]
)
def test_role_policy_must_fit_beside_its_former_document(characters: int, keeps: bool, number: int) -> None:
    assert len(role_size_findings("IAM role x", characters, keeps_previous=keeps)) == number


@pytest.mark.parametrize(("size", "number"), [(16_384, 0), (16_385, 1)])
def test_function_policy_that_is_nearly_full_is_a_warning(size: int, number: int) -> None:
    assert len(function_policy_findings("x", size)) == number


def findings(aws: Any, **options: Any) -> list[tuple[str, str, str]]:
    result = aws.run("preflight_info", **{**OPTIONS, **options})
    assert not result.get("failed"), result
    assert aws.writes == []
    return [(each["level"], each["key"], each["sentence"]) for each in result["preflight"]["findings"]]


def test_empty_target_lacks_a_trail_only(aws: Any) -> None:
    assert [each[:2] for each in findings(aws)] == [("problem", "trail")]
    assert findings(aws, log_groups_mode="account_policy") == []


def test_wrong_names_are_all_found_at_once(aws: Any) -> None:
    found = findings(
        aws,
        log_groups_mode="account_policy",
        reflector_role_name="a role",
        reflector_rules_parameter="aws/rules",
        subscriber_rule_name="r" * 60,
        subscriber_queue_name="q" * 78,
    )
    names = [sentence for level, key, sentence in found if (level, key) == ("problem", "names")]
    assert [sentence.partition(":")[0] for sentence in names] == [
        "role a role",
        "parameter aws/rules",
        f"queue {'q' * 78}.fifo",
        f"rule {'r' * 60}-sweep",
    ]
    unread = {sentence for level, key, sentence in found if (level, key) == ("not_checked", "resources")}
    assert unread == {
        "the resources of the execution roles were not compared, because a name is wrong",
        "the resources of the subscriber were not compared, because a name is wrong",
    }


def test_wrong_options_of_one_part_do_not_hide_what_others_have(aws: Any) -> None:
    aws.client("sqs").create_queue(QueueName="log-reflector-subscriber-dead-letters")
    found = findings(
        aws, log_groups_mode="account_policy", reflector_routes=[{"log_groups": ["*"], "sinks": ["nowhere"]}]
    )
    assert [each[:2] for each in found] == [("problem", "options"), ("problem", "foreign")]
    assert "there is no sink nowhere" in found[0][2]


def test_deployment_with_several_foreign_resources_names_all_and_writes_nothing(aws: Any) -> None:
    for name in ("log-reflector-dead-letters", "log-reflector-subscriber-dead-letters"):
        aws.client("sqs").create_queue(QueueName=name)
    failed = aws.run("deployment", **OPTIONS)
    assert failed["failed"]
    assert aws.writes == []
    assert "change queue log-reflector-dead-letters in" in failed["msg"]
    assert "change queue log-reflector-subscriber-dead-letters in" in failed["msg"]


def test_deployed_target_has_no_finding(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    aws.writes.clear()
    assert [each[:2] for each in findings(aws)] == [("problem", "trail")]


def test_denied_action_is_one_finding_for_all_its_resources() -> None:
    queues, rule = (
        "The caller needs the IAM action for GetQueueUrl.",
        "The caller needs the IAM action for DescribeRule.",
    )
    errors = [AccessDeniedError(f"read queue {name}", "denied", advice=queues) for name in "abc"]
    found = denied_findings([*errors, AccessDeniedError("read rule d", "denied", advice=rule)])
    assert [(each.sentence, each.advice) for each in found] == [
        ("Could not read queue a: denied; the same for 2 more", queues),
        ("Could not read rule d: denied", rule),
    ]


def test_refusal_keeps_its_advice_without_the_plan() -> None:
    found = plan_finding(RefusedError("change it", "not ours", advice="Hand it over. Planned: update queue q."))
    assert found.advice == "Hand it over."
