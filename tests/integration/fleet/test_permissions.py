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
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate
from waits import wait_until

from playbooks import (
    BOUNDARY_POLICY,
    BOUNDED_POLICY,
    EXCLUDE,
    MANAGEMENT,
    MEMBER,
    POLICY,
    REGIONS,
    Ansible,
    Run,
    write_inventory,
)

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


DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}
BOUNDED = {"account_permissions_boundary": "arn:{partition}:iam::{account}:policy/log-reflector-boundary"}
TARGETS = [(MANAGEMENT, REGIONS[0]), (MEMBER, REGIONS[0])]


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start two accounts. IAM is enforced, with the deployer's policy of docs/iam."""
    organization = Organization(management=MANAGEMENT, members=(MEMBER,), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        for target in TARGETS:
            populate(running, *target, groups=2)
        yield running


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("permissions")
    inventory = write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE)
    return Ansible(aws.deploy_environment(), inventory, folder)


@contextlib.contextmanager
def deployer_policy(place: Deployed, policy: str) -> Iterator[None]:
    """Give the deployer's role another policy for the block."""
    iam = place.client("iam")
    iam.put_role_policy(**DEPLOYER, PolicyDocument=policy)
    try:
        yield
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))


@dataclass(frozen=True, slots=True)
class Story:
    """Deployments of a target: one without each permission, by the permission, and then one with all of them."""

    place: Deployed
    failed: dict[str, Run]
    complete: Run


@pytest.fixture(scope="module")
def story(aws: RunningAws, ansible: Ansible) -> Story:
    place, failed = Deployed(aws, *TARGETS[0]), {}
    for action in PERMISSIONS:
        with deployer_policy(place, policy_without(POLICY, action)):
            failed[action] = ansible.run("logreflector.aws.deploy", "--limit", place.host)
    return Story(place, failed, ansible.run("logreflector.aws.deploy", "--limit", place.host))


@pytest.fixture(scope="module")
def place(story: Story) -> Deployed:
    """Return a target with a deployment."""
    assert story.complete.status == 0, story.complete.output
    return story.place


@pytest.mark.parametrize("action", PERMISSIONS)
def test_permission_missing_of_deployer_is_named(story: Story, action: str) -> None:
    run = story.failed[action]
    assert run.status == 2, run.output
    failure = next(line for line in run.recap().splitlines() if line.startswith(story.place.host))
    assert "failed. Could not" in failure
    assert action in failure
    assert story.place.account in failure


def test_permissions_of_the_policy_complete_the_deployment_that_failed(story: Story) -> None:
    assert story.complete.status == 0, story.complete.output


def test_permission_missing_to_read_the_account_policy_is_a_note(place: Deployed, ansible: Ansible) -> None:
    """In the mode `filters` a deployment only checks whether a policy exists, so it works without the permission."""
    with deployer_policy(place, policy_without(POLICY, "logs:DescribeAccountPolicies")):
        run = ansible.run("logreflector.aws.deploy", "--limit", place.host)
    assert run.status == 0, run.output
    (note,) = (line for line in run.recap().splitlines() if line.startswith(f"{place.host}: note:"))
    assert "the policies cannot be read" in note
    assert "logs:DescribeAccountPolicies" in note


def test_permission_to_unbound_is_missing_of_bounded_deployer(aws: RunningAws, ansible: Ansible) -> None:
    """With the former policy a deployer could remove the boundary, and so give a function any permission."""
    place = Deployed(aws, *TARGETS[1])  # no other test makes roles in its account
    iam = place.client("iam")
    iam.create_policy(PolicyName="log-reflector-boundary", PolicyDocument=BOUNDARY_POLICY)
    with deployer_policy(place, json.dumps(BOUNDED_POLICY)):
        refused = ansible.run("logreflector.aws.deploy", "--limit", place.host)
        assert (refused.status, "iam:CreateRole" in refused.recap()) == (2, True)
        run = ansible.run("logreflector.aws.deploy", "--limit", place.host, extra=BOUNDED)
        assert run.status == 0, run.output
        for name in ("log-reflector", "log-reflector-subscriber"):
            boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
            assert boundary == f"arn:aws:iam::{place.account}:policy/log-reflector-boundary"
        assert ansible.run("logreflector.aws.verify", "--limit", place.host, extra=BOUNDED).status == 0
        unbound = {"account_permissions_boundary": ""}
        refused = ansible.run("logreflector.aws.deploy", "--limit", place.host, extra=unbound)
        assert (refused.status, "iam:DeleteRolePermissionsBoundary" in refused.recap()) == (2, True)


def _without(place: Deployed, role: str, action: str) -> str:
    """Take an action from the role's inline policy. Return the policy as it was."""
    iam = place.client("iam")
    policy = iam.get_role_policy(RoleName=role, PolicyName="log-reflector")["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName="log-reflector", PolicyDocument=policy_without(policy, action))
    return json.dumps(policy)


def take(place: Deployed, ansible: Ansible, role: str, action: str, link: str, **variables: Any) -> dict[str, str]:
    """Take an action from the role. The delivery check must name the broken step. Return the former policy."""
    before = _without(place, role, action)
    for timeout in (4, 40, 400):  # on a slow machine the earlier steps may take longer
        extra = {"verify_timeout": timeout, **variables}
        run = ansible.run("logreflector.aws.verify", "--limit", place.host, extra=extra)
        assert run.status != 0
        if link in run.recap():
            break
    assert link in run.recap()
    wait_until_logged(place, role, action)
    return {"RoleName": role, "PolicyName": "log-reflector", "PolicyDocument": before}


def wait_until_logged(place: Deployed, role: str, action: str, about: str = "") -> None:
    """Wait until the function of that name logs the action that it lacks."""
    log_group = f"/aws/lambda/{role}"
    wait_until(
        lambda: any(about in message and action.split(":")[1] in message for message in place.log(log_group)),
        f"{action} {about} in {log_group}",
        seen=lambda: place.log(log_group)[-10:],
    )


def test_permission_missing_of_reflector_is_logged(aws: RunningAws, ansible: Ansible, place: Deployed) -> None:
    # A function that has read the secret keeps it, so this one is new.
    new = {"reflector_memory_size": 512}
    assert ansible.run("logreflector.aws.deploy", "--limit", place.host, extra=new).status == 0
    role, action = "log-reflector", "secretsmanager:GetSecretValue"
    take(place, ansible, role, action, "the reflector reports: sumologic: ", **new)
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


def test_permission_missing_of_subscriber_is_logged(aws: RunningAws, ansible: Ansible, place: Deployed) -> None:
    role, action = "log-reflector-subscriber", "logs:PutSubscriptionFilter"
    right = take(place, ansible, role, action, "the subscriber reports: denied, ")
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
