# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A received message is visible again after its visibility timeout or the setting's; dead letters."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError
from toys import Place, until
from toys import name as unused


def test_longest_hidden_limits_receive_visibility(place: Place) -> None:
    sqs = place.sqs
    url = sqs.create_queue(QueueName=unused("queue"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    place.aws.configure(longest_hidden=0.5)
    started = time.monotonic()
    assert "Messages" in sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)
    assert until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert time.monotonic() - started >= 0.5


def test_longest_hidden_limits_changed_visibility(place: Place) -> None:
    sqs = place.sqs
    url = sqs.create_queue(QueueName=unused("queue"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    place.aws.configure(longest_hidden=0.5)
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
    assert until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))


@pytest.mark.parametrize(("source", "letters"), [("", ".fifo"), (".fifo", "")])
def test_redrive_to_a_queue_of_another_type_is_refused(place: Place, source: str, letters: str) -> None:
    def made(suffix: str, **attributes: str) -> str:
        queue = unused("queue") + suffix
        attributes |= {"FifoQueue": "true"} if suffix else {}
        place.sqs.create_queue(QueueName=queue, Attributes=attributes)
        return place.arn("sqs", queue)

    policy = json.dumps({"deadLetterTargetArn": made(letters), "maxReceiveCount": 2})
    with pytest.raises(ClientError, match="must be same type of queue"):
        made(source, RedrivePolicy=policy)
    made(letters, RedrivePolicy=policy)
