# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One log group in the reflector's accounting lines and in its dead letters."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._delivery_line import ALREADY_DELIVERED
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.deliveries import (
    Deliveries,
    Line,
    Names,
    delivery_station,
    last_attempts,
    line_of,
    place_of,
    sink_station,
    without_dead_letters,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.event import Message

MINUTE = 60_000


def ago(minutes: float) -> int:
    return int(time.time() * 1000 - minutes * MINUTE)


def event(**fields: Any) -> dict[str, Any]:
    return {"timestamp": 5, "message": json.dumps({"logGroup": "/app", **fields})}


def test_line_counts_and_reasons_are_read() -> None:
    reasons = [{"sink": "main", "reason": "the sink\x1b answered 403", "events": 2}]
    line = line_of(
        event(ReceivedEvents=5, DeliveredEvents=2, DeadLetteredEvents=2, FailedEvents=1, reasons=reasons), Names("/app")
    )
    assert line == Line(5, received=5, delivered=2, undelivered=3, reason="main: the sink answered 403")
    assert line_of(event(requestId="r"), Names("/app")) == Line(5, request="r")
    dropped = line_of(event(ReceivedEvents=1, DroppedEvents=1, droppedBy={"route": 1}), Names("/app"))
    assert dropped == Line(5, received=1, dropped=1, reason="dropped by: route")


@pytest.mark.parametrize(
    "message",
    ["START RequestId", "[]", "7", '{"logGroup": "/app/other", "DeliveredEvents": 1}', '{"logGroup": ["/app"]}'],
)
def test_line_of_other_text_or_another_group_is_none(message: str) -> None:
    assert line_of({"timestamp": 5, "message": message}, Names("/app")) is None


def test_line_with_wrong_types_counts_nothing() -> None:
    found = line_of(event(ReceivedEvents="many", reasons={"a": 1}, droppedBy=[1]), Names("/app"))
    assert found == Line(5)


def test_line_leaves_out_events_that_the_filter_delivered_too() -> None:
    """`explain` of a new log group with one event, which arrived, said "1 of 2 events delivered"."""
    copy = event(ReceivedEvents=1, DroppedEvents=1, droppedBy={ALREADY_DELIVERED: 1}, origin="backfill")
    assert line_of(copy, Names("/app")) is None
    some = event(ReceivedEvents=5, DeliveredEvents=2, DroppedEvents=3, droppedBy={ALREADY_DELIVERED: 2, "route": 1})
    assert line_of(some, Names("/app")) == Line(5, received=3, delivered=2, dropped=1, reason="dropped by: route")


def test_attempts_at_an_invocation_count_once() -> None:
    """Lambda tried a failed invocation again, and `explain` said "2 of 4 events delivered"."""
    first = Line(ago(9), 2, undelivered=2, reason="main: 503", request="r")
    other = Line(ago(8), 3, 3, request="s")
    second = Line(ago(7), 2, 2, request="r")
    found = last_attempts([second, other, first])
    assert found == [other, second]
    assert delivery_station(Deliveries(found, 20), None, None).fact.startswith("5 of 5 events ")
    assert sink_station(Deliveries(found, 20)).status == "ok"


def test_lines_without_a_request_all_count() -> None:
    lines = [Line(2, 1), Line(1, 1)]
    assert last_attempts(lines) == [Line(1, 1), Line(2, 1)]


def test_line_of_a_replay_counts_only_messages_of_the_log_group() -> None:
    messages = [
        {"logGroup": "/app", "events": 2},
        {"logGroup": "/other", "events": 9},
        {"logGroup": "/app", "events": 1},
    ]
    several = {"timestamp": 5, "message": json.dumps({"origin": "replay", "ReceivedEvents": 12, "resent": messages})}
    assert line_of(several, Names("/app")) == Line(5, resent=3)
    assert line_of(several, Names("/nothing")) is None
    refused = event(
        origin="replay", ReceivedEvents=1, DeadLetteredEvents=1, reasons=[{"sink": "main", "reason": "403"}]
    )
    assert line_of(refused, Names("/app")) == Line(5, undelivered=1, reason="main: 403")


@pytest.mark.parametrize("resent", [7, [7], [{"logGroup": "/app", "events": "many"}]])
def test_line_of_a_replay_with_wrong_types_is_none(resent: Any) -> None:
    assert line_of(event(origin="replay", resent=resent), Names("/app")) is None


def test_replay_after_a_refusal_counts_as_the_delivery() -> None:
    """After a successful replay `explain` still said PROBLEM and "send the dead letters again"."""
    lines = [Line(ago(9), 2, undelivered=2, reason="main: 403"), Line(ago(2), resent=2)]
    assert sink_station(Deliveries(lines, 20)).status == "ok"
    found = delivery_station(Deliveries(lines, 20), None, None)
    assert found.status == "ok"
    assert found.fact.startswith("2 of 2 events of the last 20 minutes delivered, 2 of them by a replay, the last at ")


def test_replay_that_is_refused_again_is_a_problem() -> None:
    lines = [Line(ago(9), 1, undelivered=1), Line(ago(2), undelivered=1, reason="main: 403")]
    assert sink_station(Deliveries(lines, 20)).cause == "refused"
    assert "none of 1 event " in delivery_station(Deliveries(lines, 20), None, None).fact


def test_replay_of_events_from_before_the_period_delivers_no_later_one() -> None:
    replay, refused = Line(ago(9), resent=3), Line(ago(2), 1, undelivered=1)
    assert delivery_station(Deliveries([replay, refused], 20), None, None).cause == "undelivered"
    found = delivery_station(Deliveries([replay], 20), None, None)
    assert (found.status, "a replay of the last 20 minutes delivered 3 events" in found.fact) == ("ok", True)


def test_refused_sink_without_dead_letters_advises_no_replay() -> None:
    refused = sink_station(Deliveries([Line(ago(1), 1, undelivered=1)], 5))
    assert without_dead_letters(refused).command == "explain -e send=true"
    accepted = sink_station(Deliveries([Line(ago(1), 1, 1)], 5))
    assert without_dead_letters(accepted) == accepted


def test_sink_last_answer_counts_not_earlier_ones() -> None:
    refused, accepted = Line(ago(9), 1, undelivered=1, reason="main: 403"), Line(ago(2), 3, 3)
    assert sink_station(Deliveries([refused, accepted], 60)).status == "ok"
    found = sink_station(Deliveries([accepted, refused], 60))
    assert (found.status, found.cause, found.command) == ("problem", "refused", "replay")
    assert "main: 403" in found.fact


def test_sink_without_an_answer_is_not_checked() -> None:
    for lines in ([], [Line(ago(1), 1, dropped=1)]):
        assert sink_station(Deliveries(lines, 60)).status == "not_checked"


def test_delivery_seen_is_ok_with_its_numbers() -> None:
    found = delivery_station(Deliveries([Line(ago(3), 4, 3, 1), Line(ago(2), 2, dropped=2)], 20), None, None)
    assert found.status == "ok"
    assert found.fact.startswith("3 of 6 events of the last 20 minutes delivered, the last at ")


@pytest.mark.parametrize(
    ("line", "cause"),
    [(Line(1, 2, dropped=2, reason="dropped by: route"), "dropped"), (Line(1, 2, undelivered=2), "undelivered")],
)
def test_delivery_received_and_nothing_delivered_is_a_problem(line: Line, cause: str) -> None:
    found = delivery_station(Deliveries([line], 5), None, None)
    assert (found.status, found.cause) == ("problem", cause)
    assert "none of 2 events" in found.fact


def test_delivery_event_that_the_reflector_never_received_is_a_problem() -> None:
    found = delivery_station(Deliveries((), 60), ago(20), ago(5000))
    assert (found.status, found.cause, found.command) == ("problem", "not_received", "explain -e send=true")


@pytest.mark.parametrize(
    ("last_event", "filtered_since", "is_complete"),
    [
        (None, 5000, True),  # no event, or unknown
        (20, None, True),  # a filter pattern, or no filter
        (2, 5000, True),  # it may still be on its way
        (20, 15, True),  # the filter is younger
        (58, 5000, True),  # perhaps delivered before the period
        (20, 5000, False),  # the log was not read to its end
    ],
)
def test_delivery_silence_with_an_explanation_is_not_checked(
    last_event: int | None, filtered_since: int | None, is_complete: bool
) -> None:
    """The times are minutes ago."""
    times = [None if minutes is None else ago(minutes) for minutes in (last_event, filtered_since)]
    found = delivery_station(Deliveries((), 60, is_complete), *times)
    assert (found.status, found.cause) == ("not_checked", "no_event")
    assert ("too long" in found.fact) is not is_complete


def subscription_event(log_group: Any) -> dict[str, Any]:
    text = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": log_group, "logStream": "s", "logEvents": []}
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(text).encode())).decode()}}


def message(body: Any) -> Message:
    return Message("1", "r", body if isinstance(body, str) else json.dumps(body))


def test_place_of_a_dead_letter_and_of_a_failed_invocation() -> None:
    assert place_of(message({**subscription_event("/app"), "deadLetter": {"reason": "403"}})) == ("1", "/app")
    assert place_of(message({"requestContext": {}, "requestPayload": subscription_event("/app")})) == ("1", "/app")


@pytest.mark.parametrize(
    "body",
    [
        "<b>",
        "[]",
        "7",
        "null",
        {},
        {"requestPayload": None},
        {"awslogs": {"data": "!"}},
        subscription_event(7),
        "[" * 100_000,
    ],
    ids=range(9),
)
def test_place_of_an_unreadable_message_is_empty(body: Any) -> None:
    assert place_of(message(body)) == ("", "")


COPY = Names("/app", "/central/222222222222/eu-west-1/app", "222222222222", "eu-west-1")


@pytest.mark.parametrize(
    ("owner", "region", "is_copy", "is_own"),
    [
        ("222222222222", "eu-west-1", True, False),
        ("222222222222", "us-east-1", False, False),
        ("333333333333", "eu-west-1", False, False),
        ("444444444444", None, False, True),
    ],
)
def test_line_of_a_copy_belongs_to_its_origin_only(owner: str, region: str | None, is_copy: bool, is_own: bool) -> None:
    found = event(owner=owner, ReceivedEvents=1, **({"sourceRegion": region} if region else {}))
    assert (line_of(found, COPY) is not None) is is_copy
    assert (line_of(found, Names("/app", account="444444444444")) is not None) is is_own


def test_dead_letter_of_a_copy_has_its_name_or_that_of_the_origin() -> None:
    assert COPY.has_letter("444444444444", COPY.copy), "a payload that Lambda gave up"
    assert COPY.has_letter("222222222222", "/app"), "a dead letter of a sink"
    assert not COPY.has_letter("333333333333", "/app")
    own = Names("/app", account="444444444444")
    assert own.has_letter("444444444444", "/app")
    assert own.has_letter("", "/app")
    assert not own.has_letter("222222222222", "/app")
