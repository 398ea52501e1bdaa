"""Conversations of dead_letter_queue with SQS: which calls, in which order, and none that is not needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
ARN = "arn:aws:sqs:eu-west-1:123456789012:q"
MARK = {"managed-by": "logreflector.aws"}
NOT_THERE = "AWS.SimpleQueueService.NonExistentQueue"


def attributes(aws: Any, *names: str) -> list[str | None]:
    found = aws.client("sqs").get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]
    return [found.get(name) for name in names]


def test_life_of_a_queue(aws: Any) -> None:
    options = {"name": "q", "allow_event_rules": ["one", "two"], "tags": {"a": "b"}, "visibility_timeout": 60}
    announced = aws.run("dead_letter_queue", check_mode=True, **options)
    assert aws.writes == []
    assert announced["queue"] is None

    created = aws.run("dead_letter_queue", **options)
    assert aws.writes == ["CreateQueue"]
    assert created["changes"] == announced["changes"] == ["create queue q"]
    assert created["diff"] == announced["diff"]
    assert created["queue"] == {"name": "q", "url": URL, "arn": ARN, "messages": 0}
    assert attributes(aws, "MessageRetentionPeriod", "VisibilityTimeout", "SqsManagedSseEnabled") == [
        "1209600",
        "60",
        "true",
    ]
    assert aws.client("sqs").list_queue_tags(QueueUrl=URL)["Tags"] == {"a": "b", **MARK}

    again = aws.run("dead_letter_queue", **{**options, "allow_event_rules": ["two", "one"]})
    assert again["changed"] is False
    assert aws.calls == ["GetQueueUrl", "GetQueueAttributes", "ListQueueTags"]

    changed = aws.run("dead_letter_queue", name="q", visibility_timeout=61, allow_event_rules=["two"])
    assert aws.writes == ["SetQueueAttributes"]
    assert changed["diff"][0]["before"]["visibility_timeout"] == 60
    assert changed["diff"][0]["after"]["visibility_timeout"] == 61
    assert attributes(aws, "MessageRetentionPeriod") == ["1209600"]
    retagged = aws.run("dead_letter_queue", name="q", tags={"c": "d"})
    assert aws.writes == ["UntagQueue", "TagQueue"]
    assert retagged["changes"] == ["update tags of queue q"]

    assert aws.run("dead_letter_queue", name="q", state="absent", check_mode=True)["changed"] is True
    assert aws.writes == []
    gone = aws.run("dead_letter_queue", name="q", state="absent")
    assert aws.writes == ["DeleteQueue"]
    assert gone["queue"] is None
    assert aws.run("dead_letter_queue", name="q", state="absent")["changed"] is False
    assert aws.calls == ["GetQueueUrl"]


def test_the_least_calls_of_a_run_without_changes(aws: Any) -> None:
    aws.run("dead_letter_queue", name="q", allow_event_rules=["one"])
    assert aws.run("dead_letter_queue", name="q", allow_event_rules=["one"])["changed"] is False
    assert aws.calls == ["GetQueueUrl", "GetQueueAttributes"]


@pytest.mark.parametrize("in_flight", [False, True])
def test_messages_are_not_lost(aws: Any, in_flight: bool) -> None:
    aws.run("dead_letter_queue", name="q", visibility_timeout=600)
    sqs = aws.client("sqs")
    for text in ("one", "two"):
        sqs.send_message(QueueUrl=URL, MessageBody=text)
    if in_flight:
        sqs.receive_message(QueueUrl=URL, MaxNumberOfMessages=1)
    for check_mode in (True, False):
        refused = aws.run("dead_letter_queue", name="q", state="absent", check_mode=check_mode)
        counts = "1 visible, 1 in flight, 0 delayed" if in_flight else "2 visible, 0 in flight, 0 delayed"
        assert f"it still holds 2 messages ({counts}). Read them first, or set discard_messages: true" in refused["msg"]
        assert aws.writes == []
    assert aws.run("dead_letter_queue", name="q")["queue"]["messages"] == 2
    assert aws.run("dead_letter_queue", name="q", state="absent", force=True)["queue"] is None


def test_encryption_with_a_key_and_back(aws: Any) -> None:
    aws.run("dead_letter_queue", name="q", kms_master_key_id="alias/k")
    assert attributes(aws, "KmsMasterKeyId") == ["alias/k"]
    assert aws.run("dead_letter_queue", name="q", kms_master_key_id="alias/k")["changed"] is False
    assert aws.run("dead_letter_queue", name="q", sqs_managed_sse=True)["changed"] is True
    assert aws.run("dead_letter_queue", name="q", sqs_managed_sse=True)["changed"] is False


def test_a_policy_with_placeholders_and_its_removal(aws: Any) -> None:
    statement = {
        "Sid": "x",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:{partition}:iam::{account}:root"},
        "Action": "sqs:SendMessage",
        "Resource": "arn:{partition}:sqs:{region}:{account}:q",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    aws.run("dead_letter_queue", name="q", policy=policy)
    (text,) = attributes(aws, "Policy")
    assert f'"Resource":"{ARN}"' in text.replace(" ", "")
    bare = {"Version": "2012-10-17", "Statement": {**statement, "Principal": {"AWS": ["123456789012"]}}}
    assert aws.run("dead_letter_queue", name="q", policy=bare)["changed"] is False
    assert aws.run("dead_letter_queue", name="q", policy={})["changed"] is True
    assert aws.run("dead_letter_queue", name="q", policy={})["changed"] is False


def test_a_fifo_queue_in_front_of_a_function(aws: Any) -> None:
    aws.run("dead_letter_queue", name="dead.fifo")
    redrive = {"dead_letter_queue": "dead.fifo", "max_receive_count": 4}
    options = {"name": "work.fifo", "content_based_deduplication": True, "visibility_timeout": 900, "redrive": redrive}
    announced = aws.run("dead_letter_queue", check_mode=True, **options)
    created = aws.run("dead_letter_queue", **options)
    assert aws.writes == ["CreateQueue"]
    assert created["diff"] == announced["diff"]
    assert aws.run("dead_letter_queue", **options)["changed"] is False
    assert aws.run("dead_letter_queue", name="work.fifo")["changed"] is False
    sqs = aws.client("sqs")

    def standing() -> dict[str, str]:
        return sqs.get_queue_attributes(QueueUrl=created["queue"]["url"], AttributeNames=["All"])["Attributes"]

    assert (standing()["FifoQueue"], standing()["ContentBasedDeduplication"]) == ("true", "true")
    dead = {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead.fifo", "maxReceiveCount": 4}
    assert json.loads(standing()["RedrivePolicy"]) == dead
    changed = {"content_based_deduplication": False, "redrive": {**redrive, "max_receive_count": 5}}
    assert aws.run("dead_letter_queue", name="work.fifo", **changed)["changed"] is True
    assert aws.writes == ["SetQueueAttributes"]
    assert aws.run("dead_letter_queue", name="work.fifo", **changed)["changed"] is False
    assert aws.run("dead_letter_queue", name="work.fifo", redrive={})["changed"] is True
    assert aws.run("dead_letter_queue", name="work.fifo", redrive={})["changed"] is False
    assert not standing().get("RedrivePolicy")
    assert aws.run("dead_letter_queue", name="work.fifo", state="absent")["queue"] is None


def test_a_foreign_queue_stays_as_it_is(aws: Any) -> None:
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "5"}, tags={"owner": "them"})
    before = sqs.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]
    assert aws.run("dead_letter_queue", name="q", visibility_timeout=5)["changed"] is False
    for options in ({"visibility_timeout": 6}, {"tags": {"a": "b"}}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("dead_letter_queue", name="q", check_mode=check_mode, **options)
            assert refused["error_kind"] == "RefusedError"
            assert aws.writes == []
    assert sqs.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"] == before
    assert sqs.list_queue_tags(QueueUrl=URL)["Tags"] == {"owner": "them"}

    sqs.send_message(QueueUrl=URL, MessageBody="theirs")
    refused = aws.run("dead_letter_queue", name="q", state="absent", force=True)
    assert "The queue is not ours" in refused["msg"]
    assert aws.run("dead_letter_queue", name="q", visibility_timeout=6, adopt=True)["changed"] is True
    assert aws.writes == ["TagQueue", "SetQueueAttributes"]
    assert aws.run("dead_letter_queue", name="q", state="absent", force=True)["changed"] is True


def found(stub: Any) -> None:
    stub.add_response("get_queue_url", {"QueueUrl": URL})
    stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": ARN, "MessageRetentionPeriod": "1209600"}})


def test_the_minute_after_a_deletion_is_waited_out(aws: Any) -> None:
    stub = aws.stub("sqs")
    stub.add_client_error("get_queue_url", NOT_THERE)
    stub.add_client_error("create_queue", "AWS.SimpleQueueService.QueueDeletedRecently")
    stub.add_client_error("create_queue", "QueueDeletedRecently")
    stub.add_response("create_queue", {"QueueUrl": URL})
    stub.add_client_error("get_queue_url", NOT_THERE)  # a new queue can be used after a second
    found(stub)
    found(stub)
    assert aws.run("dead_letter_queue", name="q")["queue"]["url"] == URL
    stub.assert_no_pending_responses()


def test_the_wait_has_an_end(aws: Any) -> None:
    stub = aws.stub("sqs")
    stub.add_client_error("get_queue_url", NOT_THERE)
    stub.add_client_error("create_queue", "AWS.SimpleQueueService.QueueDeletedRecently", "wait 60 seconds")
    failed = aws.run("dead_letter_queue", name="q", wait_timeout=0)
    assert failed["failed"]
    assert failed["error_code"] == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert "Could not create queue q" in failed["msg"]


def test_somebody_made_the_queue_meanwhile_with_other_settings(aws: Any) -> None:
    stub = aws.stub("sqs")
    stub.add_client_error("get_queue_url", NOT_THERE)
    stub.add_client_error("create_queue", "QueueAlreadyExists")
    found(stub)
    found(stub)
    stub.add_response("list_queue_tags", {"Tags": MARK})
    stub.add_response("set_queue_attributes", {}, {"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "7"}})
    found(stub)
    result = aws.run("dead_letter_queue", name="q", visibility_timeout=7)
    stub.assert_no_pending_responses()
    assert result["changes"] == ["update queue q"]


def test_a_queue_that_is_gone_already_is_no_error(aws: Any) -> None:
    stub = aws.stub("sqs")
    found(stub)
    stub.add_response("list_queue_tags", {"Tags": MARK})
    stub.add_client_error("delete_queue", NOT_THERE)
    assert aws.run("dead_letter_queue", name="q", state="absent")["queue"] is None
    stub.assert_no_pending_responses()


def test_a_denied_call_names_the_operation(aws: Any) -> None:
    stub = aws.stub("sqs")
    stub.add_client_error("get_queue_url", "AccessDenied", "not authorized", http_status_code=403)
    failed = aws.run("dead_letter_queue", name="q")
    assert failed["error_kind"] == "AccessDeniedError"
    assert "GetQueueUrl" in failed["msg"]
