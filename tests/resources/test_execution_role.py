# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ExecutionRole: one role of an account, written by workers of several regions."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converge
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import compact_json
from ansible_collections.logreflector.aws.plugins.module_utils._resources.execution_role.api import Role
from ansible_collections.logreflector.aws.plugins.module_utils._resources.execution_role.role import (
    LAMBDA_TRUST,
    POLICIES_LIMIT,
    POLICY,
    PREVIOUS,
    ExecutionRole,
    RoleSettings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.policy_document import size
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from aws_in_tests import LAMBDA_TRUST as TRUST
from aws_in_tests import OWNER, OWNER_LIST, Cloud

BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"


def document(action: str | list[str] = "logs:PutLogEvents", resource: str = "*") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


OLD = document(["logs:PutLogEvents", "logs:CreateLogStream"], "arn:{partition}:logs:*:{account}:*")
NEW = document()


def role(name: str = "r", **settings: Any) -> RoleSettings:
    return RoleSettings(**{"name": name, "policy": OLD, **settings})


def absent(name: str) -> RoleSettings:
    return RoleSettings(name=name, present=False)


def run(cloud: Cloud, settings: RoleSettings, *, check_mode: bool = False) -> dict[str, Any]:
    return cloud.converge(ExecutionRole, settings, check_mode=check_mode)


def change(cloud: Cloud, settings: RoleSettings) -> dict[str, Any]:
    return cloud.converge_and_repeat(ExecutionRole, settings)


def stored_policies(cloud: Cloud, name: str) -> dict[str, Any]:
    iam = cloud.client("iam")
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names}


def role_answer(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return GetRole's answer as AWS sends it: the trust policy is text."""
    found = cloud.client("iam").get_role(RoleName=name)["Role"]
    return {"Role": {**found, "AssumeRolePolicyDocument": json.dumps(found["AssumeRolePolicyDocument"])}}


def managed_policy(cloud: Cloud, name: str) -> str:
    policy = cloud.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(NEW))["Policy"]
    return str(policy["Arn"])


def test_role_life_cycle(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), "life"
    created = change(cloud, role(name, description="d", tags={"a": "1"}))
    assert created["changes"] == [f"create IAM role {name}", f"create inline policy {POLICY} of IAM role {name}"]
    assert cloud.writes == ["CreateRole", "PutRolePolicy"]
    found = created["role"]
    assert (found["description"], found["path"], found["max_session_duration"]) == ("d", "/", 3600)
    assert (found["trust_policy"], found["tags"]) == (LAMBDA_TRUST, {"a": "1", **OWNER})
    expanded = document(OLD["Statement"][0]["Action"], f"arn:aws:logs:*:{cloud.account}:*")
    assert stored_policies(cloud, name) == {POLICY: expanded}

    shuffled = {**OLD, "Statement": {**OLD["Statement"][0], "Action": ["LOGS:CreateLogStream", "logs:PutLogEvents"]}}
    assert not run(cloud, role(name, description="d", policy=shuffled, tags={"a": "1"}))["changed"]
    reads = ["GetCallerIdentity", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies"]
    assert sorted(cloud.calls) == reads

    arn = managed_policy(cloud, f"{name}-managed")
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.put_role_policy(RoleName=name, PolicyName="other", PolicyDocument=json.dumps(NEW))
    iam.update_role(RoleName=name, MaxSessionDuration=7200, Description="d")
    changed = change(cloud, role(name, description="e", policy=NEW, tags={"b": "2"}, permissions_boundary=arn))
    assert cloud.writes == [
        "TagRole",
        "PutRolePermissionsBoundary",
        "UpdateRole",
        "PutRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
    ]
    found = changed["role"]
    assert (found["description"], found["max_session_duration"], found["permissions_boundary"]) == ("e", 7200, arn)
    assert found["tags"] == {"a": "1", "b": "2", **OWNER}
    assert stored_policies(cloud, name) == {POLICY: NEW, PREVIOUS: expanded}
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []

    back = change(cloud, role(name, description="e", permissions_boundary=""))
    assert (cloud.writes, back["role"]["permissions_boundary"]) == (
        ["DeleteRolePermissionsBoundary", "PutRolePolicy", "PutRolePolicy"],
        "",
    )
    assert stored_policies(cloud, name) == {POLICY: expanded, PREVIOUS: NEW}

    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert change(cloud, absent(name))["role"] is None
    assert cloud.writes == ["DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=name)
    assert not run(cloud, absent(name))["changed"]


def test_role_with_another_trust_policy_has_it_with_its_account(cloud: Cloud) -> None:
    name = "for-logs"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "{account}"}},
    }
    settings = role(name, trust_policy={"Version": "2012-10-17", "Statement": [statement]})
    change(cloud, settings)
    (found,) = cloud.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert found == {**statement, "Condition": {"StringEquals": {"aws:SourceAccount": cloud.account}}}
    assert not run(cloud, settings)["changed"]
    assert change(cloud, role(name))["changes"] == [f"update trust policy of IAM role {name}"]
    change(cloud, absent(name))


def test_role_changed_by_others_is_repaired(cloud: Cloud) -> None:
    """Somebody who could write the role, or created it first with our tag, kept his trust and his rights for good."""
    iam, name = cloud.client("iam"), "tampered"
    trust = {"Version": "2012-10-17", "Statement": [*TRUST["Statement"], {**TRUST["Statement"][0]}]}
    trust["Statement"][1]["Principal"] = {"AWS": "arn:aws:iam::999999999999:root"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=OWNER_LIST)
    kept, foreign = managed_policy(cloud, "kept"), managed_policy(cloud, "foreign")
    for arn in (kept, foreign):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    settings = role(name, kept_managed_policies=("arn:{partition}:iam::{account}:policy/kept",))
    done = change(cloud, settings)
    assert done["changes"] == [
        f"update trust policy of IAM role {name}",
        f"create inline policy {POLICY} of IAM role {name}",
        f"delete attachment of {foreign} of IAM role {name}",
    ]
    assert done["diff"][0]["before"]["Statement"] == trust["Statement"]
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == LAMBDA_TRUST
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [item["PolicyArn"] for item in attached] == [kept]
    change(cloud, absent(name))


def test_role_without_previous_keeps_no_right_that_was_taken_away(cloud: Cloud) -> None:
    name = "no-previous"
    run(cloud, role(name))
    run(cloud, role(name, policy=NEW))
    assert set(stored_policies(cloud, name)) == {POLICY, PREVIOUS}
    done = change(cloud, role(name, policy=NEW, keep_previous=False))
    assert done["changes"] == [f"delete inline policy {PREVIOUS} of IAM role {name}"]
    change(cloud, role(name, keep_previous=False))
    assert set(stored_policies(cloud, name)) == {POLICY}


def test_role_vpc_access_is_a_statement_of_the_policy(cloud: Cloud) -> None:
    change(cloud, role("vpc", policy=NEW, vpc_access=True))
    own, vpc = stored_policies(cloud, "vpc")[POLICY]["Statement"]
    assert (own, vpc["Resource"]) == (NEW["Statement"][0], "*")
    assert {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"} < {
        *vpc["Action"]
    }
    change(cloud, role("vpc", policy={**NEW, "Statement": NEW["Statement"][0]}))
    assert stored_policies(cloud, "vpc")[POLICY]["Statement"] in (NEW["Statement"], NEW["Statement"][0])


def test_role_foreign_is_refused(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=json.dumps(TRUST), Description="theirs")
    before = iam.get_role(RoleName="foreign")["Role"]
    for settings in (role("foreign", description="theirs"), role("foreign", tags={"a": "b"}), absent("foreign")):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, settings, check_mode=check_mode)
            assert cloud.writes == []
    assert iam.get_role(RoleName="foreign")["Role"] == before
    iam.tag_role(RoleName="foreign", Tags=OWNER_LIST)
    assert change(cloud, absent("foreign"))["changed"]


def run_at_once(cloud: Cloud, settings: RoleSettings, workers: int = 6) -> list[Any]:
    begin, results, targets = threading.Barrier(workers), [], [cloud.target() for _worker in range(workers)]
    for target in targets:  # they may share a session, and threads must not create clients of one session
        _clients = target.client("iam"), target.client("sts")

    def work(target: Target) -> None:
        begin.wait()
        try:
            results.append(converge(ExecutionRole(target, settings), check_mode=False))
        except ReflectorError as error:
            results.append({"role": str(error)})

    threads = [threading.Thread(target=work, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [result["role"] for result in results]


def test_role_written_by_many_workers_at_once(cloud: Cloud) -> None:
    """Regions of one account deploy at the same time. Nobody fails, and all report the same role."""
    for settings in (role("many", description="d", tags={"a": "b"}), role("many", description="e", policy=NEW)):
        roles = run_at_once(cloud, settings)
        assert roles[0]["description"] == settings.description
        # The last read of one worker may be older than the last write of another.
        assert len({json.dumps({**found, "policies": {}}, sort_keys=True) for found in roles}) == 1
        assert not run(cloud, settings)["changed"]
    assert set(stored_policies(cloud, "many")) == {POLICY, PREVIOUS}
    assert stored_policies(cloud, "many")[PREVIOUS]["Statement"][0]["Action"] == OLD["Statement"][0]["Action"]
    assert run_at_once(cloud, absent("many")) == [None] * 6


@pytest.mark.backend("moto")
def test_role_created_by_another_worker_meanwhile_is_completed(cloud: Cloud) -> None:
    name = "meanwhile"
    run(cloud, role(name))
    no_role = "NoSuchEntity: not yet"
    cloud.answer("GetRole", no_role, no_role)  # the second one after CreateRole: IAM is eventually consistent
    result = run(cloud, role(name, description="d"))
    assert cloud.writes == ["CreateRole", "UpdateRole"]
    assert result["changes"] == [f"update description of IAM role {name}"]

    cloud.client("iam").untag_role(RoleName=name, TagKeys=list(OWNER))
    cloud.answer("GetRole", no_role)
    with pytest.raises(RefusedError):
        run(cloud, role(name, description="e"))

    cloud.answer("GetRole", *(answer for _unused in range(3) for answer in (no_role, role_answer(cloud, name))))
    with pytest.raises(ConflictError) as failure:
        run(cloud, role(name, description="e"))
    assert (failure.value.code, failure.value.done["changed"]) == ("EntityAlreadyExists", False)


@pytest.mark.backend("moto")
def test_role_retries_transient_errors_within_the_limit(cloud: Cloud) -> None:
    cloud.answer(
        "PutRolePolicy", "ConcurrentModification: again", "Throttling: slow", "NoSuchEntity: role not known yet"
    )
    assert run(cloud, role("retried"))["changed"]
    assert cloud.writes == ["CreateRole", *["PutRolePolicy"] * 4]

    cloud.answer("UpdateRole", "ConcurrentModification: again")
    with pytest.raises(ConflictError, match="Could not update description of IAM role retried") as failure:
        run(cloud, role("retried", description="d", wait_seconds=0))
    assert failure.value.code == "ConcurrentModification"

    cloud.answer("UpdateRole", "NoSuchEntity: an existing role is gone")
    with pytest.raises(NotFoundError):
        run(cloud, role("retried", description="d"))
    assert cloud.writes == ["UpdateRole"]

    cloud.answer("DeleteRole", "DeleteConflict: a detachment is not known yet")
    assert run(cloud, absent("retried"))["role"] is None
    assert cloud.writes == ["DeleteRolePolicy", "DeleteRole", "DeleteRole"]


@pytest.mark.backend("moto")
def test_role_missing_boundary_at_the_write_names_the_variable(cloud: Cloud) -> None:
    """Deployers who may not read the policy got "Scope ARN ... does not exist or is not attachable" without advice."""
    cloud.answer("CreateRole", f"NoSuchEntity: Scope ARN: {BOUNDARY} does not exist or is not attachable.")
    with pytest.raises(NotFoundError, match=r"Could not create IAM role bound .*account_permissions_boundary"):
        run(cloud, role("bound", permissions_boundary=BOUNDARY, wait_seconds=0))


@pytest.mark.backend("moto")
def test_role_deleted_by_another_worker_meanwhile_is_no_error(cloud: Cloud) -> None:
    run(cloud, role("gone"))
    no_role = "NoSuchEntity: gone"
    cloud.answer("GetRole", role_answer(cloud, "gone"), no_role)
    for operation in ("ListAttachedRolePolicies", "DeleteRolePolicy", "DeleteRole"):
        cloud.answer(operation, no_role)
    assert run(cloud, absent("gone"))["role"] is None


@pytest.mark.backend("moto")
def test_role_failure_reports_the_changes_before_it(cloud: Cloud) -> None:
    run(cloud, role("half"))
    cloud.answer("DeleteRole", "AccessDenied: not authorized")
    with pytest.raises(
        AccessDeniedError, match=r"Could not delete IAM role half.*needs the IAM action for DeleteRole"
    ) as failure:
        run(cloud, absent("half"))
    assert failure.value.done["changes"] == [f"delete inline policy {POLICY} of IAM role half"]


@pytest.mark.backend("embedded")  # moto does not evaluate policies
def test_role_deployer_policy_covers_our_roles_only(cloud: Cloud) -> None:
    deployer, name = cloud.as_deployer("iam"), "log-reflector-subscriber"
    for settings in (role(name), role(name, policy=NEW, description="d", tags={"a": "1"}), absent(name)):
        assert change(deployer, settings)["changed"]
    with pytest.raises(AccessDeniedError, match="iam:GetRole"):
        run(deployer, role("other"))


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"policy": {}}, "policy"),
        ({"policy": {"Version": "2012-10-17"}}, "policy"),
        ({"tags": {"managed-by": "me"}}, "tags"),
    ],
)
def test_role_wrong_setting_is_refused(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        ExecutionRole(Target(None, "eu-west-1"), role(**settings))


# Plans


def plan(policies: dict[str, Any], policy: Mapping[str, Any] = MappingProxyType(NEW), **attributes: Any) -> list[Any]:
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-cn:iam::111111111111:user/me")
    settings = role(policy=policy, permissions_boundary=attributes.pop("given", None))
    actual = Role(name="r", arn="arn:r", tags=OWNER, trust_policy=TRUST, policies=policies, **attributes)
    return ExecutionRole(target, settings).plan(actual)


def lines(changes: list[Any]) -> list[str]:
    return [str(change).removesuffix(" of IAM role r") for change in changes]


def of_size(characters: int) -> dict[str, Any]:
    return document(resource="x" * (characters - size(document(resource=""))))


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({}, [f"create inline policy {POLICY}"]),
        ({POLICY: document("LOGS:PutLogEvents")}, []),
        ({POLICY: NEW, PREVIOUS: document("a:b")}, []),
        ({POLICY: document("a:b")}, [f"create inline policy {PREVIOUS}", f"update inline policy {POLICY}"]),
        # the run before ended between the two writes
        ({POLICY: document("a:b"), PREVIOUS: document("A:B")}, [f"update inline policy {POLICY}"]),
        (
            {POLICY: document("c:d"), PREVIOUS: document("a:b"), "other": NEW},
            [f"update inline policy {PREVIOUS}", f"update inline policy {POLICY}", "delete inline policy other"],
        ),
    ],
)
def test_role_plan_keeps_the_former_policy_and_purges_others(policies: dict[str, Any], expected: list[str]) -> None:
    changes = plan(policies)
    assert lines(changes) == expected
    if len(changes) > 1:
        former = {"RoleName": "r", "PolicyName": PREVIOUS, "PolicyDocument": compact_json(policies[POLICY])}
        assert changes[0].payload[0].request == former


@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        ("", BOUNDARY, ["create permissions boundary"]),
        (BOUNDARY, BOUNDARY, []),
        (BOUNDARY, None, []),
        ("arn:other", BOUNDARY, ["update permissions boundary"]),
        (BOUNDARY, "", ["delete permissions boundary"]),
        ("", "", []),
    ],
)
def test_role_plan_permissions_boundary(before: str, given: str | None, expected: list[str]) -> None:
    assert lines(plan({POLICY: NEW}, permissions_boundary=before, given=given)) == expected


@pytest.mark.parametrize("kept", [0, 5000])
def test_role_plan_counts_all_policies_against_the_limit(kept: int) -> None:
    policies = {POLICY: of_size(kept)} if kept else {}
    assert plan(policies, of_size(POLICIES_LIMIT - kept))
    with pytest.raises(LimitReachedError, match=rf"{POLICIES_LIMIT + 1} characters.*IAM allows {POLICIES_LIMIT}"):
        plan(policies, of_size(POLICIES_LIMIT - kept + 1))


def test_role_plan_size_leaves_out_replaced_and_purged_policies() -> None:
    policies = {POLICY: of_size(4000), PREVIOUS: of_size(5000), "other": of_size(5000)}
    assert len(plan(policies, of_size(POLICIES_LIMIT - 4000))) == 3
