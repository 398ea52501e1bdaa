# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of the measurements: clients, waits, and resources of the check that are removed at the end."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import boto3
from ansible_collections.logreflector.aws.plugins.module_utils import _plan
from ansible_collections.logreflector.aws.plugins.module_utils._options.functions import FunctionOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.sqs_queue import QueueSettings, SqsQueue
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.config import Config
from botocore.exceptions import ClientError

from .functions import DESTINATION, zipped
from .limits import Limits
from .removal import PREFIX, Resource, role_path

T = TypeVar("T")
Statement = dict[str, Any]

TAG_KEY = "log-reflector-check"
RUNTIME, ARCHITECTURE = FunctionOptions().runtime, FunctionOptions().architecture
FUNCTION_SECONDS = 30
DENIED = ("AccessDenied", "AccessDeniedException", "AccessDeniedByQueuePolicy", "AuthorizationError")


CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10})
"""Bridges a minute of throttling: some measurements repeat a call faster than AWS allows."""


class NotInTimeError(Exception):
    """Something did not happen within the longest wait."""


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue of the check."""

    name: str
    url: str
    arn: str


@dataclass(frozen=True, slots=True)
class Destination:
    """The function that log groups are subscribed to, and the queue that it sends the lines to.

    role_seconds    after which Lambda accepted the function's new role
    """

    arn: str
    queue: Queue
    role_seconds: float


class Lab:
    """Creates resources of one run, whose names begin with the prefix. `created` has them before AWS has.

    target   account and region
    """

    def __init__(self, target: Target, limits: Limits) -> None:
        self.target, self.limits = target, limits
        self.run_id = secrets.token_hex(4)
        self.created: list[Resource] = []
        self._shared: dict[str, Any] = {}
        self._external_id = secrets.token_hex(16)

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""
        return self.target.client(service)

    def name(self, kind: str, suffix: str) -> str:
        """Return the name of a resource that is about to be created, and remember it for the removal."""
        name = f"{PREFIX}{self.run_id}-{suffix}"
        self.created.append(Resource(kind, name))
        return name

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returned or raised in the first call with this name."""
        if name not in self._shared:
            try:
                self._shared[name] = make()
            except Exception as error:  # noqa: BLE001  (raised again, for each measurement that needs it)
                self._shared[name] = error
        found = self._shared[name]
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    def wait(self, what: str, read: Callable[[], T], seconds: float | None = None) -> T:
        """Return what `read` returns as soon as it is true. NotInTimeError names `what`."""
        longest = self.limits.wait_seconds if seconds is None else seconds
        deadline = time.monotonic() + longest
        while not (value := read()):
            if time.monotonic() >= deadline:
                raise NotInTimeError(f"{what}: not within {longest:g} s")
            time.sleep(self.limits.poll_seconds)
        return value

    def becomes_true(self, is_true: Callable[[], bool]) -> bool:
        """Whether something is true after a short while: a new role has its permissions after some seconds."""
        try:
            return self.wait("", is_true, self.limits.quiet_seconds)
        except NotInTimeError:
            return False

    def accepted(self, call: Callable[[], T], refusals: tuple[str, ...]) -> T:
        """Repeat a call as long as AWS refuses it with one of these codes or messages. Return its answer.

        The last refusal is raised when the longest wait is over.
        """
        deadline = time.monotonic() + self.limits.wait_seconds
        while True:
            try:
                return call()
            except ClientError as error:
                if not refused_with(error, refusals) or time.monotonic() >= deadline:
                    raise
            time.sleep(self.limits.poll_seconds)

    def log_group(self, suffix: str, **options: Any) -> str:
        """Create a log group with a log stream "check" and return its name."""
        name = self.name("log group", suffix)
        self.client("logs").create_log_group(logGroupName=name, **options)
        self.client("logs").create_log_stream(logGroupName=name, logStreamName="check")
        return name

    def log_group_arn(self, name: str) -> str:
        """Return the ARN of a log group, without the ":*" of its log streams."""
        return self.target.arn("logs", f"log-group:{name}")

    def write(self, log_group: str, *lines: str) -> None:
        """Write log events."""
        events = [{"timestamp": time.time_ns() // 1_000_000, "message": line} for line in lines]
        self.client("logs").put_log_events(logGroupName=log_group, logStreamName="check", logEvents=events)

    def queue(self, suffix: str, **settings: Any) -> Queue:
        """Create a queue with the collection's own code, and so with its policy."""
        name = self.name("queue", suffix)
        wait = int(self.limits.wait_seconds)
        wanted = QueueSettings(name=name, wait_seconds=wait, tags=self.tags(), **settings)
        found = _plan.converge(SqsQueue(self.target, wanted), check_mode=False)["queue"]
        return Queue(name, found["url"], found["arn"])

    def receive(self, queue: Queue, seconds: int = 1) -> list[Any]:
        """Return the JSON bodies of up to ten messages and delete these. Waits up to `seconds`."""
        sqs = self.client("sqs")
        answer = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        messages = answer.get("Messages", [])
        for each in messages:
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in messages]

    def role(self, suffix: str, trust: Statement, *statements: Statement) -> str:
        """Create a role with an inline policy and return its ARN."""
        name, iam = self.name("role", suffix), self.client("iam")
        arn: str = iam.create_role(
            RoleName=name,
            Path=role_path(self.target),
            AssumeRolePolicyDocument=document({**trust, "Effect": "Allow", "Action": "sts:AssumeRole"}),
            Tags=[{"Key": key, "Value": value} for key, value in self.tags().items()],
        )["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="check", PolicyDocument=document(*statements))
        return arn

    def function(self, suffix: str, role: str, source: str, **environment: str) -> tuple[str, float]:
        """Create a function. Return its ARN, and when Lambda accepted the role (time.monotonic).

        It has no permission to write a log, so none remains.
        """
        name, client = self.name("function", suffix), self.client("lambda")
        create = partial(
            client.create_function,
            FunctionName=name,
            Role=role,
            Runtime=RUNTIME,
            Handler="index.handler",
            Code={"ZipFile": zipped(source)},
            Timeout=FUNCTION_SECONDS,
            MemorySize=256,
            Architectures=[ARCHITECTURE],
            Environment={"Variables": environment},
            Tags=self.tags(),
        )
        answer = self.accepted(create, ("cannot be assumed",))
        accepted = time.monotonic()
        self.wait(
            f"function {name} is active",
            lambda: client.get_function_configuration(FunctionName=name)["State"] == "Active",
        )
        return answer["FunctionArn"], accepted

    def destination(self) -> Destination:
        """Return the function that subscriptions send to, created once."""
        return self.shared("destination", self._create_destination)

    def _create_destination(self) -> Destination:
        queue = self.queue("delivered")
        began = time.monotonic()
        role = self.role("destination", LAMBDA, allow("sqs:SendMessage", queue.arn))
        arn, accepted = self.function("destination", role, DESTINATION, QUEUE_URL=queue.url)
        return Destination(arn, queue, accepted - began)

    def allow_logs(self) -> float:
        """Let CloudWatch Logs invoke the destination, once. Return the seconds until it accepted a subscription filter."""
        return self.shared("permission", self._allow_logs)

    def _allow_logs(self) -> float:
        destination, group = self.destination(), self.log_group("permission")
        began = time.monotonic()
        self.client("lambda").add_permission(
            FunctionName=destination.arn,
            StatementId=f"{PREFIX}{self.run_id}",
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
            SourceArn=self.log_group_arn("*"),
            SourceAccount=self.target.identity.account,
        )
        self.accepted(partial(self.put_filter, group), ("Could not execute the lambda function",))
        return time.monotonic() - began

    def put_filter(self, log_group: str, name: str = "check", pattern: str = "", logs: Any = None) -> None:
        """Subscribe a log group to the destination."""
        (logs or self.client("logs")).put_subscription_filter(
            logGroupName=log_group, filterName=name, filterPattern=pattern, destinationArn=self.destination().arn
        )

    def session(self, role: str, *statements: Statement) -> Target:
        """Return the target with a session of a role whose permissions are cut down to these statements."""
        assume = partial(
            self.client("sts").assume_role,
            RoleArn=role,
            RoleSessionName=TAG_KEY,
            ExternalId=self._external_id,
            Policy=document(*statements),
            DurationSeconds=900,
        )
        keys = self.accepted(assume, DENIED)["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        return Target(session, self.target.region, config=CONFIG)

    def caller_role(self, suffix: str, *statements: Statement) -> str:
        """Create a role that only this run can assume: nobody else knows the external id."""
        identity = self.target.identity
        root = f"arn:{identity.partition}:iam::{identity.account}:root"
        condition = {"StringEquals": {"sts:ExternalId": self._external_id}}
        return self.role(suffix, {"Principal": {"AWS": root}, "Condition": condition}, *statements)

    def tags(self) -> dict[str, str]:
        """Return the tags of all resources that have tags."""
        return {TAG_KEY: self.run_id}


LAMBDA: Statement = {"Principal": {"Service": "lambda.amazonaws.com"}}


def allow(actions: str | list[str], resources: str | list[str], **more: Mapping[str, Any]) -> Statement:
    """Return a statement that allows actions."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def document(*statements: Statement) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refused_with(error: ClientError, refusals: tuple[str, ...]) -> bool:
    """Whether AWS's error has one of these codes, or one of these texts in its message."""
    details = error.response["Error"]
    return details["Code"] in refusals or any(each in details.get("Message", "") for each in refusals)


def is_denied(error: ClientError) -> bool:
    """Whether a permission is missing."""
    return refused_with(error, DENIED)
