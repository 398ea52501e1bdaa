"""Conversations of execution_role with IAM: which calls, in which order, and none that is not needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

MARK = {"Key": "managed-by", "Value": "logreflector.aws"}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:PutLogEvents", "logs:CreateLogStream"],
            "Resource": "arn:{partition}:logs:*:{account}:*",
        }
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role_answer(**attributes: Any) -> dict[str, Any]:
    """GetRole's answer as the API reference has it: the trust policy URL-encoded JSON."""
    role = {
        "Path": "/",
        "RoleName": "r",
        "RoleId": "AROAEXAMPLEEXAMPLE0",
        "Arn": "arn:aws:iam::123456789012:role/r",
        "CreateDate": "2026-11-01T00:00:00Z",
        "AssumeRolePolicyDocument": json.dumps(TRUST),
        "Description": "",
        "MaxSessionDuration": 3600,
        "Tags": [MARK],
    }
    return {"Role": {**role, **attributes}}


def own_policy(aws: Any, name: str) -> str:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}
    return aws.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]


def test_life_of_a_role(aws: Any) -> None:
    arn = own_policy(aws, "extra")
    options = {"name": "r", "description": "d", "inline_policies": {"p": DOCUMENT}, "managed_policies": ["extra"]}
    announced = aws.run("execution_role", check_mode=True, **options)
    assert aws.writes == []
    assert announced["role"] is None

    created = aws.run("execution_role", **options)
    assert created["changes"] == announced["changes"]
    assert created["diff"] == announced["diff"]
    assert aws.writes == ["CreateRole", "AttachRolePolicy", "PutRolePolicy"]
    assert created["role"]["managed_policies"] == [arn]
    assert created["role"]["assume_role_policy"] == TRUST
    assert created["role"]["tags"] == {"managed-by": "logreflector.aws"}

    again = aws.run("execution_role", **options)
    assert again["changed"] is False
    assert aws.calls == ["GetCallerIdentity", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies"]

    other = {**DOCUMENT, "Statement": {**DOCUMENT["Statement"][0], "Action": "logs:PutLogEvents"}}
    changed = aws.run("execution_role", **{**options, "inline_policies": {"p": other}, "description": "e"})
    assert aws.writes == ["UpdateRole", "PutRolePolicy"]
    assert changed["role"]["description"] == "e"

    assert aws.run("execution_role", name="r", state="absent", check_mode=True)["changed"] is True
    assert aws.writes == []
    gone = aws.run("execution_role", name="r", state="absent")
    assert gone["role"] is None
    assert aws.writes == ["DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"]
    assert aws.run("execution_role", name="r", state="absent")["changed"] is False
    assert aws.calls == ["GetRole"]


def test_the_least_calls_of_a_run_without_changes(aws: Any) -> None:
    aws.run("execution_role", name="r")
    assert aws.run("execution_role", name="r", tags={})["changed"] is False
    assert aws.calls == ["GetRole"]


def test_shuffled_values_change_nothing(aws: Any) -> None:
    trust = {**TRUST, "Statement": {**TRUST["Statement"][0], "Principal": {"Service": ["lambda.amazonaws.com"]}}}
    aws.run(
        "execution_role", name="r", inline_policies={"p": DOCUMENT}, assume_role_policy=trust, tags={"a": 1, "b": 2}
    )
    statement = {**DOCUMENT["Statement"][0], "Action": ["LOGS:CreateLogStream", "logs:PutLogEvents"]}
    again = aws.run(
        "execution_role",
        name="r",
        inline_policies={"p": {**DOCUMENT, "Statement": statement}},
        assume_role_policy=TRUST,
        tags={"b": "2", "a": "1"},
    )
    assert again["changed"] is False
    assert aws.writes == []


def test_every_attribute_is_updated_and_read_back(aws: Any) -> None:
    boundary = own_policy(aws, "boundary")
    aws.run("execution_role", name="r", tags={"a": "1", "b": "2"})
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "scheduler.amazonaws.com"}}]}
    changed = aws.run(
        "execution_role",
        name="r",
        tags={"b": "3"},
        assume_role_policy=trust,
        permissions_boundary=boundary,
        max_session_duration=7200,
    )
    assert aws.writes == [
        "UntagRole",
        "TagRole",
        "PutRolePermissionsBoundary",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
    ]
    role = changed["role"]
    assert role["tags"] == {"b": "3", "managed-by": "logreflector.aws"}
    assert (role["assume_role_policy"], role["permissions_boundary"]) == (trust, boundary)
    assert role["max_session_duration"] == 7200
    assert aws.run("execution_role", name="r", permissions_boundary="")["role"]["permissions_boundary"] == ""
    assert aws.writes == ["DeleteRolePermissionsBoundary"]


def test_all_inline_policies_are_read_only_where_one_is_written(aws: Any) -> None:
    aws.run("execution_role", name="r", inline_policies={"a": DOCUMENT, "b": DOCUMENT})
    aws.run("execution_role", name="r", inline_policies={"a": DOCUMENT})
    assert "ListRolePolicies" not in aws.calls
    big = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "x" * 10_200, "Resource": "*"}}
    refused = aws.run("execution_role", name="r", inline_policies={"a": big})
    assert "characters without white space, IAM allows 10240" in refused["msg"]
    assert "b: " in refused["msg"]
    assert aws.writes == []


def test_a_managed_policy_that_nobody_has(aws: Any) -> None:
    refused = aws.run("execution_role", name="r", managed_policies=["nobody-has-it"])
    assert refused["failed"]
    assert "there is no policy of the name nobody-has-it" in refused["msg"]
    assert aws.writes == []


def test_a_foreign_role_stays_byte_by_byte(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST), Description="theirs")
    before = iam.get_role(RoleName="r")["Role"]
    assert aws.run("execution_role", name="r", description="theirs")["changed"] is False
    for options in ({"description": "ours"}, {"tags": {}, "purge_tags": True, "description": "x"}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("execution_role", name="r", check_mode=check_mode, **options)
            assert refused["error"]["kind"] == "RefusedError"
            assert aws.writes == []
    assert iam.get_role(RoleName="r")["Role"] == before

    assert aws.run("execution_role", name="r", description="ours", adopt=True)["changed"] is True
    assert aws.writes == ["TagRole", "UpdateRole"]
    assert aws.run("execution_role", name="r", description="ours", adopt=True)["changed"] is False
    assert aws.run("execution_role", name="r", state="absent")["changed"] is True


def test_another_fork_made_the_role_meanwhile(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
    stub.add_client_error("create_role", "EntityAlreadyExists", http_status_code=409)
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)  # IAM is not consistent at once
    for _unused in range(3):
        stub.add_response("get_role", role_answer())
    result = aws.run("execution_role", name="r")
    stub.assert_no_pending_responses()
    assert (result["changed"], result["changes"]) == (False, [])
    assert result["role"]["arn"] == "arn:aws:iam::123456789012:role/r"


def test_another_fork_made_it_and_what_is_missing_is_added(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
    stub.add_client_error("create_role", "EntityAlreadyExists", http_status_code=409)
    for _unused in range(2):
        stub.add_response("get_role", role_answer())
    stub.add_response("update_role", {}, {"RoleName": "r", "Description": "d", "MaxSessionDuration": 3600})
    stub.add_response("get_role", role_answer(Description="d"))
    result = aws.run("execution_role", name="r", description="d")
    stub.assert_no_pending_responses()
    assert result["changes"] == ["update description and session duration of IAM role r"]


def test_a_foreign_role_made_meanwhile_is_refused(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
    stub.add_client_error("create_role", "EntityAlreadyExists", http_status_code=409)
    for _unused in range(2):
        stub.add_response("get_role", role_answer(Tags=[]))
    result = aws.run("execution_role", name="r", description="d")
    stub.assert_no_pending_responses()
    assert result["error"]["kind"] == "RefusedError"


def test_a_busy_iam_is_waited_for_within_the_limit(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_response("get_role", role_answer())
    stub.add_client_error("tag_role", "ConcurrentModification", http_status_code=409)
    stub.add_response("tag_role", {})
    stub.add_response("get_role", role_answer(Tags=[MARK, {"Key": "a", "Value": "b"}]))
    assert aws.run("execution_role", name="r", tags={"a": "b"})["changed"] is True
    stub.assert_no_pending_responses()
    stub.add_response("get_role", role_answer())
    stub.add_client_error("tag_role", "ConcurrentModification", http_status_code=409)
    failed = aws.run("execution_role", name="r", tags={"a": "b"}, wait_timeout=0)
    stub.assert_no_pending_responses()
    assert failed["error"]["code"] == "ConcurrentModification"
    assert failed["msg"].startswith("Could not update tags of IAM role r in ")


def deletable(stub: Any) -> None:
    stub.add_response("get_role", role_answer())
    stub.add_response("list_role_policies", {"PolicyNames": ["p"], "IsTruncated": False})
    attached = [{"PolicyName": "M", "PolicyArn": "arn:aws:iam::aws:policy/M"}]
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": attached, "IsTruncated": False})


def test_what_another_fork_deleted_meanwhile_is_no_error(aws: Any) -> None:
    stub = aws.stub("iam")
    deletable(stub)
    for method in ("detach_role_policy", "delete_role_policy", "delete_role", "get_role"):
        stub.add_client_error(method, "NoSuchEntity", http_status_code=404)
    assert aws.run("execution_role", name="r", state="absent")["role"] is None
    stub.assert_no_pending_responses()


def test_a_detachment_that_iam_does_not_see_yet(aws: Any) -> None:
    stub = aws.stub("iam")
    deletable(stub)
    stub.add_response("detach_role_policy", {})
    stub.add_response("delete_role_policy", {})
    stub.add_client_error("delete_role", "DeleteConflict", http_status_code=409)
    stub.add_response("delete_role", {})
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
    assert aws.run("execution_role", name="r", state="absent")["changed"] is True
    stub.assert_no_pending_responses()


def test_a_failure_half_way_tells_what_was_done(aws: Any) -> None:
    stub = aws.stub("iam")
    deletable(stub)
    stub.add_response("detach_role_policy", {})
    stub.add_client_error("delete_role_policy", "AccessDenied", "no", http_status_code=403)
    failed = aws.run("execution_role", name="r", state="absent")
    assert failed["failed"]
    assert failed["changes"] == ["delete attachment of arn:aws:iam::aws:policy/M of IAM role r"]
    assert failed["changed"] is True
    assert "Could not delete inline policy p of IAM role r" in failed["msg"]
    assert "DeleteRolePolicy" in failed["msg"]


@pytest.mark.parametrize("names", [["Ours", "Theirs"], ["Theirs", "Ours"]])
def test_names_are_looked_for_in_the_account_then_at_aws(aws: Any, names: list[str]) -> None:
    ours, theirs = "arn:aws:iam::123456789012:policy/Ours", "arn:aws:iam::aws:policy/service-role/Theirs"
    stub = aws.stub("iam")
    stub.add_response("get_role", role_answer())
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": [], "IsTruncated": False})
    local = {"Policies": [{"PolicyName": "Ours", "Arn": ours}], "IsTruncated": False}
    stub.add_response("list_policies", local, {"Scope": "Local"})
    page = {
        "Policies": [{"PolicyName": "Ours", "Arn": "arn:aws:iam::aws:policy/Ours"}],
        "IsTruncated": True,
        "Marker": "m",
    }
    stub.add_response("list_policies", page, {"Scope": "AWS"})
    last = {"Policies": [{"PolicyName": "Theirs", "Arn": theirs}], "IsTruncated": True, "Marker": "n"}
    stub.add_response("list_policies", last, {"Scope": "AWS", "Marker": "m"})
    result = aws.run("execution_role", name="r", managed_policies=names, check_mode=True)
    stub.assert_no_pending_responses()
    assert result["changes"] == [
        f"create attachment of {ours} of IAM role r",
        f"create attachment of {theirs} of IAM role r",
    ]


def test_a_role_that_comes_and_goes_is_an_error_in_the_end(aws: Any) -> None:
    stub = aws.stub("iam")
    for _unused in range(3):
        stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
        stub.add_client_error("create_role", "EntityAlreadyExists", "it exists", http_status_code=409)
        stub.add_response("get_role", role_answer())
    failed = aws.run("execution_role", name="r")
    stub.assert_no_pending_responses()
    assert failed["failed"]
    assert (failed["changed"], failed["error"]["code"]) == (False, "EntityAlreadyExists")


def test_the_earlier_form_of_a_policy(aws: Any) -> None:
    options = {"name": "r", "purge_inline_policies": True, "keep_previous": True}
    other = {**DOCUMENT, "Statement": {**DOCUMENT["Statement"][0], "Action": "logs:PutLogEvents"}}
    aws.run("execution_role", inline_policies={"p": DOCUMENT}, **options)
    announced = aws.run("execution_role", check_mode=True, inline_policies={"p": other}, **options)
    assert aws.writes == []
    changed = aws.run("execution_role", inline_policies={"p": other}, **options)
    assert aws.writes == ["PutRolePolicy", "PutRolePolicy"]
    assert (changed["changes"], changed["diff"]) == (announced["changes"], announced["diff"])
    kept = aws.client("iam").get_role_policy(RoleName="r", PolicyName="p-previous")["PolicyDocument"]
    assert kept["Statement"][0]["Action"] == DOCUMENT["Statement"][0]["Action"]
    assert aws.run("execution_role", inline_policies={"p": other}, **options)["changed"] is False
    # What is kept in any case is not read.
    assert aws.calls == ["GetCallerIdentity", "GetRole", "GetRolePolicy", "ListRolePolicies"]
    aws.run("execution_role", name="r", inline_policies={"p": other}, purge_inline_policies=True)
    assert aws.writes == ["DeleteRolePolicy"]
    aws.run("execution_role", inline_policies={"p": DOCUMENT}, **options)
    assert aws.run("execution_role", name="r", state="absent")["role"] is None
    assert aws.writes == ["DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole"]


def test_a_new_role_that_iam_does_not_know_everywhere_yet_is_waited_for(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
    stub.add_response("create_role", role_answer())
    stub.add_response("get_role", role_answer())
    stub.add_client_error("put_role_policy", "NoSuchEntity", http_status_code=404)
    stub.add_response("put_role_policy", {})
    stub.add_response("get_role", role_answer())
    stub.add_response("get_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": json.dumps(DOCUMENT)})
    result = aws.run("execution_role", name="r", inline_policies={"p": DOCUMENT})
    stub.assert_no_pending_responses()
    assert len(result["changes"]) == 2


def test_a_role_that_was_there_and_is_gone_is_not_waited_for(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_response("get_role", role_answer())
    stub.add_client_error("update_role", "NoSuchEntity", "gone", http_status_code=404)
    failed = aws.run("execution_role", name="r", description="d")
    stub.assert_no_pending_responses()
    assert failed["error"]["code"] == "NoSuchEntity"


def test_a_role_that_another_fork_deletes_while_it_is_read_is_gone(aws: Any) -> None:
    stub = aws.stub("iam")
    stub.add_response("get_role", role_answer())
    stub.add_client_error("list_role_policies", "NoSuchEntity", http_status_code=404)
    result = aws.run("execution_role", name="r", state="absent")
    stub.assert_no_pending_responses()
    assert (result["role"], result["changed"]) == (None, False)
