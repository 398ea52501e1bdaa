# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backfill sends all events from before the filter, none of the filter's, and no message that is too long."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AwsError, ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.backfill import (
    OVERLAP_MS,
    Backfill,
    payloads,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import SubscriptionFilter
from hypothesis import given
from hypothesis import strategies as st

CREATED = 1_795_341_600_000
ACCOUNT = "222222222222"
OURS = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:log-reflector"
FILTER = SubscriptionFilter("/app", "ours", OURS, created=CREATED)


def opened(message: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(json.loads(message)["awslogs"]["data"])))
    return found


def an_event(number: int, taken_in: int, stream: str = "s", message: str = "m") -> dict[str, Any]:
    return {
        "eventId": f"{number:056d}",
        "logStreamName": stream,
        "timestamp": taken_in - 7,
        "message": message,
        "ingestionTime": taken_in,
    }


@given(st.lists(st.tuples(st.integers(-5000, 5000), st.sampled_from("abc"), st.text(max_size=5)), max_size=40))
def test_each_earlier_or_overlapping_event_is_in_one_message(events: Any) -> None:
    given_events = [
        an_event(number, CREATED + offset, stream, text) for number, (offset, stream, text) in enumerate(events)
    ]
    made = list(payloads(given_events, FILTER, ACCOUNT))
    messages = [opened(message) for _unused, message in made]
    assert [count for count, _unused in made] == [len(message["logEvents"]) for message in messages]
    assert len({(message["logStream"], message["backfill"]) for message in messages}) == len(messages)
    sent = {item["id"]: (message, item) for message in messages for item in message["logEvents"]}
    assert len(sent) == sum(count for count, _unused in made)
    for number, (offset, stream, text) in enumerate(events):
        name = f"{number:056d}"
        assert (name in sent) == (offset < OVERLAP_MS)
        if name in sent:
            message, item = sent[name]
            assert message["backfill"] == (True if offset < 0 else "overlap")
            assert (message["logStream"], item["message"]) == (stream, text)
            assert item["timestamp"] == CREATED + offset - 7
            assert (message["owner"], message["logGroup"], message["subscriptionFilters"]) == (
                ACCOUNT,
                "/app",
                ["ours"],
            )


def test_long_pages_are_cut_and_keep_their_order() -> None:
    noise = random.Random(5)
    events = [an_event(number, CREATED - 1, message=noise.randbytes(2000).hex()) for number in range(400)]
    made = list(payloads(events, FILTER, ACCOUNT))
    assert len(made) > 1
    assert all(len(message) <= 180 * 1024 for _unused, message in made)
    ids = [item["id"] for _unused, message in made for item in opened(message)["logEvents"]]
    assert ids == [event["eventId"] for event in events]


class Lambda:
    """Invoke, as in boto3; `answers` are returned first."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.invoked: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.invoked.append(request)
        if not self.answers:
            return {"StatusCode": 202}
        answer = self.answers.pop(0)
        if isinstance(answer, dict):
            return answer
        raise answer


class Logs:
    """FilterLogEvents, as in boto3, with given pages."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        number = int(request.get("nextToken", 0))
        more = {"nextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"events": self.pages[number], **more}


@pytest.fixture
def made() -> Callable[..., Backfill]:
    retry_policy = RetryPolicy(seconds=30, sleep=lambda _seconds: None)

    def make(logs: Logs, client: Lambda) -> Backfill:
        api = LogsApi(logs, lambda: "222222222222/eu-west-1", retry_policy)
        return Backfill(api, client, OURS, owner=ACCOUNT, retry_policy=retry_policy, where="222222222222/eu-west-1")

    return make


def refusal(code: str) -> Exception:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "Invoke")


def test_pages_are_sent_as_they_are_read_and_an_empty_one_is_not_the_last(made: Any) -> None:
    logs, client = Logs([an_event(1, CREATED - 1)], [], [an_event(2, CREATED + 1)]), Lambda()
    sent = list(made(logs, client).send(FILTER))
    assert [(page.events, page.token) for page in sent] == [(1, "1"), (0, "2"), (1, "")]
    assert [opened(request["Payload"])["backfill"] for request in client.invoked] == [True, "overlap"]
    assert {request["InvocationType"] for request in client.invoked} == {"Event"}


def test_backfill_continues_from_the_token(made: Any) -> None:
    logs, client = Logs(*([an_event(number, CREATED - 1)] for number in range(3))), Lambda()
    backfill = made(logs, client)
    token = next(backfill.send(FILTER)).token
    list(backfill.send(FILTER, token=token))
    ids = [item["id"] for request in client.invoked for item in opened(request["Payload"])["logEvents"]]
    assert ids == [f"{number:056d}" for number in range(3)]


def test_request_has_the_filters_pattern_and_a_window(made: Any) -> None:
    logs = Logs([])
    with_pattern = SubscriptionFilter("/app", "ours", OURS, filter_pattern="ERROR", created=CREATED)
    list(made(logs, Lambda()).send(with_pattern, since=CREATED - 3600_000))
    (asked,) = logs.asked
    assert asked["filterPattern"] == "ERROR"
    assert asked["startTime"] == CREATED - 3600_000
    assert asked["endTime"] > CREATED + OVERLAP_MS


def test_one_event_too_long_for_an_asynchronous_call_is_sent_synchronously(made: Any) -> None:
    noise = random.Random(7).randbytes(300_000).hex()
    client = Lambda({"StatusCode": 200})
    list(made(Logs([an_event(1, CREATED - 1, message=noise)]), client).send(FILTER))
    (request,) = client.invoked
    assert request["InvocationType"] == "RequestResponse"


def test_reflector_that_fails_such_a_call_is_an_error(made: Any) -> None:
    client = Lambda({"StatusCode": 200, "FunctionError": "Unhandled"})
    with pytest.raises(AwsError, match=r"log group /app to the function .*the function failed"):
        list(made(Logs([an_event(1, CREATED - 1)]), client).send(FILTER))


def test_throttled_invocation_is_retried(made: Any) -> None:
    client = Lambda(refusal("TooManyRequestsException"), refusal("ServiceException"))
    list(made(Logs([an_event(1, CREATED - 1)]), client).send(FILTER))
    assert len(client.invoked) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_error_names_group_and_target_but_no_log_line(made: Any, code: str) -> None:
    events = [an_event(1, CREATED - 1, message="confidential")]
    with pytest.raises(ReflectorError) as caught:
        list(made(Logs(events), Lambda(refusal(code))).send(FILTER))
    assert type(caught.value).__name__ != "NotFoundError"  # which would be the log group
    for part in ("/app", "222222222222/eu-west-1", code):
        assert part in str(caught.value)
    assert "confidential" not in str(caught.value)
