# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A permission that is missing: the deployer's is named by the run, a function's in its log, and nothing is lost."""

from __future__ import annotations

import json

from deployed import Deployed, dead_letters
from embedded_aws import RunningAws
from waits import wait_until

from playbooks import MANAGEMENT, POLICY, REGIONS, Ansible

# In the order in which a deployment needs them: each failure is a step further, on what the one before has left.
PERMISSIONS = (
    "sqs:CreateQueue",
    "iam:PassRole",
    "lambda:AddPermission",
    "lambda:CreateEventSourceMapping",
    "cloudwatch:PutMetricAlarm",
    "events:PutTargets",
    "logs:DescribeAccountPolicies",
    "logs:PutSubscriptionFilter",
)


def test_permission_missing_of_deployer_is_named(aws: RunningAws, ansible: Ansible) -> None:
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
            assert "failed. Could not" in failure
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


def _deployed_without(
    aws: RunningAws, ansible: Ansible, role: str, action: str, link: str
) -> tuple[Deployed, dict[str, str]]:
    """A fresh deployment one of whose functions lacks an action, of which the delivery check names the broken step; what gives it back."""
    place = Deployed(aws, MANAGEMENT, REGIONS[0])
    assert ansible.run("logreflector.aws.teardown", "--limit", place.host).status == 0
    assert ansible.run("logreflector.aws.deploy", "--limit", place.host).status == 0
    before = _without(aws, place.account, place.region, role, action)
    for timeout in (4, 40, 400):  # on a slow machine the links before it may take longer
        run = ansible.run("logreflector.aws.verify", "--limit", place.host, extra={"verify_timeout": timeout})
        assert run.status != 0
        if link in run.recap():
            break
    assert link in run.recap()
    wait_until_logged(place, role, action)
    return place, {"RoleName": role, "PolicyName": "log-reflector", "PolicyDocument": before}


def wait_until_logged(place: Deployed, role: str, action: str, about: str = "") -> None:
    """Wait until the function of that name logs the action that it lacks."""
    log_group = f"/aws/lambda/{role}"
    wait_until(
        lambda: any(about in message and action.split(":")[1] in message for message in place.log(log_group)),
        f"{action} {about} in {log_group}",
        seen=lambda: place.log(log_group)[-10:],
    )


def test_permission_missing_of_reflector_is_logged(aws: RunningAws, ansible: Ansible) -> None:
    place, _unused = _deployed_without(
        aws,
        ansible,
        "log-reflector",
        "secretsmanager:GetSecretValue",
        "the reflector reports: sumologic: ",
    )
    # Nothing is lost: after Lambda's retries the event waits with its reason.
    queue = "log-reflector-dead-letters"
    wait_until(
        lambda: any("GetSecretValue" in body for body in dead_letters(aws, place.account, place.region, queue)),
        f"GetSecretValue in a message of {queue}",
    )
    # The next deployment mends the role.
    mended = ansible.run("logreflector.aws.deploy", "--limit", place.host)
    assert mended.status == 0
    assert any("role" in change for change in mended.changes()[place.host])


def test_permission_missing_of_subscriber_is_logged(aws: RunningAws, ansible: Ansible) -> None:
    role, action = "log-reflector-subscriber", "logs:PutSubscriptionFilter"
    place, right = _deployed_without(aws, ansible, role, action, "the subscriber reports: denied, ")
    logs, group = place.client("logs"), "/made/meanwhile"
    logs.create_log_group(logGroupName=group)
    place.write(group, "a first line")
    wait_until_logged(place, role, action, group)
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []
    # Nothing is lost: with the permission back the event's next try does it, and what was written before is read.
    place.client("iam").put_role_policy(**right)
    wait_until(
        lambda: [line for line in aws.sink.lines() if line.get("logGroup") == group],
        f"the first line of {group} at the sink",
        seen=lambda: place.log(f"/aws/lambda/{role}")[-10:],
    )
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
