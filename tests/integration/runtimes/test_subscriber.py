"""The subscriber's package under every Lambda Python, called by AWS's own runtime client, against the embedded AWS."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

import pytest
from embedded_aws import RunningAws
from lambda_runtime import ACCOUNT, REGION, Runtime
from packages import Packages, Start

REFLECTOR = "log-reflector"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a reflector that CloudWatch Logs may invoke."""

    logs: Any
    reflector: str

    def group(self) -> str:
        name = f"/app/{uuid.uuid4()}"
        self.logs.create_log_group(logGroupName=name)
        return name

    def destinations(self, group: str) -> list[str]:
        filters = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        return [item["destinationArn"] for item in filters]


@pytest.fixture(scope="session")
def account(aws: RunningAws) -> Account:
    clients = {service: aws.client(service, ACCOUNT, REGION) for service in ("iam", "lambda", "logs")}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = clients["iam"].create_role(RoleName="of-the-reflector", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context): ...")
    function = {"FunctionName": REFLECTOR, "Runtime": "python3.13", "Handler": "handler.handler", "Role": role}
    reflector = clients["lambda"].create_function(**function, Code={"ZipFile": code.getvalue()})["FunctionArn"]
    clients["lambda"].add_permission(
        FunctionName=REFLECTOR, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    return Account(clients["logs"], reflector)


@pytest.fixture
def function(start: Start, packages: Packages, account: Account, aws_variables: dict[str, str]) -> Runtime:
    settings = {"REFLECTOR": REFLECTOR, "SUBSCRIPTIONS": json.dumps({"exclude": ["/app/never*"]})}
    return start(
        packages.subscriber, environment={**aws_variables, **settings}, timeout=30, name="log-reflector-subscriber"
    )


def created(group: str) -> dict[str, Any]:
    """The event of EventBridge, as far as the function reads it."""
    return {"detail": {"eventName": "CreateLogGroup", "requestParameters": {"logGroupName": group}}}


def test_a_new_group_is_subscribed_once(function: Runtime, account: Account) -> None:
    group = account.group()
    first, second = function.invoke(created(group)), function.invoke(created(group))
    assert [invocation.kind for invocation in (first, second)] == ["ok", "ok"]
    assert [invocation.payload["outcome"] for invocation in (first, second)] == ["created", "subscribed"]
    assert [json.loads(line) for line in first.log_lines] == [first.payload]
    assert [first.report.cold, second.report.cold] == [True, False]
    assert account.destinations(group) == [account.reflector]


def test_an_excluded_group_and_the_functions_own_are_left_alone(function: Runtime, account: Account) -> None:
    for group in ("/app/never-this-one", f"/aws/lambda/{REFLECTOR}", "/aws/lambda/log-reflector-subscriber"):
        invocation = function.invoke(created(group))
        assert invocation.kind == "ok"
        assert (invocation.payload["log_group"], invocation.payload["outcome"]) == (group, "excluded")


def test_an_event_that_is_none_is_an_error(function: Runtime) -> None:
    invocation = function.invoke({"detail": {"eventName": "DeleteLogGroup"}})
    assert (invocation.kind, invocation.payload["errorType"]) == ("error", "InvalidInputError")
    assert "CreateLogGroup" in invocation.payload["errorMessage"]
