# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a log group that a rule copies: from the rule, its health, the copy, and the destination."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.coverage import (
    Activity,
    CentralizedCoverage,
    DestinationCopies,
    Finding,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import CopyRule, Rules
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.side_by_side import copied_too
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import STATES, CoverageRow
from hypothesis import given
from hypothesis import strategies as st

from .test_rules import CENTRAL, GROUP, PATTERN, SETTINGS, SOURCE, rule_of

PLACE = (CENTRAL, "eu-west-1")
COPY = LogGroup("/central/222222222222/eu-west-1/app/orders", created=9)
RULE = rule_of()


def coverage(
    *rules: CopyRule,
    unread: tuple[str, ...] = (),
    copies: dict[str, LogGroup] | None = None,
    finding: Finding = ("covered", "", ""),
    activity: Activity = "silent",
    leftover: str = "",
    **destination: Any,
) -> CentralizedCoverage:
    found = DestinationCopies(PLACE, PATTERN, {} if copies is None else copies, "", lambda _copy: finding)
    return CentralizedCoverage(
        Rules(SOURCE, rules, unread),
        {PLACE: replace(found, **destination)},
        lambda _name, _since: activity,
        lambda _name: leftover,
    )


def row(judge: CentralizedCoverage, group: LogGroup = GROUP) -> CoverageRow:
    return judge.judge(group)[1]


def test_log_group_with_a_served_copy_is_covered_since_the_copy() -> None:
    found = row(coverage(RULE, copies={GROUP.name: COPY}))
    assert (found.state, found.cause, found.reason) == ("covered", "", "")
    assert (found.means, found.known_by, found.since) == ("centralization", "copy", 9)


def test_log_group_without_events_is_covered_from_its_first_line() -> None:
    found = row(coverage(RULE))
    assert (found.state, found.means, found.known_by, found.since) == ("covered", "centralization", "rule", 0)


@pytest.mark.parametrize(
    ("activity", "state", "cause"),
    [("written", "missing", "no_copy"), ("fresh", "not_checked", "late"), ("unknown", "not_checked", "events")],
)
def test_log_group_without_a_copy_depends_on_its_events(activity: Activity, state: str, cause: str) -> None:
    found = row(coverage(RULE, activity=activity))
    assert (found.state, found.cause) == (state, cause)
    assert f"there is no copy in {CENTRAL}/eu-west-1" in found.reason


@pytest.mark.parametrize("copies", [{}, {GROUP.name: COPY}])
def test_problem_of_the_destination_is_that_of_the_log_group(copies: dict[str, LogGroup]) -> None:
    found = row(coverage(RULE, copies=copies, finding=("broken", "permission", "no statement"), activity="written"))
    assert (found.state, found.cause) == ("broken", "permission")
    assert found.reason == f"its copy in {CENTRAL}/eu-west-1: no statement"


def test_copy_of_another_class_takes_no_filter() -> None:
    found = row(coverage(RULE, copies={GROUP.name: replace(COPY, log_class="INFREQUENT_ACCESS")}))
    assert (found.state, found.cause) == ("broken", "class")


def test_unhealthy_rule_is_missing_with_the_reason_of_aws() -> None:
    found = row(coverage(replace(RULE, problem="Trusted access is not enabled.")))
    assert (found.state, found.cause) == ("missing", "unhealthy")
    assert found.reason == "the rule eu does not copy it: Trusted access is not enabled."


def test_other_name_pattern_loses_the_origin() -> None:
    found = row(coverage(RULE, pattern=""))
    assert (found.state, found.cause) == ("broken", "pattern")
    assert "expects no copies" in found.reason


def test_unread_copies_are_not_checked_with_the_error() -> None:
    unread = DestinationCopies(PLACE, unread="access denied")
    found = row(replace(coverage(RULE), destinations={PLACE: unread}))
    assert (found.state, found.cause, found.known_by) == ("not_checked", "copies", "")
    assert found.reason == f"its copy in {CENTRAL}/eu-west-1 was not read: access denied"


def test_destination_outside_the_inventory_is_not_checked() -> None:
    found = row(replace(coverage(RULE), destinations={}))
    assert (found.state, found.cause) == ("not_checked", "copies")
    assert "which no host of the inventory is" in found.reason


def test_unread_rules_hide_no_log_group() -> None:
    found = row(coverage(unread=("denied",)))
    assert (found.state, found.cause) == ("not_checked", "rules")
    assert row(coverage(RULE, unread=("denied",))).state == "covered", "a rule that was read copies it"


@pytest.mark.parametrize(
    ("group", "state", "cause"),
    [
        (LogGroup("/central/x"), "excluded", "rule"),
        (LogGroup("/app", "INFREQUENT_ACCESS"), "impossible", "class"),
        (LogGroup("/" + "x" * 490), "impossible", "name"),
    ],
)
def test_decision_of_the_rule_is_the_state(group: LogGroup, state: str, cause: str) -> None:
    found = row(coverage(RULE, activity="written"), group)
    assert (found.state, found.cause, found.means) == (state, cause, "")


def test_log_group_of_no_rule_is_missing() -> None:
    found = row(coverage(rule_of(replace(SETTINGS, source_regions=("us-east-1",)))))
    assert (found.state, found.cause) == ("missing", "no_rule")
    assert found.reason == "no rule copies it: the rule eu does not copy from eu-west-1"


def test_two_rules_deliver_twice() -> None:
    found = row(coverage(RULE, replace(RULE, name="again"), copies={GROUP.name: COPY}))
    assert (found.state, found.cause) == ("broken", "duplicate")
    assert "the rules eu and again copy it" in found.reason


def test_one_working_rule_of_two_is_enough() -> None:
    assert row(coverage(replace(RULE, name="ill", problem="It is ill."), RULE)).state == "covered"


def test_leftover_filter_delivers_twice() -> None:
    found = row(coverage(RULE, leftover="the filter x"))
    assert (found.state, found.cause) == ("broken", "duplicate")
    assert found.reason == "its events are copied, and the filter x sends them too, so they arrive twice"


def test_covered_log_group_of_another_mode_that_a_rule_copies_is_broken() -> None:
    ours = CoverageRow(GROUP.name, "covered", means="account_policy")
    found = copied_too(ours, Rules(SOURCE, (RULE,)))
    assert (found.state, found.cause) == ("broken", "duplicate")
    assert found.reason == "its account policy sends its events, and the rule eu copies them, so they arrive twice"
    for rules in ((), (replace(RULE, skips_encrypted=True),), (rule_of(replace(SETTINGS, exclude=("/app/*",))),)):
        assert copied_too(ours, Rules(SOURCE, rules)) == ours
    assert copied_too(replace(ours, state="missing"), Rules(SOURCE, (RULE,))).state == "missing"


@given(
    rules=st.lists(
        st.builds(
            replace,
            st.just(RULE),
            problem=st.sampled_from(["", "ill."]),
            pattern=st.sampled_from([PATTERN, "/x"]),
            destination=st.sampled_from([PLACE, ("1", "2")]),
            regions=st.sampled_from([frozenset({"eu-west-1"}), frozenset({"us-east-1"})]),
            scope=st.sampled_from([RULE.scope, None]),
        ),
        max_size=3,
    ),
    unread=st.sampled_from([(), ("denied",)]),
    has_copy=st.booleans(),
    finding=st.sampled_from([("covered", "", ""), ("broken", "permission", "x"), ("not_checked", "criteria", "x")]),
    activity=st.sampled_from(["written", "fresh", "silent", "unknown"]),
)
def test_covered_needs_a_healthy_rule_and_a_served_copy(
    rules: list[CopyRule], unread: tuple[str, ...], has_copy: bool, finding: Finding, activity: Activity
) -> None:
    copies = {GROUP.name: COPY} if has_copy else {}
    found = row(coverage(*rules, unread=unread, copies=copies, finding=finding, activity=activity))
    assert found.state in STATES
    assert bool(found.reason) == (found.state != "covered")
    if found.state == "covered":
        assert any(not rule.problem and rule.destination == PLACE and rule.pattern == PATTERN for rule in rules)
        assert finding[0] == "covered"
        assert has_copy or activity == "silent"
    assert not (unread and found.state in ("missing", "excluded")), "a rule that was not read may copy it"
