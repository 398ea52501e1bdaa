"""lambda_permission's conversations with AWS; recorded shapes where moto is not like AWS."""

from __future__ import annotations

import inspect
import io
import json
import zipfile
from typing import Any

import pytest
from moto.awslambda import policy as moto_policy
from moto.awslambda import responses as moto_responses

ROLE_TRUST = '{"Version":"2012-10-17","Statement":[]}'
LOGS = {
    "statement_id": "logs",
    "principal": "logs.amazonaws.com",
    "source_arn": "arn:{partition}:logs:{region}:{account}:log-group:*",
    "source_account": "{account}",
}
EVENTS = {"statement_id": "events", "principal": "events.amazonaws.com", "source_account": "123456789012"}
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


@pytest.fixture
def function(aws: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A function; and moto without its slip: it compares RemovePermission's RevisionId as a list, and never matches."""
    original = moto_policy.Policy.del_statement

    def del_statement(self: Any, sid: str, revision: Any = "") -> None:
        original(self, sid, revision[0] if isinstance(revision, list) else revision)

    monkeypatch.setattr(moto_policy.Policy, "del_statement", del_statement)
    role = aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=ROLE_TRUST)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("h.py", "")
    aws.client("lambda").create_function(
        FunctionName="f", Role=role, Handler="h.h", Runtime="python3.13", Code={"ZipFile": archive.getvalue()}
    )
    return "f"


def policy(aws: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(aws.client("lambda").get_policy(FunctionName="f")["Policy"])["Statement"]
    return found


def test_the_patch_of_moto_is_still_needed() -> None:
    """When moto hands a string over, the patch above can go."""
    assert 'self.querystring.get("RevisionId", "")' in inspect.getsource(
        moto_responses.LambdaResponse.remove_permission
    )


def test_several_statements_are_created_in_one_call_and_not_again(aws: Any, function: str) -> None:
    wanted = {"function_name": function, "statements": [LOGS, EVENTS]}
    announced = aws.run("lambda_permission", check_mode=True, **wanted)
    assert aws.writes == []
    result = aws.run("lambda_permission", **wanted)
    assert aws.writes == ["AddPermission", "AddPermission"]
    assert result["changed"] is True
    assert (
        announced["changes"]
        == result["changes"]
        == [
            "create lambda permission logs",
            "create lambda permission events",
        ]
    )
    assert announced["diff"] == result["diff"]
    assert result["statements"][1] == {
        "statement_id": "logs",
        "action": "lambda:InvokeFunction",
        "principal": "logs.amazonaws.com",
        "source_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:*",
        "source_account": "123456789012",
    }
    again = aws.run("lambda_permission", **{**wanted, "statements": [EVENTS, LOGS]})
    assert (again["changed"], aws.writes) == (False, [])


def test_a_replacement_never_leaves_a_gap(aws: Any, function: str) -> None:
    aws.run("lambda_permission", function_name=function, statements=[EVENTS])
    changed = {**EVENTS, "source_account": "210987654321"}
    result = aws.run("lambda_permission", function_name=function, statements=[changed])
    assert aws.writes == ["AddPermission", "RemovePermission", "AddPermission", "RemovePermission"]
    assert result["changes"] == ["update lambda permission events"]
    assert result["diff"][0]["before"]["source_account"] == "123456789012"
    assert result["diff"][0]["after"]["source_account"] == "210987654321"
    assert [item["Sid"] for item in policy(aws)] == ["events"]
    aws.run("lambda_permission", function_name=function, statements=[changed])
    assert aws.writes == []


@pytest.mark.parametrize(
    "principal",
    ["123456789012", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/r", "*", "events.amazonaws.com"],
)
def test_every_kind_of_principal_is_right_the_second_time(aws: Any, function: str, principal: str) -> None:
    statements = [{"statement_id": "a", "principal": principal}]
    aws.run("lambda_permission", function_name=function, statements=statements)
    aws.run("lambda_permission", function_name=function, statements=statements)
    assert aws.writes == []


def test_purge_removes_only_what_has_the_prefix(aws: Any, function: str) -> None:
    for name in ("lr-old", "lr-kept", "theirs"):
        statement = {**EVENTS, "statement_id": name}
        aws.run("lambda_permission", function_name=function, statements=[statement])
    kept = {**EVENTS, "statement_id": "lr-kept"}
    result = aws.run("lambda_permission", function_name=function, statements=[kept], purge_prefix="lr-")
    assert result["changes"] == ["delete lambda permission lr-old"]
    assert [item["Sid"] for item in policy(aws)] == ["lr-kept", "theirs"]
    result = aws.run("lambda_permission", function_name=function, purge_prefix="lr-", state="absent")
    assert result["changes"] == ["delete lambda permission lr-kept"]
    assert [item["Sid"] for item in policy(aws)] == ["theirs"]


def test_absent_removes_by_id_and_not_again(aws: Any, function: str) -> None:
    aws.run("lambda_permission", function_name=function, statements=[LOGS, EVENTS])
    gone = {"function_name": function, "statements": [{"statement_id": "logs"}], "state": "absent"}
    announced = aws.run("lambda_permission", check_mode=True, **gone)
    assert aws.writes == []
    result = aws.run("lambda_permission", **gone)
    assert aws.writes == ["RemovePermission"]
    assert announced["changes"] == result["changes"] == ["delete lambda permission logs"]
    assert aws.run("lambda_permission", **gone)["changed"] is False
    assert aws.writes == []
    assert [item["Sid"] for item in policy(aws)] == ["events"]


def test_the_first_write_on_a_policy_carries_its_revision(aws: Any, function: str, monkeypatch: Any) -> None:
    aws.run("lambda_permission", function_name=function, statements=[LOGS])
    asked: list[str] = []
    original = moto_policy.Policy.add_statement

    def add_statement(self: Any, raw: str, qualifier: str | None = None) -> Any:
        asked.append(json.loads(raw).get("RevisionId", ""))
        if len(asked) == 1:  # another writer was faster
            self.revision = "another"
        return original(self, raw, qualifier)

    monkeypatch.setattr(moto_policy.Policy, "add_statement", add_statement)
    result = aws.run("lambda_permission", function_name=function, statements=[LOGS, EVENTS])
    assert result["changed"] is True
    assert aws.calls == ["GetCallerIdentity", "GetPolicy", "AddPermission", "GetPolicy", "AddPermission", "GetPolicy"]
    assert asked[0] not in ("", "another")
    assert asked[1] == "another"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"statements": [{**LOGS, "source_account": "12"}]}, "statements[0].source_account"),
        ({"statements": [LOGS, dict(LOGS)]}, "logs is given twice"),
        ({"statements": []}, "neither a statement nor purge_prefix"),
        ({"purge_prefix": ""}, "purge_prefix"),
        ({"statements": [LOGS], "qualifier": "$LATEST"}, "$LATEST"),
        ({"statements": [{"statement_id": "a", "principal": "*", "function_url_auth_type": "SOME"}]}, "NONE, AWS_IAM"),
        ({"statements": [{"principal": "*"}]}, "statement_id"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_call(aws: Any, options: dict[str, Any], words: str) -> None:
    result = aws.run(
        "lambda_permission", function_name="arn:{partition}:lambda:{region}:{account}:function:f", **options
    )
    assert result["failed"] is True
    assert words in result["msg"]
    assert aws.calls == []


def test_a_region_is_needed(aws: Any) -> None:
    assert (
        "no region is given" in aws.run("lambda_permission", region=None, function_name="f", statements=[LOGS])["msg"]
    )


# -- as AWS answers ------------------------------------------------------------------------------------------------

CONDITIONED = {
    "org": (
        {"principal": "*", "principal_org_id": "o-a1b2c3d4e5f", "source_account": "123456789012"},
        {"StringEquals": {"AWS:SourceAccount": "123456789012", "aws:PrincipalOrgID": "o-a1b2c3d4e5f"}},
        {"PrincipalOrgID": "o-a1b2c3d4e5f", "SourceAccount": "123456789012"},
    ),
    "alexa": (
        {"principal": "alexa-connectedhome.amazon.com", "event_source_token": "amzn1.ask.skill.1"},
        {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}},
        {"EventSourceToken": "amzn1.ask.skill.1"},
    ),
    "url": (
        {"principal": "*", "action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "NONE"},
        {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        {"FunctionUrlAuthType": "NONE"},
    ),
    "via-url": (
        {"principal": "*", "invoked_via_function_url": True},
        {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        {"InvokedViaFunctionUrl": True},
    ),
}


def answer(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    return {"Policy": json.dumps(document), "RevisionId": "r1"}


def as_stored(name: str, principal: Any = None) -> dict[str, Any]:
    options, condition, _unused = CONDITIONED[name]
    value = options["principal"]
    return {
        "Sid": name,
        "Effect": "Allow",
        "Principal": principal or (value if value == "*" else {"Service": value}),
        "Action": options.get("action", "lambda:InvokeFunction"),
        "Resource": ARN,
        "Condition": condition,
    }


@pytest.mark.parametrize("name", CONDITIONED)
def test_conditions_that_moto_lacks_are_asked_for_as_aws_wants_them(aws: Any, name: str) -> None:
    options, _unused, parameters = CONDITIONED[name]
    stub = aws.stub("lambda")
    stub.add_client_error("get_policy", "ResourceNotFoundException", "The resource you requested does not exist.")
    request = {
        "FunctionName": "f",
        "StatementId": name,
        "Action": options.get("action", "lambda:InvokeFunction"),
        "Principal": options["principal"],
        **parameters,
    }
    stub.add_response("add_permission", {"Statement": "{}"}, request)
    stub.add_response("get_policy", answer(as_stored(name)))
    result = aws.run("lambda_permission", function_name="f", statements=[{"statement_id": name, **options}])
    stub.assert_no_pending_responses()
    assert result["statements"] == [{"statement_id": name, "action": "lambda:InvokeFunction", **options}]


@pytest.mark.parametrize("name", CONDITIONED)
def test_conditions_that_moto_lacks_are_right_the_second_time(aws: Any, name: str) -> None:
    options, _unused, _unused = CONDITIONED[name]
    aws.stub("lambda").add_response("get_policy", answer(as_stored(name)), {"FunctionName": "f"})
    result = aws.run("lambda_permission", function_name="f", statements=[{"statement_id": name, **options}])
    assert (result["changed"], aws.calls) == (False, ["GetPolicy"])


def test_an_account_that_aws_stores_as_an_arn_is_right_the_second_time(aws: Any) -> None:
    stored = as_stored("org", {"AWS": "arn:aws:iam::210987654321:root"})
    aws.stub("lambda").add_response("get_policy", answer(stored))
    options = {**CONDITIONED["org"][0], "statement_id": "org", "principal": "210987654321"}
    assert aws.run("lambda_permission", function_name="f", statements=[options])["changed"] is False


def test_a_qualifier_goes_with_every_call_and_the_revision_with_every_write(aws: Any) -> None:
    where = {"FunctionName": "f", "Qualifier": "live"}
    stored = {**as_stored("via-url"), "Resource": f"{ARN}:live"}
    stub = aws.stub("lambda")
    stub.add_response("get_policy", answer(stored), where)
    stub.add_response("remove_permission", {}, {**where, "StatementId": "via-url", "RevisionId": "r1"})
    stub.add_client_error("get_policy", "ResourceNotFoundException", expected_params=where)
    result = aws.run(
        "lambda_permission", function_name="f:live", statements=[{"statement_id": "via-url"}], state="absent"
    )
    stub.assert_no_pending_responses()
    assert result["changes"] == ["delete lambda permission via-url"]


def test_a_policy_that_aws_finds_too_long_is_a_limit(aws: Any) -> None:
    stub = aws.stub("lambda")
    stub.add_response("get_policy", answer(as_stored("url")))
    stub.add_client_error("add_permission", "PolicyLengthExceededException", "The final policy size is too big.")
    result = aws.run("lambda_permission", function_name="f", statements=[EVENTS])
    assert result["failed"] is True
    assert result["error"]["kind"] == "LimitReachedError"
    assert result["changed"] is False


def test_a_denied_call_names_the_action(aws: Any) -> None:
    message = "User: x is not authorized to perform: lambda:GetPolicy on resource: y"
    aws.stub("lambda").add_client_error("get_policy", "AccessDeniedException", message)
    result = aws.run("lambda_permission", function_name="f", statements=[EVENTS])
    assert result["error"]["kind"] == "AccessDeniedError"
    assert "read the policy of function f" in result["msg"]
    assert "lambda:GetPolicy" in result["msg"]
