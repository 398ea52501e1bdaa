# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forged events and messages, events of other accounts and regions, and unexpected errors do no harm."""

from __future__ import annotations

import copy
import importlib
import io
import json
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from subscriber_support import (
    GROUP,
    NAME,
    OURS,
    REGION,
    SUBSCRIBER,
    Aws,
    Clock,
    Context,
    batch,
    event,
    event_of,
    failures,
    milliseconds,
    now,
    schedule,
    settle_event,
    tag_event,
)

AT = milliseconds("2026-11-22T10:00:00Z")


def sweep_message(**detail: Any) -> dict[str, Any]:
    whole = {"started": "2026-11-22T10:00:00Z", "slice": 2, "position": {}, "counts": {}, **detail}
    return {"source": "logreflector.subscriber", "detail-type": "Sweep continued", "detail": whole}


def test_backfill_of_an_old_group_sends_nothing(start: Any) -> None:
    """A forged message had the whole history of a group sent that the catch-up had subscribed."""
    server = Aws()
    server.add_filter(GROUP, NAME, OURS)
    server.created[GROUP] = AT - 3 * 24 * 3600 * 1000
    server.log(GROUP, "of long ago", at=AT - 60_000)
    assert failures(start(server).handler(batch(settle_event(GROUP)), Context())) == []
    assert server.asked("Invoke") == []


def test_message_that_has_to_wait_returns_after_a_minute_at_most(start: Any, sleeps: list[float]) -> None:
    """A message that was to wait for years held up all others for as long as an invocation lasts."""
    server = Aws(GROUP)
    told = batch(settle_event(GROUP, not_before=2**53 - 1), event())
    assert failures(start(server).handler(told, Context())) == ["message-0"]
    assert sleeps == []
    (request,) = server.asked("ChangeMessageVisibility")
    assert 0 < request["VisibilityTimeout"] <= 60  # less what the machine needed for the message before
    assert len(server.groups[GROUP]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        settle_event(GROUP, not_before=10**400),
        settle_event(GROUP, not_before=-1),
        settle_event(*[f"/app/{number}" for number in range(101)]),
        sweep_message(counts={"groups": 2**53}),
        sweep_message(slice=10**400),
        sweep_message(slice=True),
        sweep_message(started="1970-01-01T00:00:00Z"),
        sweep_message(started="2026-11-23T10:00:00Z"),
        sweep_message(position={"after": "x" * 5000}),
        sweep_message(counts={str(number): 1 for number in range(51)}),
        '{"detail": ' + "9" * 5000 + "}",
    ],
)
def test_message_beyond_its_bounds_is_refused_alone(start: Any, wrong: Any) -> None:
    """One such message failed its whole batch, again and again, until all of it was given up."""
    server = Aws(GROUP)
    assert failures(start(server).handler(batch(wrong, event()), Context())) == ["message-0"]
    assert len(server.groups[GROUP]) == 1
    assert server.handed_over("Sweep continued") == []


def test_forged_old_sweep_does_not_stop_the_daily_one(start: Any) -> None:
    """A sweep that pretended to be from 1970 made the real one give up."""
    server = Aws(GROUP)
    worker = start(server)
    assert failures(worker.handler(batch(sweep_message(started="1970-01-01T00:00:00Z")), Context())) == ["message-0"]
    assert worker.handler(schedule(), Context())["outcome"] == "ended"


def test_schedule_of_long_ago_is_refused(start: Any) -> None:
    """With such a time, old filters counted as made by this sweep."""
    told = schedule("2000-01-01T00:00:00Z")
    Clock.set("2026-11-22T10:00:00Z")
    assert failures(start(Aws(GROUP)).handler(batch(told), Context())) == ["message-0"]


@pytest.mark.parametrize("source", ["logreflector.subscriber", "aws.logs.example", "my.application", None])
@pytest.mark.parametrize("told", [event(), schedule()])
def test_event_of_a_foreign_source_is_refused(start: Any, source: Any, told: dict[str, Any]) -> None:
    """Any principal may send events of such a source."""
    server = Aws(GROUP)
    assert failures(start(server).handler(batch({**told, "source": source}), Context())) == ["message-0"]
    assert server.groups[GROUP] == {}


@pytest.mark.parametrize("elsewhere", [{"account": "999999999999"}, {"region": "us-west-2"}, {"account": None}])
def test_event_of_another_account_or_region_is_ignored(start: Any, elsewhere: dict[str, Any]) -> None:
    """An event of another account subscribed the log group of the same name here."""
    server = Aws(GROUP)
    worker = start(server)
    assert failures(worker.handler(batch({**event(), **elsewhere}, {**schedule(), **elsewhere}), Context())) == []
    assert server.groups[GROUP] == {}


def test_group_named_twice_has_one_follow_up(start: Any) -> None:
    server = Aws()
    server.add_filter(GROUP, NAME, OURS)
    server.created[GROUP] = now() - 4000
    server.log(GROUP, "started", at=now() - 3000)
    start(server).handler(batch(settle_event(GROUP, GROUP, not_before=now() + 5000)), Context())
    assert len(server.asked("Invoke")) == 1


def test_unexpected_error_fails_only_its_own_message(start: Any) -> None:
    server = Aws("/app/1", "/app/2")

    def spoil(_operation: str, request: dict[str, Any]) -> None:
        if request.get("logGroupName") == "/app/1":
            raise OverflowError("of any kind")

    server.spoil = spoil
    answer = start(server).handler(batch(*map(event_of, server.groups)), Context())
    assert failures(answer) == ["message-0"]
    assert len(server.groups["/app/2"]) == 1


@pytest.mark.parametrize("call", ["TagResource", "UntagResource", "TagLogGroup"])
def test_tag_event_without_tags_reads_the_tags(start: Any, call: str) -> None:
    """CloudTrail may leave out parameters: such an event went to the dead letters."""
    server = Aws(GROUP)
    server.tags[GROUP] = {"logs": "on"}
    told = copy.deepcopy(tag_event(GROUP, "logs", call=call))
    for name in ("tags", "tagKeys"):
        told["detail"]["requestParameters"].pop(name, None)
    assert failures(start(server, include_tags={"logs": "on"}).handler(batch(told), Context())) == []
    assert len(server.groups[GROUP]) == 1


def test_events_after_the_first_read_are_sent_by_the_second(start: Any, sleeps: list[float]) -> None:
    """The filter may miss the first seconds, and what was just ingested cannot be read yet."""
    server = Aws()
    server.add_filter(GROUP, NAME, OURS)
    server.created[GROUP] = now() - 4000
    server.log(GROUP, "before", at=now() - 3000)
    worker = start(server)
    worker.handler(batch(settle_event(GROUP, not_before=now() + 5000)), Context())
    server.log(GROUP, "in the first seconds", at=now() + 1000)
    server.log(GROUP, "later", at=now() + 31_000)
    (second,) = server.second_looks()
    assert failures(worker.handler(batch(second), Context())) == ["message-0"]  # it is too early
    sleeps.append(40)
    assert failures(worker.handler(batch(second), Context())) == []
    sent = [(message["backfill"], item["message"]) for message in server.invoked() for item in message["logEvents"]]
    assert sent == [(True, "before"), ("overlap", "in the first seconds")]


def test_failure_of_one_group_loses_no_second_read_of_another(start: Any) -> None:
    server = Aws()
    for group in ("/app/1", "/app/2"):
        server.add_filter(group, NAME, OURS)
        server.created[group] = now()
    server.spoil = lambda operation, request: (
        ("AccessDeniedException", "no")
        if (operation, request.get("logGroupName")) == ("FilterLogEvents", "/app/2")
        else None
    )
    assert failures(start(server).handler(batch(settle_event("/app/1", "/app/2")), Context())) == ["message-0"]
    (second,) = server.second_looks()
    assert [group["name"] for group in second["detail"]["groups"]] == ["/app/1"]


def test_message_to_itself_begins_a_new_trace(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the lineage of the invocation, Lambda ends a sweep after about 16 slices as a recursive loop."""
    start(Aws())
    worker = importlib.import_module("subscriber.worker")
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)
    monkeypatch.setattr(boto3, "client", session.client)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", SUBSCRIBER)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-00000000-000000000000000000000000;Lineage=1:abc:15")
    sent: list[Any] = []

    def reply(request: Any, **_unused: Any) -> AWSResponse:
        sent.append(request.headers["X-Amzn-Trace-Id"])
        raw: Any = io.BytesIO(json.dumps({"MessageId": "1"}).encode())
        raw.stream = lambda: iter([raw.getvalue()])
        return AWSResponse("", 200, {}, raw)

    client = worker.aws_client("sqs")
    client.meta.events.register("before-send.sqs", reply)
    client.send_message(QueueUrl="https://example.com/1/queue.fifo", MessageBody="x", MessageGroupId="x")
    client.list_queues()
    assert sent[0].startswith(b"Root=1-")
    assert b"Lineage" not in sent[0]
    assert b"00000000-" not in sent[0]
    assert b"Lineage" in sent[1]  # what botocore does in Lambda
