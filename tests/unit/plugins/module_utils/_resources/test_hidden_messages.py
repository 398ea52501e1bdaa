"""Messages stay hidden for as long as a run needs them, and no longer."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.dead_letter_queue import Queue
from ansible_collections.logreflector.aws.plugins.module_utils._resources.hidden_messages import HiddenMessages
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import ClientError

REGION = "eu-west-1"


class Sqs:
    """SQS as a list of calls; `failures` are raised by the next ones."""

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

    def hidings(self) -> list[tuple[int, int]]:
        """(messages, seconds) of each call that changed the visibility."""
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
def hidden(sqs: Sqs, now: list[float], monkeypatch: pytest.MonkeyPatch) -> HiddenMessages:
    monkeypatch.setattr(Target, "client", lambda _target, _service: sqs)
    target = Target(boto3.Session(region_name=REGION), REGION)
    queue = Queue("q", "https://q", {})
    return HiddenMessages(target, queue, RetryPolicy(seconds=5, sleep=lambda _s: None), 100, lambda: now[0])


def test_they_are_hidden_longer_once_half_of_the_time_is_over(
    hidden: HiddenMessages, sqs: Sqs, now: list[float]
) -> None:
    hidden.receive(10, 5)
    now[0] += 30
    hidden.receive(2, 5)
    for later, expected in ((1049, []), (1051, [(10, 100)]), (1080, [(10, 100)]), (1081, [(10, 100), (2, 100)])):
        now[0] = later
        hidden.stay_hidden()
        assert sqs.hidings() == expected, later


def test_ten_in_a_call(hidden: HiddenMessages, sqs: Sqs, now: list[float]) -> None:
    for _unused in range(3):
        hidden.receive(9, 5)
    hidden.release()
    assert sqs.hidings() == [(10, 0), (10, 0), (7, 0)]
    assert len(hidden) == 0


def test_what_was_deleted_is_neither_hidden_nor_released(hidden: HiddenMessages, sqs: Sqs, now: list[float]) -> None:
    received = [message.message_id for message in hidden.receive(3, 5)]
    assert hidden.delete([*received[:2], "of-nobody"]) == set()
    assert [key in hidden for key in received] == [False, False, True]
    now[0] += 60
    hidden.stay_hidden()
    hidden.release()
    assert sqs.hidings() == [(1, 100), (1, 0)]


def test_throttling_is_waited_out_and_another_error_says_what_was_tried(hidden: HiddenMessages, sqs: Sqs) -> None:
    sqs.failures = [ClientError({"Error": {"Code": "RequestThrottled"}}, "ReceiveMessage")]
    assert len(hidden.receive(1, 5)) == 1
    sqs.failures = [ClientError({"Error": {"Code": "OverLimit", "Message": "too many"}}, "ReceiveMessage")]
    with pytest.raises(Exception, match="Could not receive messages of queue q in eu-west-1: OverLimit: too many"):
        hidden.receive(1, 5)


def test_a_message_is_asked_for_with_its_time(hidden: HiddenMessages, sqs: Sqs) -> None:
    hidden.receive(50, 7)
    [(_method, request)] = sqs.calls
    assert (request["MaxNumberOfMessages"], request["WaitTimeSeconds"], request["VisibilityTimeout"]) == (10, 7, 100)
