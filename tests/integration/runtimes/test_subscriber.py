# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's package under every Lambda Python, called by AWS's own runtime client, against the embedded AWS."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from embedded_aws import RunningAws
from lambda_runtime import ACCOUNT, REGION, Runtime
from packages import Packages, Start
from waits import wait_until

REFLECTOR = "log-reflector"
SUBSCRIBER = "log-reflector-subscriber"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
# A reflector that prints its payloads to its own log group.
CODE = """
import base64, gzip, json
def handler(event, context):
    print(gzip.decompress(base64.b64decode(event["awslogs"]["data"])).decode())
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a reflector that CloudWatch Logs may invoke, the subscriber's queue, and a rule for its messages to itself."""

    logs: Any
    sqs: Any
    reflector: str
    queue_url: str
    queue_arn: str

    def group(self, *lines: str) -> str:
        name = f"/app/{uuid.uuid4()}"
        self.logs.create_log_group(logGroupName=name)
        if lines:
            self.logs.create_log_stream(logGroupName=name, logStreamName="s")
            at = int(time.time() * 1000)
            events = [{"timestamp": at, "message": line} for line in lines]
            self.logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
        return name

    def destinations(self, group: str) -> list[str]:
        filters = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        return [item["destinationArn"] for item in filters]

    def send(self, event: Any) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(event), MessageGroupId="subscriber")

    def received(self) -> dict[str, Any]:
        """Receive the waiting messages, in the form that Lambda gives them to the function."""
        found = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self.queue_arn,
                }
                for message in found.get("Messages", [])
            ]
        }

    def done(self, batch: dict[str, Any]) -> None:
        for record in batch["Records"]:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])


def _reflector(client: Callable[[str], Any]) -> str:
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    iam = client("iam")
    role = iam.create_role(RoleName="of-the-reflector", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    write = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [write]})
    iam.put_role_policy(RoleName="of-the-reflector", PolicyName="logs", PolicyDocument=policy)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", CODE)
    for name in (REFLECTOR, SUBSCRIBER):  # the subscriber reads the logging configuration of both
        function = {"FunctionName": name, "Runtime": "python3.13", "Handler": "handler.handler", "Role": role}
        client("lambda").create_function(**function, Code={"ZipFile": code.getvalue()})
    client("lambda").add_permission(
        FunctionName=REFLECTOR, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    arn: str = client("lambda").get_function_configuration(FunctionName=REFLECTOR)["FunctionArn"]
    return arn


def _queue(client: Callable[[str], Any]) -> tuple[str, str]:
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{SUBSCRIBER}.fifo"
    attributes = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "VisibilityTimeout": "600",
    }
    url: str = client("sqs").create_queue(QueueName=f"{SUBSCRIBER}.fifo", Attributes=attributes)["QueueUrl"]
    return url, arn


@pytest.fixture(scope="session")
def account(aws: RunningAws) -> Account:
    def client(service: str) -> Any:
        return aws.client(service, ACCOUNT, REGION)

    reflector = _reflector(client)
    return Account(client("logs"), client("sqs"), reflector, *_queue(client))


@pytest.fixture
def function(start: Start, packages: Packages, account: Account, aws_variables: dict[str, str]) -> Runtime:
    account.sqs.purge_queue(QueueUrl=account.queue_url)
    settings = {"REFLECTOR": REFLECTOR, "SUBSCRIPTIONS": json.dumps({"exclude": ["/app/never*"], "retention_days": 30})}
    return start(packages.subscriber, environment={**aws_variables, **settings}, timeout=300, name=SUBSCRIBER)


def created(group: str) -> dict[str, Any]:
    """Return the event of EventBridge, with the fields that the function reads."""
    request = {"logGroupName": group}
    detail = {"eventSource": "logs.amazonaws.com", "eventName": "CreateLogGroup", "requestParameters": request}
    return {**PLACE, "source": "aws.logs", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


PLACE = {"account": ACCOUNT, "region": REGION}


def test_subscriber_new_group_is_subscribed_once(function: Runtime, account: Account) -> None:
    group = account.group()
    first, second = function.invoke(created(group)), function.invoke(created(group))
    assert [invocation.kind for invocation in (first, second)] == ["ok", "ok"]
    assert [invocation.payload["outcome"] for invocation in (first, second)] == ["created", "subscribed"]
    assert [json.loads(line) for line in first.log_lines] == [first.payload]
    assert [first.report.cold, second.report.cold] == [True, False]
    assert account.destinations(group) == [account.reflector]


def test_subscriber_excluded_and_own_groups_are_untouched(function: Runtime, account: Account) -> None:
    for group in ("/app/never-this-one", f"/aws/lambda/{REFLECTOR}", f"/aws/lambda/{SUBSCRIBER}"):
        invocation = function.invoke(created(group))
        assert invocation.kind == "ok"
        assert (invocation.payload["log_group"], invocation.payload["outcome"]) == (group, "excluded")


def test_subscriber_unknown_event_is_an_error(function: Runtime) -> None:
    invocation = function.invoke({"detail": {"eventName": "DeleteLogGroup"}})
    assert (invocation.kind, invocation.payload["errorType"]) == ("error", "SubscriberError")
    assert "parse an event" in invocation.payload["errorMessage"]


def test_subscriber_own_event_backfills_the_first_line(function: Runtime, account: Account) -> None:
    group = account.group("the first line")
    assert function.invoke(created(group)).kind == "ok"
    batch = account.received()
    assert len(batch["Records"]) == 1
    invocation = function.invoke(batch)
    account.done(batch)
    assert (invocation.kind, invocation.payload) == ("ok", {"batchItemFailures": []})
    (report,) = map(json.loads, invocation.log_lines)
    assert report == {"followed_up": 1, "handed_over": 0, "backfilled_events": 1}
    told = wait_until(lambda: _printed(account, group), f"the events of {group} at the reflector")
    assert told is not None
    assert (told["logGroup"], told["backfill"]) == (group, True)
    assert [item["message"] for item in told["logEvents"]] == ["the first line"]
    (described,) = account.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["retentionInDays"] == 30


def test_subscriber_batch_retries_only_failed_messages_soon(function: Runtime, account: Account) -> None:
    group = account.group()
    nonsense = {"no": "sense", "id": str(uuid.uuid4())}
    for event in (nonsense, created(group)):
        account.send(event)
    batch = account.received()
    invocation = function.invoke(batch)
    assert invocation.payload == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}
    assert account.destinations(group) == [account.reflector]
    account.done({"Records": batch["Records"][1:]})
    again = account.received()  # without the ten minutes of the queue
    assert json.dumps(nonsense) in [record["body"] for record in again["Records"]]
    account.done(again)


def test_subscriber_sweep_subscribes_missed_groups(function: Runtime, account: Account) -> None:
    group = account.group()
    at = datetime.now(UTC).isoformat()
    told = {**PLACE, "source": "aws.events", "detail-type": "Scheduled Event", "time": at, "detail": {}}
    invocation = function.invoke(told)
    assert (invocation.kind, invocation.payload["outcome"]) == ("ok", "ended")
    assert account.destinations(group) == [account.reflector]
    (metrics,) = [line for line in map(json.loads, invocation.log_lines) if "_aws" in line]
    assert metrics["FunctionName"] == SUBSCRIBER
    assert metrics["Coverage"] == 100
    assert metrics["Subscribed"] >= 1


def _printed(account: Account, group: str) -> dict[str, Any] | None:
    """Return the reflector's output about a group."""
    try:
        events = account.logs.filter_log_events(logGroupName=f"/aws/lambda/{REFLECTOR}")["events"]
    except account.logs.exceptions.ResourceNotFoundException:
        return None
    found = [json.loads(event["message"]) for event in events if f'"{group}"' in event["message"]]
    return next((item for item in found if item["messageType"] == "DATA_MESSAGE"), None)
