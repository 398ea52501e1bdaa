# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""event_message against moto."""

from __future__ import annotations

from typing import Any

import boto3
import pytest


@pytest.fixture
def received() -> dict[str, str]:
    """Return the URL of a queue and the receipt handle of its one message, which is hidden."""
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="secret body")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    return {"queue_url": url, "receipt_handle": message["ReceiptHandle"]}


def counts(url: str) -> tuple[int, int]:
    """Return the numbers of visible and of hidden messages."""
    sqs = boto3.client("sqs", region_name="eu-west-1")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_absent_deletes_the_message(aws: Any, received: dict[str, str]) -> None:
    result = aws.run("event_message", **received, state="absent")
    assert (result["changed"], result["changes"]) == (True, ["delete a message of queue events"])
    assert counts(received["queue_url"]) == (0, 0)
    assert "secret body" not in str(result)


def test_hidden_for_zero_seconds_makes_the_message_visible(aws: Any, received: dict[str, str]) -> None:
    result = aws.run("event_message", **received, state="present", hidden_seconds=0)
    assert result["changes"] == ["hide a message of queue events for 0 s"]
    assert counts(received["queue_url"]) == (1, 0)


@pytest.mark.parametrize("state", ["absent", "present"])
def test_check_mode_makes_no_call(aws: Any, received: dict[str, str], state: str) -> None:
    result = aws.run("event_message", **received, state=state, check_mode=True)
    assert result["changed"]
    assert aws.calls == []
    assert counts(received["queue_url"]) == (0, 1)


def test_hiding_a_deleted_message_fails(aws: Any, received: dict[str, str]) -> None:
    aws.run("event_message", **received, state="absent")
    assert aws.run("event_message", **received, state="absent")["changed"]
    result = aws.run("event_message", **received, state="present", hidden_seconds=60)
    assert result["failed"]
    assert "Could not hide a message of queue events for 60 s" in result["msg"]


@pytest.mark.parametrize("url", ["events", "https://sqs.eu-west-1.amazonaws.com/events", "file:///a/b", "https://a//b"])
def test_text_that_is_no_queue_url_is_refused_before_a_call(aws: Any, url: str) -> None:
    result = aws.run("event_message", queue_url=url, receipt_handle="x", state="absent")
    assert result["failed"]
    assert "queue_url" in result["msg"]
    assert aws.calls == []


@pytest.mark.parametrize(
    ("first", "receives", "seconds"),
    [
        (300, 1, 300),
        (300, 2, 600),
        (300, 6, 9600),
        (300, 7, 14400),
        (300, 10**9, 14400),
        (0, 5, 0),
        (20_000, 1, 14_400),
        (43_200, None, 43_200),
    ],
)
def test_message_is_hidden_twice_as_long_after_each_receipt(
    aws: Any, received: dict[str, str], first: int, receives: int | None, seconds: int
) -> None:
    result = aws.run("event_message", **received, hidden_seconds=first, receives=receives, check_mode=True)
    assert result["changes"] == [f"hide a message of queue events for {seconds:,} s"]
