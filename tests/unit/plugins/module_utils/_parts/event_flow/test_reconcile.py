# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that differences between the stations get."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.dead_letters import DeadLetters
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.lines import Lines
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.metrics import Forwarding
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.reconcile import Readings, reconcile

FUNCTION = {"AsyncEventsReceived": 10, "AsyncEventsDropped": 0}
QUEUE = {"NumberOfMessagesSent": 5, "NumberOfMessagesDeleted": 2}


def lines(**values: Any) -> Lines:
    defaults = {"lines": 10, "received": 100, "sinks": Counter(main=100)}
    return Lines(**{**defaults, **values})


def readings(**values: Any) -> Readings:
    """Readings of a target in which all of 100 events in 10 payloads arrived."""
    forwarding = Forwarding(Counter(a=100), Counter(), Counter(a=100))
    return replace(Readings(forwarding, FUNCTION, QUEUE, lines(), 0, DeadLetters()), **values)


def counts(**values: Any) -> dict[str, Any]:
    return reconcile(readings(**values)).values


def forwarding(written: int, forwarded: int, **more: int) -> Forwarding:
    return Forwarding(
        Counter(a=written),
        Counter(a=more.get("before", 0)),
        Counter(a=forwarded),
        Counter(a=more.get("errors", 0)),
        Counter(a=more.get("throttles", 0)),
    )


def test_everything_arrived_leaves_nothing() -> None:
    found = reconcile(readings())
    assert {name for name, value in found.values.items() if value} == {"written", "forwarded", "received", "sinks"}
    assert None not in found.values.values()
    assert found.notes == []


@pytest.mark.parametrize(
    ("counted", "unsubscribed", "errors", "throttles"),
    [
        (forwarding(100, 90, before=100), 10, 0, 0),
        (forwarding(100, 90, before=4), 4, 0, 0),
        (forwarding(100, 90, before=100, errors=10), 0, 10, 0),
        (forwarding(100, 90, before=100, throttles=70), 0, 0, 10),
        (forwarding(100, 90, errors=4, throttles=70), 0, 4, 6),
        (forwarding(100, 100, errors=5, throttles=70), 0, 0, 0),
        (forwarding(100, 120), 0, 0, 0),
    ],
    ids=["before the filter", "some before", "refused", "throttled", "both", "forwarded later", "forwarded twice"],
)
def test_events_that_were_not_forwarded_have_one_name(
    counted: Forwarding, unsubscribed: int, errors: int, throttles: int
) -> None:
    found = counts(forwarding=counted)
    names = ("unsubscribed", "delivery_errors", "delivery_throttles")
    assert tuple(found[name] for name in names) == (unsubscribed, errors, throttles)


def test_filter_pattern_makes_the_difference_unknown() -> None:
    found = counts(forwarding=forwarding(100, 40), filter_pattern="ERROR")
    assert [found[name] for name in ("written", "forwarded", "unmatched", "unsubscribed")] == [100, 40, None, None]
    assert (found["delivery_errors"], found["delivery_throttles"]) == (0, None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"function": {**FUNCTION, "AsyncEventsDropped": 1}}, {"expired": 7}),
        ({"function": {**FUNCTION, "AsyncEventsReceived": 12}}, {"waiting": 7}),
        ({"lines": lines(received=93, undecodable=1)}, {"undecodable": 7}),
        (
            {"lines": lines(received=93, undecodable=1), "function": {**FUNCTION, "AsyncEventsDropped": 1}},
            {"expired": 7},
        ),
        (
            {
                "letters": DeadLetters(1, given_up=7, given_up_payloads=1),
                "function": {**FUNCTION, "AsyncEventsDropped": 1},
            },
            {"given_up": 7},
        ),
        (
            {
                "lines": lines(received=93, given_up=7, given_up_payloads=1),
                "function": {**FUNCTION, "AsyncEventsDropped": 1},
            },
            {"given_up_replayed": 7},
        ),
        ({}, {}),
    ],
    ids=["expired", "waiting", "undecodable", "expired beside undecodable", "in the queue", "replayed", "no cause"],
)
def test_events_that_were_not_received_have_the_name_of_their_cause(
    values: dict[str, Any], expected: dict[str, int]
) -> None:
    found = counts(**{"lines": lines(received=93), **values})
    names = ("given_up", "given_up_replayed", "expired", "waiting", "undecodable")
    assert {name: found[name] for name in names if found[name]} == expected


def test_events_with_two_possible_causes_stay_unexplained_with_a_note() -> None:
    function = {"AsyncEventsReceived": 14, "AsyncEventsDropped": 1}
    found = reconcile(readings(lines=lines(received=93), function=function))
    assert (found.values["expired"], found.values["waiting"]) == (0, 0)
    assert found.notes == [
        "7 events were forwarded and not received. Payloads that can hold them: 1 given up and gone, 3 waiting or tried again"
    ]


def test_backfilled_payloads_are_not_taken_for_waiting_ones() -> None:
    function = {**FUNCTION, "AsyncEventsReceived": 20}
    found = counts(lines=lines(received=93, backfilled=50), function=function)
    assert found["waiting"] == 0


@pytest.mark.parametrize(
    ("letters", "replayed", "expected"),
    [
        (DeadLetters(2, events=20), 0, (20, 0, 0)),
        (DeadLetters(0, events=0), 0, (0, 0, 20)),
        (DeadLetters(1, events=5), 12, (5, 12, 3)),
        (DeadLetters(1, events=15), 50, (15, 5, 0)),
        (DeadLetters(9, is_complete=False, events=3), 4, (16, 4, 0)),
        (DeadLetters(1, is_complete=False, events=3), 4, (None, None, None)),
        (None, 0, (None, None, None)),
    ],
    ids=["all there", "purged", "some of each", "older ones replayed", "sampled, none missing", "sampled", "unread"],
)
def test_dead_letters_are_in_the_queue_replayed_or_gone(
    letters: DeadLetters | None, replayed: int, expected: tuple[int | None, ...]
) -> None:
    found = counts(lines=lines(dead_lettered=20, replayed=replayed), letters=letters)
    assert (found["dead_lettered"], found["replayed"], found["purged"]) == expected


@pytest.mark.parametrize("name", ["forwarding", "function", "lines", "letters"])
def test_reconcile_unread_source_makes_its_counts_unknown(name: str) -> None:
    unknown = {key for key, value in counts(**{name: None}).items() if value is None}
    between = {"given_up", "given_up_replayed", "expired", "waiting", "undecodable"}
    after = {"dropped", "sinks", "dead_lettered", "replayed", "purged", "extra_copies"}
    assert (
        unknown
        == {
            "forwarding": {"written", "unsubscribed", "unmatched", "delivery_errors", "delivery_throttles", "forwarded"}
            | (between - {"given_up"}),
            "function": between,
            "lines": {"received"} | between | after,
            "letters": between,
        }[name]
    )
