# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small functions, roles, queues and rules for the tests."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any, TypeVar

from embedded_aws import RunningAws

T = TypeVar("T")
_numbers = itertools.count(1)
# Generous, so that a slow machine fails no test. A wait ends when its condition holds.
WAIT_SECONDS = 180.0
LOGGING = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}
LAMBDA_TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
# Prints its event and its ARN.
ECHO = """
import json
def handler(event, context):
    print("got " + json.dumps({"event": event, "arn": context.invoked_function_arn}))
    return event
"""
FAILS = """
def handler(event, context):
    print("an attempt")
    raise ValueError("no luck")
"""


def name(kind: str) -> str:
    """Return a name that no other test uses."""
    return f"{kind}-{next(_numbers)}"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def zipped(source: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.py", source)
    return data.getvalue()


def until(read: Callable[[], T]) -> T:
    """Return what `read` returns as soon as it is true; what it returned last when the time limit is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := read()) and time.monotonic() < deadline:
        time.sleep(0.03)
    return value


def at_least(number: int, found: list[T]) -> list[T]:
    """Return the list if it is long enough, otherwise an empty one; for `until`."""
    return found if len(found) >= number else []


class Place:
    """An account and region."""

    def __init__(self, aws: RunningAws, account: str, region: str) -> None:
        self.aws, self.account, self.region = aws, account, region
        session = aws.session(account, region)
        self.events, self.iam, self.lambda_, self.logs, self.sqs = (
            session.client(service) for service in ("events", "iam", "lambda", "logs", "sqs")
        )

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def role(self, *statements: dict[str, Any], trust: dict[str, Any] | None = None) -> str:
        role = name("role")
        arn = self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(trust or LAMBDA_TRUST))["Role"][
            "Arn"
        ]
        if statements:
            self.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(*statements))
        return arn

    def assumed(self, service: str, *statements: dict[str, Any]) -> Any:
        """Return a client whose role has these policy statements."""
        trust = {"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole"}
        return self.client_of(self.role(*statements, trust=trust), service)

    def client_of(self, arn: str, service: str) -> Any:
        """Return a client of a role that the account may assume."""
        sts = self.aws.client("sts", self.account, self.region)
        session = sts.assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
        return self.aws.client(
            service,
            self.account,
            self.region,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    def function(self, source: str = ECHO, *statements: dict[str, Any], **options: Any) -> str:
        """Create a function and return its ARN. Its role may log and has these policy statements."""
        options = {"FunctionName": name("function"), "Timeout": 30, **options}
        if "Role" not in options:
            options["Role"] = self.role(LOGGING, *statements)
        return self.lambda_.create_function(
            Runtime="python3.13",
            Handler="index.handler",
            **options,
            Code={"ZipFile": zipped(source)},
        )["FunctionArn"]

    def allow(self, function: str, service: str = "logs.amazonaws.com", **conditions: str) -> None:
        self.lambda_.add_permission(
            FunctionName=function,
            StatementId=name("s"),
            Action="lambda:InvokeFunction",
            Principal=service,
            **conditions,
        )

    def settled(self, function: str) -> None:
        self.lambda_.get_waiter("function_active_v2").wait(
            FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1800}
        )

    def group(self, group: str | None = None, **options: Any) -> str:
        group = group or name("/app/group")
        self.logs.create_log_group(logGroupName=group, **options)
        return group

    def subscribe(self, group: str, destination: str, filter_name: str = "filter", pattern: str = "") -> None:
        self.logs.put_subscription_filter(
            logGroupName=group, filterName=filter_name, filterPattern=pattern, destinationArn=destination
        )

    def write(self, group: str, *messages: str) -> None:
        stream = name("stream")
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": message} for message in messages]
        self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def printed(self, function: str, group: str | None = None, start: str = "got ") -> list[str]:
        """Return the lines with this start that a function has printed so far."""
        group = group or f"/aws/lambda/{function.split(':')[6]}"
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        events = self.logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events if event["message"].startswith(start)]

    def events_got(self, function: str) -> list[dict[str, Any]]:
        """Return the events that an ECHO function received."""
        return [json.loads(line.removeprefix("got "))["event"] for line in self.printed(function)]

    def payloads(self, function: str) -> list[dict[str, Any]]:
        """Return the payloads of subscriptions that an ECHO function received."""
        found = [event["awslogs"]["data"] for event in self.events_got(function) if "awslogs" in event]
        return [json.loads(gzip.decompress(base64.b64decode(data))) for data in found]

    def queue(self, policy: str | None = None) -> tuple[str, str]:
        """Create a queue; return its URL and ARN."""
        queue = name("queue")
        attributes = {} if policy is None else {"Policy": policy}
        url = self.sqs.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]
        return url, self.arn("sqs", queue)

    def open_queue(self) -> tuple[str, str]:
        """Create a queue that every rule may send to; return its URL and ARN."""
        service = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
        return self.queue(document({**service, "Action": "sqs:SendMessage", "Resource": "*"}))

    def visible_messages(self, url: str) -> list[dict[str, Any]]:
        """Return up to ten messages that a queue holds now, and leave them there."""
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def messages(self, url: str) -> list[dict[str, Any]]:
        """Wait until a queue holds messages; return them and leave them there."""
        return until(lambda: self.visible_messages(url))

    def rule(
        self, target: str, about: str = "/", operations: tuple[str, ...] = ("CreateLogGroup",), **options: Any
    ) -> str:
        """Create a rule for calls about log groups and return its ARN. For new groups, `about` is a prefix of the name."""
        rule = name("rule")
        detail: dict[str, Any] = {"eventName": list(operations)}
        if operations == ("CreateLogGroup",):
            detail["requestParameters"] = {"logGroupName": [{"prefix": about}]}
        arn = self.events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.logs"], "detail": detail}))[
            "RuleArn"
        ]
        self.events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": target, **options}])
        return arn
