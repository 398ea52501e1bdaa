# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's delays: a write is read, listed, announced and delivered later, or its event is lost."""

from __future__ import annotations

import pytest
from embedded_aws import Settings
from toys import Place, name, until

LONG = 3600.0  # seconds: nothing takes effect during a test


@pytest.fixture(scope="module")
def function(here: Place) -> str:
    """Create a function that every log group of the account may invoke."""
    arn = here.function()
    here.allow(arn, SourceArn=here.arn("logs", "log-group:*"), SourceAccount=here.account)
    return arn


def tagged(place: Place, key: str) -> list[str]:
    found = place.logs.list_log_groups(logGroupTags=[{"key": key}])["logGroups"]
    return [group["logGroupName"] for group in found]


def test_tag_delay_hides_new_tags_and_shows_removed_ones(place: Place) -> None:
    first, second = place.group(tags={"delayed": "1"}), place.group()
    place.aws.configure(tag_delay=LONG)
    place.logs.untag_resource(resourceArn=place.arn("logs", f"log-group:{first}"), tagKeys=["delayed"])
    place.logs.tag_resource(resourceArn=place.arn("logs", f"log-group:{second}"), tags={"delayed": "1"})
    assert tagged(place, "delayed") == [first]
    place.aws.configure(tag_delay=0.0)
    assert tagged(place, "delayed") == [second]


def test_read_delay_hides_young_events(place: Place) -> None:
    group = place.group()
    place.write(group, "one")
    place.aws.configure(read_delay=LONG)
    assert place.logs.filter_log_events(logGroupName=group)["events"] == []
    place.aws.configure(read_delay=0.0)
    assert [event["message"] for event in place.logs.filter_log_events(logGroupName=group)["events"]] == ["one"]


def test_filter_delay_loses_events_before_it(place: Place, function: str) -> None:
    group = place.group()
    place.aws.configure(filter_delay=LONG)
    place.subscribe(group, function)
    place.write(group, "too early")
    place.aws.configure(filter_delay=0.0)
    place.write(group, "in time")
    (event,) = until(lambda: received(place, function, group))
    assert event == ["in time"]


def test_delivery_delay_delivers_every_event_later(place: Place, function: str) -> None:
    group = place.group()
    place.subscribe(group, function)
    place.aws.configure(delivery_delay=0.5)
    for number in range(5):
        place.write(group, f"line {number}")
    assert place.aws.events_under_way() > 0
    found = until(lambda: [lines for lines in [received(place, function, group)] if len(lines) == 5])
    assert sorted(line for lines in found[0] for line in lines) == [f"line {number}" for number in range(5)]


def test_event_loss_announces_nothing(place: Place) -> None:
    url, queue = place.open_queue()
    place.rule(queue, "/lost/")
    place.aws.configure(event_loss=1.0)
    place.group(f"/lost/{name('group')}")
    place.aws.configure(event_loss=0.0)
    kept = place.group(f"/lost/{name('group')}")
    (message,) = place.messages(url)
    assert kept in message["Body"]


def test_settings_like_aws_keep_proportions() -> None:
    real, scaled = Settings.like_aws(1, seed=1), Settings.like_aws(60, seed=1, filter_slots=2)
    assert (real.event_delay, real.event_jitter, real.delivery_delay) == (5, 175, 180)
    assert scaled.delivery_delay == pytest.approx(3)
    assert (scaled.seed, scaled.filter_slots, scaled.schedule_speed) == (1, 2, 60)


def received(place: Place, function: str, group: str) -> list[list[str]]:
    """Return the messages of each payload of the group, as the function received them."""
    return [
        [event["message"] for event in payload["logEvents"]]
        for payload in place.payloads(function)
        if payload["logGroup"] == group
    ]
