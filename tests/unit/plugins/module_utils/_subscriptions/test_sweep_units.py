# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of a sweep, each alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, UnreachableError
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice, LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.failures import Failures
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    SubscriptionFilter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.listing import (
    ListedTags,
    Listing,
    Position,
    list_tags,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.loops import LoopDetector
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.outcome import Outcome
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.planning import (
    GroupPlanner,
    SweepSettings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.tagging import (
    SubscriptionTags,
    TaggedGroups,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.writing import FilterWriter
from logs_server import LogsServer

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
THEIRS = "arn:aws:lambda:eu-west-1:222222222222:function:theirs"
FORWARDER = "/aws/lambda/theirs"
FOREIGN = SubscriptionFilter("/a", "theirs", THEIRS)


def api(server: LogsServer) -> LogsApi:
    return LogsApi(server.client, str, RetryPolicy(seconds=0), RateLimiter(scale=1e6))


def tags(server: LogsServer) -> SubscriptionTags:
    return SubscriptionTags(api(server), lambda name: f"arn:x:log-group:{name}", ("key", "value"), enabled=True)


def planner(loops: LoopDetector | None = None, tagged: TaggedGroups | None = None, **options: bool) -> GroupPlanner:
    desired = DesiredFilter(OURS)
    listed = tagged or TaggedGroups()
    choice = Choice(["*"], ["/dev/*"])
    rules = SweepSettings(audit=lambda _name: False, **options)
    return GroupPlanner(choice, desired, rules, loops or LoopDetector(), tagged=listed)


def test_listing_stops_after_the_last_group_that_was_begun() -> None:
    times = iter([False, False, True])
    listing = Listing(api(LogsServer("/a", "/b", "/c")), lambda: next(times))
    assert [group.name for group in listing.groups()] == ["/a", "/b"]
    assert listing.stopped == Position("", "/b")


def test_listing_from_a_position_reaches_the_end() -> None:
    listing = Listing(api(LogsServer("/a", "/b")), lambda: False, Position(after="/a"))
    assert [group.name for group in listing.groups()] == ["/b"]
    assert listing.stopped is None


def test_list_tags_excludes_by_both_options() -> None:
    server = LogsServer("/a", "/b", "/c")
    server.tags = {"/a": {"logs": "yes"}, "/b": {"logs": "yes", "secret": "1"}}
    listed, notes = list_tags(api(server), Choice(["*"], [], include_tags={"logs": []}, exclude_tags={"secret": []}))
    assert (listed, notes) == (ListedTags(frozenset({"/a", "/b"}), frozenset({"/b"})), [])
    assert [bool(listed.exclusion(name)) for name in ("/a", "/b", "/c")] == [False, True, True]


def test_planner_needs_no_read_for_excluded_and_tagged_groups() -> None:
    plan = planner(tagged=TaggedGroups(current=frozenset({"/a"}), is_listed=True)).without_reading
    excluded, known = plan(LogGroup("/dev/x")), plan(LogGroup("/a"))
    assert excluded
    assert excluded.kind == "excluded"
    assert known
    assert (known.kind, known.known_by_tag) == ("subscribed", True)
    assert plan(LogGroup("/b")) is None


def test_planner_removes_a_filter_that_the_sweep_created_on_another_forwarder() -> None:
    loops = LoopDetector()
    ours = SubscriptionFilter(FORWARDER, "x", OURS)
    loops.note_outcome(Outcome(FORWARDER, "created"))
    assert planner(loops).from_filters(LogGroup(FORWARDER), [ours]).kind == "subscribed"
    loops.note_foreign([FOREIGN])
    outcome = planner(loops).from_filters(LogGroup(FORWARDER), [ours])
    assert (outcome.kind, outcome.plan.remove) == ("other_forwarder", (ours,))


def test_detector_returns_late_forwarders_once() -> None:
    loops = LoopDetector()
    loops.note_foreign([FOREIGN])
    assert loops.take_late(only_created=True) == []
    loops.note_outcome(Outcome(FORWARDER, "created"))
    assert loops.take_late(only_created=True) == [FORWARDER]
    assert loops.take_late(only_created=False) == []


def test_detector_believes_no_tag_without_a_foreign_filter() -> None:
    loops = LoopDetector()
    loops.load_tagged(frozenset({FORWARDER, "/aws/lambda/former", "/app/no-function"}))
    assert [loops.begin_check(name) for name in (FORWARDER, FORWARDER, "/app/no-function")] == [True, False, False]
    loops.confirm(FORWARDER, [FOREIGN])
    loops.confirm("/aws/lambda/former", [FOREIGN])
    assert [loops.claim(name) for name in (FORWARDER, "/aws/lambda/former")] == [True, False]
    assert [loops.is_confirmed(name) for name in (FORWARDER, "/aws/lambda/former")] == [True, False]


@pytest.mark.parametrize(("group", "named"), [("/a#b", ""), ("/" + "x" * 256, ""), ("/a", "/a")])
def test_detector_names_only_groups_that_a_tag_can_hold(group: str, named: str) -> None:
    loops = LoopDetector()
    loops.note_foreign([replace(FOREIGN, log_group=group)])
    assert loops.evidence(FORWARDER) == named


def test_tags_are_listed_by_value_and_removed() -> None:
    server = LogsServer("/a", FORWARDER)
    unit = tags(server)
    unit.set(Outcome("/a", "created"))
    unit.set(Outcome(FORWARDER, "other_forwarder", tag="other_forwarder", evidence="/b"))
    assert unit.read_evidence(FORWARDER) == "/b"
    found = unit.list_groups(current=True, any_value=True)
    assert (found.current, found.other_forwarders) == ({"/a"}, {FORWARDER})
    assert found.any_value == {"/a", FORWARDER}
    unit.set_changing("/a")
    assert unit.list_groups(current=True, any_value=False).current == frozenset()
    unit.remove("/a")
    unit.remove(FORWARDER)
    assert server.tags == {"/a": {}, FORWARDER: {}}


def test_writer_does_not_tag_a_group_that_became_another_forwarders() -> None:
    server = LogsServer(FORWARDER)
    loops = LoopDetector()
    loops.note_foreign([FOREIGN])
    writer = FilterWriter(api(server), tags(server), Failures(), loops)
    assert writer.tag(Outcome(FORWARDER, "created")).tag == "set"
    assert loops.claim(FORWARDER)
    assert writer.tag(Outcome(FORWARDER, "created")).tag == ""


def test_failures_are_fatal_if_every_group_would_meet_them() -> None:
    group, denied = LogGroup("/a"), AccessDeniedError("read", "no")
    alone, mixed = Failures(), Failures()
    mixed.note_success()
    for _unused in range(20):
        assert alone.outcome(group, denied).kind == mixed.outcome(group, denied).kind == "denied"
    assert (alone.fatal, mixed.fatal) == (denied, None)
    mixed.outcome(group, UnreachableError("read", "no"))
    skipped = mixed.not_tried(group)
    assert skipped
    assert skipped.kind == "failed"


def test_tagged_groups_are_listed_at_once() -> None:
    """The three listings of a sweep ran one after another."""
    together = threading.Barrier(3, timeout=60)  # breaks unless three listings run at once

    class Listings:
        def tagged(self, tag: dict[str, list[str]]) -> list[str]:
            together.wait()
            return ["/".join(tag["key"]) or "any"]

    found = SubscriptionTags(Listings(), str, ("key", "value"), enabled=True).list_groups(current=True, any_value=True)
    assert (found.current, found.other_forwarders, found.any_value) == ({"value"}, {"other-forwarder"}, {"any"})


def test_tagged_groups_listed_at_once_are_probed_once() -> None:
    server = LogsServer("/a")
    tags(server).list_groups(current=True, any_value=True)
    assert server.operations() == ["ListLogGroups"] * 4
