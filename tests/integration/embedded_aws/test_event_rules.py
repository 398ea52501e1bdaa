# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules with a queue as target, custom events, and schedules."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import Place, at_least, document, name, until

SERVICE = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
Rule = Callable[..., str]


@pytest.fixture
def rule(place: Place) -> Iterator[Rule]:
    """Return a function that creates a rule for a custom source. The rules are removed after the test."""
    made = []

    def make(source: str, target: str, schedule: str | None = None, **options: Any) -> str:
        options_of_rule = {"ScheduleExpression": schedule} if schedule else {}
        rule_name = name("rule")
        pattern = json.dumps({"source": [source]})
        arn = place.events.put_rule(Name=rule_name, EventPattern=pattern, **options_of_rule)["RuleArn"]
        made.append(rule_name)
        place.events.put_targets(Rule=rule_name, Targets=[{"Id": "1", "Arn": target, **options}])
        return arn

    yield make
    for rule_name in made:
        place.events.remove_targets(Rule=rule_name, Ids=["1"])
        place.events.delete_rule(Name=rule_name)


def queue(place: Place, *statements: dict[str, Any], **attributes: str) -> tuple[str, str]:
    queue_name = name("queue") + (".fifo" if "FifoQueue" in attributes else "")
    if statements:
        attributes["Policy"] = document(*statements)
    url = place.sqs.create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"]
    return url, place.arn("sqs", queue_name)


def tell(place: Place, source: str, **detail: Any) -> None:
    entry = {"Source": source, "DetailType": "Told", "Detail": json.dumps(detail)}
    assert place.events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}


def test_rule_without_queue_permission_sends_to_the_dead_letter_queue(place: Place, rule: Rule) -> None:
    dead_url, dead = place.open_queue()
    closed_url, closed = place.queue()
    source = name("source")
    arn = rule(source, closed, DeadLetterConfig={"Arn": dead})
    tell(place, source, n=1)
    (letter,) = place.messages(dead_url)
    found = attributes(letter)
    assert (found["ERROR_CODE"], found["RULE_ARN"], found["TARGET_ARN"]) == ("NO_PERMISSIONS", arn, closed)
    assert "is not authorized to perform: sqs:SendMessage" in found["ERROR_MESSAGE"]
    assert place.visible_messages(closed_url) == []


def test_queue_policy_condition_is_compared_with_the_rule_arn(place: Place, rule: Rule) -> None:
    source, other = name("source"), place.arn("events", "rule/other")
    for condition, expected in ((other, 0), (place.arn("events", "rule/*"), 1)):
        url, arn = queue(place, {**SERVICE, "Resource": "*", "Condition": {"ArnLike": {"aws:SourceArn": condition}}})
        rule(source, arn)
        tell(place, source, n=1)
        received = place.messages(url) if expected else place.visible_messages(url)
        assert len(received) == expected


def test_rule_to_missing_queue_sends_to_the_dead_letter_queue(place: Place, rule: Rule) -> None:
    dead_url, dead = place.open_queue()
    source = name("source")
    rule(source, place.arn("sqs", "gone"), DeadLetterConfig={"Arn": dead})
    tell(place, source, n=1)
    assert attributes(place.messages(dead_url)[0])["ERROR_CODE"] == "NO_RESOURCE"


def test_rule_to_fifo_queue_sets_the_message_group(place: Place, rule: Rule) -> None:
    url, arn = queue(place, {**SERVICE, "Resource": "*"}, FifoQueue="true", ContentBasedDeduplication="true")
    source = name("source")
    rule(source, arn, SqsParameters={"MessageGroupId": "subscriber"})
    tell(place, source, n=1)
    tell(place, source, n=1)
    messages = until(lambda: at_least(2, place.visible_messages(url)))
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"subscriber"}
    assert [json.loads(message["Body"])["detail"] for message in messages] == [{"n": 1}, {"n": 1}]  # two events' ids


@pytest.mark.parametrize(("deduplication", "parameters"), [("true", {}), ("false", {"MessageGroupId": "subscriber"})])
def test_rule_to_fifo_queue_without_group_or_deduplication_sends_to_the_dead_letter_queue(
    place: Place, rule: Rule, deduplication: str, parameters: dict[str, str]
) -> None:
    dead_url, dead = place.open_queue()
    _url, arn = queue(place, {**SERVICE, "Resource": "*"}, FifoQueue="true", ContentBasedDeduplication=deduplication)
    source = name("source")
    rule(source, arn, SqsParameters=parameters, DeadLetterConfig={"Arn": dead})
    tell(place, source, n=1)
    assert attributes(place.messages(dead_url)[0])["ERROR_CODE"] == "INVALID_PARAMETER"


def test_put_targets_fifo_queue_without_parameters_is_refused(place: Place, rule: Rule) -> None:
    _url, arn = queue(place, FifoQueue="true")
    with pytest.raises(ClientError, match=r"Parameter\(s\) SqsParameters must be specified for target: 1"):
        rule(name("source"), arn)


def test_put_events_by_a_function_is_limited_to_its_source(place: Place, rule: Rule) -> None:
    """A role may send events of one source only."""
    tells = """
import boto3, json
def handler(event, context):
    entry = {"Source": event["source"], "DetailType": "Sweep continued", "Detail": "{}"}
    print("got " + json.dumps(boto3.client("events").put_events(Entries=[entry])["FailedEntryCount"]))
"""
    source = name("source")
    right = {
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": place.arn("events", "event-bus/default"),
        "Condition": {"StringEquals": {"events:source": source}},
    }
    function = place.function(tells, right)
    place.settled(function)
    url, arn = place.open_queue()
    rule(source, arn)
    place.lambda_.invoke(FunctionName=function, Payload=json.dumps({"source": source}).encode())
    (message,) = place.messages(url)
    assert json.loads(message["Body"])["detail-type"] == "Sweep continued"
    answer = place.lambda_.invoke(FunctionName=function, Payload=json.dumps({"source": "other"}).encode())
    assert "not authorized to perform: events:PutEvents" in answer["Payload"].read().decode()


def test_put_events_above_256_kilobytes_is_refused(place: Place) -> None:
    with pytest.raises(ClientError, match="over the limit"):
        tell(place, "source", text="x" * 262_144)


def test_rule_with_schedule_and_pattern_sends_both_kinds_of_events(aws: RunningAws, place: Place, rule: Rule) -> None:
    aws.configure(schedule_speed=60.0)
    url, arn = place.open_queue()
    source = name("source")
    started = time.monotonic()
    rule_arn = rule(source, arn, "rate(1 minute)")
    tell(place, source, n=1)
    events = [json.loads(m["Body"]) for m in until(lambda: at_least(3, place.visible_messages(url)))]
    assert time.monotonic() - started > 1.5  # the schedule's second event follows after two seconds
    scheduled = [event for event in events if event["source"] == "aws.events"]
    assert [event["source"] for event in events if event not in scheduled] == [source]
    assert (scheduled[0]["detail-type"], scheduled[0]["resources"]) == ("Scheduled Event", [rule_arn])


def test_schedule_invokes_a_function_that_permits_the_rule(aws: RunningAws, place: Place, rule: Rule) -> None:
    aws.configure(schedule_speed=120.0)
    function = place.function()
    place.settled(function)
    rule_arn = rule(name("source"), function, "rate(1 minute)")
    place.allow(function, "events.amazonaws.com", SourceArn=rule_arn)
    assert until(lambda: place.events_got(function))[0]["resources"] == [rule_arn]
