# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice: what fits, what does not and why; what was not read never makes a way fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Range
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.decide import FITS, advise, advise_ou
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.facts import Context, Facts, SlotFacts, facts_of
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.points import WAYS, points_of
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.modes import WAYS as PRICED
from hypothesis import given
from hypothesis import strategies as st

from . import targets
from .targets import FLEET, advice, groups, plain, rules

FEW = Context(accounts=2, in_organization=True, has_destination=True, bytes=Range(0, 1e12))
ONE = replace(FEW, accounts=1)


def test_ways_are_those_that_have_a_price() -> None:
    assert set(WAYS) == set(PRICED)


@pytest.mark.parametrize(
    ("changed", "way", "fit", "key"),
    [
        ({"slots": SlotFacts(25, 60, 3)}, "filters", "after_changes", "slots"),
        ({"slots": None}, "filters", "unknown", "slots"),
        ({"trail": False}, "filters", "after_changes", "trail"),
        ({"trail": None}, "filters", "unknown", "trail"),
        ({"groups": None}, "filters", "unknown", "log_groups"),
        ({"groups": None}, "account_policy", "unknown", "log_groups"),
        ({"groups": None}, "centralized", "unknown", "log_groups"),
        ({"policy": "foreign"}, "account_policy", "does_not_fit", "account_policy"),
        ({"policy": "refused"}, "account_policy", "does_not_fit", "account_policy"),
        ({"policy": None}, "account_policy", "unknown", "account_policy"),
        ({"groups": groups(excluded=700, excluded_bytes=25_601)}, "account_policy", "does_not_fit", "policy_size"),
        ({"groups": groups(excluded=700, excluded_bytes=25_600)}, "account_policy", "fits", "new_groups"),
        ({"rules": rules(names=True)}, "account_policy", "after_changes", "rules"),
        ({"rules": rules(tags=True)}, "account_policy", "after_changes", "rules"),
        ({"rules": None}, "account_policy", "unknown", "rules"),
        ({"rules": rules(tags=True)}, "centralized", "after_changes", "tags"),
        ({"rules": rules(dates=True)}, "centralized", "after_changes", "dates"),
        ({"rules": rules(names=True, plain_names=False)}, "centralized", "after_changes", "names"),
        ({"rules": None}, "centralized", "unknown", "rules"),
        ({"partition": "aws-us-gov"}, "centralized", "does_not_fit", "partition"),
        ({"partition": ""}, "centralized", "unknown", "partition"),
        ({"is_destination": True}, "centralized", "does_not_fit", "destination"),
        ({"groups": groups(encrypted=2)}, "centralized", "fits", "kms"),
        ({"groups": groups(classes={"INFREQUENT_ACCESS": 1})}, "centralized", "fits", "class"),
        ({"sinks": ("s3",)}, "firehose", "fits", "sinks"),
        ({"sinks": ("s3", "http")}, "firehose", "does_not_fit", "sinks"),
        ({"sinks": ()}, "firehose", "does_not_fit", "sinks"),
        ({"sinks": ("s3",), "routes": True}, "firehose", "does_not_fit", "routes"),
        ({"sinks": None}, "firehose", "unknown", "sinks"),
    ],
)
def test_fact_decides_how_a_way_fits(changed: dict[str, Any], way: str, fit: str, key: str) -> None:
    found = advice(**changed).ways[way]
    assert found.fit == fit
    assert key in {point.key for point in found.points}


@pytest.mark.parametrize(
    ("context", "fit", "key"),
    [
        (replace(FLEET, accounts=1), "does_not_fit", "accounts"),
        (replace(FLEET, in_organization=False), "unknown", "organization"),
        (replace(FLEET, has_destination=False), "after_changes", "destination"),
        (replace(FLEET, bytes=Range(0, 7e15)), "after_changes", "volume"),
        (replace(FLEET, bytes=Range(0, 1e15)), "fits", "volume"),
        (replace(FLEET, bytes=None), "fits", "volume"),
    ],
)
def test_run_decides_whether_centralization_fits(context: Context, fit: str, key: str) -> None:
    found = advice(context).ways["centralized"]
    assert (found.fit, key in {point.key for point in found.points}) == (fit, True)


def test_many_accounts_are_centralized_and_few_get_an_account_policy() -> None:
    assert advice().way == "centralized"
    assert advice(FEW).way == "account_policy"
    assert advice(FEW, policy="foreign").way == "filters"
    assert advice(FEW, rules=rules(names=True)).way == "filters"
    assert advice(sinks=("s3",)).way == "firehose"


def test_deployed_mode_stays_unless_another_is_certainly_cheaper() -> None:
    assert advice(deployed=True, mode="filters").way == "filters"
    overlapping = {"filters": Range(5, 9), "centralized": Range(1, 6)}
    assert advice(costs=overlapping, deployed=True, mode="filters").way == "filters"
    below = {"filters": Range(5, 9), "centralized": Range(1, 4)}
    assert advice(costs=below, deployed=True, mode="filters").way == "centralized"
    unknown = {"filters": Range(5, 9), "centralized": Range(1, None)}
    assert advice(costs=unknown, deployed=True, mode="filters").way == "filters"


def test_deployed_mode_that_no_longer_fits_is_replaced() -> None:
    assert advice(FEW, deployed=True, mode="filters", slots=SlotFacts(60, 60, 60)).way == "account_policy"


def test_advice_after_changes_names_them() -> None:
    found = advice(ONE, rules=rules(names=True), trail=False, policy="foreign")
    assert found.way == "filters"
    assert found.changes == ["Create a CloudTrail trail that logs write management events."]


def test_nothing_read_gives_no_advice() -> None:
    found = advise(Facts(), Context(), {})
    assert found.way == ""
    assert "Too little was read" in found.because
    assert {each.fit for each in found.ways.values()} <= {"unknown", "does_not_fit"}


@given(targets.facts, targets.contexts)
def test_advised_way_fits_and_none_fits_better(facts: Facts, context: Context) -> None:
    found = advise(facts, context, {})
    ranks = {way: FITS.index(each.fit) for way, each in found.ways.items()}
    if found.way:
        assert ranks[found.way] == min(ranks.values()) <= FITS.index("after_changes")
        effects = {point.effect for point in found.ways[found.way].points}
        assert not effects & {"against", "unknown"}
        assert bool(found.changes) == (found.ways[found.way].fit == "after_changes")
    else:
        assert min(ranks.values()) >= FITS.index("unknown")


@given(targets.facts, targets.contexts)
def test_each_way_has_a_reason_in_a_sentence(facts: Facts, context: Context) -> None:
    for way in WAYS:
        points = points_of(way, facts, context)
        assert points
        assert all(
            point.sentence.endswith(".") and (point.sentence[0].isupper() or point.sentence[0].isdigit())
            for point in points
        )
        assert all(point.change for point in points if point.effect == "change")


@given(targets.facts, targets.contexts, st.data())
def test_unread_fact_never_makes_a_way_fit(facts: Facts, context: Context, data: st.DataObject) -> None:
    """If a way fits although a fact was not read, it fits as well with every value that the fact can have."""
    name = data.draw(st.sampled_from(sorted(targets.KNOWN)))
    unread = replace(facts, **{name: targets.UNREAD[name]})
    known = replace(facts, **{name: data.draw(targets.KNOWN[name])})
    for way in WAYS:
        without = advise(unread, context, {}).ways[way].fit
        if without in ("fits", "after_changes"):
            assert advise(known, context, {}).ways[way].fit == without


@given(st.lists(st.tuples(targets.facts, st.integers(0, 9)), min_size=1, max_size=4), targets.contexts)
def test_way_of_an_ou_fits_each_target_as_well_as_its_own(found: list[tuple[Facts, int]], context: Context) -> None:
    each = [advise(facts, context, {way: Range(cost, cost) for way in WAYS}) for facts, cost in found]
    ou = advise_ou("/Prod", each, 2, context.accounts)
    assert (ou.targets, ou.unread) == (len(each) + 2, 2)
    assert sum(ou.counts.values()) == sum(bool(one.way) for one in each)
    if ou.way:
        assert all(one.ways[ou.way].fit == one.ways[one.way].fit for one in each)
    for way, whole in ou.ways.items():
        assert FITS.index(whole.fit) == max(FITS.index(one.ways[way].fit) for one in each)
        assert whole.cost == Range(sum(cost for _facts, cost in found), sum(cost for _facts, cost in found))


def test_ou_of_different_targets_has_no_way_and_one_unread_cost_makes_its_cost_unknown() -> None:
    one = advice(ONE, policy="foreign", rules=rules(names=True), costs={"filters": Range(1, 1)})
    other = advice(ONE, slots=SlotFacts(9, 9, 9))
    ou = advise_ou("/Prod", [one, other], 0, 1)
    assert ou.way == ""
    assert ou.counts == {"account_policy": 1, "filters": 1}
    assert ou.ways["filters"].cost is None


def test_ou_without_a_read_target_says_so() -> None:
    ou = advise_ou("/Prod", [], 3, 500)
    assert (ou.targets, ou.unread, ou.way, ou.ways) == (3, 3, "", {})


def test_facts_of_missing_results_are_all_unknown() -> None:
    assert facts_of(None, None, is_destination=False) == Facts()
    assert facts_of({"region": "eu-west-1", "facts": None}, None, is_destination=False) == Facts(region="eu-west-1")


def test_deployed_is_unknown_if_the_usage_was_not_read() -> None:
    volume = {"region": "x", "facts": {"mode": "filters", "sinks": [], "routes": False}, "usage": None}
    volume["log_groups"] = {"chosen": {"bytes": {"low": 1, "high": None}}}
    assert facts_of(None, volume, is_destination=False).deployed is None
    used = {**volume, "usage": {"reflector": None}}
    assert facts_of(None, used, is_destination=False).deployed is False
    assert plain().deployed is False
