"""The canary against moto, with a thread that plays subscriber and reflector."""

from __future__ import annotations

import datetime
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources import canary
from moto.logs.models import logs_backends

PREFIX = "/log-reflector/canary/"
REFLECTOR_LOG = "/aws/lambda/log-reflector"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def deploy_reflector(aws: Any) -> str:
    """A function of the reflector's name, and its log group; its ARN."""
    role = aws.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("index.py", "def handler(event, context): pass")
    arn: str = aws.client("lambda").create_function(
        FunctionName="log-reflector",
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/log-reflector")
    aws.client("logs").create_log_stream(logGroupName="/aws/lambda/log-reflector", logStreamName="s")
    return arn


def canaries(aws: Any) -> list[str]:
    """The canary log groups that stand."""
    answer = aws.client("logs").describe_log_groups(logGroupNamePrefix=PREFIX)
    return [group["logGroupName"] for group in answer["logGroups"]]


@contextmanager
def subscriber_and_reflector(
    aws: Any, arn: str, line: dict[str, Any] | None, pattern: str = "", log_group: str = REFLECTOR_LOG
) -> Iterator[None]:
    """Subscribes each canary, and writes the reflector's accounting line for it."""
    logs, ended = aws.client("logs"), threading.Event()

    def work() -> None:
        while not ended.is_set():
            for name in canaries(aws):
                logs.put_subscription_filter(
                    logGroupName=name, filterName="ours", filterPattern=pattern, destinationArn=arn
                )
                if line is not None:
                    event = {"timestamp": int(time.time() * 1000), "message": json.dumps({"logGroup": name, **line})}
                    logs.put_log_events(logGroupName=log_group, logStreamName="s", logEvents=[event])
            ended.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_line_that_goes_the_whole_way_is_timed(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=10)
    assert not result["changed"]
    assert result["canary"]["log_group"].startswith(PREFIX)
    assert 0 <= result["canary"]["seconds_to_subscription"] < 10
    assert 0 <= result["canary"]["seconds_to_delivery"] < 10
    assert canaries(aws) == []


def test_without_a_reflector_it_says_what_to_do(aws: Any) -> None:
    result = aws.run("delivery_check")
    assert result["failed"]
    assert "Could not find the reflector log-reflector" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    assert aws.writes == []


def test_a_filter_that_does_not_come_names_the_link(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("delivery_check", timeout=0)
    assert result["failed"]
    assert "Could not see its subscription filter" in result["msg"]
    assert "a trail logs management events" in result["msg"]
    assert f"rules (include and exclude) choose the log group {PREFIX}canary-" in result["msg"]
    assert canaries(aws) == []


def test_a_line_that_the_reflector_does_not_account_for_is_no_delivery(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 0, "FailedEvents": 1}):
        result = aws.run("delivery_check", timeout=1)
    assert result["failed"]
    assert "the reflector's word that it delivered the line" in result["msg"]
    assert "pattern" not in result["msg"]
    assert canaries(aws) == []


def test_check_mode_only_looks(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("delivery_check", check_mode=True)
    assert not result.get("failed")
    assert result["canary"] is None
    assert aws.writes == []


def test_a_pattern_that_lets_nothing_through_is_named_with_the_line(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, None, pattern="ERROR"):
        result = aws.run("delivery_check", timeout=1, line="a line of ours")
    assert "its pattern 'ERROR', and the line was 'a line of ours'" in result["msg"]
    assert "option line" in result["msg"]


def test_the_line_is_the_users(aws: Any) -> None:
    arn = deploy_reflector(aws)
    written: list[str] = []
    original = logs_backends["123456789012"]["eu-west-1"].put_log_events

    def noting(group: str, stream: str, events: list[dict[str, Any]]) -> Any:
        written.extend(item["message"] for item in events if group.startswith(PREFIX))
        return original(group, stream, events)

    logs_backends["123456789012"]["eu-west-1"].put_log_events = noting
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}, pattern="ERROR"):
        assert not aws.run("delivery_check", timeout=10, line="ERROR canary").get("failed")
        log_group = aws.run("delivery_check", timeout=10)["canary"]["log_group"]
    assert written == ["ERROR canary", f"log reflector canary {log_group}"]


def test_rules_that_choose_by_tags_choose_the_canary(aws: Any) -> None:
    arn = deploy_reflector(aws)
    made: list[Any] = []

    def create(request: dict[str, Any]) -> Any:
        made.append(request.get("tags"))
        logs_backends["123456789012"]["eu-west-1"].create_log_group(request["logGroupName"], request["tags"])
        return {}

    aws.answering("logs", CreateLogGroup=create)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run(
            "delivery_check", timeout=10, tags={"region": "{region}", "forward": ["yes", "true"], "team": ""}
        )
    assert result["canary"]
    assert made == [{"region": "eu-west-1", "forward": "yes", "team": "canary"}]


def test_the_reflectors_log_is_read_where_it_writes(aws: Any) -> None:
    arn = deploy_reflector(aws)
    aws.client("logs").delete_log_group(logGroupName="/aws/lambda/log-reflector")
    stub = aws.stub("lambda")
    configured = {"FunctionArn": arn, "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/platform/reflector"}}
    stub.add_response("get_function_configuration", configured, {"FunctionName": "log-reflector"})
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/platform/reflector")
    logs.create_log_stream(logGroupName="/platform/reflector", logStreamName="s")
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}, log_group="/platform/reflector"):
        assert not aws.run("delivery_check", timeout=10).get("failed")


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"function_name": ""}, "function_name"),
        ({"log_group_prefix": ""}, "log_group_prefix"),
        ({"log_group_prefix": "a b"}, "log_group_prefix"),
        ({"line": ""}, "line"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name_before_any_call(aws: Any, params: dict[str, Any], option: str) -> None:
    result = aws.run("delivery_check", **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert "\n" not in result["msg"]
    assert aws.calls == []


# Where the account policy serves


def account_policy(aws: Any, destination: str, criteria: str = "", pattern: str = "") -> None:
    """What DescribeAccountPolicies answers; moto does not have it. The rest of the calls go to moto."""
    document = json.dumps({"DestinationArn": destination, "FilterPattern": pattern})
    policy = {"policyName": "p", "policyDocument": document, "selectionCriteria": criteria}
    aws.answering("logs", DescribeAccountPolicies=lambda _request: {"accountPolicies": [policy] if destination else []})


@contextmanager
def reflector_that_misses(aws: Any, lines: int) -> Iterator[None]:
    """Accounts for a canary from the line after so many on: its policy is not in force before."""
    backend = logs_backends["123456789012"]["eu-west-1"]
    original, written = backend.put_log_events, []

    def noting(group: str, stream: str, events: list[dict[str, Any]]) -> Any:
        if group.startswith(PREFIX):
            written.append(group)
            if len(written) > lines:
                told = json.dumps({"logGroup": group, "DeliveredEvents": 1})
                original(REFLECTOR_LOG, "s", [{"timestamp": int(time.time() * 1000), "message": told}])
        return original(group, stream, events)

    backend.put_log_events = noting
    yield
    del backend.put_log_events


@pytest.mark.parametrize("subscription", ["account_policy", "any"])
def test_the_account_policy_is_enough_and_the_line_is_written_until_one_arrives(
    aws: Any, monkeypatch: pytest.MonkeyPatch, subscription: str
) -> None:
    arn = deploy_reflector(aws)
    monkeypatch.setattr(canary, "_AGAIN", 0.3)
    account_policy(aws, arn, 'LogGroupName NOT IN ["/x"]')
    with reflector_that_misses(aws, 1):
        result = aws.run("delivery_check", timeout=10, subscription=subscription)
    assert result["canary"]["seconds_to_delivery"] > 0.2
    assert aws.calls.count("PutLogEvents") == 2
    assert "DescribeSubscriptionFilters" not in aws.calls
    assert canaries(aws) == []


@pytest.mark.parametrize(
    ("destination", "criteria"),
    [("", ""), ("arn:aws:lambda:eu-west-1:123456789012:function:theirs", ""), (None, "odd")],
)
def test_a_policy_that_does_not_serve_the_group_names_the_link(
    aws: Any, destination: str | None, criteria: str
) -> None:
    arn = deploy_reflector(aws)
    account_policy(aws, arn if destination is None else destination, criteria)
    result = aws.run("delivery_check", timeout=0, subscription="account_policy")
    assert "Could not see the account policy that serves it" in result["msg"]
    assert f"sends to {arn} (logreflector.aws.account_subscription_policy)" in result["msg"]
    assert canaries(aws) == []


@pytest.mark.parametrize("theirs", ["", "arn:aws:lambda:eu-west-1:123456789012:function:theirs"])
def test_where_no_policy_of_ours_stands_any_is_a_filter(aws: Any, theirs: str) -> None:
    arn = deploy_reflector(aws)
    account_policy(aws, theirs)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=10, subscription="any")
    assert result["canary"]["seconds_to_subscription"] >= 0
    assert "DescribeSubscriptionFilters" in aws.calls


def test_a_policys_pattern_is_named_with_the_line(aws: Any) -> None:
    account_policy(aws, deploy_reflector(aws), pattern="ERROR")
    result = aws.run("delivery_check", timeout=0, subscription="account_policy")
    assert "The account policy lets only through what matches its pattern 'ERROR'" in result["msg"]


# Canaries that a killed run left behind

OLD = f"{PREFIX}canary-0123456789ab"


@pytest.fixture
def left_behind(aws: Any) -> Any:
    """One old canary, and what resembles one: too young, of another name, of another prefix."""
    deploy_reflector(aws)
    stay = [
        f"{PREFIX}canary-ba9876543210",
        f"{PREFIX}canary-report",
        f"{PREFIX}0123456789ab",
        f"{OLD}c",
        "/ecs/0123456789ab",
    ]
    for name in (OLD, *stay):
        aws.client("logs").create_log_group(logGroupName=name)
        if name != stay[0]:
            group = logs_backends["123456789012"]["eu-west-1"].groups[name]
            group.creation_time -= datetime.timedelta(hours=2)
    return aws


def all_groups(aws: Any) -> set[str]:
    return {group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]}


def test_old_canaries_are_announced_and_then_removed_and_nothing_else(left_behind: Any) -> None:
    before = all_groups(left_behind)
    announced = left_behind.run("delivery_check", check_mode=True)
    assert (announced["changed"], announced["removed_leftovers"]) == (True, [OLD])
    assert left_behind.writes == []
    result = left_behind.run("delivery_check", timeout=0)
    assert result["failed"]
    assert (result["changed"], result["removed_leftovers"]) == (True, [OLD])
    assert all_groups(left_behind) == before - {OLD}
    again = left_behind.run("delivery_check", timeout=0)
    assert (again["changed"], again["removed_leftovers"]) == (False, [])


def test_a_canary_that_a_patient_run_still_watches_stays(left_behind: Any) -> None:
    assert left_behind.run("delivery_check", check_mode=True, timeout=3000)["removed_leftovers"] == []


def test_absent_only_removes_canaries_of_any_age(aws: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=f"{PREFIX}canary-0123456789ab")
    logs.create_log_group(logGroupName=f"{PREFIX}of-somebody-else")
    announced = aws.run("delivery_check", check_mode=True, state="absent")
    assert aws.writes == []
    result = aws.run("delivery_check", state="absent")
    assert result["changed"]
    assert result["changes"] == announced["changes"] == [f"delete canary log group {PREFIX}canary-0123456789ab"]
    assert canaries(aws) == [f"{PREFIX}of-somebody-else"]
    assert not aws.run("delivery_check", state="absent")["changed"]
    assert aws.writes == []
