# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dead_letter_replay with moto's queue and a function with scripted answers."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay import replay as replay_module
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.replay import Replay
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAME = "log-reflector-dead-letters"
COUNTS = ("before", "sent", "accepted", "failed", "not_deleted", "after")


def refusal(code: str, operation: str = "Invoke") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class Function:
    """The reflector in a replay: `behave(bodies)` returns body -> reason, an exception to raise, or a whole answer."""

    def __init__(self, aws: Any, behave: Callable[[list[str]], Any]) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self._behave = behave
        aws.answering("lambda", Invoke=self._invoke, GetFunctionConfiguration=lambda _request: {"Timeout": 120})

    @property
    def sent(self) -> Counter[str]:
        return Counter(body for batch in self.batches for body in batch)

    def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["FunctionName"] == "log-reflector"
        assert request["InvocationType"] == "RequestResponse"
        event = json.loads(request["Payload"])
        self.events.append(event)
        bodies = [record["body"] for record in event["Records"]]
        answer = self._behave(bodies)
        if isinstance(answer, BaseException):
            raise answer
        self.batches.append(bodies)
        if not isinstance(answer, Failures):
            return answer
        ids = {record["body"]: record["messageId"] for record in event["Records"]}
        failures = {ids[body]: reason for body, reason in answer.items()}
        return payload(
            {
                "batchItemFailures": [{"itemIdentifier": key} for key in failures],
                "failures": failures,
                "DeliveredEvents": len(bodies) - len(failures),
                "ReceivedEvents": len(bodies),
            }
        )


class Failures(dict[str, str]):
    """Reasons by body."""


def payload(value: Any, error: str = "") -> dict[str, Any]:
    answer = {"Payload": io.BytesIO(json.dumps(value).encode()), "StatusCode": 200}
    return {**answer, "FunctionError": error} if error else answer


def accepts(_bodies: list[str]) -> Failures:
    return Failures()


def rejects(bodies: list[str]) -> Failures:
    return Failures(dict.fromkeys(bodies, "the sink answered 503"))


def fill(aws: Any, number: int, name: str = NAME) -> list[str]:
    url = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    bodies = [f"letter {n}" for n in range(number)]
    for body in bodies:
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    return bodies


def visible(aws: Any, name: str = NAME) -> list[str]:
    """Return the bodies that are visible."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[str] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in batch]
    return sorted(found, key=lambda body: int(body.split()[-1]))


def replay(aws: Any, **params: Any) -> Any:
    """Run the module with one invocation at a time, whose order is known."""
    return aws.run("dead_letter_replay", **{"parallel": 1, **params})


def counts(result: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(result["counts"][name] for name in COUNTS)


def test_replay_deletes_accepted_messages(aws: Any) -> None:
    bodies = fill(aws, 12)
    function = Function(aws, accepts)
    result = replay(aws)
    assert not result.get("failed"), result
    assert result["changed"] is True
    assert counts(result) == (12, 12, 12, 0, 0, 0)
    assert result["changes"] == [f"send 12 messages of queue {NAME} again"]
    assert [(item["before"], item["after"]) for item in result["diff"]] == [({"messages": 12}, {"messages": 0})]
    assert result["events"] == {"DeliveredEvents": 12, "ReceivedEvents": 12}
    assert (result["reasons"], result["stopped"]) == ([], "")
    assert function.batches == [bodies[:10], bodies[10:]]
    assert aws.calls == [
        *("GetQueueUrl", "GetQueueAttributes", "GetFunctionConfiguration"),
        *("ReceiveMessage", "Invoke", "DeleteMessageBatch", "ReceiveMessage", "Invoke", "DeleteMessageBatch"),
        *("GetQueueUrl", "GetQueueAttributes"),
    ]


def test_replay_event_is_like_lambdas(aws: Any) -> None:
    fill(aws, 1)
    function = Function(aws, accepts)
    replay(aws)
    [record] = function.events[0]["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:eu-west-1:123456789012:{NAME}"
    assert record["awsRegion"] == "eu-west-1"
    assert record["body"] == "letter 0"
    assert record["messageId"]
    assert record["receiptHandle"]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_check_mode_counts_without_receiving(aws: Any) -> None:
    bodies = fill(aws, 12)
    function = Function(aws, accepts)
    announced = replay(aws, check_mode=True)
    assert aws.writes == []
    assert function.batches == []
    assert counts(announced) == (12, 12, 12, 0, 0, 0)
    done = replay(aws)
    for field in ("changed", "changes", "diff", "counts"):
        assert done[field] == announced[field]
    assert sorted(function.sent) == sorted(bodies)
    assert replay(aws, check_mode=True)["changed"] is False


def test_check_mode_skips_messages_in_flight(aws: Any) -> None:
    fill(aws, 5)
    url = aws.client("sqs").get_queue_url(QueueName=NAME)["QueueUrl"]
    aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=2)
    Function(aws, accepts)
    assert counts(replay(aws, check_mode=True)) == (5, 3, 3, 0, 0, 2)


def test_replay_empty_queue_writes_nothing(aws: Any) -> None:
    fill(aws, 0)
    Function(aws, accepts)
    result = replay(aws)
    assert (result["changed"], result["changes"], result["diff"]) == (False, [], [])
    assert aws.writes == []


def test_replay_failed_messages_are_visible_again_with_reasons(aws: Any) -> None:
    bodies = fill(aws, 12)
    bad = Failures(
        {"letter 3": "it cannot be decoded.", "letter 4": "it cannot be decoded.", "letter 11": "the sink answered 413"}
    )
    function = Function(aws, lambda batch: Failures({body: bad[body] for body in batch if body in bad}))
    result = replay(aws)
    assert result["failed"]
    assert counts(result) == (12, 12, 9, 3, 0, 3)
    assert [(item["reason"], item["messages"], len(item["message_ids"])) for item in result["reasons"]] == [
        ("it cannot be decoded", 2, 2),
        ("the sink answered 413", 1, 1),
    ]
    assert result["msg"] == (
        f"Could not send all of queue {NAME} again in eu-west-1: 3 of the 12 messages sent again failed again "
        "(2: it cannot be decoded; 1: the sink answered 413). 9 messages left the queue, the others are "
        "unchanged. Remove the cause and run again."
    )
    assert function.sent == Counter(bodies)
    assert visible(aws) == ["letter 3", "letter 4", "letter 11"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            payload({"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: x Error: y"}, "Unhandled"),
            "ran out of time",
        ),
        (
            payload({"errorMessage": "2026-11-22T10:00:00Z x Task timed out after 3.00 seconds"}, "Unhandled"),
            "ran out of time",
        ),
        (
            payload({"errorType": "SettingsError", "errorMessage": "SUMO_ENDPOINT: missing"}, "Unhandled"),
            "SUMO_ENDPOINT: missing",
        ),
        (
            payload({"errorType": "KeyError", "errorMessage": "'a payload'"}, "Unhandled"),
            "failed with KeyError: see its log",
        ),
        (payload(None, "Unhandled"), "an error without a name"),
        (payload(None), "deploy it again"),
        (payload({"ReceivedEvents": 3}), "deploy it again"),
        (payload({"batchItemFailures": "all"}), "deploy it again"),
        (payload({"batchItemFailures": [{"itemIdentifier": None}]}), "deploy it again"),
        (payload({"batchItemFailures": [{"itemIdentifier": "of-somebody-else"}]}), "deploy it again"),
        (payload({"batchItemFailures": [3]}), "deploy it again"),
        ({"Payload": io.BytesIO(b"{")}, "deploy it again"),
        (ReadTimeoutError(endpoint_url="https://lambda"), "Lambda gave no answer"),
        (refusal("ServiceException"), "Lambda gave no answer"),
    ],
)
def test_replay_unusable_answer_deletes_nothing(aws: Any, answer: Any, reason: str) -> None:
    bodies = fill(aws, 3)
    Function(aws, lambda _bodies: answer)
    result = replay(aws)
    assert result["failed"]
    assert (result["changed"], counts(result)) == (False, (3, 3, 0, 3, 0, 3))
    assert reason in result["msg"]
    assert "a payload" not in str(result)
    assert "DeleteMessageBatch" not in aws.calls
    assert visible(aws) == bodies


def test_replay_retries_throttling(aws: Any) -> None:
    fill(aws, 2)
    answers = [refusal("TooManyRequestsException"), Failures()]
    Function(aws, lambda _bodies: answers.pop(0))
    result = replay(aws)
    assert counts(result) == (2, 2, 2, 0, 0, 0)
    assert aws.calls.count("Invoke") == 2


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("TooManyRequestsException", "ThrottledError", "reserved concurrency"),
        ("AccessDeniedException", "AccessDeniedError", "IAM action for Invoke"),
    ],
)
def test_replay_permanent_error_ends_the_run(aws: Any, code: str, kind: str, advice: str) -> None:
    bodies = fill(aws, 12)
    answers: list[Any] = [Failures(), refusal(code)]
    Function(aws, lambda _bodies: answers.pop(0))
    result = replay(aws, wait_timeout=0)
    assert result["failed"]
    assert result["error"]["kind"] == kind
    assert advice in result["msg"]
    assert (result["changed"], counts(result)) == (True, (12, 10, 10, 0, 0, 2))
    assert visible(aws) == bodies[10:]


def test_replay_gives_up_after_fruitless_batches(aws: Any) -> None:
    bodies = fill(aws, 40)
    function = Function(aws, rejects)
    result = replay(aws, batch_size=5)
    assert result["failed"]
    assert counts(result) == (40, 15, 0, 15, 0, 40)
    assert result["stopped"] == "nothing of 3 batches in a row was accepted"
    assert "it stopped early: nothing of 3 batches" in result["msg"]
    assert len(function.batches) == 3
    assert visible(aws) == bodies


def test_replay_of_all_messages_does_not_stop_early(aws: Any) -> None:
    fill(aws, 15)
    Function(aws, rejects)
    result = replay(aws, batch_size=5)
    assert counts(result) == (15, 15, 0, 15, 0, 15)
    assert result["stopped"] == ""
    assert "early" not in result["msg"]


def test_replay_accepted_message_resets_fruitless_batches(aws: Any) -> None:
    fill(aws, 5)
    function = Function(aws, lambda batch: Failures() if batch == ["letter 2"] else rejects(batch))
    result = replay(aws, batch_size=1, give_up_after=3)
    assert len(function.batches) == 5
    assert result["stopped"] == ""


def test_replay_without_giving_up_sends_every_message_once(aws: Any) -> None:
    bodies = fill(aws, 25)
    function = Function(aws, rejects)
    result = replay(aws, batch_size=5, give_up_after=0)
    assert counts(result) == (25, 25, 0, 25, 0, 25)
    assert function.sent == Counter(bodies)
    assert visible(aws) == bodies


def test_replay_respects_limit_and_batch_size(aws: Any) -> None:
    bodies = fill(aws, 12)
    function = Function(aws, accepts)
    announced = replay(aws, check_mode=True, limit=7)
    result = replay(aws, limit=7, batch_size=3)
    assert counts(result) == counts(announced) == (12, 7, 7, 0, 0, 5)
    assert [len(batch) for batch in function.batches] == [3, 3, 1]
    assert visible(aws) == bodies[7:]


def test_replay_ends_although_the_function_adds_messages(aws: Any) -> None:
    fill(aws, 3)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]

    def accepts_a_part(batch: list[str]) -> Failures:
        for body in batch:
            sqs.send_message(QueueUrl=url, MessageBody=f"rest of {body}")
        return Failures()

    Function(aws, accepts_a_part)
    assert counts(replay(aws)) == (3, 3, 3, 0, 0, 3)


def test_replay_respects_the_rate(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The times are those of a clock that moves only with the pauses of the run."""
    fill(aws, 6)
    pauses: list[float] = []
    started: list[float] = []
    virtual = partial(Replay, clock=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr(replay_module, "Replay", virtual)

    def timed(_bodies: list[str]) -> Failures:
        started.append(sum(pauses))
        return Failures()

    function = Function(aws, timed)
    replay(aws, rate=4.0)
    assert [len(batch) for batch in function.batches] == [4, 2]
    assert started == [0.0, 1.0]


def test_replay_respects_the_time_limit(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = fill(aws, 12)
    now = [0.0]
    monkeypatch.setattr(replay_module, "Replay", partial(Replay, clock=lambda: sum(now), sleep=now.append))

    def slow(_bodies: list[str]) -> Failures:
        now.append(1.1)
        return Failures()

    Function(aws, slow)
    result = replay(aws, time_limit=1)
    assert not result.get("failed")
    assert counts(result) == (12, 10, 10, 0, 0, 2)
    assert result["stopped"] == "the time limit of 1 seconds was reached"
    assert visible(aws) == bodies[10:]


def test_replay_ends_with_messages_in_flight_elsewhere(aws: Any) -> None:
    bodies = fill(aws, 3)
    url = aws.client("sqs").get_queue_url(QueueName=NAME)["QueueUrl"]
    aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    function = Function(aws, accepts)
    result = replay(aws, idle_timeout=0)
    assert counts(result) == (3, 2, 2, 0, 0, 1)
    assert sorted(function.sent) == bodies[1:]
    assert aws.calls.count("ReceiveMessage") == 3  # two of them found nothing


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_replay_interrupted_deletes_accepted_and_releases_others(aws: Any, number: int) -> None:
    bodies = fill(aws, 25)
    former = [signal.getsignal(item) for item in (signal.SIGINT, signal.SIGTERM)]

    def interrupted(batch: list[str]) -> Failures:
        if "letter 10" in batch:
            os.kill(os.getpid(), number)
            time.sleep(5)
        return Failures({"letter 5": "it cannot be decoded"} if "letter 5" in batch else {})

    function = Function(aws, interrupted)
    result = replay(aws)
    assert result["failed"]
    assert "it was interrupted" in result["msg"]
    assert (result["changed"], counts(result)) == (True, (25, 10, 9, 1, 0, 16))
    assert len(function.batches) == 1
    assert visible(aws) == ["letter 5", *bodies[10:]]
    assert [signal.getsignal(item) for item in (signal.SIGINT, signal.SIGTERM)] == former


def test_replay_retries_refused_deletions(aws: Any) -> None:
    fill(aws, 4)
    Function(aws, accepts)
    refused: list[str] = []

    def delete(request: dict[str, Any]) -> dict[str, Any]:
        entries = request["Entries"]
        if not refused:
            refused.append(entries[1]["ReceiptHandle"])
            first, *rest = entries[1:]
            aws.client("sqs").delete_message_batch(QueueUrl=request["QueueUrl"], Entries=[entries[0], *rest])
            return {"Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]}
        assert [item["ReceiptHandle"] for item in entries] == refused
        return dict(aws.client("sqs").delete_message_batch(**request))

    aws.answering("sqs", DeleteMessageBatch=delete)
    result = replay(aws, limit=4)
    assert not result.get("failed"), result
    assert counts(result) == (4, 4, 4, 0, 0, 0)


def test_replay_reports_messages_not_deleted(aws: Any) -> None:
    fill(aws, 2)
    Function(aws, accepts)
    aws.answering(
        "sqs",
        DeleteMessageBatch=lambda request: {
            "Failed": [{"Id": item["Id"], "Code": "InternalError", "SenderFault": False} for item in request["Entries"]]
        },
    )
    result = replay(aws)
    assert result["failed"]
    assert (result["changed"], counts(result)) == (False, (2, 2, 2, 0, 2, 2))
    assert "SQS did not delete 2 messages that the function had accepted (InternalError)" in result["msg"]


def test_replay_without_delete_permission_releases_all_messages(aws: Any) -> None:
    bodies = fill(aws, 12)
    Function(aws, accepts)

    def refuse(_request: dict[str, Any]) -> dict[str, Any]:
        raise refusal("AccessDenied", "DeleteMessageBatch")

    aws.answering("sqs", DeleteMessageBatch=refuse)
    result = replay(aws)
    assert result["error"]["kind"] == "AccessDeniedError"
    assert "IAM action for DeleteMessageBatch" in result["msg"]
    assert (result["changed"], counts(result)) == (False, (12, 10, 10, 0, 10, 12))
    assert visible(aws) == bodies


def test_replay_message_delivered_twice_is_sent_once(aws: Any) -> None:
    fill(aws, 2)
    function = Function(aws, accepts)
    deliveries = [["a"], ["a"], ["b"]]
    handles: list[str] = []

    def receive(_request: dict[str, Any]) -> dict[str, Any]:
        ids = deliveries.pop(0)
        return {"Messages": [{"MessageId": k, "ReceiptHandle": f"{k}{len(deliveries)}", "Body": k} for k in ids]}

    def delete(request: dict[str, Any]) -> dict[str, Any]:
        handles.extend(item["ReceiptHandle"] for item in request["Entries"])
        return {}

    aws.answering("sqs", ReceiveMessage=receive, DeleteMessageBatch=delete)
    result = replay(aws, batch_size=1)
    assert function.batches == [["a"], ["b"]]
    assert handles == ["a2", "a1", "b0"]
    assert result["counts"]["accepted"] == 2


def test_replay_release_failure_does_not_hide_the_error(aws: Any) -> None:
    fill(aws, 12)
    Function(aws, rejects)

    def refuse(_request: dict[str, Any]) -> dict[str, Any]:
        raise refusal("AccessDenied", "ChangeMessageVisibilityBatch")

    aws.answering("sqs", ChangeMessageVisibilityBatch=refuse)
    result = replay(aws)
    assert "12: the sink answered 503" in result["msg"]
    assert "12 messages may stay hidden for some minutes" in result["msg"]
    Function(aws, lambda _bodies: refusal("AccessDeniedException"))
    aws.client("sqs").send_message(
        QueueUrl=aws.client("sqs").get_queue_url(QueueName=NAME)["QueueUrl"], MessageBody="one more"
    )
    assert "send messages of queue" in replay(aws)["msg"]


def test_replay_without_queue_or_function_gives_advice(aws: Any) -> None:
    Function(aws, accepts)
    result = replay(aws, check_mode=True)
    assert result["error"]["kind"] == "NotFoundError"
    assert f"Could not read queue {NAME} in eu-west-1" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    fill(aws, 1)
    aws._stubbed.clear()
    result = replay(aws)
    assert "Could not find the reflector log-reflector" in result["msg"]
    assert "logreflector.aws.deploy" in result["msg"]
    assert aws.writes == []


def test_replay_queue_defaults_to_the_function_name(aws: Any) -> None:
    Function(aws, accepts)
    assert "queue other-dead-letters" in replay(aws, function_name="other")["msg"]
    assert "queue mine" in replay(aws, function_name="other", queue="mine")["msg"]


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"function_name": "a b"}, "function_name"),
        ({"queue": ""}, "queue"),
        ({"queue": "x.fifo"}, "queue"),
        ({"limit": 0}, "limit"),
        ({"rate": 0}, "rate"),
        ({"rate": 1001}, "rate"),
        ({"batch_size": 11}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"give_up_after": -1}, "give_up_after"),
        ({"idle_timeout": -1}, "idle_timeout"),
        ({"time_limit": 0}, "time_limit"),
    ],
)
def test_replay_invalid_options_are_refused(aws: Any, params: dict[str, Any], option: str) -> None:
    result = replay(aws, **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert aws.calls == []


@pytest.mark.parametrize("trouble", [None, "no answer", "unhandled", "denied"])
def test_replay_in_parallel_loses_no_message(aws: Any, trouble: str | None) -> None:
    """A replay sent one batch after the other: a hundred thousand messages took days."""
    bodies = fill(aws, 120)
    accepted: list[str] = []
    together = threading.Barrier(8)  # breaks unless eight invocations run at once
    answers = {
        "no answer": ReadTimeoutError(endpoint_url="https://lambda"),
        "unhandled": payload({"errorType": "MemoryError"}, "Unhandled"),
        "denied": refusal("AccessDeniedException"),
    }

    def behave(batch: list[str]) -> Any:
        if int(batch[0].split()[-1]) < 80:
            together.wait(60)
        if trouble and "letter 100" in batch:
            return answers[trouble]
        accepted.extend(batch)
        return Failures()

    function = Function(aws, behave)
    result = replay(aws, parallel=8)
    left = visible(aws)
    assert sorted([*left, *accepted]) == sorted(bodies)
    assert max(function.sent.values()) == 1
    told = result["counts"]
    assert (told["accepted"], told["after"]) == (len(accepted), len(left))
    assert bool(result.get("failed")) is bool(left) is bool(trouble)
    if trouble in ("no answer", "unhandled"):
        assert len(left) == 10
    assert aws.calls.count("DeleteMessageBatch") == len(accepted) // 10


FATES = ["accepted", "failed", "unhandled", "no answer", "interrupted", "denied"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=25),
    batch_size=st.integers(1, 10),
    give_up_after=st.integers(0, 3),
    parallel=st.integers(1, 4),
)
def test_replay_message_is_accepted_or_in_the_queue_and_sent_once(
    aws: Any, fates: list[str], batch_size: int, give_up_after: int, parallel: int
) -> None:
    name = f"queue-{time.monotonic_ns()}"
    bodies = fill(aws, len(fates), name)
    fate = dict(zip(bodies, fates, strict=True))
    accepted: set[str] = set()

    def behave(batch: list[str]) -> Any:
        of_batch = {fate[body] for body in batch}
        for kind, answer in (
            ("interrupted", KeyboardInterrupt()),
            ("denied", refusal("AccessDeniedException")),
            ("no answer", ReadTimeoutError(endpoint_url="https://lambda")),
            ("unhandled", payload({"errorType": "MemoryError"}, "Unhandled")),
        ):
            if kind in of_batch:
                return answer
        accepted.update(body for body in batch if fate[body] == "accepted")
        return Failures({body: "no" for body in batch if fate[body] == "failed"})

    function = Function(aws, behave)
    result = replay(aws, queue=name, batch_size=batch_size, give_up_after=give_up_after, parallel=parallel)
    left = visible(aws, name)
    assert sorted([*left, *accepted]) == sorted(bodies)
    assert all(times == 1 for times in function.sent.values())
    told = result["counts"]
    assert told["sent"] == told["accepted"] + told["failed"]
    assert (told["before"], told["accepted"], told["after"]) == (len(bodies), len(accepted), len(left))
    assert bool(result.get("failed")) is bool(left)
    assert result["changed"] is bool(accepted)
