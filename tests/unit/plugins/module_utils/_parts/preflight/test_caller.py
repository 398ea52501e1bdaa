# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions that the planned changes need, and IAM's decisions on them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.caller import (
    decisions_of,
    denial_findings,
    principal_arn,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.writes import needs_of
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import Call

ROLE = "arn:iam:role/log-reflector"


def needs(*changes: Change) -> dict[str, dict[str, set[str]]]:
    def operation(_service: str, method: str) -> str:
        return "".join(word.capitalize() for word in method.split("_"))

    return needs_of(changes, lambda service, name: f"arn:{service}:{name}", "log-reflector", ROLE, operation)


def change(kind: str, name: str = "log-reflector", payload: Any = None, action: Any = "create") -> Change:
    return Change(action, kind, name, payload=payload)


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        (
            change("function"),
            {
                "lambda": {"arn:lambda:function:log-reflector": {"lambda:CreateFunction", "lambda:TagResource"}},
                "iam": {ROLE: {"iam:PassRole"}},
            },
        ),
        (
            change("lambda permission", "log-reflector-logs", payload=object()),
            {"lambda": {"arn:lambda:function:log-reflector": {"lambda:AddPermission"}}},
        ),
        (
            change("log group", "/aws/lambda/x", payload=(None, object()), action="update"),
            {"logs": {"arn:logs:log-group:/aws/lambda/x:log-stream:": {"logs:PutRetentionPolicy"}}},
        ),
        (
            change("queue", "q", (Call("create_queue", {"QueueName": "q", "tags": {}}),)),
            {"sqs": {"arn:sqs:q": {"sqs:CreateQueue", "sqs:TagQueue"}}},
        ),
        (
            change("queue", "q", (Call("set_queue_attributes", {"QueueUrl": "https://sqs/1/q"}),)),
            {"sqs": {"arn:sqs:q": {"sqs:SetQueueAttributes"}}},
        ),
        (
            change("inline policy x of IAM role", "r", (Call("put_role_policy", {"RoleName": "r"}),)),
            {"iam": {"arn:iam:role/r": {"iam:PutRolePolicy"}}},
        ),
        (
            change("event rule", "r", (Call("put_rule", {"Name": "r"}), Call("put_targets", {"Rule": "r"}))),
            {"events": {"arn:events:rule/r": {"events:PutRule", "events:PutTargets"}}},
        ),
        (
            change("parameter", "/a/b", (Call("put_parameter", {"Name": "/a/b"}),)),
            {"ssm": {"arn:ssm:parameter/a/b": {"ssm:PutParameter"}}},
        ),
        (
            change("alarm", "a", (Call("tag_resource", {"ResourceARN": "arn:aws:cloudwatch:r:1:alarm:a"}),)),
            {"cloudwatch": {"arn:aws:cloudwatch:r:1:alarm:a": {"cloudwatch:TagResource"}}},
        ),
        (
            change("event source mapping", "m", (Call("create_event_source_mapping", {"FunctionName": "f"}),)),
            {"lambda": {"*": {"lambda:CreateEventSourceMapping"}}},
        ),
    ],
)
def test_change_needs_its_actions_on_its_resource(planned: Change, expected: Any) -> None:
    assert needs(planned) == expected


def evaluation(decision: str, **more: Any) -> dict[str, Any]:
    return {"EvalActionName": "sqs:CreateQueue", "EvalResourceName": "arn:q", "EvalDecision": decision, **more}


@pytest.mark.parametrize(
    ("result", "key", "text"),
    [
        (evaluation("allowed"), "", ""),
        (evaluation("implicitDeny"), "permission", "no policy of the caller allows it"),
        (evaluation("explicitDeny"), "permission", "a statement denies it"),
        (
            evaluation("explicitDeny", MatchedStatements=[{"SourcePolicyId": "guard\x1b[31m"}]),
            "permission",
            "a statement denies it (guard",
        ),
        (
            evaluation("implicitDeny", PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False}),
            "permission",
            "permissions boundary",
        ),
        (
            evaluation("implicitDeny", OrganizationsDecisionDetail={"AllowedByOrganizations": False}),
            "organization",
            "a policy of the organisation",
        ),
    ],
)
def test_denial_names_who_denies(result: dict[str, Any], key: str, text: str) -> None:
    found = denial_findings(decisions_of(result))
    assert [each.key for each in found] == ([key] if key else [])
    assert all(text in each.sentence and each.level == "problem" for each in found)


def test_denial_that_depends_on_a_condition_is_not_checked() -> None:
    (found,) = denial_findings(decisions_of(evaluation("implicitDeny", MissingContextValues=["aws:SourceVpc"])))
    assert (found.level, "aws:SourceVpc" in found.sentence) == ("not_checked", True)


def test_results_of_single_resources_count_and_denials_of_a_service_are_one_finding() -> None:
    each = [
        {"EvalResourceName": f"arn:{name}", "EvalResourceDecision": decision}
        for name, decision in (("a", "allowed"), ("b", "implicitDeny"), ("c", "implicitDeny"))
    ]
    (found,) = denial_findings(decisions_of(evaluation("implicitDeny", ResourceSpecificResults=each)))
    assert "sqs:CreateQueue on arn:b and 1 more" in found.sentence


@pytest.mark.parametrize(
    ("arn", "assumed", "expected"),
    [
        ("arn:aws:sts::1:assumed-role/deployer/session", None, "arn:aws:iam::1:role/deployer"),
        (
            "arn:aws:sts::1:assumed-role/deployer/session",
            "arn:aws:iam::1:role/path/deployer",
            "arn:aws:iam::1:role/path/deployer",
        ),
        ("arn:aws:iam::1:user/x", None, "arn:aws:iam::1:user/x"),
        ("arn:aws:iam::1:root", None, ""),
    ],
)
def test_principal_is_the_role_of_the_session(arn: str, assumed: str | None, expected: str) -> None:
    target: Any = SimpleNamespace(identity=SimpleNamespace(arn=arn))
    assert principal_arn(target, assumed) == expected
