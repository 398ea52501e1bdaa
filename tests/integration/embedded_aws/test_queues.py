"""A message that was received comes back when its time is up, or the setting's."""

from __future__ import annotations

import time

from toys import Place, until
from toys import name as unused


def test_a_message_is_hidden_for_no_longer_than_the_setting(place: Place) -> None:
    sqs = place.sqs
    url = sqs.create_queue(QueueName=unused("queue"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    place.aws.configure(longest_hidden=0.5)
    started = time.monotonic()
    assert "Messages" in sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)
    assert until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert time.monotonic() - started >= 0.5
