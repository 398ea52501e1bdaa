# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deployer's policies in docs/iam equal those in the CloudFormation template of its role."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import lenient_options
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector_policy import reflector_policy
from ansible_collections.logreflector.aws.plugins.module_utils._parts.subscriber_policy import subscriber_policy

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml.safe_load((ROOT / "examples" / "deployer-role.yml").read_text(encoding="utf-8"))
MANAGED_POLICY_CHARACTERS = 6144  # without white space (page "IAM and AWS STS quotas")
BOUNDARY = "arn:aws:iam::*:policy/log-reflector-boundary"


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "iam" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def resolved(value: Any) -> Any:
    """Return a part of the template as CloudFormation resolves it in the partition aws."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return value["Fn::Sub"].replace("${AWS::Partition}", "aws")
        return {key: resolved(each) for key, each in value.items()}
    return [resolved(each) for each in value] if isinstance(value, list) else value


def of_variant(variant: str) -> list[dict[str, Any]]:
    """Return the statements that the template gives the deployer in a variant."""
    resources = TEMPLATE["Resources"]
    documents = [resources["Deployer"]["Properties"]["Policies"][0]["PolicyDocument"]]
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and resource["Condition"] == f"Is{variant.capitalize()}":
            assert resource["Properties"]["Roles"] == [{"Ref": "Deployer"}]
            documents.append(resource["Properties"]["PolicyDocument"])
    return [resolved(statement) for each in documents for statement in each["Statement"]]


@pytest.mark.parametrize(("variant", "file"), [("plain", "deployer-policy"), ("bounded", "deployer-policy-bounded")])
def test_template_policy_equals_the_policy_file(variant: str, file: str) -> None:
    assert variant in TEMPLATE["Parameters"]["Variant"]["AllowedValues"]
    by_sid = {statement["Sid"]: statement for statement in document(file)["Statement"]}
    assert {statement["Sid"]: statement for statement in of_variant(variant)} == by_sid


def test_template_boundary_equals_the_required_boundary() -> None:
    boundary = TEMPLATE["Resources"]["Boundary"]["Properties"]
    assert resolved(boundary["PolicyDocument"]) == document("boundary-policy")
    assert BOUNDARY.endswith(f"/{boundary['ManagedPolicyName']}")


@pytest.mark.parametrize("name", ["deployer-policy", "deployer-policy-bounded", "boundary-policy"])
def test_policy_fits_into_a_managed_policy(name: str) -> None:
    assert len(re.sub(r"\s", "", json.dumps(document(name)))) <= MANAGED_POLICY_CHARACTERS


def test_bounded_policy_cannot_remove_the_boundary() -> None:
    actions = {
        action: statement.get("Condition")
        for statement in document("deployer-policy-bounded")["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("iam:")
    }
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert actions[action] == {"ArnLike": {"iam:PermissionsBoundary": BOUNDARY}}
    assert not {"iam:DeleteRolePermissionsBoundary", "iam:AttachRolePolicy", "iam:CreatePolicyVersion"} & set(actions)


@pytest.mark.parametrize("name", ["deployer-trust-policy", "template"])
def test_deployer_trusts_one_role_and_not_a_whole_account(name: str) -> None:
    """Every principal of the management account that may assume any role could deploy."""
    trust = TEMPLATE["Resources"]["Deployer"]["Properties"]["AssumeRolePolicyDocument"]
    (statement,) = (document(name) if name != "template" else trust)["Statement"]
    condition = statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
    assert ":role/" in (condition["Fn::Sub"] if isinstance(condition, dict) else condition)


SINKS = {
    "stream": {"type": "kinesis", "stream": "s"},
    "delivery": {"type": "firehose", "stream": "s"},
    "archive": {"type": "s3", "bucket": "b", "kms_key_id": "arn:aws:kms:eu-west-1:111111111111:key/k"},
}


def test_boundary_allows_all_that_the_functions_need() -> None:
    options = {
        "region": "eu-west-1",
        "reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint",
        "reflector_sinks": SINKS,
        "reflector_kms_key_arn": "arn:aws:kms:eu-west-1:111111111111:key/k",
        "subscriber_notify": True,
        "subscriber_retention_days": 7,
        "subscriber_kms_key_arn": "arn:aws:kms:eu-west-1:111111111111:key/k",
    }
    boundary = document("boundary-policy")["Statement"]
    target = lenient_options(options)
    for policy in (reflector_policy([target]), subscriber_policy([target])):
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                for arn in statement["Resource"]:
                    assert any(_allows(each, action, arn) for each in boundary), f"{action} on {arn}"


def _allows(statement: dict[str, Any], action: str, arn: str) -> bool:
    actions, resources = (
        [value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"])
    )
    concrete = arn.replace("{partition}", "aws").replace("{account}", "111111111111")
    return action in actions and any(fnmatchcase(concrete, pattern) for pattern in resources)
