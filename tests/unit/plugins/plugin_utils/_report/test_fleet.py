# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model: counts, the percentage, merged reports."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import STATES, State
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import (
    CHOSEN,
    Cause,
    FleetReport,
    merged,
    percentage,
    unique_targets,
)
from hypothesis import given
from hypothesis import strategies as st

from .fleets import EVERY_STATE, MADE_AT, fleet, fleets, group, target

COVERED, MISSING = group("/a", "covered"), group("/a", "missing", "missing")


def counted(**found: int) -> dict[State, int]:
    """Return counts of every state."""
    return {state: found.get(state, 0) for state in STATES}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"covered": 5}, 100.0),
        ({"covered": 999_999, "missing": 1}, 99.9),
        ({"covered": 2, "broken": 1}, 66.6),
        ({"covered": 1, "impossible": 1999}, 0.0),
        ({"missing": 1}, 0.0),
        ({"covered": 1, "excluded": 9, "not_checked": 9}, 100.0),
        ({"excluded": 9, "not_checked": 9}, None),
        ({}, None),
    ],
)
def test_percentage(counts: dict[str, int], expected: float | None) -> None:
    assert percentage(counted(**counts)) == expected


@given(st.fixed_dictionaries({state: st.integers(0, 10**7) for state in STATES}))
def test_percentage_is_100_only_if_every_chosen_log_group_is_covered(counts: dict[State, int]) -> None:
    chosen = sum(counts[state] for state in CHOSEN)
    share = percentage(counts)
    assert (share is None) == (chosen == 0)
    if share is not None:
        assert (share == 100) == (counts["covered"] == chosen)
        assert share * chosen <= counts["covered"] * 100 + 1e-6 * chosen


@given(fleets)
def test_counts_add_up_to_the_log_groups(report: FleetReport) -> None:
    found = [row for each in report.targets for row in each.log_groups]
    assert report.counts == {state: sum(row.state == state for row in found) for state in STATES}
    assert sum(cause.log_groups for cause in report.causes) == sum(bool(row.cause) for row in found)


def test_causes_come_in_the_order_of_their_number() -> None:
    log_groups = [group(f"/{number}", "impossible", "slots" if number else "class") for number in range(3)]
    assert fleet(target("a", *log_groups, COVERED)).causes == (
        Cause("impossible", "slots", 2),
        Cause("impossible", "class", 1),
    )


@pytest.mark.parametrize(
    ("change", "is_complete"),
    [
        ({}, True),
        ({"status": "partly_read"}, False),
        ({"status": "not_checked"}, False),
        ({"log_groups": (group("/a", "not_checked"),)}, False),
    ],
)
def test_report_is_complete_only_if_all_was_read(change: dict[str, object], is_complete: bool) -> None:
    log_groups = change.pop("log_groups", (COVERED,))
    report = fleet(target("b", region="us-east-1"), target("a", *log_groups, **change))
    assert report.is_complete is is_complete


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"checked_at": 1}, {"checked_at": 2}, 2),
        ({"checked_at": 2}, {"checked_at": 1}, 1),
        ({"checked_at": 1}, {"checked_at": 2, "status": "partly_read"}, 1),
        ({"checked_at": 1, "status": "partly_read"}, {"checked_at": 2, "status": "partly_read"}, 2),
        ({"checked_at": 1, "status": "partly_read"}, {"checked_at": 0, "status": "not_checked"}, 1),
        ({"checked_at": 0, "status": "not_checked"}, {"checked_at": 1}, 2),
    ],
)
def test_merged_report_has_the_latest_of_the_best_read(
    first: dict[str, object], second: dict[str, object], expected: int
) -> None:
    reports = [fleet(target("1", **first), made_at=MADE_AT), fleet(target("2", **second), made_at=MADE_AT - 1)]
    result = merged(reports)
    assert [each.host for each in result.targets] == [str(expected)]
    assert result.made_at == MADE_AT
    assert merged(reversed(reports)) == result


def test_merged_reports_of_different_targets_have_all() -> None:
    slices = [fleet(each) for each in EVERY_STATE.targets]
    assert merged(slices) == EVERY_STATE


def test_merge_of_targets_of_unknown_accounts_keeps_both() -> None:
    unread = [target(host, account="", region="", status="not_checked") for host in ("a", "b")]
    assert merged([fleet(each) for each in unread]).targets == tuple(unread)


def test_merge_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no report to merge"):
        merged([])


@given(fleets, fleets)
def test_merge_loses_no_target(first: FleetReport, second: FleetReport) -> None:
    result = merged([first, second])
    given_targets = [*first.targets, *second.targets]
    assert [each.key for each in result.targets] == [
        each.key for each in sorted(result.targets, key=lambda each: (each.account, each.region, each.host))
    ]
    assert {each.key for each in result.targets} == {each.key for each in given_targets}
    assert all(each in given_targets for each in result.targets)
    assert merged([result]) == result


def test_hosts_of_one_account_and_region_count_once_and_a_note_names_them() -> None:
    """Two hosts of the same target doubled every number of the report."""
    read, failed = (
        target("b", COVERED, notes=("before",)),
        target("a", status="not_checked", error="no role", checked_at=0),
    )
    other = target("c", MISSING, region="us-east-1")
    kept, alone = unique_targets([failed, other, read])
    assert (kept.host, kept.log_groups, alone) == ("b", (COVERED,), other)
    note = "the same account and region as a (no role), which this report therefore counts once"
    assert kept.notes == ("before", note)
    assert fleet(kept, alone).chosen == 2


def test_hosts_of_unknown_accounts_are_targets_of_their_own() -> None:
    hosts = [target(name, account="", region="", status="not_checked", error="x") for name in ("a", "b")]
    assert unique_targets(hosts) == tuple(hosts)
