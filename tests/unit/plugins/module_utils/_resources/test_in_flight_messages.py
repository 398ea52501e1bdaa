# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""InFlightMessages: messages stay in flight for as long as a run needs them, and no longer."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.in_flight_messages import (
    InFlightMessages,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.sqs_queue import Queue
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import ClientError

REGION = "eu-west-1"


class Sqs:
    """An SQS client that records its calls; the next ones raise `failures`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[Exception] = []

    def __getattr__(self, method: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.calls.append((method, request))
            if self.failures:
                raise self.failures.pop(0)
            if method == "receive_message":
                number = len(self.calls)
                ids = [f"{number}-{n}" for n in range(request["MaxNumberOfMessages"])]
                return {"Messages": [{"MessageId": i, "ReceiptHandle": f"handle {i}", "Body": ""} for i in ids]}
            return {}

        return call

    def visibility_changes(self) -> list[tuple[int, int]]:
        """Return (messages, seconds) of each call that changed the visibility."""
        return [
            (len(request["Entries"]), request["Entries"][0]["VisibilityTimeout"])
            for method, request in self.calls
            if method == "change_message_visibility_batch"
        ]


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def in_flight(sqs: Sqs, now: list[float], monkeypatch: pytest.MonkeyPatch) -> InFlightMessages:
    monkeypatch.setattr(Target, "client", lambda _target, _service: sqs)
    target = Target(boto3.Session(region_name=REGION), REGION)
    queue = Queue(name="q", url="https://q", attributes={})
    return InFlightMessages(target, queue, RetryPolicy(seconds=5, sleep=lambda _s: None), 100, lambda: now[0])


def test_extend_renews_messages_with_less_than_half_of_the_timeout(
    in_flight: InFlightMessages, sqs: Sqs, now: list[float]
) -> None:
    in_flight.receive(10, 5)
    now[0] += 30
    in_flight.receive(2, 5)
    for later, expected in ((1049, []), (1051, [(10, 100)]), (1080, [(10, 100)]), (1081, [(10, 100), (2, 100)])):
        now[0] = later
        in_flight.extend()
        assert sqs.visibility_changes() == expected, later


def test_release_sends_ten_messages_in_a_call(in_flight: InFlightMessages, sqs: Sqs, now: list[float]) -> None:
    for _unused in range(3):
        in_flight.receive(9, 5)
    in_flight.release()
    assert sqs.visibility_changes() == [(10, 0), (10, 0), (7, 0)]
    assert len(in_flight) == 0


def test_extend_and_release_skip_deleted_messages(in_flight: InFlightMessages, sqs: Sqs, now: list[float]) -> None:
    received = [message.message_id for message in in_flight.receive(3, 5)]
    assert in_flight.delete([*received[:2], "of-nobody"]) == set()
    assert [key in in_flight for key in received] == [False, False, True]
    now[0] += 60
    in_flight.extend()
    in_flight.release()
    assert sqs.visibility_changes() == [(1, 100), (1, 0)]


def test_receive_retries_throttling_only(in_flight: InFlightMessages, sqs: Sqs) -> None:
    sqs.failures = [ClientError({"Error": {"Code": "RequestThrottled"}}, "ReceiveMessage")]
    assert len(in_flight.receive(1, 5)) == 1
    sqs.failures = [ClientError({"Error": {"Code": "OverLimit", "Message": "too many"}}, "ReceiveMessage")]
    with pytest.raises(Exception, match="Could not receive messages of queue q in eu-west-1: OverLimit: too many"):
        in_flight.receive(1, 5)


def test_receive_requests_at_most_ten_with_the_timeout(in_flight: InFlightMessages, sqs: Sqs) -> None:
    in_flight.receive(50, 7)
    [(_method, request)] = sqs.calls
    assert (request["MaxNumberOfMessages"], request["WaitTimeSeconds"], request["VisibilityTimeout"]) == (10, 7, 100)
