# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on the stations of a log group's path."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, ThrottledError
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.stations import (
    BEFORE_THE_SINK,
    ORDER,
    Station,
    ok,
    problem,
    unknown,
    unread,
    verdict,
)

FINE = {name: ok(name, f"{name} is fine") for name in ORDER}
SILENT = {
    **FINE,
    "sink": unknown("sink", "no_answer", "silence"),
    "delivery": unknown("delivery", "no_event", "silence"),
}
STOPPED = problem("function", "stopped", "it may not run", advice="Start it.", command="deploy")
MISSING = problem("subscription", "missing", "no filter", advice="Subscribe.", command="catch_up")
OUTDATED = problem("subscription", "outdated", "another pattern", advice="Subscribe.", command="catch_up")
LETTERS = problem("dead_letters", "dead_letters", "3 wait", advice="Replay.", command="replay")


def stations(base: dict[str, Station], *changed: Station) -> list[Station]:
    return list({**base, **{station.name: station for station in changed}}.values())


def test_verdict_all_stations_fine_and_events_seen_is_delivered() -> None:
    found = verdict("/app", stations(FINE))
    assert found.outcome == "delivered"
    assert found.sentence == "Events of /app arrive: delivery is fine."
    assert (found.station, found.also, found.not_checked, found.to_do) == ("", (), (), ())


def test_verdict_no_event_seen_is_no_problem_and_never_delivered() -> None:
    found = verdict("/app", stations(SILENT))
    assert found.outcome == "no_problem"
    assert found.sentence == (
        "No problem was found, but no event of /app was seen. Send one: -e send=true. Not checked: sink, last delivery."
    )


@pytest.mark.parametrize("name", BEFORE_THE_SINK)
def test_verdict_unread_station_without_a_delivery_is_unknown(name: str) -> None:
    error = AccessDeniedError("read it", "no", code="AccessDeniedException")
    found = verdict("/app", stations(SILENT, unread(name, error)))
    assert found.outcome == "unknown"
    assert name in found.not_checked
    assert found.sentence.startswith("Whether events of /app arrive is unknown: the ")


@pytest.mark.parametrize("name", BEFORE_THE_SINK)
def test_verdict_unread_station_with_a_delivery_is_delivered_and_named(name: str) -> None:
    found = verdict("/app", stations(FINE, unread(name, ThrottledError("read it", "no"))))
    assert found.outcome == "delivered"
    assert found.not_checked == (name,)
    assert "Not checked: " in found.sentence


@pytest.mark.parametrize("name", ORDER)
def test_verdict_every_station_can_be_the_broken_one(name: str) -> None:
    found = verdict("/app", stations(FINE, problem(name, "cause", "it is broken")))
    assert (found.outcome, found.station, found.also) == ("broken", name, ())
    assert found.sentence.startswith("Events of /app do not arrive. The first problem is the ")
    assert found.sentence.endswith("it is broken.")


def test_verdict_several_problems_come_in_the_order_of_the_path() -> None:
    found = verdict("/app", reversed(stations(FINE, LETTERS, STOPPED, MISSING)))
    assert (found.station, found.also) == ("subscription", ("function", "dead_letters"))
    assert found.to_do == (("Subscribe.", "catch_up", ""), ("Start it.", "deploy", ""), ("Replay.", "replay", ""))
    assert found.sentence == (
        "Events of /app do not arrive. The first problem is the subscription: no filter."
        " There are also problems with: reflector, dead letters."
    )


def test_verdict_problem_wins_over_a_delivery_of_before() -> None:
    assert verdict("/app", stations(FINE, STOPPED)).outcome == "broken"


@pytest.mark.parametrize("defect", [OUTDATED, LETTERS])
def test_verdict_defect_that_lets_events_pass_does_not_say_that_none_arrive(defect: Station) -> None:
    assert verdict("/app", stations(FINE, defect)).sentence.startswith("Events of /app do not arrive as they should. ")
    assert verdict("/app", stations(FINE, defect, STOPPED)).sentence.startswith("Events of /app do not arrive. ")


def test_verdict_same_advice_is_given_once() -> None:
    found = verdict("/app", stations(FINE, STOPPED, replace(STOPPED, name="route")))
    assert found.to_do == (("Start it.", "deploy", ""),)


def test_unread_names_what_is_missing() -> None:
    error = AccessDeniedError("read x", "not authorized to perform: logs:Do", code="AccessDeniedException")
    station = unread("rules", error)
    assert (station.status, station.cause) == ("not_checked", "denied")
    assert "not authorized to perform: logs:Do" in station.fact
    assert unread("rules", ThrottledError("read x", "slow")).cause == "failed"
