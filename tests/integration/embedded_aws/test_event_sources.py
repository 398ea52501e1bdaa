# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule sends events through a FIFO queue to a function, as to the subscriber."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import LOGGING, Place, at_least, document, name, until

READING = {
    "Effect": "Allow",
    "Action": [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueUrl",
    ],
    "Resource": "*",
}
# Prints its messages. Fails on "poison", and once on "slow", which it makes visible again at once.
WORKER = """
import boto3, json, time
sqs = boto3.client("sqs")
def handler(event, context):
    failed = []
    for record in event["Records"]:
        body, attributes = record["body"], record["attributes"]
        print("got " + json.dumps([body, time.time(), attributes["ApproximateReceiveCount"], len(event["Records"])]))
        if body == "error":
            raise ValueError("no luck")
        if body == "poison" or (body == "again" and attributes["ApproximateReceiveCount"] == "1"):
            failed.append({"itemIdentifier": record["messageId"]})
        if body == "again" and failed:
            _, _, _, region, account, queue = record["eventSourceARN"].split(":")
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)
        if body.startswith("work"):
            time.sleep(0.2)
            print("did " + json.dumps([body, time.time()]))
    return {"batchItemFailures": failed}
"""


def fifo(place: Place, dead_letters: str | None = None, receives: int = 2, **attributes: str) -> tuple[str, str]:
    """Return the URL and ARN of a FIFO queue."""
    queue = name("queue") + ".fifo"
    arn = place.arn("sqs", queue)
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    values = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "Policy": document(policy), **attributes}
    if dead_letters:
        values["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead_letters, "maxReceiveCount": receives})
    return place.sqs.create_queue(QueueName=queue, Attributes=values)["QueueUrl"], arn


def worker(place: Place, **options: Any) -> str:
    function = place.function(WORKER, READING, **options)
    place.settled(function)
    return function


def mapped(place: Place, queue: str, function: str, **options: Any) -> str:
    options = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"], **options}
    return place.lambda_.create_event_source_mapping(EventSourceArn=queue, FunctionName=function, **options)["UUID"]


def send(place: Place, url: str, *bodies: str, group: str = "g") -> None:
    for body in bodies:
        place.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)


def got(place: Place, function: str, start: str = "got ") -> list[list[Any]]:
    return [json.loads(line.removeprefix(start)) for line in place.printed(function, start=start)]


def test_fifo_mapping_runs_one_batch_at_a_time_in_order(place: Place) -> None:
    url, arn = fifo(place)
    function = worker(place)
    mapped(place, arn, function)
    send(place, url, *(f"work {number}" for number in range(12)))
    done = until(lambda: at_least(12, got(place, function, "did ")))
    records = got(place, function)
    assert [record[0] for record in records] == [f"work {number}" for number in range(12)]
    times = sorted([(begin, 1) for _body, begin, _count, _size in records] + [(end, -1) for _body, end in done])
    assert [kind for _time, kind in times] == [1, -1] * 12
    assert place.visible_messages(url) == []


def test_failed_message_returns_alone_and_ends_in_the_dead_letter_queue(aws: RunningAws, place: Place) -> None:
    aws.configure(longest_hidden=0.3)
    dead_url, dead = fifo(place)
    url, arn = fifo(place, dead, receives=2)
    function = worker(place)
    send(place, url, "first", "poison", "last")
    mapped(place, arn, function)
    (letter,) = place.messages(dead_url)
    assert letter["Body"] == "poison"
    assert [record[0] for record in got(place, function)] == ["first", "poison", "last", "poison"]
    send(place, url, "next")
    assert until(lambda: at_least(5, got(place, function)))[-1][0] == "next"


def test_function_error_fails_the_whole_batch(aws: RunningAws, place: Place) -> None:
    aws.configure(longest_hidden=0.3)
    dead_url, dead = fifo(place)
    url, arn = fifo(place, dead, receives=2)
    function = worker(place)
    send(place, url, "fine", "error")
    mapped(place, arn, function)
    letters = until(lambda: at_least(2, place.visible_messages(dead_url)))
    assert [letter["Body"] for letter in letters] == ["fine", "error"]
    assert [record[0] for record in got(place, function)] == ["fine", "error"] * 2


def test_function_changes_visibility_and_the_message_returns(place: Place) -> None:
    url, arn = fifo(place, VisibilityTimeout="600")
    function = worker(place)
    mapped(place, arn, function)
    send(place, url, "again")
    assert [record[2] for record in until(lambda: at_least(2, got(place, function)))] == ["1", "2"]


@pytest.mark.parametrize(("account", "region"), [("222222222222", "us-east-1"), ("333333333333", "eu-west-1")])
def test_mapping_to_an_alias_works_in_other_accounts_and_regions(aws: RunningAws, account: str, region: str) -> None:
    place = Place(aws, account, region)
    url, arn = fifo(place)
    function = worker(place)
    version = place.lambda_.publish_version(FunctionName=function)["Version"]
    alias = place.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)["AliasArn"]
    mapped(place, arn, alias)
    send(place, url, "here")
    assert until(lambda: got(place, function))[0][0] == "here"
    assert until(lambda: not place.visible_messages(url))


def test_role_without_queue_permission_pauses_without_counting_receives(place: Place) -> None:
    url, arn = fifo(place)
    function = worker(place)
    uuid = mapped(place, arn, function)
    role = place.lambda_.get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    place.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(LOGGING))
    send(place, url, "kept")

    def problem() -> bool:
        mapping = place.lambda_.get_event_source_mapping(UUID=uuid)
        return mapping["LastProcessingResult"].startswith("PROBLEM")

    assert until(problem)
    place.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(LOGGING, READING))
    assert until(lambda: got(place, function))[0][2] == "1"


@pytest.mark.parametrize("missing", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"])
def test_create_mapping_role_without_permission_is_refused(place: Place, missing: str) -> None:
    rights = {**READING, "Action": [action for action in READING["Action"] if action != missing]}
    function = place.function(WORKER, rights)
    _url, arn = fifo(place)
    message = f"does not have permissions to call {missing.partition(':')[2]} on SQS"
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match=message):
        mapped(place, arn, function)


def test_create_mapping_invalid_request_is_refused(place: Place) -> None:
    function = worker(place, Timeout=60)
    _url, brief = fifo(place)
    refused = place.lambda_.exceptions.InvalidParameterValueException
    with pytest.raises(refused, match="timeout: 30 seconds is less than Function timeout: 60 seconds"):
        mapped(place, brief, function)
    _url, arn = fifo(place, VisibilityTimeout="60")
    with pytest.raises(refused, match="batch size"):
        mapped(place, arn, function, BatchSize=11)
    with pytest.raises(refused, match="Batching window"):
        mapped(place, arn, function, MaximumBatchingWindowInSeconds=1)
    with pytest.raises(refused, match="NonExistentQueue"):
        mapped(place, place.arn("sqs", "nobody.fifo"), function)


def test_mapping_is_created_once_updated_and_deleted(place: Place) -> None:
    function = worker(place)
    _url, arn = fifo(place)
    made = place.lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
    assert made["State"] == "Creating"
    uuid = made["UUID"]
    assert place.lambda_.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException, match=uuid):
        mapped(place, arn, function)
    changed = place.lambda_.update_event_source_mapping(UUID=uuid, BatchSize=3, Enabled=False)
    assert (changed["State"], changed["BatchSize"]) == ("Updating", 3)
    assert place.lambda_.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    assert place.lambda_.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    assert place.lambda_.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"] == []


def test_mapping_during_concurrent_sends_loses_no_message(place: Place) -> None:
    """Senders and the poller change a queue at the same time."""
    url, arn = fifo(place)
    function = worker(place)
    mapped(place, arn, function)
    for number in range(20):
        entries = [{"Id": str(n), "MessageBody": f"m {number} {n}", "MessageGroupId": "g"} for n in range(10)]
        place.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    bodies = until(lambda: at_least(200, got(place, function)))
    assert sorted(record[0] for record in bodies) == sorted(f"m {a} {b}" for a in range(20) for b in range(10))


def test_create_mapping_function_arn_condition_is_enforced(aws: RunningAws, place: Place) -> None:
    """The condition lambda:FunctionArn limits the functions that a caller may map."""
    function, other = worker(place), worker(place)
    _url, arn = fifo(place)
    allowed = {
        "Effect": "Allow",
        "Action": ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"lambda:FunctionArn": function}},
    }
    client = place.assumed("lambda", allowed)
    with pytest.raises(ClientError, match="not authorized to perform: lambda:CreateEventSourceMapping"):
        client.create_event_source_mapping(EventSourceArn=arn, FunctionName=other)
    uuid = client.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)["UUID"]
    with pytest.raises(ClientError, match="not authorized to perform: lambda:UpdateEventSourceMapping"):
        client.update_event_source_mapping(UUID=uuid, BatchSize=1)
    client.delete_event_source_mapping(UUID=uuid)
