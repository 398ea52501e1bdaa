# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a log group, from what a sweep found and from an account policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import (
    AccountPolicy,
    loop_notes,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice, LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import (
    CoverageRow,
    Path,
    PolicyCoverage,
    row_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    GroupPlan,
    SubscriptionFilter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.outcome import Outcome

REFLECTOR = "arn:aws:lambda:eu-west-1:111111111111:function:log-reflector"
OTHER = "arn:aws:lambda:eu-west-1:111111111111:function:other"
OURS = SubscriptionFilter("/app", "ours", REFLECTOR, created=1_700_000_000_000)
SECOND = SubscriptionFilter("/app", "second", REFLECTOR)
FOREIGN = SubscriptionFilter("/app", "theirs", OTHER)
CHANGED = SubscriptionFilter("/app", "ours", REFLECTOR, "ERROR")

FOUND: dict[str, tuple[Outcome, tuple[Any, ...]]] = {
    "covered": (
        Outcome("/app", "subscribed", plan=GroupPlan(OURS, OURS), foreign=(FOREIGN,)),
        ("covered", "", "filter", "filter", (OTHER,)),
    ),
    "covered by tag": (Outcome("/app", "subscribed", known_by_tag=True), ("covered", "", "filter", "tag", None)),
    "missing": (Outcome("/app", "created", plan=GroupPlan(after=OURS)), ("missing", "missing", "", "filter", ())),
    "outdated": (
        Outcome("/app", "updated", plan=GroupPlan(OURS, CHANGED)),
        ("broken", "outdated", "filter", "filter", ()),
    ),
    "duplicate": (
        Outcome("/app", "subscribed", plan=GroupPlan(OURS, OURS, duplicates=(SECOND,))),
        ("broken", "duplicate", "filter", "filter", ()),
    ),
    "full": (
        Outcome("/app", "not_possible", "full", foreign=(FOREIGN,), cause="slots"),
        ("impossible", "slots", "", "filter", (OTHER,)),
    ),
    "class": (Outcome("/app", "not_possible", "class", cause="class"), ("impossible", "class", "", "rule", None)),
    "excluded": (Outcome("/app", "excluded", "no include"), ("excluded", "rule", "", "rule", None)),
    "loop": (Outcome("/app", "other_forwarder", "a loop"), ("excluded", "loop", "", "rule", None)),
    "kept": (
        Outcome("/app", "kept", "excluded", plan=GroupPlan(remove=(OURS,))),
        ("broken", "delivered", "filter", "filter", ()),
    ),
    "denied": (Outcome("/app", "denied", "not allowed"), ("not_checked", "denied", "", "", None)),
    "failed": (Outcome("/app", "failed", "no answer"), ("not_checked", "failed", "", "", None)),
}


@pytest.mark.parametrize("name", FOUND)
def test_state_of_a_log_group(name: str) -> None:
    outcome, expected = FOUND[name]
    row = row_of(outcome, Path(), keeps_excluded=False)
    assert row
    assert (row.state, row.cause, row.means, row.known_by, row.others) == expected
    assert row.reason or row.state == "covered"
    assert CoverageRow.from_plain(row.plain()) == row


@pytest.mark.parametrize("kind", ["gone", "in_deletion"])
def test_deleted_log_group_has_no_row(kind: Any) -> None:
    assert row_of(Outcome("/app", kind), Path(), keeps_excluded=False) is None


def test_filter_that_the_user_keeps_in_an_excluded_log_group_is_no_defect() -> None:
    outcome, _expected = FOUND["kept"]
    row = row_of(outcome, Path(), keeps_excluded=True)
    assert row
    assert (row.state, row.cause) == ("excluded", "delivered")


def test_outdated_filter_names_what_differs() -> None:
    row = row_of(FOUND["outdated"][0], Path(), keeps_excluded=False)
    assert row
    assert row.reason.endswith(": filter_pattern")


def test_creation_time_of_the_filter_is_known() -> None:
    row = row_of(FOUND["covered"][0], Path(), keeps_excluded=False)
    assert row
    assert row.since == OURS.created


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        (Path(("destination", "there is no function")), "destination"),
        (Path(admits=lambda _log_group: False), "permission"),
    ],
)
def test_filter_without_a_path_is_broken(path: Path, cause: str) -> None:
    row = row_of(FOUND["covered"][0], path, keeps_excluded=False)
    assert row
    assert (row.state, row.cause) == ("broken", cause)
    excluded = row_of(FOUND["excluded"][0], path, keeps_excluded=False)
    assert excluded
    assert excluded.state == "excluded"


class Api:
    """The log groups of a target and their filters. A group without filters in the mapping may not be read."""

    can_list_by_tag = False

    def __init__(self, filters: dict[str, list[SubscriptionFilter]]) -> None:
        self._filters = filters

    def groups(self) -> Iterator[LogGroup]:
        return (LogGroup(name) for name in ("/app", "/denied", "/left/out", "/loop"))

    def filters(self, log_group: str) -> list[SubscriptionFilter]:
        if log_group not in self._filters:
            raise AccessDeniedError(f"read the filters of {log_group}", "not allowed")
        return self._filters[log_group]


POLICY = AccountPolicy("log-reflector", REFLECTOR, excluded=frozenset({"/left/out", "/loop"}) | loop_notes(["/loop"]))


def by_policy(policy: AccountPolicy | None, *, reads: bool = False, path: Path | None = None) -> dict[str, CoverageRow]:
    choice = Choice(["*"], ["/left/*"])
    api: Any = Api({"/app": [OURS, FOREIGN], "/left/out": [], "/loop": []})
    desired = DesiredFilter(REFLECTOR)
    found = PolicyCoverage(api, choice, desired, policy, path or Path(), reads_filters=reads).rows()
    return {row.log_group: row for row in found}


def states(rows: dict[str, CoverageRow]) -> list[tuple[str, str]]:
    return [(row.state, row.cause) for row in rows.values()]


def test_states_by_account_policy() -> None:
    rows = by_policy(POLICY)
    assert states(rows) == [("covered", ""), ("covered", ""), ("excluded", "rule"), ("excluded", "loop")]
    assert rows["/app"].others is None, "its filters were not read"
    assert rows["/app"].means == rows["/app"].known_by == "account_policy"


def test_filters_beside_the_account_policy_are_found_if_they_are_read() -> None:
    rows = by_policy(POLICY, reads=True)
    assert states(rows)[:2] == [("broken", "duplicate"), ("not_checked", "failed")]
    assert rows["/app"].others == (OTHER,)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, ("missing", "missing")),
        (AccountPolicy("theirs", OTHER), ("missing", "foreign_policy")),
        (AccountPolicy("log-reflector", REFLECTOR, excluded=frozenset({"/app"})), ("missing", "missing")),
        (AccountPolicy("log-reflector", REFLECTOR, excluded=None), ("not_checked", "criteria")),
    ],
)
def test_log_group_that_no_policy_of_ours_serves(policy: AccountPolicy | None, expected: tuple[str, str]) -> None:
    assert states(by_policy(policy))[0] == expected


def test_excluded_log_group_that_the_policy_serves_is_delivered_against_the_rules() -> None:
    rows = by_policy(AccountPolicy("log-reflector", REFLECTOR))
    assert (rows["/left/out"].state, rows["/left/out"].cause) == ("broken", "delivered")


def test_policy_without_permission_is_broken() -> None:
    rows = by_policy(POLICY, path=Path(admits=lambda log_group: log_group != "/app"))
    assert states(rows)[:2] == [("broken", "permission"), ("covered", "")]
