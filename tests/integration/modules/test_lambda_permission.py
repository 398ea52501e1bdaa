"""The rhythm of lambda_permission against the embedded AWS and moto: check, create, again, update, again, delete, again."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_permission import PolicyApi
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_policy import twin_of
from moto.awslambda import policy as moto_policy

LOGS = {
    "statement_id": "lr-logs",
    "principal": "logs.amazonaws.com",
    "source_arn": "arn:{partition}:logs:{region}:{account}:log-group:*",
    "source_account": "{account}",
}
EVENTS = {
    "statement_id": "lr-events",
    "principal": "events.amazonaws.com",
    "source_arn": "arn:{partition}:events:{region}:{account}:rule/lr-new-log-groups",
}
ACCOUNT = {"statement_id": "lr-account", "principal": "210987654321"}
ORGANISATION = {"statement_id": "lr-organisation", "principal": "*", "principal_org_id": "o-a1b2c3d4e5f"}
FUNCTION_URL = {
    "statement_id": "lr-url",
    "principal": "*",
    "action": "lambda:InvokeFunctionUrl",
    "function_url_auth_type": "AWS_IAM",
}
ALEXA = {"statement_id": "lr-token", "principal": "s3.amazonaws.com", "event_source_token": "amzn1.ask.skill.1"}


@pytest.fixture
def function(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A function with a foreign statement. moto compares RemovePermission's RevisionId as a list: mended here."""
    original = moto_policy.Policy.del_statement

    def del_statement(self: Any, sid: str, revision: Any = "") -> None:
        original(self, sid, revision[0] if isinstance(revision, list) else revision)

    monkeypatch.setattr(moto_policy.Policy, "del_statement", del_statement)
    name = f"permission-{uuid.uuid4().hex[:8]}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("h.py", "def handler(event, context):\n    return None\n")
    client = cloud.client("lambda")
    code = {"ZipFile": archive.getvalue()}
    client.create_function(
        FunctionName=name, Role=cloud.role_arn, Handler="h.handler", Runtime="python3.13", Code=code, Publish=True
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.add_permission(
        FunctionName=name, StatementId="theirs", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    yield name
    client.delete_function(FunctionName=name)


def policy(cloud: Any, name: str, **qualifier: str) -> dict[str, dict[str, Any]]:
    answer = cloud.client("lambda").get_policy(FunctionName=name, **qualifier)
    return {item["Sid"]: item for item in json.loads(answer["Policy"])["Statement"]}


def test_the_rhythm(cloud: Any, function: str) -> None:
    theirs = policy(cloud, function)["theirs"]
    wanted = {"function_name": function, "statements": [LOGS, EVENTS, ACCOUNT, ORGANISATION]}

    announced = cloud.run("lambda_permission", check_mode=True, **wanted)
    assert announced["changed"] is True
    assert set(policy(cloud, function)) == {"theirs"}

    created = cloud.run("lambda_permission", **wanted)
    assert created["changes"] == announced["changes"]
    assert created["diff"] == announced["diff"]
    assert [item["before"] for item in created["diff"]] == [""] * 4
    stored = policy(cloud, function)
    assert set(stored) == {"theirs", "lr-logs", "lr-events", "lr-account", "lr-organisation"}
    assert stored["lr-logs"]["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(":log-group:*")

    again = cloud.run("lambda_permission", **{**wanted, "statements": [ORGANISATION, ACCOUNT, LOGS, EVENTS]})
    assert (again["changed"], again["diff"]) == (False, [])

    narrower = {**LOGS, "source_arn": "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/*"}
    root = {**ACCOUNT, "principal": "arn:{partition}:iam::210987654321:root"}
    update = {**wanted, "statements": [root, narrower, ORGANISATION], "purge_prefix": "lr-"}
    announced = cloud.run("lambda_permission", check_mode=True, **update)
    updated = cloud.run("lambda_permission", **update)
    assert announced["changes"] == updated["changes"]
    assert updated["changes"] == ["update lambda permission lr-logs", "delete lambda permission lr-events"]
    assert updated["diff"][0]["before"]["source_arn"].endswith(":log-group:*")
    assert updated["diff"][0]["after"]["source_arn"].endswith(":log-group:/aws/lambda/*")
    assert set(policy(cloud, function)) == {"theirs", "lr-logs", "lr-account", "lr-organisation"}

    shuffled = {**update, "statements": [narrower, ORGANISATION, ACCOUNT]}
    assert cloud.run("lambda_permission", **shuffled)["changed"] is False

    gone = {"function_name": function, "purge_prefix": "lr-", "state": "absent"}
    announced = cloud.run("lambda_permission", check_mode=True, **gone)
    assert "lr-logs" in policy(cloud, function)
    removed = cloud.run("lambda_permission", **gone)
    assert removed["changes"] == announced["changes"]
    assert len(removed["changes"]) == 3
    assert policy(cloud, function) == {"theirs": theirs}
    assert cloud.run("lambda_permission", **gone)["changed"] is False


@pytest.mark.parametrize("form", ["name", "partial", "arn"])
def test_a_function_by_any_name(cloud: Any, function: str, form: str) -> None:
    arn = cloud.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
    name = {"name": function, "arn": arn, "partial": arn.split(":", 4)[4]}[form]
    wanted = {"function_name": name, "statements": [EVENTS]}
    assert cloud.run("lambda_permission", **wanted)["changed"] is True
    changed = {**wanted, "statements": [{**EVENTS, "source_account": "{account}"}]}
    assert cloud.run("lambda_permission", **changed)["changed"] is True
    assert cloud.run("lambda_permission", **changed)["changed"] is False
    info = cloud.run("lambda_permission_info", function_name=name)
    assert [item["statement_id"] for item in info["statements"]] == ["theirs", "lr-events"]
    assert info["policy_size"] > 0
    assert info["revision_id"]


@pytest.mark.parametrize("old_stands", [True, False])
def test_a_leftover_of_a_killed_run_is_completed(cloud: Any, function: str, old_stands: bool) -> None:
    """A kill before the old statement was removed, and one before the new one was added."""
    client = cloud.client("lambda")
    twin = twin_of("lr-events")
    for name in ("lr-events", twin) if old_stands else (twin,):
        client.add_permission(
            FunctionName=function, StatementId=name, Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
        )
    wanted = {"function_name": function, "statements": [EVENTS]}
    result = cloud.run("lambda_permission", **wanted)
    assert result["changes"] == [f"{'update' if old_stands else 'create'} lambda permission lr-events"]
    assert set(policy(cloud, function)) == {"theirs", "lr-events"}
    assert cloud.run("lambda_permission", **wanted)["changed"] is False


def test_an_alias_has_a_policy_of_its_own(cloud: Any, function: str) -> None:
    """moto keeps one policy for all qualifiers: ours are still told apart by their Resource."""
    cloud.client("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    wanted = {"function_name": function, "qualifier": "live", "statements": [EVENTS]}
    assert cloud.run("lambda_permission", **wanted)["changed"] is True
    assert cloud.run("lambda_permission", **wanted)["changed"] is False
    info = cloud.run("lambda_permission_info", function_name=f"{function}:live")
    assert [item["statement_id"] for item in info["statements"]] == ["lr-events"]
    assert info["statements"][0]["raw"]["Resource"].endswith(":live")
    info = cloud.run("lambda_permission_info", function_name=function)
    assert [item["statement_id"] for item in info["statements"]] == ["theirs"]
    assert cloud.run("lambda_permission", **wanted, state="absent")["changed"] is True
    assert cloud.run("lambda_permission_info", function_name=f"{function}:live")["statements"] == []


def older_tools(cloud: Any, function: str, groups: list[str]) -> list[str]:
    """A statement for each group, as an older tool made them, as far as the policy holds them: for these groups."""
    account = cloud.client("sts").get_caller_identity()["Account"]
    place = f"arn:aws:logs:{cloud.client('logs').meta.region_name}:{account}:log-group"
    for number, group in enumerate(groups):
        try:
            cloud.client("lambda").add_permission(
                FunctionName=function,
                StatementId=f"old-{number}",
                Action="lambda:InvokeFunction",
                Principal="logs.amazonaws.com",
                SourceArn=f"{place}:{group}:*",
            )
        except cloud.client("lambda").exceptions.PolicyLengthExceededException:
            return groups[:number]
    return groups


def test_statements_of_an_older_tool_are_compacted(cloud: Any, function: str) -> None:
    older_tools(cloud, function, ["/app/a", "/app/b"])
    wanted = {"function_name": function, "statements": [LOGS], "compact": True}
    announced = cloud.run("lambda_permission", check_mode=True, **wanted)
    assert set(policy(cloud, function)) == {"theirs", "old-0", "old-1"}
    result = cloud.run("lambda_permission", **wanted)
    assert result["changes"] == announced["changes"]
    assert result["diff"] == announced["diff"]
    assert set(policy(cloud, function)) == {"theirs", "lr-logs"}
    assert cloud.run("lambda_permission", **wanted)["changed"] is False


def test_a_missing_function(cloud: Any) -> None:
    wanted = {"function_name": "is-not-there", "statements": [EVENTS]}
    assert cloud.run("lambda_permission", check_mode=True, **wanted)["changed"] is True
    failed = cloud.run("lambda_permission", **wanted)
    assert failed["failed"] is True
    assert failed["error"]["kind"] == "NotFoundError"
    assert cloud.run("lambda_permission", **wanted, state="absent")["changed"] is False
    assert cloud.run("lambda_permission_info", function_name="is-not-there")["error"]["kind"] == "NotFoundError"


@pytest.mark.parametrize("cloud", ["embedded"], indirect=True)
class TestWhatMotoDoesNotKnow:
    def test_further_conditions(self, cloud: Any, function: str) -> None:
        wanted = {"function_name": function, "statements": [FUNCTION_URL, ALEXA, {**ORGANISATION, **ALEXA}]}
        wanted["statements"][2]["statement_id"] = "lr-both"
        assert cloud.run("lambda_permission", **wanted)["changed"] is True
        assert cloud.run("lambda_permission", **wanted)["changed"] is False
        changed = {**FUNCTION_URL, "function_url_auth_type": "NONE"}
        result = cloud.run("lambda_permission", **{**wanted, "statements": [changed]})
        assert result["changes"] == ["update lambda permission lr-url"]

    def test_a_function_that_is_full(self, cloud: Any, function: str) -> None:
        client = cloud.client("lambda")
        group = "arn:{partition}:logs:{region}:{account}:log-group:/" + "x" * 400
        per_group = [
            {**LOGS, "statement_id": f"lr-{number}", "source_arn": f"{group}-{number}:*"} for number in range(26)
        ]
        result = cloud.run("lambda_permission", function_name=function, statements=[*per_group])
        assert result["changed"] is True
        text = client.get_policy(FunctionName=function)["Policy"]
        assert result["policy_size"] == len(text.encode())
        before = policy(cloud, function)
        more = [
            {**LOGS, "statement_id": f"lr-more-{number}", "source_arn": f"{group}-{number}:*"} for number in range(10)
        ]
        refused = cloud.run("lambda_permission", function_name=function, statements=more)
        assert refused["error"]["kind"] == "LimitReachedError"
        assert f"it has {len(text):,} bytes" in refused["msg"]
        assert policy(cloud, function) == before

    def test_a_full_policy_is_compacted_in_one_write(self, cloud: Any, function: str) -> None:
        older_tools(cloud, function, [f"/{function}-{number}" for number in range(100)])
        wanted = {"function_name": function, "statements": [LOGS], "compact": True}
        announced = cloud.run("lambda_permission", check_mode=True, **wanted)
        result = cloud.run("lambda_permission", **wanted)
        assert announced["changes"] == result["changes"] == [f"update lambda policy {function}"]
        assert announced["diff"] == result["diff"]
        assert set(policy(cloud, function)) == {"theirs", "lr-logs"}
        assert cloud.run("lambda_permission", **wanted)["changed"] is False

    def test_a_full_policy_is_compacted_by_way_of_a_group_without_a_filter(
        self, cloud: Any, function: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PolicyApi, "why_not_whole", lambda _self, _policy: "Not here.")
        groups = older_tools(cloud, function, [f"/{function}-{number}" for number in range(100)])
        logs = cloud.client("logs")
        arn = cloud.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
        for group in groups[:10]:
            logs.create_log_group(logGroupName=group)
            logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)
        wanted = {"function_name": function, "statements": [LOGS], "compact": True}
        announced = cloud.run("lambda_permission", check_mode=True, **wanted)
        assert announced["changes"][:2] == ["delete lambda permission old-10", "create lambda permission lr-logs"]
        result = cloud.run("lambda_permission", **wanted)
        assert result["changes"] == announced["changes"]
        assert set(policy(cloud, function)) == {"theirs", "lr-logs"}
