"""The life of a role on two servers: announced, made, again, changed, again in other words, deleted, deleted again."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

NAME = "it-execution-role"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["logs:PutLogEvents", "logs:CreateLogStream"], "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("execution_role", check_mode=True, name=NAME, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("execution_role", name=NAME, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("execution_role", name=NAME, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    return done


@pytest.fixture
def managed(cloud: Any) -> Any:
    """A managed policy of the account's own."""
    iam = cloud.client("iam")
    arn = iam.create_policy(PolicyName="it-managed", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    yield arn
    iam.delete_policy(PolicyArn=arn)


def test_rhythm(cloud: Any, managed: str) -> None:
    created = same_announced_and_done(
        cloud,
        description="d",
        path="/it/",
        inline_policies={"p": DOCUMENT},
        managed_policies=["it-managed"],
        tags={"a": 1},
    )
    assert created["changes"] == [
        f"create IAM role {NAME}",
        f"create attachment of {managed} of IAM role {NAME}",
        f"create inline policy p of IAM role {NAME}",
    ]
    assert created["diff"][0]["before"] == ""
    assert created["diff"][0]["after"]["path"] == "/it/"
    assert created["role"]["managed_policies"] == [managed]
    assert created["role"]["inline_policies"] == {"p": DOCUMENT}
    assert created["role"]["tags"] == {"a": "1", "managed-by": "logreflector.aws"}

    changed = same_announced_and_done(
        cloud,
        description="e",
        max_session_duration=7200,
        assume_role_policy=TRUST,
        permissions_boundary=managed,
        inline_policies={
            "p": {**DOCUMENT, "Statement": {**DOCUMENT["Statement"][0], "Resource": "arn:aws:logs:*:*:log-group:x"}},
            "q": DOCUMENT,
        },
        tags={"b": "2"},
    )
    assert [line.split(" of IAM role")[0] for line in changed["changes"]] == [
        "update tags",
        "create permissions boundary",
        "update trust policy",
        "update description and session duration",
        "update inline policy p",
        "create inline policy q",
    ]
    assert changed["role"]["tags"] == {"b": "2", "managed-by": "logreflector.aws"}
    assert (changed["role"]["description"], changed["role"]["max_session_duration"]) == ("e", 7200)

    shuffled = {**TRUST["Statement"][0], "Principal": {"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}}
    again = cloud.run(
        "execution_role",
        name=NAME,
        assume_role_policy={"Statement": shuffled, "Version": "2012-10-17"},
        inline_policies={"q": {**DOCUMENT, "Statement": {**DOCUMENT["Statement"][0], "Resource": ["*"]}}},
    )
    assert again["changed"] is False

    wrong_path = cloud.run("execution_role", name=NAME, path="/other/")
    assert "IAM cannot move a role" in wrong_path["msg"]
    purged = same_announced_and_done(
        cloud,
        inline_policies={"q": DOCUMENT},
        purge_inline_policies=True,
        managed_policies=[],
        purge_managed_policies=True,
    )
    assert len(purged["changes"]) == 2
    assert same_announced_and_done(cloud, permissions_boundary="")["role"]["permissions_boundary"] == ""

    cloud.client("iam").put_role_permissions_boundary(RoleName=NAME, PermissionsBoundary=managed)
    cloud.client("iam").attach_role_policy(RoleName=NAME, PolicyArn=managed)
    deleted = same_announced_and_done(cloud, state="absent")
    assert deleted["role"] is None
    assert deleted["changes"][-1] == f"delete IAM role {NAME}"
    with pytest.raises(cloud.client("iam").exceptions.NoSuchEntityException):
        cloud.client("iam").get_role(RoleName=NAME)


def test_a_foreign_role(cloud: Any) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="it-foreign", AssumeRolePolicyDocument=json.dumps(TRUST), Description="theirs")
    for options in ({"description": "ours"}, {"state": "absent"}):
        assert cloud.run("execution_role", name="it-foreign", **options)["error"]["kind"] == "RefusedError"
    assert iam.get_role(RoleName="it-foreign")["Role"]["Description"] == "theirs"
    assert cloud.run("execution_role", name="it-foreign", description="ours", adopt=True)["changed"] is True
    assert cloud.run("execution_role", name="it-foreign", state="absent")["changed"] is True


def all_at_once(cloud: Any, forks: int, **options: Any) -> list[dict[str, Any]]:
    """Results of as many runs that begin at the same moment."""
    begin, results = threading.Barrier(forks), []

    def fork() -> None:
        begin.wait()
        results.append(cloud.run("execution_role", name="it-many", **options))

    threads = [threading.Thread(target=fork) for _unused in range(forks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_many_forks_on_one_role(cloud: Any) -> None:
    """As regions of one account meet. Nobody fails, and all tell of the same role."""
    options = {
        "description": "d",
        "inline_policies": {"p": DOCUMENT},
        "purge_inline_policies": True,
        "keep_previous": True,
        "tags": {"a": "b"},
    }
    other = {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Action": "logs:PutLogEvents"}]}
    for given in (options, {**options, "inline_policies": {"p": other}, "description": "e"}):
        results = all_at_once(cloud, 6, **given)
        assert [result.get("msg") for result in results] == [None] * 6
        assert [result["role"] for result in results] == [results[0]["role"]] * 6
        assert cloud.run("execution_role", name="it-many", **given)["changed"] is False
    names = cloud.client("iam").list_role_policies(RoleName="it-many")["PolicyNames"]
    assert sorted(names) == ["p", "p-previous"]
    kept = cloud.client("iam").get_role_policy(RoleName="it-many", PolicyName="p-previous")["PolicyDocument"]
    assert kept["Statement"] == DOCUMENT["Statement"]
    gone = all_at_once(cloud, 6, state="absent")
    assert [(result.get("msg"), result["role"]) for result in gone] == [(None, None)] * 6
