"""The canary against moto, with a thread that plays subscriber and reflector."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PREFIX = "/log-reflector/canary/"
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
def subscriber_and_reflector(aws: Any, arn: str, line: dict[str, Any] | None) -> Iterator[None]:
    """Subscribes each canary, and writes the reflector's accounting line for it."""
    logs, ended = aws.client("logs"), threading.Event()

    def work() -> None:
        while not ended.is_set():
            for name in canaries(aws):
                logs.put_subscription_filter(logGroupName=name, filterName="ours", filterPattern="", destinationArn=arn)
                if line is not None:
                    event = {"timestamp": int(time.time() * 1000), "message": json.dumps({"logGroup": name, **line})}
                    logs.put_log_events(logGroupName="/aws/lambda/log-reflector", logStreamName="s", logEvents=[event])
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
        result = aws.run("canary", timeout=10)
    assert not result["changed"]
    assert result["canary"]["log_group"].startswith(PREFIX)
    assert 0 <= result["canary"]["seconds_to_subscription"] < 10
    assert 0 <= result["canary"]["seconds_to_delivery"] < 10
    assert canaries(aws) == []


def test_without_a_reflector_it_says_what_to_do(aws: Any) -> None:
    result = aws.run("canary")
    assert result["failed"]
    assert "Could not find the reflector log-reflector" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    assert aws.writes == []


def test_a_filter_that_does_not_come_names_the_link(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("canary", timeout=0)
    assert result["failed"]
    assert "Could not see its subscription filter" in result["msg"]
    assert "a trail logs management events" in result["msg"]
    assert canaries(aws) == []


def test_a_line_that_the_reflector_does_not_account_for_is_no_delivery(aws: Any) -> None:
    arn = deploy_reflector(aws)
    with subscriber_and_reflector(aws, arn, {"DeliveredEvents": 0, "FailedEvents": 1}):
        result = aws.run("canary", timeout=1)
    assert result["failed"]
    assert "the reflector's word that it delivered the line" in result["msg"]
    assert canaries(aws) == []


def test_check_mode_only_looks(aws: Any) -> None:
    deploy_reflector(aws)
    result = aws.run("canary", check_mode=True)
    assert not result.get("failed")
    assert result["canary"] is None
    assert aws.writes == []
