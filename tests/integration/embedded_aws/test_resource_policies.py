# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from toys import Place, document

INVOKE = {"Action": "lambda:InvokeFunction"}


@pytest.fixture(scope="module")
def function(here: Place) -> str:
    return here.function()


@pytest.fixture
def add(place: Place, function: str) -> Any:
    """Add a permission to a function without one, and return the stored statement."""
    try:
        policy = json.loads(place.lambda_.get_policy(FunctionName=function)["Policy"])
        for statement in policy["Statement"]:
            place.lambda_.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    except place.lambda_.exceptions.ResourceNotFoundException:
        pass

    def call(**options: Any) -> dict[str, Any]:
        defaults = {"StatementId": "s", "Principal": "logs.amazonaws.com", "FunctionName": function, **INVOKE}
        return json.loads(place.lambda_.add_permission(**(defaults | options))["Statement"])

    return call


def stored(place: Place, function: str, **options: str) -> list[dict[str, Any]]:
    return json.loads(place.lambda_.get_policy(FunctionName=function, **options)["Policy"])["Statement"]


@pytest.mark.parametrize(
    ("principal", "kept"),
    [
        ("logs.amazonaws.com", {"Service": "logs.amazonaws.com"}),
        ("333333333333", {"AWS": "arn:aws:iam::333333333333:root"}),
        ("arn:aws:iam::333333333333:root", {"AWS": "arn:aws:iam::333333333333:root"}),
        ("arn:aws:iam::333333333333:role/r", {"AWS": "arn:aws:iam::333333333333:role/r"}),
        ("*", "*"),
    ],
)
def test_add_permission_stores_principals_as_aws(
    place: Place, function: str, add: Any, principal: str, kept: Any
) -> None:
    add(Principal=principal)
    assert [item["Principal"] for item in stored(place, function)] == [kept]


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        (
            {"SourceArn": "arn:aws:logs:eu-west-1:222222222222:log-group:*", "SourceAccount": "222222222222"},
            {
                "ArnLike": {"AWS:SourceArn": "arn:aws:logs:eu-west-1:222222222222:log-group:*"},
                "StringEquals": {"AWS:SourceAccount": "222222222222"},
            },
        ),
        ({"PrincipalOrgID": "o-embeddedaws"}, {"StringEquals": {"aws:PrincipalOrgID": "o-embeddedaws"}}),
        ({"EventSourceToken": "secret"}, {"StringEquals": {"lambda:EventSourceToken": "secret"}}),
        (
            {"FunctionUrlAuthType": "NONE", "Action": "lambda:InvokeFunctionUrl"},
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
    ],
)
def test_add_permission_stores_conditions_as_aws(
    place: Place, function: str, add: Any, options: dict[str, str], condition: dict[str, Any]
) -> None:
    answered = add(Principal="*", **options)
    (statement,) = stored(place, function)
    assert statement == answered
    assert statement == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": "*",
        "Action": options.get("Action", "lambda:InvokeFunction"),
        "Resource": function,
        "Condition": condition,
    }


def test_add_permission_existing_statement_id_is_a_conflict(place: Place, add: Any) -> None:
    add()
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException):
        add()


def test_permission_operations_stale_revision_is_refused(place: Place, function: str, add: Any) -> None:
    add(StatementId="one")
    revision = place.lambda_.get_policy(FunctionName=function)["RevisionId"]
    add(StatementId="two", RevisionId=revision)
    assert place.lambda_.get_policy(FunctionName=function)["RevisionId"] != revision
    with pytest.raises(place.lambda_.exceptions.PreconditionFailedException):
        add(StatementId="three", RevisionId=revision)
    with pytest.raises(place.lambda_.exceptions.PreconditionFailedException):
        place.lambda_.remove_permission(FunctionName=function, StatementId="one", RevisionId=revision)
    assert [item["Sid"] for item in stored(place, function)] == ["one", "two"]


def test_version_has_its_own_policy(place: Place, function: str, add: Any) -> None:
    place.settled(function)
    version = place.lambda_.publish_version(FunctionName=function)["Version"]
    add(StatementId="function")
    add(StatementId="function", Qualifier=version)  # the same id: no conflict
    assert [item["Resource"] for item in stored(place, function)] == [function]
    assert [item["Resource"] for item in stored(place, function, Qualifier=version)] == [f"{function}:{version}"]
    place.lambda_.remove_permission(FunctionName=function, StatementId="function", Qualifier=version)
    assert len(stored(place, function)) == 1


def test_get_policy_without_statements_is_not_found(place: Place, function: str, add: Any) -> None:
    add()
    place.lambda_.remove_permission(FunctionName=function, StatementId="s")
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.get_policy(FunctionName=function)


def test_remove_permission_missing_statement_is_not_found(place: Place, function: str, add: Any) -> None:
    add()
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.remove_permission(FunctionName=function, StatementId="other")


def test_add_permission_above_twenty_kilobytes_is_refused(place: Place, function: str, add: Any) -> None:
    def fill() -> None:
        for number in range(100):
            add(StatementId=f"s{number}", SourceArn=f"arn:aws:logs:eu-west-1:222222222222:log-group:/group/{number}:*")

    with pytest.raises(place.lambda_.exceptions.PolicyLengthExceededException):
        fill()
    policy = place.lambda_.get_policy(FunctionName=function)["Policy"]
    assert 20000 < len(policy) <= 20480


@pytest.mark.parametrize(
    "wrong",
    [
        {"Principal": "nobody"},
        {"Action": "logs:PutLogEvents"},
        {"StatementId": "a b"},
        {"FunctionUrlAuthType": "NONE"},
        {"Qualifier": "unknown"},
    ],
)
def test_add_permission_invalid_parameter_is_refused(add: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        add(**wrong)


def statement(function: str, sid: str, **condition: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "logs.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": function,
        **({"Condition": condition} if condition else {}),
    }


def test_put_resource_policy_replaces_all_statements(place: Place) -> None:
    function = place.function()
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.get_resource_policy(ResourceArn=function)
    place.allow(function)
    before = place.lambda_.get_resource_policy(ResourceArn=function)
    assert before["RevisionId"] == place.lambda_.get_policy(FunctionName=function)["RevisionId"]
    wanted = [statement(function, "a"), statement(function, "b", StringEquals={"AWS:SourceAccount": place.account})]
    answer = place.lambda_.put_resource_policy(
        ResourceArn=function, Policy=document(*wanted), RevisionId=before["RevisionId"]
    )
    assert json.loads(answer["Policy"])["Statement"] == wanted
    after = place.lambda_.get_policy(FunctionName=function)
    assert json.loads(after["Policy"])["Statement"] == wanted
    assert after["RevisionId"] == answer["RevisionId"] != before["RevisionId"]
    with pytest.raises(place.lambda_.exceptions.PreconditionFailedException):
        place.lambda_.put_resource_policy(
            ResourceArn=function, Policy=document(*wanted), RevisionId=before["RevisionId"]
        )
    place.lambda_.remove_permission(FunctionName=function, StatementId="a")
    place.subscribe(place.group(), function)
    place.lambda_.delete_resource_policy(ResourceArn=function)
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.get_policy(FunctionName=function)


def test_put_resource_policy_alias_has_its_own_policy(place: Place) -> None:
    function = place.function()
    place.settled(function)
    version = place.lambda_.publish_version(FunctionName=function)["Version"]
    alias = place.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)["AliasArn"]
    place.allow(function)
    place.lambda_.put_resource_policy(ResourceArn=alias, Policy=document(statement(alias, "a")))
    assert len(json.loads(place.lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]) == 1
    found = json.loads(place.lambda_.get_policy(FunctionName=function, Qualifier="live")["Policy"])
    assert found["Statement"] == [statement(alias, "a")]


def test_put_resource_policy_invalid_policy_is_refused(place: Place) -> None:
    function = place.function()
    errors = place.lambda_.exceptions

    def put(text: str) -> None:
        place.lambda_.put_resource_policy(ResourceArn=function, Policy=text)

    with pytest.raises(errors.PolicyLengthExceededException, match="20480"):
        put(
            document(*(statement(function, f"s{number}", ArnLike={"AWS:SourceArn": "x" * 400}) for number in range(40)))
        )
    for wrong in ("nonsense", document({"Sid": "a"}), document(statement(f"{function}x", "a")), document()):
        with pytest.raises(errors.InvalidParameterValueException):
            put(wrong)
    with pytest.raises(errors.ResourceNotFoundException):
        place.lambda_.put_resource_policy(ResourceArn=f"{function}x", Policy=document(statement(function, "a")))


def test_put_resource_policy_without_permission_is_denied(place: Place) -> None:
    function = place.function()
    text = document(statement(function, "a"))
    client = place.assumed("lambda", {"Effect": "Allow", "Action": "lambda:AddPermission", "Resource": "*"})
    with pytest.raises(ClientError, match="not authorized to perform: lambda:PutResourcePolicy"):
        client.put_resource_policy(ResourceArn=function, Policy=text)
    client = place.assumed("lambda", {"Effect": "Allow", "Action": "lambda:PutResourcePolicy", "Resource": function})
    client.put_resource_policy(ResourceArn=function, Policy=text)
