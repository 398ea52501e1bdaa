# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of differences between the counts of AWS's centralization."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.destination_flow import (
    lines_by_origin,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.flow import (
    WAYS,
    DestinationCounts,
    SourceCounts,
    reconcile_copies,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.origins import Named, origin_of
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.copies import CopyFlow
from hypothesis import given
from hypothesis import strategies as st

NO_CAUSE = dict.fromkeys(WAYS, 0)


def lines(received: int, dead_lettered: int = 0, **dropped: int) -> dict[str, Any]:
    delivered = received - dead_lettered - sum(dropped.values())
    return {"received": received, "delivered": delivered, "dead_lettered": dead_lettered, "dropped": dropped}


def there(copied: int, received: int, **more: Any) -> DestinationCounts:
    values = {"errors": {}, "lines": lines(received), "given_up": 0, "others": NO_CAUSE, **more}
    return DestinationCounts(copied, **values)


def named(source: SourceCounts | None, destination: DestinationCounts) -> tuple[dict[str, Any], list[str]]:
    """Return the counts that are not 0, and the notes."""
    values, notes = reconcile_copies(source, destination)
    return {name: value for name, value in values.items() if value not in (0, {}, None)}, notes


ARRIVED = {"written": 9, "sent": 9, "copied": 9, "received": 9, "delivered": 9}


def test_nothing_lost_has_no_difference() -> None:
    assert named(SourceCounts(written=9, sent=9), there(9, 9)) == (ARRIVED, [])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"too_long": 3}, "too_long"),
        ({"before": 3}, "before"),
        ({"around": 3}, "before"),
        ({"recent": 3}, "late"),
        ({"throttled": 1}, "throttled"),
        ({"throttled": 1, "recent": 3, "around": 3}, "throttled"),
    ],
)
def test_difference_before_the_copy_has_the_name_of_its_cause(source: dict[str, int], name: str) -> None:
    found, notes = named(SourceCounts(written=12, sent=9, **source), there(9, 9))
    assert (found, notes) == ({**ARRIVED, "written": 12, name: 3}, [])


def test_error_without_origin_names_the_difference_if_it_is_the_only_cause() -> None:
    found, notes = named(SourceCounts(written=12, sent=9), there(9, 9, errors={"InvalidKMS": 1}))
    assert (found["errors"], notes) == ({"InvalidKMS": 3}, [])
    assert "errors" not in named(SourceCounts(written=9, sent=9), there(9, 9, errors={"InvalidKMS": 1}))[0]


def test_several_causes_leave_the_difference_unexplained_and_a_note_names_them() -> None:
    source = SourceCounts(written=12, sent=9, throttled=2, errors={"InvalidKMS": 1, "AccessDenied": 4})
    found, notes = named(source, there(9, 9))
    assert found == {**ARRIVED, "written": 12}
    assert notes == [
        "3 events were written and not copied. AWS counted: 4 error AccessDenied, 1 error InvalidKMS, 2 throttled"
    ]


def test_too_long_names_explain_their_own_errors() -> None:
    source = SourceCounts(written=12, sent=9, too_long=2, recent=1)
    found, notes = named(source, there(9, 9, errors={"InvalidLogGroup": 1}))
    assert (found["too_long"], found["late"], notes) == (2, 1, [])


def test_too_long_names_of_another_source_are_no_second_cause() -> None:
    errors = {"InvalidLogGroup": 5, "InvalidKMS": 1}
    found, notes = named(SourceCounts(written=12, sent=9), there(9, 9, errors=errors))
    assert (found["errors"], notes) == ({"InvalidKMS": 3}, [])
    found, _notes = named(SourceCounts(written=12, sent=9), there(9, 9, errors={"InvalidLogGroup": 5}))
    assert found["errors"] == {"InvalidLogGroup": 3}


def test_events_that_were_sent_and_not_counted_there_are_underway() -> None:
    assert named(SourceCounts(written=12, sent=11, recent=12), there(9, 9))[0] == {
        **ARRIVED,
        "written": 12,
        "sent": 11,
        "underway": 2,
        "late": 1,
    }


def test_missing_count_of_sent_events_makes_no_difference() -> None:
    found, _notes = named(SourceCounts(written=9, sent=0), there(9, 9))
    assert found == {name: number for name, number in ARRIVED.items() if name != "sent"}


@pytest.mark.parametrize("cause", WAYS)
def test_difference_after_the_copy_has_the_name_of_the_only_cause(cause: str) -> None:
    found, notes = named(SourceCounts(written=12, sent=12), there(12, 9, others={**NO_CAUSE, cause: 1}))
    assert (found[cause], notes) == (3, [])


def test_losses_that_are_known_by_origin_are_named_first() -> None:
    source = SourceCounts(written=20, sent=20, unfiltered=4)
    counts = there(20, 9, given_up=2, delivery={"delivery_errors": 3}, others={**NO_CAUSE, "waiting": 7})
    found, notes = named(source, counts)
    assert (found["given_up"], found["unfiltered"], found["delivery_errors"], found["waiting"]) == (2, 4, 3, 2)
    assert notes == []


def test_several_causes_after_the_copy_are_a_note() -> None:
    counts = there(12, 9, others={**NO_CAUSE, "waiting": 1, "expired": 2, "no_policy": 1})
    found, notes = named(SourceCounts(written=12, sent=12), counts)
    assert not set(found) & set(WAYS)
    (note,) = notes
    assert "1 payloads in Lambda's queue, 2 payloads that Lambda dropped, there is no account policy" in note


def test_received_events_have_their_outcomes() -> None:
    found, _notes = named(SourceCounts(written=9, sent=9), there(9, 9, lines=lines(9, 2, route=3)))
    assert (found["delivered"], found["dead_lettered"], found["dropped"]) == (4, 2, {"route": 3})


def test_reconcile_copies_unread_source_makes_its_counts_unknown() -> None:
    values, _notes = reconcile_copies(None, DestinationCounts())
    assert set(values.values()) == {None}
    values, _notes = reconcile_copies(SourceCounts(written=9), DestinationCounts())
    assert (values["written"], values["late"], values["errors"], values["no_policy"]) == (9, None, None, None)
    values, _notes = reconcile_copies(None, there(9, 9))
    assert (values["copied"], values["received"], values["waiting"], values["late"]) == (9, 9, None, None)


NUMBERS = st.integers(0, 20)
SOURCES = st.builds(
    SourceCounts,
    **dict.fromkeys(("written", "before", "around", "recent", "too_long", "unfiltered", "sent", "throttled"), NUMBERS),
    errors=st.dictionaries(st.sampled_from(["InvalidKMS", "InvalidLogGroup"]), NUMBERS),
)
DESTINATIONS = st.builds(
    DestinationCounts,
    copied=NUMBERS,
    errors=st.dictionaries(st.sampled_from(["InvalidKMS", "AccessDenied"]), NUMBERS),
    lines=st.builds(lines, st.integers(5, 20), st.integers(0, 2), route=st.integers(0, 3)),
    given_up=NUMBERS,
    delivery=st.one_of(st.none(), st.fixed_dictionaries({"delivery_errors": NUMBERS, "delivery_throttles": NUMBERS})),
    others=st.fixed_dictionaries(dict.fromkeys(WAYS, NUMBERS)),
)


@given(SOURCES, DESTINATIONS)
def test_names_never_explain_more_than_the_difference(source: SourceCounts, destination: DestinationCounts) -> None:
    values, notes = reconcile_copies(source, destination)
    flow = CopyFlow.from_plain(
        {"account": "1", "region": "r", "begin": 0, "end": 1, **values, "notes": notes, "dollars": 0.0}
    )
    assert flow.is_read
    written, copied, received = flow.stations()
    for station, next_total in ((written, values["copied"]), (copied, values["received"] + values["given_up"])):
        rest = station.unexplained
        assert rest is not None
        assert rest >= min(0, (station.total or 0) - next_total), "a name was given to events that are not missing"
    assert received.unexplained == 0


def test_origin_of_a_name_is_that_of_the_pattern() -> None:
    origin = origin_of("/central/${source.accountId}/${source.region}${source.logGroup}")
    assert origin(Named("/central/222222222222/eu-west-1/app")) == "222222222222/eu-west-1"
    assert origin(Named("/central/x")) == ""
    assert origin_of("")(Named("/app")) == ""


def test_lines_are_summed_by_origin_without_replays_and_failed_attempts() -> None:
    place = {"owner": "222222222222", "sourceRegion": "eu-west-1"}
    rows = [
        {**place, "received": "5", "delivered": "3", "rule0": "2", "route": "1"},
        {**place, "received": "4", "delivered": "3", "dead_lettered": "1"},
        {**place, "received": "9", "error": "Boom"},
        {**place, "received": "9", "origin": "replay"},
        {"owner": "222222222222", "sourceRegion": "us-east-1", "received": "1.0", "delivered": "1"},
    ]
    found = lines_by_origin(rows)
    dropped = {name: number for name, number in found["222222222222/eu-west-1"].pop("dropped").items() if number}
    assert found["222222222222/eu-west-1"] == {"received": 9, "delivered": 6, "dead_lettered": 1}
    assert dropped == {"routes[1]": 2}
    assert found["222222222222/us-east-1"]["received"] == 1
