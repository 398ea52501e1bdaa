# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dead_letter_info reports the dead letters and leaves them in the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

NAME = "log-reflector-dead-letters"


def own(reason: str = "the sink answered 503", **more: Any) -> str:
    """Return a dead letter as the reflector writes it."""
    return json.dumps(
        {"awslogs": {"data": "secret payload"}, "deadLetter": {"sink": "sumologic", "reason": reason, **more}}
    )


def of_lambda(**payload: Any) -> str:
    """Return a dead letter as Lambda writes it when an asynchronous invocation failed."""
    return json.dumps(
        {
            "requestContext": {"condition": "RetriesExhausted"},
            "requestPayload": {"awslogs": {"data": "secret payload"}},
            "responsePayload": payload,
        }
    )


def fill(aws: Any, *bodies: str, **attributes: str) -> str:
    sqs = aws.client("sqs")
    url: str = sqs.create_queue(QueueName=NAME, Attributes=attributes)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return url


def test_dead_letters_are_counted_with_reasons_and_stay(aws: Any) -> None:
    """Four waiting dead letters were "ok" for deploy, verify and status."""
    url = fill(aws, own(), own(), own(), own("the sink answered 413"))
    first = aws.run("dead_letter_info")["dead_letters"]
    assert first["messages"] == first["sampled"] == 4
    assert first["reasons"] == [
        {"reason": "sumologic: the sink answered 503", "messages": 3},
        {"reason": "sumologic: the sink answered 413", "messages": 1},
    ]
    assert first["oldest_seconds"] >= 0
    assert first["summary"].startswith("4 dead letters wait; the oldest of 4 read is ")
    assert first["summary"].endswith(
        "3 of them: sumologic: the sink answered 503; 1 of them: sumologic: the sink answered 413"
    )
    assert aws.calls == ["GetQueueUrl", "GetQueueAttributes", "ReceiveMessage"]
    assert aws.run("dead_letter_info", check_mode=True)["dead_letters"]["sampled"] == 4
    assert len(aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 4


def test_dead_letter_reasons_show_no_log_events(aws: Any) -> None:
    fill(
        aws,
        of_lambda(errorType="KeyError", errorMessage="secret payload"),
        of_lambda(errorType="SettingsError", errorMessage="SUMO_ENDPOINT: missing"),
        "secret payload",
        '["secret payload"]',
        own("one\x1b[31m\nline" + "x" * 1000),
    )
    result = aws.run("dead_letter_info")["dead_letters"]
    reasons = {item["reason"] for item in result["reasons"]}
    assert "RetriesExhausted: the function failed with KeyError: see its log" in reasons
    assert "RetriesExhausted: the function failed with SettingsError: SUMO_ENDPOINT: missing" in reasons
    assert "a message without a reason" in reasons
    assert "secret payload" not in str(result)
    assert "\x1b" not in str(result)
    assert all(len(reason) < 400 for reason in reasons)


def test_dead_letters_of_an_empty_queue_have_no_summary(aws: Any) -> None:
    fill(aws)
    result = aws.run("dead_letter_info")["dead_letters"]
    assert (result["exists"], result["messages"], result["summary"]) == (True, 0, "")
    assert "ReceiveMessage" not in aws.calls


def test_dead_letters_without_a_queue_are_no_error(aws: Any) -> None:
    result = aws.run("dead_letter_info")
    assert not result.get("failed")
    assert (result["dead_letters"]["exists"], result["dead_letters"]["messages"]) == (False, 0)


def test_dead_letters_of_a_queue_with_redrive_are_not_read(aws: Any) -> None:
    """Each receipt counts there, and the last one moves the message away."""
    arn = "arn:aws:sqs:eu-west-1:123456789012:grave"
    aws.client("sqs").create_queue(QueueName="grave")
    fill(aws, own(), RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
    result = aws.run("dead_letter_info")["dead_letters"]
    assert "ReceiveMessage" not in aws.calls
    assert result["summary"] == "1 dead letter waits; the queue has a redrive policy, so its messages are not read"


def test_dead_letters_without_permission_to_read_are_counted(aws: Any) -> None:
    fill(aws, own())
    stub = aws.stub("sqs")
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/" + NAME
    stub.add_response("get_queue_url", {"QueueUrl": url})
    stub.add_response("get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "1"}})
    stub.add_client_error("receive_message", "AccessDenied")
    result = aws.run("dead_letter_info")["dead_letters"]
    assert result["summary"] == "1 dead letter waits; no message could be read: AccessDenied"


@pytest.mark.parametrize("params", [{"function_name": "mine"}, {"queue": "mine-dead-letters"}])
def test_dead_letters_of_another_queue(aws: Any, params: dict[str, str]) -> None:
    aws.client("sqs").create_queue(QueueName="mine-dead-letters")
    assert aws.run("dead_letter_info", **params)["dead_letters"]["exists"]
