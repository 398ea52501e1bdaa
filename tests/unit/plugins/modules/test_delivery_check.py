# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check against moto. The subscriber and the reflector work in its pauses."""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources import delivery_check
from aws_in_tests import LAMBDA_TRUST, zip_bytes
from moto.logs.models import LogsBackend, logs_backends
from threads_in_tests import in_background, work_in_pauses

PREFIX = "/log-reflector/check/"
REFLECTOR_LOG = "/aws/lambda/log-reflector"
SELECTORS = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}


def make_trails(aws: Any, *trails: str, is_logging: bool = True, selectors: Any = None) -> None:
    """Let CloudTrail describe these trails."""
    described = [
        {"Name": name, "TrailARN": f"arn:aws:cloudtrail:eu-west-1:123456789012:trail/{name}"} for name in trails
    ]
    aws.answering(
        "cloudtrail",
        DescribeTrails=lambda _request: {"trailList": described},
        GetTrailStatus=lambda _request: {"IsLogging": is_logging},
        GetEventSelectors=lambda _request: selectors or SELECTORS,
    )


def deploy_reflector(aws: Any, *, permitted: bool = True) -> str:
    """Create a function with the reflector's name, and its log group. Return its ARN."""
    make_trails(aws, "management")
    role = aws.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]["Arn"]
    arn: str = aws.client("lambda").create_function(
        FunctionName="log-reflector",
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": zip_bytes()},
    )["FunctionArn"]
    if permitted:
        aws.client("lambda").add_permission(
            FunctionName="log-reflector",
            StatementId="log-reflector-logs",
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
            SourceArn="arn:aws:logs:eu-west-1:123456789012:log-group:*",
            SourceAccount="123456789012",
        )
    make_log_group(aws, REFLECTOR_LOG)
    return arn


def make_log_group(aws: Any, name: str) -> None:
    """Create a log group with the stream "s"."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")


def logs_backend() -> LogsBackend:
    """Return moto's log groups."""
    return logs_backends["123456789012"]["eu-west-1"]


def report_event(report: dict[str, Any]) -> dict[str, Any]:
    """Return a log event with a line of the reflector or the subscriber."""
    return {"timestamp": int(time.time() * 1000), "message": json.dumps(report)}


def check_groups(aws: Any) -> list[str]:
    """Return the log groups under the check's prefix."""
    answer = aws.client("logs").describe_log_groups(logGroupNamePrefix=PREFIX)
    return [group["logGroupName"] for group in answer["logGroups"]]


@contextmanager
def subscriber_and_reflector(
    aws: Any, arn: str, line: dict[str, Any] | None, pattern: str = "", log_group: str = REFLECTOR_LOG
) -> Iterator[None]:
    """Subscribe each log group of the check, and write the reflector's accounting line for it."""
    logs = aws.client("logs")

    def serve(name: str) -> None:
        logs.put_subscription_filter(logGroupName=name, filterName="ours", filterPattern=pattern, destinationArn=arn)
        if line is not None:
            event = report_event({"logGroup": name, **line})
            logs.put_log_events(logGroupName=log_group, logStreamName="s", logEvents=[event])

    def work() -> None:
        for name in check_groups(aws):
            serve(name)

    with work_in_pauses(work, delivery_check):
        yield


def test_check_delivered_line_reports_delays(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=10)
    assert not result["changed"]
    assert result["delivery_check"]["log_group"].startswith(PREFIX)
    assert 0 <= result["delivery_check"]["seconds_to_subscription"] < 10
    assert 0 <= result["delivery_check"]["seconds_to_delivery"] < 10
    assert check_groups(aws) == []


def test_check_without_reflector_advises_deployment(aws: Any) -> None:
    result = aws.run("delivery_check")
    assert result["failed"]
    assert "Could not find the reflector log-reflector" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    assert aws.writes == []


def test_check_without_filter_names_the_subscription(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("delivery_check", timeout=0)
    assert result["failed"]
    assert "it got no subscription filter within 0 s" in result["msg"]
    assert "a trail logs management events" in result["msg"]
    assert f"rules (include and exclude) choose the log group {PREFIX}delivery-check-" in result["msg"]
    assert check_groups(aws) == []


def test_check_failed_delivery_names_the_delivery(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 0, "FailedEvents": 1}):
        result = aws.run("delivery_check", timeout=1)
    assert result["failed"]
    assert "the reflector did not report delivery of the test line within 1 s." in result["msg"]
    assert "pattern" not in result["msg"]
    assert check_groups(aws) == []


def test_check_mode_writes_nothing(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("delivery_check", check_mode=True)
    assert not result.get("failed")
    assert result["delivery_check"] is None
    assert aws.writes == []


def test_check_pattern_without_match_names_pattern_and_line(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, None, pattern="ERROR"):
        result = aws.run("delivery_check", timeout=1, line="a line")
    assert "its pattern 'ERROR', and the line was 'a line'" in result["msg"]
    assert "option line" in result["msg"]


@contextmanager
def observed_lines(observe: Callable[[str, list[dict[str, Any]]], None]) -> Iterator[None]:
    """Call `observe(log_group, events)` before the check writes events to one of its log groups."""
    backend = logs_backend()
    original = backend.put_log_events

    def put_log_events(group: str, stream: str, events: list[dict[str, Any]]) -> Any:
        if group.startswith(PREFIX):
            observe(group, events)
        return original(group, stream, events)

    with mock.patch.object(backend, "put_log_events", put_log_events):
        yield


def test_check_writes_the_given_line(aws: Any) -> None:
    arn = deploy_reflector(aws)
    written: list[str] = []

    def record(_group: str, events: list[dict[str, Any]]) -> None:
        written.extend(item["message"] for item in events)

    with observed_lines(record), subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}, pattern="ERROR"):
        assert not aws.run("delivery_check", timeout=10, line="ERROR line").get("failed")
        log_group = aws.run("delivery_check", timeout=10)["delivery_check"]["log_group"]
    assert written == ["ERROR line", f"log reflector delivery check {log_group}"]


def test_check_rules_with_tags_tag_the_log_group(aws: Any) -> None:
    arn = deploy_reflector(aws)
    made: list[Any] = []

    def create(request: dict[str, Any]) -> Any:
        made.append(request.get("tags"))
        logs_backend().create_log_group(request["logGroupName"], request["tags"])
        return {}

    aws.answering("logs", CreateLogGroup=create)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run(
            "delivery_check", timeout=10, tags={"region": "{region}", "forward": ["yes", "true"], "team": ""}
        )
    assert result["delivery_check"]
    assert made == [{"region": "eu-west-1", "forward": "yes", "team": "delivery-check"}]


def test_check_reads_the_reflectors_configured_log_group(aws: Any) -> None:
    arn = deploy_reflector(aws)
    aws.client("logs").delete_log_group(logGroupName="/aws/lambda/log-reflector")
    stub = aws.stub("lambda")
    configured = {"FunctionArn": arn, "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/platform/reflector"}}
    stub.add_response("get_function_configuration", configured, {"FunctionName": "log-reflector"})
    stub.add_client_error("get_policy", "AccessDeniedException")  # so the permission is not known
    make_log_group(aws, "/platform/reflector")
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
def test_check_wrong_option_is_refused_before_any_call(aws: Any, params: dict[str, Any], option: str) -> None:
    result = aws.run("delivery_check", **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert "\n" not in result["msg"]
    assert aws.calls == []


# The account policy subscribes the log group


def account_policy(aws: Any, destination: str, criteria: str = "", pattern: str = "") -> None:
    """Set the answer of DescribeAccountPolicies, which moto lacks. Other calls go to moto."""
    document = json.dumps({"DestinationArn": destination, "FilterPattern": pattern})
    policy = {"policyName": "p", "policyDocument": document, "selectionCriteria": criteria}
    aws.answering("logs", DescribeAccountPolicies=lambda _request: {"accountPolicies": [policy] if destination else []})


@contextmanager
def reflector_that_misses_the_first_line() -> Iterator[None]:
    """Write the reflector's accounting line for each line but the first: the account policy is not in force yet."""
    written: list[str] = []

    def report(group: str, _events: list[dict[str, Any]]) -> None:
        written.append(group)
        if len(written) > 1:
            event = report_event({"logGroup": group, "DeliveredEvents": 1})
            logs_backend().put_log_events(REFLECTOR_LOG, "s", [event])

    with observed_lines(report):
        yield


@pytest.mark.parametrize("subscription", ["account_policy", "any"])
def test_check_account_policy_rewrites_the_line_until_it_arrives(
    aws: Any, monkeypatch: pytest.MonkeyPatch, subscription: str
) -> None:
    arn = deploy_reflector(aws)
    monkeypatch.setattr(delivery_check, "REWRITE_SECONDS", 0.3)
    account_policy(aws, arn, 'LogGroupName NOT IN ["/x"]')
    with reflector_that_misses_the_first_line():
        result = aws.run("delivery_check", timeout=LONG, subscription=subscription)
    assert result["delivery_check"]["seconds_to_delivery"] > 0.2
    assert aws.calls.count("PutLogEvents") == 2
    assert "DescribeSubscriptionFilters" not in aws.calls
    assert check_groups(aws) == []


@pytest.mark.parametrize(
    ("destination", "criteria"),
    [("", ""), ("arn:aws:lambda:eu-west-1:123456789012:function:theirs", ""), (None, "odd")],
)
def test_check_uncovered_log_group_names_the_policy(aws: Any, destination: str | None, criteria: str) -> None:
    arn = deploy_reflector(aws)
    account_policy(aws, arn if destination is None else destination, criteria)
    result = aws.run("delivery_check", timeout=0, subscription="account_policy")
    assert "the account policy did not cover it within 0 s" in result["msg"]
    assert f"sends to {arn} (logreflector.aws.account_subscription_policy)" in result["msg"]
    assert check_groups(aws) == []


@pytest.mark.parametrize("destination", ["", "arn:aws:lambda:eu-west-1:123456789012:function:theirs"])
def test_check_any_without_account_policy_to_the_reflector_waits_for_a_filter(aws: Any, destination: str) -> None:
    arn = deploy_reflector(aws)
    account_policy(aws, destination)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=10, subscription="any")
    assert result["delivery_check"]["seconds_to_subscription"] >= 0
    assert "DescribeSubscriptionFilters" in aws.calls


def test_check_policy_pattern_names_pattern_and_line(aws: Any) -> None:
    account_policy(aws, deploy_reflector(aws), pattern="ERROR")
    result = aws.run("delivery_check", timeout=0, subscription="account_policy")
    assert "The account policy forwards only lines that match its pattern 'ERROR'" in result["msg"]


# Log groups that a killed run left behind

OLD = f"{PREFIX}delivery-check-0123456789ab"


@pytest.fixture
def left_behind(aws: Any) -> Any:
    """An old log group of the check, and similar ones: too young, with another name, with another prefix."""
    deploy_reflector(aws)
    stay = [
        f"{PREFIX}delivery-check-ba9876543210",
        f"{PREFIX}delivery-check-report",
        f"{PREFIX}0123456789ab",
        f"{OLD}c",
        "/ecs/0123456789ab",
    ]
    for name in (OLD, *stay):
        aws.client("logs").create_log_group(logGroupName=name)
        if name != stay[0]:
            logs_backend().groups[name].creation_time -= datetime.timedelta(hours=2)
    return aws


def all_groups(aws: Any) -> set[str]:
    return {group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]}


def test_check_removes_only_old_leftovers(left_behind: Any) -> None:
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


def test_check_long_timeout_keeps_groups_in_use(left_behind: Any) -> None:
    assert left_behind.run("delivery_check", check_mode=True, timeout=3000)["removed_leftovers"] == []


def test_check_absent_removes_leftovers_of_any_age(aws: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=f"{PREFIX}delivery-check-0123456789ab")
    logs.create_log_group(logGroupName=f"{PREFIX}of-somebody-else")
    announced = aws.run("delivery_check", check_mode=True, state="absent")
    assert aws.writes == []
    result = aws.run("delivery_check", state="absent")
    assert result["changed"]
    assert result["changes"] == announced["changes"] == [f"delete log group {PREFIX}delivery-check-0123456789ab"]
    assert check_groups(aws) == [f"{PREFIX}of-somebody-else"]
    assert not aws.run("delivery_check", state="absent")["changed"]
    assert aws.writes == []


# Causes that are known at once. A check that waited would exceed pytest's own limit.

LONG = 3600
SUBSCRIBER_LOG = "/aws/lambda/log-reflector-subscriber"


@contextmanager
def subscriber_that_reports(aws: Any, *lines: dict[str, Any]) -> Iterator[None]:
    """Write the subscriber's lines about the first log group of the check."""
    make_log_group(aws, SUBSCRIBER_LOG)

    def work(ended: threading.Event) -> None:
        while not ended.wait(0.05):
            if found := check_groups(aws):
                events = [report_event({"log_group": found[0], **line}) for line in lines]
                aws.client("logs").put_log_events(logGroupName=SUBSCRIBER_LOG, logStreamName="s", logEvents=events)
                return

    with in_background(work):
        yield


def test_check_missing_permission_is_named_at_once(aws: Any) -> None:
    """The check advised to read rules, trail and subscriber, after its whole timeout."""
    deploy_reflector(aws, permitted=False)
    result = aws.run("delivery_check", timeout=LONG)
    assert "no statement of the function's policy lets CloudWatch Logs invoke it" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize(
    ("trails", "more", "reason"),
    [
        ((), {}, "(there is no trail)"),
        (("all",), {"is_logging": False}, "(all: it is stopped)"),
        (
            ("data",),
            {"selectors": {"EventSelectors": [{"IncludeManagementEvents": False}]}},
            "(data: its event selectors leave them out)",
        ),
    ],
)
def test_check_without_trail_fails_at_once(aws: Any, trails: tuple[str, ...], more: Any, reason: str) -> None:
    deploy_reflector(aws)
    make_trails(aws, *trails, **more)
    result = aws.run("delivery_check", timeout=LONG)
    assert f"no CloudTrail trail logs their creation {reason}" in result["msg"]
    assert aws.writes == []
    assert "no subscription filter" in aws.run("delivery_check", timeout=0, trail=False)["msg"]


def test_check_trail_that_may_not_be_read_is_a_note(aws: Any) -> None:
    arn = deploy_reflector(aws)
    aws.stub("cloudtrail").add_client_error("describe_trails", "AccessDeniedException")
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=10)
    (note,) = result["notes"]
    assert note.startswith("whether a trail logs management events is not known: Could not list the trails")


def test_check_creates_another_group_until_one_is_subscribed(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single lost CloudTrail event failed the check, and with it the wave."""
    arn = deploy_reflector(aws)
    monkeypatch.setattr(delivery_check, "GROUP_SECONDS", 0.1)
    asked: list[str] = []

    def filters(request: dict[str, Any]) -> Any:
        """Answer that only the third log group has a filter."""
        if (name := request["logGroupName"]) not in asked:
            asked.append(name)
        own = {"filterName": "ours", "destinationArn": arn, "logGroupName": name}
        return {"subscriptionFilters": [own] if asked[2:] == [name] else []}

    aws.answering("logs", DescribeSubscriptionFilters=filters)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 1}):
        result = aws.run("delivery_check", timeout=60)
    assert result["delivery_check"]["log_groups"] == 3, result
    assert result["delivery_check"]["log_group"] == asked[2]
    assert result["notes"][0].startswith("2 of 3 test log groups had no filter in time")
    assert check_groups(aws) == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"outcome": "excluded", "reason": "the exclude pattern '/x' matches"}], "excluded, the exclude pattern '/x'"),
        (
            [{"outcome": "denied", "reason": "AccessDeniedException: logs:PutSubscriptionFilter"}] * 2,
            "denied, AccessDenied",
        ),
    ],
)
def test_check_names_the_subscribers_reason_at_once(
    aws: Any, monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]], reason: str
) -> None:
    deploy_reflector(aws)
    monkeypatch.setattr(delivery_check, "LOG_SECONDS", 0.0)
    with subscriber_that_reports(aws, *lines):
        result = aws.run("delivery_check", timeout=LONG)
    assert f"the subscriber reports: {reason}" in result["msg"]
    assert check_groups(aws) == []


def test_check_names_the_sinks_refusal_at_once(aws: Any) -> None:
    """A sink that answered 500 was a timeout with the advice to look at the log."""
    arn = deploy_reflector(aws)
    line = {"DeadLetteredEvents": 1, "reasons": [{"sink": "sumologic", "reason": "the sink answered 500", "events": 1}]}
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 0, **line}):
        result = aws.run("delivery_check", timeout=LONG)
    assert "the reflector reports: sumologic: the sink answered 500" in result["msg"]
    assert check_groups(aws) == []


def test_check_failed_delivery_has_the_last_reason(aws: Any) -> None:
    arn = deploy_reflector(aws)
    line = {"FailedEvents": 1, "reasons": [{"sink": "s3", "reason": "SlowDown", "events": 1}]}
    with subscriber_and_reflector(aws, arn, line):
        result = aws.run("delivery_check", timeout=1)
    assert "delivery of the test line within 1 s; the reflector reports: s3: SlowDown." in result["msg"]
