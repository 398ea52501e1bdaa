# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes between two reports."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import WORSE, Difference, drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, TargetReport
from hypothesis import given

from .fleets import EVERY_STATE, fleet, fleets, group, target

UNREAD: dict[str, Any] = {"status": "not_checked", "error": "Could not assume the role.", "checked_at": 0}
PARTLY: dict[str, Any] = {"status": "partly_read", "error": "Throttled."}


def groups(state: str) -> list[Any]:
    """Return the row "/a" in a state, "" for no row; a cause can follow a colon."""
    name, _colon, cause = state.partition(":")
    return [group("/a", name, cause, f"it is {name}")] if state else []


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("covered", "missing", "newly_uncovered"),
        ("covered", "broken", "newly_uncovered"),
        ("covered", "impossible", "newly_uncovered"),
        ("covered", "excluded", "newly_uncovered"),
        ("covered", "not_checked", "no_longer_checked"),
        ("missing", "not_checked", "no_longer_checked"),
        ("excluded", "not_checked", "no_longer_checked"),
        ("not_checked:denied", "not_checked:failed", "changed"),
        ("covered", "", "gone"),
        ("missing", "", None),
        ("", "covered", None),
        ("", "missing", "new_uncovered"),
        ("", "broken", "new_uncovered"),
        ("", "impossible", "new_uncovered"),
        ("", "excluded", None),
        ("", "not_checked", None),
        ("missing", "covered", "newly_covered"),
        ("broken", "covered", "newly_covered"),
        ("impossible", "covered", "newly_covered"),
        ("not_checked", "covered", "changed"),
        ("excluded", "covered", "changed"),
        ("missing", "broken", "changed"),
        ("broken:outdated", "broken:duplicate", "changed"),
        ("covered", "covered", None),
        ("broken:outdated", "broken:outdated", None),
    ],
)
def test_change_of_a_log_group(before: str, after: str, change: str | None) -> None:
    found = drift(fleet(target("t", *groups(before))), fleet(target("t", *groups(after))))
    states = [state.partition(":")[0] for state in (before, after)]
    reason = f"it is {states[1]}" if after else ""
    expected = [Difference(change, "111111111111", "eu-west-1", "/a", *states, reason)] if change else []
    assert list(found.differences) == expected
    assert found.is_worse is (change in WORSE)
    assert found.count("gone") == (change == "gone")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("covered", "missing"),
        ("covered", "not_checked"),
    ],
)
def test_log_groups_that_were_read_are_compared_in_a_target_that_was_partly_read(before: str, after: str) -> None:
    found = drift(fleet(target("t", *groups(before), **PARTLY)), fleet(target("t", *groups(after), **PARTLY)))
    assert [(each.before, each.after) for each in found.differences] == [(before, after)]


def test_log_group_that_a_partly_read_target_does_not_list_is_no_longer_checked() -> None:
    """500 covered log groups could disappear behind a listing that broke off, and nothing was worse."""
    found = drift(fleet(target("t", *groups("covered"))), fleet(target("t", **PARTLY)))
    expected = Difference("no_longer_checked", "111111111111", "eu-west-1", "/a", "covered", "", "Throttled.")
    assert found.differences == (expected,)
    assert found.is_worse


def test_log_group_that_may_have_existed_before_is_not_new() -> None:
    found = drift(fleet(target("t", **PARTLY)), fleet(target("t", *groups("missing"))))
    assert found.differences == ()


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ([target("t")], [target("t", **UNREAD)], ("t",)),
        ([target("t", **PARTLY)], [target("t", **UNREAD)], ("t",)),
        ([target("t")], [], ("t",)),
        ([target("t")], [target("t", **{**UNREAD, "account": "", "region": ""})], ("t",)),
        ([target("t")], [target("new-name")], ()),
        ([target("t")], [target("t", **PARTLY)], ()),
        ([target("t", **UNREAD)], [target("t", **UNREAD)], ()),
        ([target("t", **UNREAD)], [], ()),
        ([], [target("t", **UNREAD)], ()),
    ],
    ids=str,
)
def test_target_that_is_not_read_any_more_is_lost(
    before: list[TargetReport], after: list[TargetReport], lost: tuple[str, ...]
) -> None:
    """A target whose account the report did not know, or that left the inventory, was not named."""
    found = drift(fleet(*before), fleet(*after))
    assert found.lost_targets == lost
    assert found.is_worse is bool(lost)


@pytest.mark.parametrize("account", ["111111111111", ""])
def test_log_groups_of_a_target_that_was_unread_before_are_not_new(account: str) -> None:
    before = fleet(target("t", **{**UNREAD, "account": account}))
    assert drift(before, fleet(target("t", *groups("missing")))).differences == ()


def test_log_groups_of_a_new_target_are_new() -> None:
    found = drift(fleet(target("t")), fleet(target("t"), target("new", *groups("missing"), region="eu-west-2")))
    assert [(each.change, each.region) for each in found.differences] == [("new_uncovered", "eu-west-2")]


def test_same_host_in_another_account_is_another_target() -> None:
    found = drift(fleet(target("t", *groups("covered"))), fleet(target("t", *groups("missing"), account="2" * 12)))
    assert [each.change for each in found.differences] == ["new_uncovered"]
    assert found.lost_targets == ("t",)


def test_since_is_the_time_of_the_earlier_report() -> None:
    assert drift(fleet(made_at=5), EVERY_STATE).since == 5


@given(fleets)
def test_report_has_no_drift_to_itself(report: FleetReport) -> None:
    found = drift(report, report)
    assert (found.differences, found.lost_targets, found.is_worse) == ((), (), False)


@given(fleets, fleets)
def test_each_log_group_is_at_most_one_difference(before: FleetReport, after: FleetReport) -> None:
    found = drift(before, after)
    places = [(each.account, each.region, each.log_group) for each in found.differences if each.account]
    assert len(places) == len(set(places))
    read = {each.key for each in after.targets if each.status != "not_checked"}
    assert {(each.account, each.region) for each in found.differences if each.account} <= read
    assert set(found.lost_targets) <= {each.host for each in before.targets if each.status != "not_checked"}


@given(fleets, fleets)
def test_covered_log_group_of_a_read_target_does_not_disappear(before: FleetReport, after: FleetReport) -> None:
    found = drift(before, after)
    named = {(each.account, each.region, each.log_group) for each in found.differences}
    now = {each.key: each for each in after.targets if each.status != "not_checked"}
    for each in before.targets:
        if each.account and each.key in now:
            covered = {row.log_group for row in now[each.key].log_groups if row.state == "covered"}
            for row in each.log_groups:
                if row.state == "covered" and row.log_group not in covered:
                    assert (*each.key, row.log_group) in named
