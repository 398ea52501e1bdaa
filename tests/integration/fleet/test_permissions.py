# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A missing permission: the run names the deployer's, a function's log names the function's, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from deployed import Deployed, dead_letters
from embedded_aws import RunningAws
from waits import wait_until

from playbooks import BOUNDARY_POLICY, BOUNDED_POLICY, MANAGEMENT, POLICY, REGIONS, Ansible

# In the order in which a deployment needs them: each failure is one step further than the one before.
PERMISSIONS = (
    "sqs:CreateQueue",
    "iam:PassRole",
    "lambda:AddPermission",
    "lambda:CreateEventSourceMapping",
    "cloudwatch:PutMetricAlarm",
    "events:PutTargets",
    "logs:PutSubscriptionFilter",
)


def policy_without(policy: dict[str, Any], action: str) -> str:
    """Return the text of a policy without an action, which must be in it."""
    statements = []
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if kept := [item for item in actions if item != action]:
            statements.append({**statement, "Action": kept})
    text = json.dumps({**policy, "Statement": statements})
    assert f'"{action}"' in json.dumps(policy)
    assert f'"{action}"' not in text
    return text


@dataclass(frozen=True)
class Variant:
    """A policy of the deployer's role in docs/iam, and the variables of a deployment with it."""

    policy: dict[str, Any]
    variables: dict[str, Any]


VARIANTS = {
    "plain": Variant(POLICY, {}),
    "bounded": Variant(
        BOUNDED_POLICY,
        {"account_permissions_boundary": "arn:{partition}:iam::{account}:policy/log-reflector-boundary"},
    ),
}
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, aws: RunningAws) -> Iterator[Variant]:
    """Each variant of the policy, in force in the management account."""
    chosen, iam = VARIANTS[request.param], aws.client("iam", MANAGEMENT, REGIONS[0])
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(PolicyName="log-reflector-boundary", PolicyDocument=BOUNDARY_POLICY)
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(chosen.policy))
    yield chosen
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))


def test_permission_missing_of_deployer_is_named(aws: RunningAws, ansible: Ansible, variant: Variant) -> None:
    host, account, region = f"{MANAGEMENT}.{REGIONS[0]}", MANAGEMENT, REGIONS[0]
    assert ansible.run("logreflector.aws.teardown", "--limit", host).status == 0
    iam = aws.client("iam", account, region)
    for action in PERMISSIONS:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=policy_without(variant.policy, action))
        run = ansible.run("logreflector.aws.deploy", "--limit", host, extra=variant.variables)
        assert run.status == 2, action
        failure = next(line for line in run.recap().splitlines() if line.startswith(host))
        assert "failed. Could not" in failure
        assert action in failure
        assert account in failure
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(variant.policy))
    run = ansible.run("logreflector.aws.deploy", "--limit", host, extra=variant.variables)
    assert run.status == 0, run.output


def test_permission_missing_to_read_the_account_policy_is_a_note(aws: RunningAws, ansible: Ansible) -> None:
    """In the mode `filters` a deployment only checks whether a policy exists, so it works without the permission."""
    host, iam = f"{MANAGEMENT}.{REGIONS[0]}", aws.client("iam", MANAGEMENT, REGIONS[0])
    iam.put_role_policy(**DEPLOYER, PolicyDocument=policy_without(POLICY, "logs:DescribeAccountPolicies"))
    try:
        run = ansible.run("logreflector.aws.deploy", "--limit", host)
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))
    assert run.status == 0, run.output
    (note,) = (line for line in run.recap().splitlines() if line.startswith(f"{host}: note:"))
    assert "the policies cannot be read" in note
    assert "logs:DescribeAccountPolicies" in note


def test_permission_to_unbound_is_missing_of_bounded_deployer(aws: RunningAws, ansible: Ansible) -> None:
    """With the former policy a deployer could remove the boundary, and so give a function any permission."""
    place, bounded = Deployed(aws, MANAGEMENT, REGIONS[0]), VARIANTS["bounded"]
    iam = place.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(PolicyName="log-reflector-boundary", PolicyDocument=BOUNDARY_POLICY)
    all_of_the_account = ",".join(f"{MANAGEMENT}.{region}" for region in REGIONS)  # otherwise the roles would stay
    assert ansible.run("logreflector.aws.teardown", "--limit", all_of_the_account).status == 0
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(bounded.policy))
    try:
        refused = ansible.run("logreflector.aws.deploy", "--limit", place.host)
        assert (refused.status, "iam:CreateRole" in refused.recap()) == (2, True)
        run = ansible.run("logreflector.aws.deploy", "--limit", place.host, extra=bounded.variables)
        assert run.status == 0, run.output
        for name in ("log-reflector", "log-reflector-subscriber"):
            boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
            assert boundary == f"arn:aws:iam::{place.account}:policy/log-reflector-boundary"
        assert ansible.run("logreflector.aws.verify", "--limit", place.host, extra=bounded.variables).status == 0
        unbound = {"account_permissions_boundary": ""}
        refused = ansible.run("logreflector.aws.deploy", "--limit", place.host, extra=unbound)
        assert (refused.status, "iam:DeleteRolePermissionsBoundary" in refused.recap()) == (2, True)
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))


def _without(aws: RunningAws, account: str, region: str, role: str, action: str) -> str:
    """Take an action from the role's inline policy. Return the policy as it was."""
    iam = aws.client("iam", account, region)
    policy = iam.get_role_policy(RoleName=role, PolicyName="log-reflector")["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName="log-reflector", PolicyDocument=policy_without(policy, action))
    return json.dumps(policy)


def _deployed_without(
    aws: RunningAws, ansible: Ansible, role: str, action: str, link: str
) -> tuple[Deployed, dict[str, str]]:
    """Deploy, and take an action from the role. The delivery check must name the broken step. Return target and former policy."""
    place = Deployed(aws, MANAGEMENT, REGIONS[0])
    assert ansible.run("logreflector.aws.teardown", "--limit", place.host).status == 0
    assert ansible.run("logreflector.aws.deploy", "--limit", place.host).status == 0
    before = _without(aws, place.account, place.region, role, action)
    for timeout in (4, 40, 400):  # on a slow machine the earlier steps may take longer
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
    # The next deployment restores the role.
    restored = ansible.run("logreflector.aws.deploy", "--limit", place.host)
    assert restored.status == 0
    assert any("role" in change for change in restored.changes()[place.host])


def test_permission_missing_of_subscriber_is_logged(aws: RunningAws, ansible: Ansible) -> None:
    role, action = "log-reflector-subscriber", "logs:PutSubscriptionFilter"
    place, right = _deployed_without(aws, ansible, role, action, "the subscriber reports: denied, ")
    logs, group = place.client("logs"), "/made/meanwhile"
    logs.create_log_group(logGroupName=group)
    place.write(group, "a first line")
    wait_until_logged(place, role, action, group)
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []
    # Nothing is lost: when the permission is back, the event's next attempt succeeds, and the backfill sends earlier lines.
    place.client("iam").put_role_policy(**right)
    wait_until(
        lambda: [line for line in aws.sink.lines() if line.get("logGroup") == group],
        f"the first line of {group} at the sink",
        seen=lambda: place.log(f"/aws/lambda/{role}")[-10:],
    )
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
