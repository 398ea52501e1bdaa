# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a sweep: counts, and entries up to the limit."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any, get_args

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Kind
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    GroupPlan,
    SubscriptionFilter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.outcome import Outcome
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.tally import FAILURES, MOST_ENTRIES, Tally
from hypothesis import given
from hypothesis import strategies as st

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
THEIRS = "arn:aws:lambda:eu-west-1:222222222222:function:theirs"
KINDS = get_args(Kind)
SERVED = ("subscribed", "created", "updated", "unsubscribed", "removed")


def ours(name: str) -> SubscriptionFilter:
    return SubscriptionFilter(name, "ours", OURS)


def theirs(name: str, filter_name: str = "theirs") -> SubscriptionFilter:
    return SubscriptionFilter(name, filter_name, THEIRS)


def outcome(name: str, kind: Kind, **more: Any) -> Outcome:
    """Return an outcome of that kind, as a sweep makes it."""
    if kind == "created":
        more = {"plan": GroupPlan(after=ours(name)), "tag": "set", **more}
    elif kind == "removed":
        more = {"plan": GroupPlan(remove=(ours(name),)), "tag": "removed", **more}
    elif kind not in SERVED:
        more = {"reason": f"why {name} is not", **more}
    return Outcome(name, kind, **more)


def tallied(outcomes: list[Outcome], most: int = MOST_ENTRIES) -> Tally:
    tally = Tally(most)
    for item in outcomes:
        tally.add(item)
    return tally


OUTCOMES = st.lists(st.sampled_from(KINDS), max_size=60).map(
    lambda kinds: [outcome(f"/g/{number:03}", kind) for number, kind in enumerate(kinds)]
)


@given(OUTCOMES, st.integers(1, 70))
def test_every_group_is_counted_once_and_in_the_entries_as_far_as_they_go(outcomes: list[Outcome], most: int) -> None:
    counts = (summary := tallied(outcomes, most).summary())["counts"]
    kinds = [item.kind for item in outcomes]
    assert counts["groups"] == len(outcomes)
    for kind in ("excluded", "not_possible", "gone", "in_deletion", "contested", "denied", "failed"):
        assert counts[kind] == kinds.count(kind)
    assert counts["subscribed"] == sum(kinds.count(kind) for kind in ("subscribed", "created", "updated"))
    assert counts["already_right"] == kinds.count("subscribed")
    assert counts["changed"] == sum(item.has_changes for item in outcomes)
    wanting = [item.log_group for item in outcomes if item.kind not in SERVED]
    shown = [entry["log_group"] for entry in summary["not_subscribed"]]
    assert len(shown) == min(most, len(wanting))
    assert shown == sorted(shown)
    assert set(shown) <= set(wanting)
    assert summary["left_out"] == len(wanting) - len(shown)


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_order_of_outcomes_does_not_matter(outcomes: list[Outcome], chance: random.Random) -> None:
    foreign = [replace(item, foreign=(theirs(item.log_group, f"f-{len(item.log_group)}"),)) for item in outcomes]
    shuffled = chance.sample(foreign, len(foreign))
    one, other = tallied(foreign), tallied(shuffled)
    assert one.summary() == other.summary()
    assert one.changing == other.changing
    assert one.failures() == other.failures()
    assert one.writes == other.writes


def test_entries_have_failures_first_and_exclusions_last() -> None:
    kinds: list[Kind] = ["excluded", "gone", "not_possible", "failed", "denied"]
    outcomes = [outcome(f"/{kind}/{number}", kind) for kind in kinds for number in range(3)]
    summary = tallied(outcomes, most=7).summary()
    assert [entry["outcome"] for entry in summary["not_subscribed"]] == ["denied"] * 3 + ["failed"] * 3 + [
        "not_possible"
    ]
    assert summary["left_out"] == 8
    assert summary["counts"]["gone"] == 3


def test_100000_groups_keep_result_and_memory_small() -> None:
    tally = Tally(100)
    for number in range(100_000):
        kind: Kind = KINDS[number % len(KINDS)]
        name = f"/aws/lambda/some-service-{number:06}"
        tally.add(outcome(name, kind, foreign=(theirs(name),)))
    assert len(json.dumps(tally.summary())) < 20_000
    assert len(tally.changing) == 100
    assert tally.more_changes == tally.counts()["changed"] - 100
    assert all(len(tally.entries(kind)) <= 100 for kind in KINDS if kind not in ("subscribed", "created", "updated", "unsubscribed"))  # fmt: skip
    assert tally.counts()["groups"] == 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_failures_are_denied_contested_and_failed(kind: Kind) -> None:
    tally = tallied([outcome("/a", kind)])
    assert bool(tally.failures()) == (kind in ("denied", "contested", "failed"))
    assert set(FAILURES) == {"denied", "contested", "failed"}


def test_second_outcome_replaces_the_first() -> None:
    """The group was subscribed before a foreign filter showed that it belongs to another forwarder."""
    created = outcome("/aws/lambda/theirs", "created")
    told = Outcome(
        "/aws/lambda/theirs",
        "excluded",
        "a loop",
        GroupPlan(remove=(ours("/aws/lambda/theirs"),)),
        tag="other_forwarder",
    )
    tally = tallied([created, outcome("/b", "subscribed"), replace(told, replaces="created")])
    counts = tally.counts()
    assert (counts["groups"], counts["subscribed"], counts["excluded"], counts["changed"]) == (2, 1, 1, 1)
    assert tally.changing == [replace(told, replaces="created")]
    # The calls of both were made, and the first tag was changed before the filter was deleted.
    assert tally.writes == {
        "PutSubscriptionFilter": 1,
        "DeleteSubscriptionFilter": 1,
        "TagResource": 3,
        "UntagResource": 0,
    }


def test_former_forwarder_leaves_the_entries() -> None:
    tally = tallied([outcome("/a", "excluded", known_by_tag=True), outcome("/a", "created", replaces="excluded")])
    summary = tally.summary()
    assert summary["not_subscribed"] == []
    assert (summary["counts"]["groups"], summary["counts"]["subscribed"], summary["counts"]["excluded"]) == (1, 1, 0)


def test_fingerprint_changes_with_every_change_of_a_foreign_filter() -> None:
    def fingerprint(*filters: SubscriptionFilter) -> dict[str, Any]:
        by_group = [outcome(item.log_group, "subscribed", foreign=(item,)) for item in filters]
        found: dict[str, Any] = tallied(by_group).summary()["foreign"]
        return found

    one, two = theirs("/a", "x"), theirs("/b", "y")
    assert fingerprint(one, two) == fingerprint(two, one)
    assert fingerprint(one, two)["filters"] == 2
    different = {
        fingerprint(*filters)["fingerprint"]
        for filters in (
            (),
            (one,),
            (two,),
            (one, two),
            (one, replace(two, filter_pattern="x")),
            (one, replace(two, name="z")),
            (one, replace(two, log_group="/c")),
            (one, replace(two, destination_arn=OURS)),
            (theirs("/a", "y"), theirs("/b", "x")),
        )
    }
    assert len(different) == 9
    # The creation time is not compared.
    assert fingerprint(replace(one, created=1)) == fingerprint(replace(one, created=2))


def test_second_outcome_does_not_count_foreign_filters_again() -> None:
    seen = outcome("/a", "created", foreign=(theirs("/a"),))
    again = outcome("/a", "excluded", foreign=(theirs("/a"),), replaces="created")
    assert tallied([seen, again]).summary()["foreign"] == tallied([seen]).summary()["foreign"]


def test_not_possible_is_counted_by_cause() -> None:
    tally = tallied(
        [outcome(f"/{number}", "not_possible", cause=cause) for number, cause in enumerate(["slots", "class", "slots"])]
    )
    assert tally.causes == {"slots": 2, "class": 1}


def test_reason_of_subscribed_group_is_a_note() -> None:
    tally = tallied([outcome("/b", "subscribed", reason="a second filter"), outcome("/a", "created")], most=1)
    tally.add(outcome("/c", "subscribed", reason="no room"))
    assert tally.summary()["notes"] == ["/b: a second filter"]


def test_tags_and_purged_groups_are_counted() -> None:
    tally = tallied(
        [
            outcome("/a", "subscribed", known_by_tag=True),
            outcome("/b", "subscribed", tag="set"),
            outcome("/c", "removed", reason="the exclude pattern 'c' matches"),
            outcome("/d", "removed"),
        ]
    )
    counts = tally.counts()
    assert (counts["known_by_tag"], counts["changed"], counts["already_right"]) == (1, 3, 2)
    assert [entry["log_group"] for entry in tally.summary()["not_subscribed"]] == ["/c"]
    assert tally.writes == {
        "PutSubscriptionFilter": 0,
        "DeleteSubscriptionFilter": 2,
        "TagResource": 2,  # a group that purge removes has another tag during the removal
        "UntagResource": 2,
    }


def test_purged_groups_count_as_left_out() -> None:
    removed = [outcome(f"/{number}", "removed", reason="excluded by a rule") for number in range(5)]
    summary = tallied(removed, most=2).summary()
    assert (len(summary["not_subscribed"]), summary["left_out"]) == (2, 3)
