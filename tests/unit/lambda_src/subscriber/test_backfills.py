# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work for a new group after its filter: first lines and retention."""

from __future__ import annotations

from typing import Any

import pytest
from subscriber_support import (
    ACCOUNT,
    GROUP,
    NAME,
    OURS,
    THEIRS,
    Aws,
    Clock,
    Context,
    batch,
    event,
    failures,
    now,
    settle_event,
)

CREATED = 1_795_341_600_000


def server_with(*groups: str) -> Aws:
    """Return a server with groups that were subscribed at CREATED, ten seconds ago, each with an earlier line."""
    Clock.set("2026-11-22T10:00:08Z")
    server = Aws()
    for group in groups or (GROUP,):
        server.add_filter(group, NAME, OURS, creationTime=CREATED)
        server.created[group] = CREATED - 2000
        server.log(group, f"first of {group}", at=CREATED - 1500)
    return server


def lines(server: Aws) -> list[str]:
    return [item["message"] for message in server.invoked() for item in message["logEvents"]]


def test_from_the_event_of_a_new_group_to_its_first_line_at_the_reflector(start: Any) -> None:
    server = Aws(GROUP)
    server.created[GROUP] = now() - 4000
    server.log(GROUP, "started", at=now() - 3000)
    worker = start(server)
    worker.handler(batch(event()), Context())
    answer = worker.handler(batch(*server.handed_over()), Context())
    assert failures(answer) == []
    (request,) = server.asked("Invoke")
    assert (request["FunctionName"], request["InvocationType"]) == (OURS, "Event")
    (message,) = server.invoked()
    assert message == {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": GROUP,
        "logStream": "stream",
        "subscriptionFilters": [NAME],
        "backfill": True,
        "logEvents": [{"id": "0" * 56, "timestamp": message["logEvents"][0]["timestamp"], "message": "started"}],
    }


def test_backfill_waits_until_events_are_readable(start: Any, sleeps: list[float]) -> None:
    server = server_with()
    start(server).handler(settle_event(GROUP, not_before=now() + 4000), Context())
    assert any(3 < seconds <= 4 for seconds in sleeps)
    assert len(lines(server)) == 1


def test_repeated_message_sends_nothing_twice(start: Any) -> None:
    server = server_with()
    worker = start(server)
    reports = [worker.handler(settle_event(GROUP), Context()) for _unused in range(2)]
    assert [report["backfilled_events"] for report in reports] == [1, 0]
    assert len(lines(server)) == 1


def test_recreated_group_is_backfilled_again(start: Any) -> None:
    server = server_with()
    worker = start(server)
    worker.handler(settle_event(GROUP), Context())
    server.add_filter(GROUP, NAME, OURS, creationTime=CREATED + 600_000)
    worker.handler(settle_event(GROUP), Context())
    assert len(lines(server)) == 2


def test_failed_group_alone_is_retried(start: Any) -> None:
    server = server_with("/app/1", "/app/2", "/app/3")
    server.spoil = lambda operation, request: (
        ("AccessDeniedException", "not authorized")
        if (operation, request["logGroupName"]) == ("FilterLogEvents", "/app/2")
        else None
    )
    worker = start(server)
    message = batch(settle_event("/app/1", "/app/2", "/app/3"))
    assert failures(worker.handler(message, Context())) == ["message-0"]
    server.spoil = lambda *_unused: None
    assert failures(worker.handler(message, Context())) == []
    assert sorted(lines(server)) == [f"first of /app/{number}" for number in (1, 2, 3)]


def test_retry_continues_at_the_failed_page(start: Any) -> None:
    server = server_with()
    server.log(GROUP, "second", "third", at=CREATED - 1000)
    server.page_of_events = 1
    worker = start(server)
    server.spoil = lambda operation, request: (
        ("AccessDeniedException", "no") if operation == "FilterLogEvents" and request.get("nextToken") == "2" else None
    )
    message = batch(settle_event(GROUP))
    assert failures(worker.handler(message, Context())) == ["message-0"]
    server.spoil = lambda *_unused: None
    assert failures(worker.handler(message, Context())) == []
    assert lines(server) == [f"first of {GROUP}", "second", "third"]


def test_long_backfill_is_handed_over_to_another_worker(start: Any) -> None:
    server = server_with()
    server.log(GROUP, *map(str, range(9)), at=CREATED - 1000)
    server.page_of_events = 1
    context = Context()

    def soon_over(operation: str, _unused: Any) -> None:
        context.seconds -= 50 * (operation == "FilterLogEvents")

    server.spoil = soon_over
    event_now: dict[str, Any] = settle_event(GROUP)
    for _invocation in range(9):
        context.seconds = 200
        server.others = [item for item in server.others if item[0] != "SendMessage"]
        start(server).handler(batch(event_now), context)
        handed_over = server.handed_over()
        if not handed_over:
            break
        (event_now,) = handed_over
    assert lines(server) == [f"first of {GROUP}", *map(str, range(9))]


def test_unstarted_groups_are_handed_over(start: Any) -> None:
    groups = [f"/app/{number:02}" for number in range(30)]
    server = server_with(*groups)
    context = Context(30)

    def slow(operation: str, _unused: Any) -> None:
        context.seconds -= 2 * (operation == "FilterLogEvents")

    server.spoil = slow
    report = start(server).handler(settle_event(*groups), context)
    assert report["followed_up"] + report["handed_over"] == 30
    assert report["handed_over"] > 0
    assert len(server.announced()) == report["handed_over"]
    assert len(lines(server)) == report["followed_up"]


@pytest.mark.parametrize("gone", ["group", "filter", "theirs"])
def test_group_or_filter_that_is_gone_again_is_harmless(start: Any, gone: str) -> None:
    server = server_with()
    if gone == "group":
        del server.groups[GROUP]
    else:
        server.groups[GROUP].clear()
    if gone == "theirs":
        server.add_filter(GROUP, NAME, THEIRS, creationTime=CREATED)
    assert failures(start(server).handler(batch(settle_event(GROUP)), Context())) == []
    assert server.asked("Invoke") == []


def test_retention_is_put_on_groups_that_have_none(start: Any) -> None:
    server = server_with("/app", "/app/kept")
    server.retention["/app/kept"] = 7
    start(server, retention_days=30, backfill_seconds=0).handler(settle_event("/app", "/app/kept"), Context())
    assert server.retention == {"/app": 30, "/app/kept": 7}
    assert server.asked("Invoke") == []


def test_without_retention_none_is_asked_for(start: Any) -> None:
    server = server_with()
    start(server).handler(settle_event(GROUP), Context())
    assert set(server.operations()) == {"DescribeSubscriptionFilters", "DescribeLogGroups", "FilterLogEvents"}


def test_filters_pattern_chooses_the_first_lines_too(start: Any) -> None:
    server = Aws()
    Clock.set("2026-11-22T10:00:08Z")
    server.created[GROUP] = CREATED
    server.add_filter(GROUP, NAME, OURS, creationTime=CREATED, filterPattern="ERROR")
    server.log(GROUP, "ERROR 1", "fine", at=CREATED - 1000)
    start(server).handler(settle_event(GROUP), Context())
    assert lines(server) == ["ERROR 1"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_reflector_that_cannot_be_invoked_is_reported(
    start: Any, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = server_with()
    server.refusals["Invoke"] = code
    answer = start(server).handler(batch(settle_event(GROUP)), Context())
    assert failures(answer) == ["message-0"]
    assert GROUP in capsys.readouterr().out


def test_own_log_contains_no_forwarded_line(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = server_with()
    worker = start(server)
    worker.handler(batch(settle_event(GROUP)), Context())
    server.refusals["Invoke"] = "InvalidParameterValueException"
    server.add_filter(GROUP, NAME, OURS, creationTime=CREATED + 1)
    worker.handler(batch(settle_event(GROUP)), Context())
    assert "first of" not in capsys.readouterr().out.replace("first of the reasons", "")
