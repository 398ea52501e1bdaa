"""A permission that is missing: the deployer's is named by the run, a function's in its log, and nothing is lost."""

from __future__ import annotations

import json

import pytest
from deployed import Deployed, dead_letters, until
from embedded_aws import RunningAws

from playbooks import MANAGEMENT, POLICY, REGIONS, Ansible

# In the order in which a deployment needs them: each failure is a step further, on what the one before has left.
PERMISSIONS = (
    "sqs:CreateQueue",
    "iam:PassRole",
    "lambda:AddPermission",
    "events:PutTargets",
    "logs:PutSubscriptionFilter",
)


def test_a_missing_permission_of_the_deployer_is_named(aws: RunningAws, ansible: Ansible) -> None:
    host, account, region = f"{MANAGEMENT}.{REGIONS[0]}", MANAGEMENT, REGIONS[0]
    assert ansible.run("logreflector.aws.teardown", "--limit", host).status == 0
    iam = aws.client("iam", account, region)
    role = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}
    try:
        for action in PERMISSIONS:
            without = json.loads(json.dumps(POLICY))
            for statement in without["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                statement["Action"] = [item for item in actions if item != action]
            without["Statement"] = [statement for statement in without["Statement"] if statement["Action"]]
            assert without != POLICY
            iam.put_role_policy(**role, PolicyDocument=json.dumps(without))
            run = ansible.run("logreflector.aws.deploy", "--limit", host)
            assert run.status == 2, action
            failure = next(line for line in run.recap().splitlines() if line.startswith(host))
            assert "FAILED. Could not" in failure
            assert action in failure
            assert account in failure
    finally:
        iam.put_role_policy(**role, PolicyDocument=json.dumps(POLICY))


def _without(aws: RunningAws, account: str, region: str, role: str, action: str) -> str:
    """Take an action from the role's inline policy; the policy as it was."""
    iam = aws.client("iam", account, region)
    policy = iam.get_role_policy(RoleName=role, PolicyName="log-reflector")["PolicyDocument"]
    before = json.dumps(policy)
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [item for item in actions if item != action]
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
    assert json.dumps(policy) != before, f"{action} is not in the policy of {role}"
    iam.put_role_policy(RoleName=role, PolicyName="log-reflector", PolicyDocument=json.dumps(policy))
    return before


@pytest.mark.parametrize(
    ("role", "action", "log_group", "link"),
    [
        (
            "log-reflector-subscriber",
            "logs:PutSubscriptionFilter",
            "/aws/lambda/log-reflector-subscriber",
            "its subscription filter",
        ),
        (
            "log-reflector",
            "secretsmanager:GetSecretValue",
            "/aws/lambda/log-reflector",
            "the reflector's word that it delivered the line",
        ),
    ],
)
def test_a_missing_permission_of_a_function_is_named_in_its_log(
    aws: RunningAws, ansible: Ansible, role: str, action: str, log_group: str, link: str
) -> None:
    account, region = MANAGEMENT, REGIONS[0]
    host = f"{account}.{region}"
    assert ansible.run("logreflector.aws.teardown", "--limit", host).status == 0
    assert ansible.run("logreflector.aws.deploy", "--limit", host).status == 0
    _without(aws, account, region, role, action)
    run = ansible.run("logreflector.aws.verify", "--limit", host, extra={"verify_timeout": 4})
    assert run.status != 0
    assert link in run.recap()
    place, name = Deployed(aws, account, region), action.split(":")[1]
    until(lambda: any(name in message for message in place.log(log_group)))
    # Nothing is lost: after Lambda's retries the event waits with its reason.
    until(lambda: any(name in body for body in dead_letters(aws, account, region, f"{role}-dead-letters")))
    # The next deployment mends the role.
    mended = ansible.run("logreflector.aws.deploy", "--limit", host)
    assert mended.status == 0
    assert any("role" in change for change in mended.changes()[host])
