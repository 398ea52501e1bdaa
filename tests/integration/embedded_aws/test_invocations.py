# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import ECHO, FAILS, Place, document, name, until

SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
EVENTBRIDGE_SENDS = document(
    {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:222222222222:rule/*"}},
    }
)
FAILS_ONCE = """
import os
def handler(event, context):
    print("an attempt")
    if not os.path.exists(event["mark"]):
        open(event["mark"], "w").close()
        raise ValueError("no luck")
    print("got it")
"""


def send(place: Place, function: str, event: Any) -> None:
    place.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))


def attempts(place: Place, function: str) -> int:
    return len(place.printed(function, start="an attempt"))


def test_failing_event_goes_to_the_destination_after_three_attempts(place: Place) -> None:
    url, queue = place.queue()
    function = place.function(FAILS, SEND)
    place.lambda_.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    send(place, function, {"a": 1})
    (message,) = place.messages(url)
    record = json.loads(message["Body"])
    assert attempts(place, function) == 3
    assert record["requestPayload"] == {"a": 1}
    context = record["requestContext"]
    assert context["condition"] == "RetriesExhausted"
    assert context["approximateInvokeCount"] == 3
    assert context["functionArn"] == f"{function}:$LATEST"
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert "no luck" in record["responsePayload"]["errorMessage"]


def test_attempts_at_an_event_have_the_same_request_id(place: Place) -> None:
    url, queue = place.queue()
    function = place.function(FAILS.replace('"an attempt"', '"an attempt of " + context.aws_request_id'), SEND)
    place.lambda_.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    send(place, function, {})
    (message,) = place.messages(url)
    request = json.loads(message["Body"])["requestContext"]["requestId"]
    assert place.printed(function, start="an attempt of ") == [f"an attempt of {request}"] * 3


def test_failing_event_uses_the_functions_maximum_retries(place: Place) -> None:
    url, queue = place.queue()
    function = place.function(FAILS, SEND)
    place.lambda_.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    send(place, function, {})
    (message,) = place.messages(url)
    assert json.loads(message["Body"])["requestContext"]["approximateInvokeCount"] == 1
    assert attempts(place, function) == 1


def test_failing_event_above_maximum_age_is_not_retried(place: Place) -> None:
    """Sixty seconds are one retry_delay here, so that the first retry would already be too late."""
    url, queue = place.queue()
    function = place.function(FAILS, SEND)
    place.lambda_.put_function_event_invoke_config(
        FunctionName=function, MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    send(place, function, {})
    (message,) = place.messages(url)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "EventAgeExceeded"
    assert attempts(place, function) == 1


def test_dead_letter_queue_receives_the_event(place: Place) -> None:
    url, queue = place.queue()
    function = place.function(FAILS, SEND, DeadLetterConfig={"TargetArn": queue})
    send(place, function, {"a": 1})
    (message,) = place.messages(url)
    assert json.loads(message["Body"]) == {"a": 1}
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["ErrorCode"] == "200"
    assert "no luck" in attributes["ErrorMessage"]


def test_successful_retry_ends_the_attempts(place: Place, tmp_path: Any) -> None:
    url, queue = place.queue()
    function = place.function(FAILS_ONCE, SEND, DeadLetterConfig={"TargetArn": queue})
    send(place, function, {"mark": str(tmp_path / "mark")})
    assert until(lambda: place.printed(function, start="got it"))
    time.sleep(0.5)
    assert attempts(place, function) == 2
    assert place.visible_messages(url) == []


def test_burst_of_events_uses_at_most_the_configured_workers(aws: RunningAws, place: Place) -> None:
    aws.configure(parallel_events=2)
    source = """
import os, time
def handler(event, context):
    time.sleep(0.05)
    print("by", os.getpid())
"""
    function = place.function(source)
    for _unused in range(12):
        send(place, function, {})
    lines = until(lambda: found if len(found := place.printed(function, start="by ")) == 12 else [])
    assert len(lines) == 12
    assert len(set(lines)) <= 2


def test_retry_delay_doubles(aws: RunningAws, place: Place) -> None:
    aws.configure(retry_delay=0.4)
    url, queue = place.queue()
    function = place.function(FAILS, SEND, DeadLetterConfig={"TargetArn": queue})
    started = time.monotonic()
    send(place, function, {})
    assert place.messages(url)
    assert time.monotonic() - started > 0.4 + 0.8


def test_throttled_invocation_uses_no_retry(aws: RunningAws, place: Place) -> None:
    url, queue = place.queue()
    function = place.function(ECHO, SEND, DeadLetterConfig={"TargetArn": queue})
    place.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    send(place, function, {"a": 1})
    time.sleep(0.3)  # many more tries than retries
    assert place.events_got(function) == []
    assert place.visible_messages(url) == []
    place.lambda_.delete_function_concurrency(FunctionName=function)
    assert until(lambda: place.events_got(function)) == [{"a": 1}]


def test_rule_invokes_a_function_that_permits_it(place: Place) -> None:
    function, group = place.function(), name("/ruled")
    rule = place.rule(function, group)
    place.allow(function, "events.amazonaws.com", SourceArn=rule)
    place.group(group)
    (event,) = until(lambda: place.events_got(function))
    assert event["detail"]["requestParameters"]["logGroupName"] == group


def test_rule_without_permission_sends_to_its_dead_letter_queue(place: Place) -> None:
    url, queue = place.queue(EVENTBRIDGE_SENDS)
    function, group = place.function(), name("/ruled")
    retries = {"MaximumRetryAttempts": 2}
    rule = place.rule(function, group, DeadLetterConfig={"Arn": queue}, RetryPolicy=retries)
    place.allow(function, "events.amazonaws.com", SourceArn=rule + "-other")
    place.group(group)
    (message,) = place.messages(url)
    assert json.loads(message["Body"])["detail"]["requestParameters"]["logGroupName"] == group
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == rule
    assert attributes["TARGET_ARN"] == function
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "lambda:InvokeFunction" in attributes["ERROR_MESSAGE"]
    assert place.events_got(function) == []
    (target,) = place.events.list_targets_by_rule(Rule=rule.rpartition("/")[2])["Targets"]
    assert (target["RetryPolicy"], target["DeadLetterConfig"]) == (retries, {"Arn": queue})


def test_rule_to_missing_function_sends_to_its_dead_letter_queue(place: Place) -> None:
    url, queue = place.queue(EVENTBRIDGE_SENDS)
    group = name("/ruled")
    place.rule(place.arn("lambda", "function:nobody"), group, DeadLetterConfig={"Arn": queue})
    place.group(group)
    (message,) = place.messages(url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


def test_dead_letter_queue_without_permission_receives_nothing(aws: RunningAws, place: Place) -> None:
    url, queue = place.queue()
    group = name("/ruled")
    place.rule(place.function(), group, DeadLetterConfig={"Arn": queue})
    place.group(group)
    assert until(lambda: f"the policy of {queue} does not let EventBridge in" in aws.log())
    assert place.visible_messages(url) == []


def test_delete_rule_with_targets_is_refused(place: Place) -> None:
    rule = place.rule(place.queue()[1], name("/ruled")).rpartition("/")[2]
    with pytest.raises(ClientError, match=r"Rule can't be deleted since it has targets\."):
        place.events.delete_rule(Name=rule)
    place.events.remove_targets(Rule=rule, Ids=["1"])
    place.events.delete_rule(Name=rule)


def test_put_targets_sixth_target_is_refused(place: Place) -> None:
    rule = place.rule(place.queue()[1], name("/ruled")).rpartition("/")[2]
    targets = [{"Id": str(number), "Arn": place.arn("sqs", f"q{number}")} for number in range(1, 6)]
    place.events.put_targets(Rule=rule, Targets=targets)
    with pytest.raises(place.events.exceptions.LimitExceededException):
        place.events.put_targets(Rule=rule, Targets=[{"Id": "6", "Arn": place.arn("sqs", "q6")}])


@pytest.mark.parametrize(("operation", "options"), [("list_targets_by_rule", {}), ("remove_targets", {"Ids": ["1"]})])
def test_target_operations_missing_rule_is_not_found(place: Place, operation: str, options: dict[str, Any]) -> None:
    with pytest.raises(
        place.events.exceptions.ResourceNotFoundException, match="Rule nobody does not exist on EventBus"
    ):
        getattr(place.events, operation)(Rule="nobody", **options)


@pytest.mark.parametrize(("kind", "largest"), [("Event", 1_048_576), ("RequestResponse", 6_291_456)])
def test_invoke_payload_above_the_limit_is_refused(place: Place, kind: str, largest: int) -> None:
    function = place.function()
    with pytest.raises(place.lambda_.exceptions.RequestTooLargeException, match=f"limit {largest} bytes"):
        place.lambda_.invoke(FunctionName=function, InvocationType=kind, Payload=json.dumps("x" * largest).encode())
