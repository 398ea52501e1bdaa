# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from embedded_aws import Fault, RunningAws
from embedded_aws.http_server import call
from toys import Place, name, until

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=300)
IMPATIENT = ONCE.merge(Config(read_timeout=1))
# A read of each protocol: JSON 1.1, JSON 1.0, query and REST.
CALLS = [
    ("logs", "describe_log_groups", "DescribeLogGroups"),
    ("sqs", "list_queues", "ListQueues"),
    ("events", "list_rules", "ListRules"),
    ("iam", "list_roles", "ListRoles"),
    ("sts", "get_caller_identity", "GetCallerIdentity"),
    ("lambda", "list_functions", "ListFunctions"),
]
THROTTLES = {"iam": "Throttling", "sts": "Throttling", "lambda": "TooManyRequestsException"}
DENIALS = {"iam": "AccessDenied", "sts": "AccessDenied"}


@pytest.fixture(scope="module")
def clients(running: RunningAws) -> dict[str, Any]:
    return {
        service: running.client(service, "333333333333", "us-east-1", config=ONCE)
        for service, _unused, _unused in CALLS
    }


@pytest.mark.parametrize(("service", "method", "operation"), CALLS)
def test_throttle_answers_with_the_services_error(
    aws: RunningAws, clients: dict[str, Any], service: str, method: str, operation: str
) -> None:
    aws.front.throttle(operation, times=1)
    with pytest.raises(ClientError) as caught:
        getattr(clients[service], method)()
    answer = caught.value.response
    assert answer["Error"]["Code"] == THROTTLES.get(service, "ThrottlingException")
    assert answer["Error"]["Message"].lower().startswith("rate exceeded")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == (429 if service == "lambda" else 400)
    assert caught.value.operation_name == operation
    getattr(clients[service], method)()  # once only


@pytest.mark.parametrize(("service", "method", "operation"), CALLS)
def test_deny_names_caller_and_action(
    aws: RunningAws, clients: dict[str, Any], service: str, method: str, operation: str
) -> None:
    aws.front.deny(operation)
    with pytest.raises(ClientError) as caught:
        getattr(clients[service], method)()
    error = caught.value.response["Error"]
    assert error["Code"] == DENIALS.get(service, "AccessDeniedException")
    assert error["Message"].startswith(
        f"User: arn:aws:iam::333333333333:root is not authorized to perform: {service}:{operation} on resource: "
    )


@pytest.mark.parametrize(("service", "method", "operation"), CALLS)
def test_error_answers_with_the_chosen_code(
    aws: RunningAws, clients: dict[str, Any], service: str, method: str, operation: str
) -> None:
    aws.front.error("ServiceUnavailableException", "Not <now> & not here", 503, service=service, times=1)
    with pytest.raises(ClientError) as caught:
        getattr(clients[service], method)()
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert caught.value.response["Error"]["Message"] == "Not <now> & not here"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_drop_does_not_execute_the_call(aws: RunningAws, clients: dict[str, Any]) -> None:
    group = name("/dropped")
    aws.front.add(Fault(kind="drop", operation="CreateLogGroup", times=1))
    with pytest.raises(ConnectionClosedError):
        clients["logs"].create_log_group(logGroupName=group)
    assert clients["logs"].describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_lose_executes_the_call_without_an_answer(aws: RunningAws, clients: dict[str, Any]) -> None:
    group = name("/lost")
    aws.front.add(Fault(kind="lose", operation="CreateLogGroup", times=1))
    with pytest.raises(ConnectionClosedError):
        clients["logs"].create_log_group(logGroupName=group)
    assert len(clients["logs"].describe_log_groups(logGroupNamePrefix=group)["logGroups"]) == 1


def test_hang_gives_no_answer(aws: RunningAws) -> None:
    aws.front.add(Fault(kind="hang", operation="DescribeLogGroups", times=1))
    with pytest.raises(ReadTimeoutError):
        aws.client("logs", "333333333333", "us-east-1", config=IMPATIENT).describe_log_groups()


def test_delay_answers_later(aws: RunningAws, clients: dict[str, Any]) -> None:
    aws.front.add(Fault(kind="delay", operation="DescribeLogGroups", seconds=0.3, times=1))
    started = time.monotonic()
    clients["logs"].describe_log_groups()
    assert time.monotonic() - started >= 0.3


def test_fault_with_account_and_region_spares_the_others(
    aws: RunningAws, clients: dict[str, Any], place: Place
) -> None:
    aws.front.throttle("DescribeLogGroups", account="333333333333", region="us-east-1")
    with pytest.raises(ClientError):
        clients["logs"].describe_log_groups()
    place.logs.describe_log_groups()
    aws.client("logs", "333333333333", "eu-west-1").describe_log_groups()
    aws.client("logs", "222222222222", "us-east-1").describe_log_groups()


def test_fault_ends_after_its_count_or_its_removal(aws: RunningAws, clients: dict[str, Any]) -> None:
    def fails() -> bool:
        try:
            clients["logs"].describe_log_groups()
        except ClientError:
            return True
        return False

    aws.front.throttle("DescribeLogGroups", times=2)
    assert [fails() for _unused in range(3)] == [True, True, False]
    number = aws.front.throttle("DescribeLogGroups")
    assert [fails() for _unused in range(4)] == [True] * 4
    aws.front.remove(number)
    assert not fails()


def test_fault_by_account_matches_an_assumed_role(aws: RunningAws) -> None:
    session = aws.deployer_session("333333333333", "us-east-1")
    aws.front.deny("DescribeLogGroups", account="333333333333")
    with pytest.raises(
        ClientError, match="User: arn:aws:sts::333333333333:assumed-role/log-reflector-deployer/embedded"
    ):
        session.client("logs").describe_log_groups()


def test_silence_spares_global_services(aws: RunningAws, clients: dict[str, Any], place: Place) -> None:
    aws.front.silence("333333333333", "us-east-1")
    regional = [
        ("logs", "describe_log_groups"),
        ("lambda", "list_functions"),
        ("sqs", "list_queues"),
        ("sts", "get_caller_identity"),
    ]
    for service, method in regional:
        with pytest.raises(ConnectionClosedError):
            getattr(clients[service], method)()
    clients["iam"].list_roles()
    place.logs.describe_log_groups()


def test_journal_distinguishes_writes_from_reads(aws: RunningAws, place: Place) -> None:
    function = place.function()
    aws.front.clear_journal()
    group = place.group()
    place.logs.describe_log_groups(logGroupNamePrefix=group)
    place.allow(function)
    place.lambda_.get_policy(FunctionName=function)
    place.lambda_.list_tags(Resource=function)
    place.iam.list_roles()
    mine = [entry for entry in aws.front.calls(account="222222222222") if entry.caller.endswith(":root")]
    assert [(call.service, call.operation, call.status, call.write) for call in mine] == [
        ("logs", "CreateLogGroup", 200, True),
        ("logs", "DescribeLogGroups", 200, False),
        ("lambda", "AddPermission", 201, True),
        ("lambda", "GetPolicy", 200, False),
        ("lambda", "ListTags", 200, False),
        ("iam", "ListRoles", 200, False),
    ]
    assert {(call.region, call.fault) for call in mine if call.service != "iam"} == {("eu-west-1", None)}
    assert [call.operation for call in aws.front.writes(account="222222222222")] == ["CreateLogGroup", "AddPermission"]


def test_journal_entry_names_the_fault(aws: RunningAws, clients: dict[str, Any]) -> None:
    aws.front.clear_journal()
    aws.front.add(Fault(kind="drop", operation="CreateLogGroup", times=1))
    with pytest.raises(ConnectionClosedError):
        clients["logs"].create_log_group(logGroupName="/never")
    (call,) = aws.front.calls(operation="CreateLogGroup")
    assert (call.status, call.fault, call.write) == (0, "drop", True)


@pytest.mark.parametrize("fault", [{"kind": "explode"}, {"kind": "drop", "colour": "red"}])
def test_add_fault_invalid_fault_is_refused(aws: RunningAws, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="400"):
        call(aws.front.url, "POST", "/_front/faults", fault)


def test_enforce_rates_throttles_calls_above_the_rate(aws: RunningAws, clients: dict[str, Any], place: Place) -> None:
    def throttled(client: Any, calls: int) -> int:
        failed = 0
        for _unused in range(calls):
            try:
                client.describe_subscription_filters(logGroupName="/nobody")
            except ClientError as error:
                failed += error.response["Error"]["Code"] == "ThrottlingException"
        return failed

    assert throttled(clients["logs"], 12) == 0
    aws.front.enforce_rates(0.0001)  # so slow that no token is added during the test
    assert throttled(clients["logs"], 12) == 7  # five pass at once
    once = aws.client("logs", "222222222222", "us-east-1", config=ONCE)
    assert throttled(once, 4) == 0  # a bucket for each account
    aws.front.enforce_rates(1000)
    assert throttled(clients["logs"], 12) == 0


def test_front_serves_other_clients_while_a_call_hangs(aws: RunningAws) -> None:
    """A call that hangs delays no other one."""
    clients = [aws.client("logs", "333333333333", "us-east-1") for _unused in range(2)]
    aws.front.add(Fault(kind="hang", operation="DescribeLogGroups", times=1))
    hanging = http.client.HTTPConnection(aws.front.url.partition("//")[2])
    hanging.request("POST", "/", b"{}", {"X-Amz-Target": "Logs_20140328.DescribeLogGroups"})
    assert until(lambda: call(aws.front.url, "GET", "/_front/faults") == [])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: clients[number % 2].describe_log_groups(limit=1), range(100)))
    hanging.close()
