# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filters in check mode, for real and again, over a target with groups of every kind."""

from __future__ import annotations

from typing import Any

from subscriptions import converge_and_repeat, filters_of, make_function

ROOM = "/lifecycle/sweep"
NAMED = f"{ROOM}/named"
SHARED = f"{ROOM}/shared"
FULL = f"{ROOM}/full"
ARCHIVE = f"{ROOM}/archive"
LEFT_OUT = f"{ROOM}/left-out"


def prepare(cloud: Any) -> tuple[list[str], str]:
    """Create 57 plain groups and one of every other kind. Return the reflector's ARN."""
    ours, theirs = make_function(cloud, "lifecycle-sweep"), make_function(cloud, "lifecycle-sweep-theirs")
    logs = cloud.client("logs")
    plain = [f"{ROOM}/plain/{number:02}" for number in range(57)]
    for group in (*plain, NAMED, SHARED, FULL, LEFT_OUT, "/aws/lambda/lifecycle-sweep-subscriber"):
        logs.create_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=ARCHIVE, logGroupClass="INFREQUENT_ACCESS")
    for group, name, pattern, destination in (
        (NAMED, "a-name-of-its-own", "WARN", ours),
        (SHARED, "lifecycle-sweep-shared", "x", theirs),  # the name that our filter would get
        (FULL, "one", "x", theirs),
        (FULL, "two", "y", theirs),
    ):
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=destination
        )
    return plain, ours


def test_create_repeat_update_remove(cloud: Any) -> None:
    plain, ours = prepare(cloud)
    everything = [*plain, NAMED, SHARED, FULL, LEFT_OUT, ARCHIVE]

    def run(*, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        options = {
            "destination_arn": "lifecycle-sweep",
            "include": [f"{ROOM}/*", "re:lifecycle-sweep-subscriber$"],
            "exclude": ["*/left-out"],
            "own_functions": ["lifecycle-sweep-subscriber"],
            "slots": 2,
        }
        return cloud.run("subscription_filters", check_mode=check_mode, **{**options, **params})

    def snapshot(groups: list[str]) -> dict[str, Any]:
        return {group: filters_of(cloud, group) for group in groups}

    def foreign() -> dict[str, Any]:
        return {
            group: {name: item for name, item in filters.items() if item["destinationArn"] != ours}
            for group, filters in snapshot([SHARED, FULL, LEFT_OUT]).items()
        }

    def step(changes: int, **params: Any) -> dict[str, Any]:
        done = converge_and_repeat(run, lambda: snapshot(everything), **params)
        assert len(done["changes"]) == changes
        assert run(**params, audit=True)["foreign"] == done["foreign"]
        assert foreign() == untouched
        return done

    untouched = foreign()
    # moto knows no log group classes, and refuses to update a filter in a group that has two.
    archive = int(cloud.name == "moto")
    done = step(59 + archive)  # one of them has its filter already, and gets its tag
    assert done["counts"]["subscribed"] == 59 + archive
    reasons = {
        item["log_group"]: item["reason"] for item in done["not_subscribed"] if "/lifecycle" in item["log_group"]
    }
    assert "one, two (to " in reasons[FULL]
    assert "'*/left-out'" in reasons[LEFT_OUT]
    assert archive or "INFREQUENT_ACCESS" in reasons[ARCHIVE]
    own = "/aws/lambda/lifecycle-sweep-subscriber"
    assert "loop" in next(item["reason"] for item in done["not_subscribed"] if item["log_group"] == own)
    assert filters_of(cloud, NAMED)["a-name-of-its-own"]["filterPattern"] == "WARN"

    step(1 + 57 + archive, filter_pattern="?WARN ?ERROR", exclude=["*/left-out", SHARED])
    assert list(filters_of(cloud, NAMED)) == ["a-name-of-its-own"]
    shuffled = run(
        filter_pattern="?WARN ?ERROR",
        include=["re:lifecycle-sweep-subscriber$", f"{ROOM}/*"],
        exclude=[SHARED, "*/left-out"],
    )
    assert not shuffled["changed"]

    step(2, filter_pattern="?WARN ?ERROR", exclude=["*/left-out", SHARED, f"{ROOM}/plain/56"], purge=True)
    assert filters_of(cloud, f"{ROOM}/plain/56") == {}

    step(56 + 1 + archive, state="absent")
    assert all(item["destinationArn"] != ours for filters in snapshot(everything).values() for item in filters.values())
