# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A received message is visible again after its visibility timeout or the setting's; dead letters."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError
from toys import Place, document, until
from toys import name as unused

SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}


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


def test_queue_policy_refuses_callers_that_are_no_service(place: Place) -> None:
    """AWS sets aws:PrincipalIsAWSService in every call, so a statement for "false" concerns all callers."""
    url, arn = place.queue()
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    }
    caller = place.assumed("sqs", SEND)
    caller.send_message(QueueUrl=url, MessageBody="allowed")
    place.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(deny)})
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.send_message(QueueUrl=url, MessageBody="denied")


def test_queue_policy_knows_a_session_by_its_role(place: Place) -> None:
    """aws:PrincipalArn of a session is the ARN of the role, not that of the session."""
    url, arn = place.queue()
    trust = {"Effect": "Allow", "Principal": {"AWS": place.account}, "Action": "sts:AssumeRole"}
    sender, other = (place.role(SEND, trust=trust) for _number in range(2))
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": [sender]}},
    }
    place.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(deny)})
    place.client_of(sender, "sqs").send_message(QueueUrl=url, MessageBody="allowed")
    with pytest.raises(ClientError, match="AccessDenied"):
        place.client_of(other, "sqs").send_message(QueueUrl=url, MessageBody="denied")
