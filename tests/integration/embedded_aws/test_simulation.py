# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM's policy simulation of a role."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from toys import Place
from toys import name as unused

QUEUES = "arn:aws:sqs:eu-west-1:222222222222:"


@pytest.fixture
def role(place: Place) -> str:
    """Create a role that may do little, and return its ARN."""
    iam, name = place.aws.client("iam", place.account, place.region), unused("simulated")
    statements = [
        {"Effect": "Allow", "Action": "sqs:*", "Resource": f"{QUEUES}ours-*"},
        {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        },
    ]
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=policy)
    return arn


def decisions(place: Place, role: str, actions: list[str], resources: list[str], **more: Any) -> list[str]:
    answer = place.aws.client("iam", place.account, place.region).simulate_principal_policy(
        PolicySourceArn=role, ActionNames=actions, ResourceArns=resources, **more
    )
    return [each["EvalDecision"] for each in answer["EvaluationResults"]]


def test_simulation_decides_on_every_action_and_resource(place: Place, role: str) -> None:
    found = decisions(place, role, ["sqs:CreateQueue", "sqs:DeleteQueue"], [f"{QUEUES}ours-1", f"{QUEUES}theirs"])
    assert found == ["allowed", "implicitDeny", "explicitDeny", "explicitDeny"]


def test_simulation_uses_the_given_condition_keys(place: Place, role: str) -> None:
    key = {"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string"}
    for value, decision in (("lambda.amazonaws.com", "allowed"), ("ec2.amazonaws.com", "implicitDeny")):
        context = [{**key, "ContextKeyValues": [value]}]
        assert decisions(place, role, ["iam:PassRole"], [role], ContextEntries=context) == [decision]


def test_simulation_of_an_unknown_role_finds_none(place: Place) -> None:
    with pytest.raises(ClientError, match="NoSuchEntity"):
        decisions(place, f"arn:aws:iam::{place.account}:role/nobody", ["sqs:CreateQueue"], ["*"])
