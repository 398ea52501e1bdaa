# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One target with a reflector: helpers that write lines to its log groups, and read its queue and its logs."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from embedded_aws import Call, RunningAws, Sink
from threads_in_tests import in_background
from waits import wait_until

FUNCTION = "log-reflector"
QUEUE = "log-reflector-dead-letters"
_streams = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A target, with the permissions of its account's root."""

    aws: RunningAws
    account: str
    region: str

    @property
    def host(self) -> str:
        """The target's name in the inventory."""
        return f"{self.account}.{self.region}"

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return self.aws.client(service, self.account, self.region)

    def write(self, log_group: str, *messages: str) -> str:
        """Write one payload of events to a new stream, and return the stream's name."""
        stream = f"written-{time.time_ns()}-{next(_streams)}"
        logs = self.client("logs")
        logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=events)
        return stream

    @contextmanager
    def writing(self, log_group: str) -> Iterator[list[str]]:
        """Write a line five times a second during the block. Yields the written lines."""
        written: list[str] = []

        def write(ended: threading.Event) -> None:
            while not ended.wait(0.2):
                message = f"line {time.time_ns()}"
                self.write(log_group, message)
                written.append(message)

        with in_background(write):
            yield written

    def log(self, log_group: str = f"/aws/lambda/{FUNCTION}") -> list[str]:
        """Return the lines of a function's log. Lambda writes an invocation's lines at its end."""
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=log_group)
        return [event["message"] for page in pages for event in page["events"]]

    def wait_until_idle(self) -> None:
        """Wait until no event and no asynchronous invocation is in progress, so that duplicates are at their sink, too."""
        wait_until(
            lambda: self.aws.events_under_way() == 0,
            "the end of all events and asynchronous invocations",
            seen=lambda: f"{self.aws.events_under_way()} under way, and the log {self.log()[-20:]}",
        )

    def accounts(self) -> list[dict[str, Any]]:
        """Return the accounting lines of the reflector's log."""
        return [json.loads(line) for line in self.log() if line.startswith('{"_aws"')]

    def queue(self) -> tuple[Any, str]:
        """Return a client for the dead-letter queue, and the queue's URL."""
        sqs = self.client("sqs")
        return sqs, sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def counts(self) -> tuple[int, int]:
        """Return the numbers of visible messages and of messages in flight."""
        sqs, url = self.queue()
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def take(self, visible_again: bool = False) -> list[str]:
        """Receive the visible messages and return their bodies. They are hidden then, unless `visible_again`."""
        sqs, url = self.queue()
        found: list[dict[str, Any]] = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += batch
        if visible_again:
            for message in found:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        return sorted(message["Body"] for message in found)

    def subscription_tags(self, log_group: str) -> dict[str, str]:
        """Return the log group's tags of this collection."""
        arn = f"arn:aws:logs:{self.region}:{self.account}:log-group:{log_group}"
        tags = self.client("logs").list_tags_for_resource(resourceArn=arn)["tags"]
        return {key: value for key, value in tags.items() if key.startswith("logreflector.aws/")}

    def own_resources(self) -> list[str]:
        """Return the names of this collection's resources, without the deployer's role."""
        logs = self.client("logs")
        groups = [
            group["logGroupName"]
            for page in logs.get_paginator("describe_log_groups").paginate()
            for group in page["logGroups"]
        ]
        names = [
            *(item["FunctionName"] for item in self.client("lambda").list_functions()["Functions"]),
            *(item["Name"] for item in self.client("events").list_rules()["Rules"]),
            *(item["RoleName"] for item in self.client("iam").list_roles()["Roles"]),
            *self.client("sqs").list_queues().get("QueueUrls", []),
            *(item["Name"] for item in self.client("ssm").describe_parameters()["Parameters"]),
            *(
                item["EventSourceArn"]
                for item in self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
            ),
            *(item["AlarmName"] for item in self.client("cloudwatch").describe_alarms()["MetricAlarms"]),
            *(
                item["policyDocument"]
                for item in logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
            ),
            *groups,
            *(tag for group in groups for tag in self.subscription_tags(group)),
            *(
                item["destinationArn"]
                for group in groups
                for item in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
            ),
        ]
        return [name for name in names if "log-reflector" in name and name != "log-reflector-deployer"]


def calls_of_runs(aws: RunningAws) -> list[Call]:
    """Return the calls without those of the functions, which process new log groups for some seconds after a run."""
    roles = (f":assumed-role/{FUNCTION}/", f":assumed-role/{FUNCTION}-subscriber/")
    return [call for call in aws.front.calls() if not any(role in call.caller for role in roles)]


def dead_letters(aws: RunningAws, account: str, region: str, queue: str) -> list[str]:
    """Return the bodies in a queue as soon as it has messages, and empty it."""
    sqs = aws.client("sqs", account, region)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    messages = wait_until(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10).get("Messages", []),
        f"a message in {queue} of {account}/{region}",
    )
    sqs.purge_queue(QueueUrl=url)
    return [message["Body"] for message in messages]


def payload(event: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of a subscription's event."""
    value: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return value


@contextmanager
def killed(sink: Sink) -> Iterator[None]:
    """Break the connections of a sink and refuse new ones inside the block."""
    host, port = sink.control_url.removeprefix("http://").split(":")
    sink.stop()
    with socket.socket() as place:  # so that no other process gets the port
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((host, int(port)))
        yield
    sink.start()
