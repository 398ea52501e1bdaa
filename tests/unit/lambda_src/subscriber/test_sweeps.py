# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep subscribes groups that events missed, in slices, and reports the coverage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from subscriber_support import (
    EVIDENCE,
    MARK,
    OURS,
    SWEEP_AT,
    THEIRS,
    Aws,
    Context,
    batch,
    failures,
    schedule,
)

STARTED = 1_795_341_600_000


def groups(number: int) -> list[str]:
    return [f"/app/{index:03}" for index in range(number)]


def unserved(server: Aws) -> list[str]:
    return [name for name, filters in server.groups.items() if not filters]


def run(server: Aws, start: Callable[..., Any], first: dict[str, Any], **settings: Any) -> int:
    """Run all slices, each in a new worker. Return their number."""
    event = first
    for number in range(1, 50):
        server.others.clear()
        assert failures(start(server, **settings).handler(batch(event), Context())) == []
        following = server.handed_over("Sweep continued")
        if not following:
            return number
        (event,) = following
    raise AssertionError("it does not end")


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("LogReflector", [["FunctionName"]])
    assert line["FunctionName"] == "log-reflector-subscriber"
    return {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}


def test_sweep_subscribes_missed_groups_and_reports_coverage(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = Aws(*groups(5), "/aws/lambda/log-reflector", "/cold", slots=2)
    server.classes["/cold"] = "INFREQUENT_ACCESS"
    for name in ("one", "two"):
        server.add_filter("/app/000", name, THEIRS)
    server.add_filter("/app/001", "ours", OURS)
    report = start(server).handler(schedule(), Context())
    assert (report["outcome"], report["sweep"], report["slice"]) == ("ended", SWEEP_AT, 1)
    assert {entry["log_group"] for entry in report["not_subscribed"]} == {"/app/000", "/cold"}
    assert unserved(server) == ["/aws/lambda/log-reflector", "/cold"]
    assert metrics(capsys) == {
        "Groups": 7,
        "ShouldBeSubscribed": 6,
        "Subscribed": 4,
        "Excluded": 1,
        "NotPossible": 2,
        "NotPossibleSlots": 1,
        "NotPossibleClass": 1,
        "Failed": 0,
        "Coverage": 66.67,
    }


def test_slices_hand_over_until_every_group_is_served_and_count_all_of_them(
    start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Aws(*groups(230))
    assert run(server, start, schedule(), slice_seconds=10) > 2
    assert unserved(server) == []
    assert server.operations().count("PutSubscriptionFilter") == 230
    found = metrics(capsys)
    assert (found["Groups"], found["Subscribed"], found["Coverage"]) == (230, 230, 100)


def test_filter_deleted_by_hand_is_restored_by_a_sweep(start: Any) -> None:
    server = Aws(*groups(3))
    run(server, start, schedule())
    server.groups["/app/001"].clear()
    run(server, start, schedule("2026-11-23T10:00:00Z"))
    assert unserved(server) == []


def test_audits_of_a_period_read_every_group(start: Any) -> None:
    server = Aws(*groups(20))
    run(server, start, schedule(), audit_days=3)
    looked_at: list[set[str]] = []
    for day in (24, 25, 26):
        server.calls.clear()
        run(server, start, schedule(f"2026-11-{day}T10:00:00Z"), audit_days=3)
        looked_at.append({name for name in server.groups if server.operations(name)})
    assert set.union(*looked_at) == set(server.groups)
    assert sum(map(len, looked_at)) == 20


def test_weekly_sweeps_audit_every_group(start: Any) -> None:
    server = Aws(*groups(20))
    run(server, start, schedule(), audit_days=3)
    server.calls.clear()
    for day in (11, 14, 17):
        run(server, start, schedule(f"2026-12-{day}T10:00:00Z"), audit_days=3)
    assert all(server.operations(name) == ["DescribeSubscriptionFilters"] for name in server.groups)


def test_late_tag_keeps_the_tag_of_other_forwarder(start: Any) -> None:
    """The filter that identifies the forwarder is listed last, and new filters get their tags after the announcement."""
    server = Aws("/aws/lambda/theirs", "/z")
    server.add_filter("/z", "theirs", THEIRS)
    for _unused in range(2):
        run(server, start, schedule())
        assert server.groups["/aws/lambda/theirs"] == {}
        assert server.tags["/aws/lambda/theirs"] == {MARK: "other-forwarder", EVIDENCE: "/z"}


def test_slice_with_an_expired_page_token_lists_again(start: Any) -> None:
    server = Aws(*groups(60))
    detail = {"started": SWEEP_AT, "slice": 2, "position": {"page": "old", "after": "/app/054"}, "counts": {}}
    event = {"source": "logreflector.subscriber", "detail-type": "Sweep continued", "detail": detail}
    server.spoil = lambda _name, request: (
        ("InvalidParameterException", "The specified nextToken is invalid.")
        if request.get("nextToken") == "old"
        else None
    )
    run(server, start, event)
    assert [name for name, filters in server.groups.items() if filters] == groups(60)[55:]


def test_interrupted_listing_announces_subscribed_groups_and_is_retried(start: Any) -> None:
    server = Aws(*groups(60))
    server.created = dict.fromkeys(server.groups, STARTED)
    server.add_filter("/app/000", "app-000", OURS, creationTime=1)
    server.spoil = lambda _name, request: ("InternalFailure", "no") if request.get("nextToken") == "50" else None
    assert failures(start(server).handler(batch(schedule()), Context())) == ["message-0"]
    server.spoil = lambda _name, _request: None
    announced = server.announced()
    assert sorted(announced) == groups(50)[1:]
    run(server, start, schedule())
    assert sorted(announced + server.announced()) == groups(60)[1:]


def test_new_groups_that_a_sweep_finds_are_announced_and_marked_and_old_ones_marked(start: Any) -> None:
    server = Aws("/app/new", "/app/old")
    server.created["/app/new"] = STARTED - 3600_000
    start(server).handler(schedule(), Context())
    assert server.announced() == ["/app/new"]
    assert all(MARK in server.tags[name] for name in server.groups)


@pytest.mark.parametrize("tag_log_groups", [True, False])
def test_killed_slice_announces_on_retry(start: Any, tag_log_groups: bool) -> None:
    server = Aws("/app/new")
    server.created["/app/new"] = STARTED - 3600_000
    server.lost_messages = 1
    assert failures(start(server, tag_log_groups=tag_log_groups).handler(batch(schedule()), Context())) == ["message-0"]
    assert server.tags == {}
    server.others.clear()
    assert failures(start(server, tag_log_groups=tag_log_groups).handler(batch(schedule()), Context())) == []
    assert server.announced() == ["/app/new"]
    assert (MARK in server.tags.get("/app/new", {})) == tag_log_groups


def test_failed_handover_fails_the_slice(start: Any) -> None:
    server = Aws(*groups(230))
    server.lost_messages = 1
    worker = start(server, slice_seconds=10)
    assert failures(worker.handler(batch(schedule()), Context())) == ["message-0"]
    answer = worker.handler(batch(schedule()), Context())  # it is the sweep in progress
    assert failures(answer) == []
    assert len(server.handed_over("Sweep continued")) == 2


def test_younger_sweep_gives_up(start: Any) -> None:
    server = Aws(*groups(230))
    worker = start(server, slice_seconds=10)
    worker.handler(batch(schedule()), Context())
    (older,) = server.handed_over("Sweep continued")
    report = worker.handler(schedule("2026-11-23T10:00:00Z"), Context())
    assert report["outcome"] == "given up: an older sweep is in progress"
    assert worker.handler(older, Context())["outcome"] in ("continued", "ended")


def test_older_sweep_continues_in_a_new_worker(start: Any) -> None:
    server = Aws(*groups(230))
    start(server, slice_seconds=10).handler(batch(schedule()), Context())
    (older,) = server.handed_over("Sweep continued")
    worker = start(server, slice_seconds=10)
    assert worker.handler(schedule("2026-11-23T10:00:00Z"), Context())["outcome"] == "continued"
    younger = server.handed_over("Sweep continued")[-1]
    assert worker.handler(older, Context())["outcome"] == "continued"
    assert worker.handler(younger, Context())["outcome"].startswith("given up")


def test_aborted_sweep_does_not_block_later_ones(start: Any, sleeps: list[float]) -> None:
    server = Aws(*groups(230))
    worker = start(server, slice_seconds=10)
    worker.handler(batch(schedule()), Context())
    sleeps.append(86_400)
    assert worker.handler(schedule("2026-11-23T10:00:00Z"), Context())["outcome"] in ("continued", "ended")


def test_slice_without_progress_fails(start: Any) -> None:
    server = Aws(*groups(3))
    context = Context(60)

    def slow(operation: str, _unused: Any) -> None:
        context.seconds -= 50 * (operation == "DescribeLogGroups")

    server.spoil = slow
    position = {"page": "", "after": "/app/000"}
    detail = {"started": SWEEP_AT, "slice": 2, "position": position, "counts": {}}
    told = {"source": "logreflector.subscriber", "detail-type": "Sweep continued", "detail": detail}
    assert failures(start(server).handler(batch(told), context)) == ["message-0"]
    assert server.handed_over("Sweep continued") == []


def test_with_tags_a_sweep_unsubscribes_what_lost_them(start: Any) -> None:
    server = Aws("/app/on", "/app/off")
    server.tags["/app/on"] = {"logs": "on"}
    server.add_filter("/app/off", "ours", OURS)
    server.add_filter("/app/off", "theirs", THEIRS)
    start(server, include_tags={"logs": "on"}).handler(schedule(), Context())
    assert len(server.groups["/app/on"]) == 1
    assert list(server.groups["/app/off"]) == ["theirs"]


def test_other_settings_between_slices_hold_from_then_on(start: Any) -> None:
    server = Aws(*groups(230))
    start(server, slice_seconds=10).handler(batch(schedule()), Context())
    (following,) = server.handed_over("Sweep continued")
    after = following["detail"]["position"]["after"]
    start(server, exclude=["/app/*"]).handler(following, Context())
    assert all((name > after) == (not filters) for name, filters in server.groups.items())


def test_denied_group_is_reported_and_does_not_stop_others(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = Aws(*groups(3))
    server.spoil = lambda operation, request: (
        ("AccessDeniedException", "no") if request.get("logGroupName") == "/app/001" else None
    )
    report = start(server).handler(schedule(), Context())
    assert [(entry["log_group"], entry["outcome"]) for entry in report["not_subscribed"]] == [("/app/001", "denied")]
    assert unserved(server) == ["/app/001"]
    found = metrics(capsys)
    assert (found["Failed"], found["Subscribed"], found["Coverage"]) == (1, 2, 66.67)


def test_sweep_leaves_half_of_the_rates_to_others(start: Any, sleeps: list[float]) -> None:
    """Each day Terraform and others were throttled for as long as the sweep lasted."""
    server = Aws(*groups(50))
    start(server).handler(schedule(), Context())
    assert sum(sleeps) > 0.9 * (50 / (5 * 0.5) - 1)
