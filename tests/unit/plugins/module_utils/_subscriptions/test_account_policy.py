# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account policy's value, its criteria, and the order of a switch."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import LimitReachedError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions import account_policy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import (
    CRITERIA_BYTES,
    DOCUMENT_CHARACTERS,
    SWITCHING,
    AccountPolicy,
    Step,
    chunk_size,
    criteria,
    excluded_names,
    fitting,
    is_same,
    known_loops,
    loop_notes,
    size,
    steps_to_filters,
    steps_to_policy,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.policy_switch import planned_seconds
from hypothesis import given
from hypothesis import strategies as st

ARN = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
NAMES = st.text(st.sampled_from("abcXYZ019.-_/#"), min_size=1, max_size=60)
ANY_NAMES = st.text(min_size=1, max_size=30)


def policy(*excluded: str, **fields: Any) -> AccountPolicy:
    return AccountPolicy(**{"name": "p", "destination_arn": ARN, "excluded": frozenset(excluded), **fields})


@given(st.frozensets(ANY_NAMES, max_size=20))
def test_criteria_are_read_as_they_were_written(names: frozenset[str]) -> None:
    assert excluded_names(criteria(names)) == names
    assert size(names) == len(criteria(names).encode())


def test_criteria_are_those_of_the_documentation() -> None:
    assert criteria(["b", "a", "b"]) == 'LogGroupName NOT IN ["a","b"]'
    assert criteria([]) == ""
    assert excluded_names('LogGroupName NOT IN ["LogGroupToExclude1", "LogGroupToExclude2"]') == {
        "LogGroupToExclude1",
        "LogGroupToExclude2",
    }


@pytest.mark.parametrize(
    "text",
    ["LogGroupNamePrefix NOT IN []", "LogGroupName IN []", "LogGroupName NOT IN [", "LogGroupName NOT IN [1]", "x"],
)
def test_unparsable_criteria_are_unknown(text: str) -> None:
    assert excluded_names(text) is None


@given(st.frozensets(NAMES, max_size=10), st.lists(NAMES, unique=True, max_size=40), st.integers(40, 1500))
def test_as_many_names_fit_as_the_criteria_hold(kept_out: frozenset[str], names: list[str], limit: int) -> None:
    names = [name for name in names if name not in kept_out]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_policy, "CRITERIA_BYTES", limit)
        held = fitting(kept_out, names)
    assert list(held) == names[: len(held)]
    assert not held or size({*kept_out, *held}) <= limit
    assert len(held) == len(names) or size({*kept_out, *names[: len(held) + 1]}) > limit


def test_request_has_the_documented_shape_and_is_read_back() -> None:
    wanted = policy("/a", filter_pattern='"ERROR"')
    request = wanted.request()
    assert request == {
        "policyName": "p",
        "policyType": "SUBSCRIPTION_FILTER_POLICY",
        "policyDocument": f'{{"DestinationArn":"{ARN}","FilterPattern":"\\"ERROR\\""}}',
        "scope": "ALL",
        "selectionCriteria": 'LogGroupName NOT IN ["/a"]',
    }
    assert AccountPolicy.from_api(request) == wanted
    assert "selectionCriteria" not in policy().request()


def test_unreadable_policy_document_has_no_destination() -> None:
    read = AccountPolicy.from_api({"policyName": "x", "policyDocument": "no JSON", "selectionCriteria": "odd"})
    assert (read.destination_arn, read.excluded, read.covers("/a")) == ("", None, False)
    assert AccountPolicy.from_api({"policyName": "x", "policyDocument": "[]"}).destination_arn == ""


def test_too_long_policy_is_refused_with_numbers() -> None:
    names = [f"/group/{number:05}" for number in range(1800)]
    with pytest.raises(
        LimitReachedError, match=f"1800 log groups .* take {size(names)} bytes, and AWS takes {CRITERIA_BYTES}"
    ):
        policy(*names).request()
    with pytest.raises(LimitReachedError, match=f"AWS takes {DOCUMENT_CHARACTERS}"):
        policy(filter_pattern="x" * DOCUMENT_CHARACTERS).request()


def test_lists_are_compared_as_sets_without_missing_groups() -> None:
    wanted = policy("/a", "/b")
    assert is_same(wanted, policy("/b", "/a"))
    assert not is_same(None, wanted)
    assert not is_same(policy("/a"), wanted)
    assert not is_same(policy("/a", "/b", filter_pattern="x"), wanted)
    assert not is_same(policy("/a", "/b", "/c"), wanted)
    assert is_same(policy("/a", "/b", "/c"), wanted, existing={"/a", "/b"})
    assert not is_same(policy("/a", "/b", "/c"), wanted, existing={"/c"})
    assert not is_same(policy("/a", "/b", SWITCHING), wanted, existing=set())
    assert not is_same(policy("/a", "/b", *loop_notes(["/c"])), wanted, existing=set())
    assert not is_same(policy(excluded=None), wanted)


def test_other_forwarders_are_read_from_the_list() -> None:
    assert known_loops({"/a", SWITCHING, *loop_notes(["/aws/lambda/x"])}) == {"/aws/lambda/x"}


@pytest.mark.parametrize(("rate", "settle", "expected"), [(4.85, 0, 50), (4.85, 60, 291), (4.85, 300, 1455)])
def test_chunk_takes_no_longer_than_the_wait(rate: float, settle: float, expected: int) -> None:
    assert chunk_size(rate, settle) == expected


def shown(steps: list[Step]) -> list[tuple[str, Any]]:
    return [
        (step.action, sorted(step.policy.excluded or ()) if step.policy else list(step.groups) or None)
        for step in steps
    ]


def test_to_the_policy_group_by_group() -> None:
    assert shown(steps_to_policy(None, policy("/x"), ["/a", "/b", "/c"], 2)) == [
        ("put", [SWITCHING, "/a", "/b", "/c", "/x"]),
        ("put", [SWITCHING, "/c", "/x"]),
        ("wait", None),
        ("unfilter", ["/a", "/b"]),
        ("put", [SWITCHING, "/x"]),
        ("wait", None),
        ("unfilter", ["/c"]),
        ("put", ["/x"]),
    ]


def test_groups_beyond_the_list_lose_their_filters_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_policy, "CRITERIA_BYTES", size([SWITCHING, "/x", "/a"]))
    assert shown(steps_to_policy(None, policy("/x"), ["/a", "/b", "/c"], 2)) == [
        ("put", [SWITCHING, "/a", "/x"]),
        ("wait", None),
        ("unfilter", ["/b", "/c"]),
        ("put", [SWITCHING, "/x"]),
        ("wait", None),
        ("unfilter", ["/a"]),
        ("put", ["/x"]),
    ]


def test_interrupted_switch_continues() -> None:
    actual = policy("/x", "/c", SWITCHING)
    assert shown(steps_to_policy(actual, policy("/x"), ["/c"], 2)) == [
        ("put", [SWITCHING, "/x"]),
        ("wait", None),
        ("unfilter", ["/c"]),
        ("put", ["/x"]),
    ]


def test_without_filters_the_policy_is_one_call_and_then_none() -> None:
    assert shown(steps_to_policy(None, policy("/x"), [], 2)) == [("put", ["/x"])]
    assert steps_to_policy(policy("/x"), policy("/x"), [], 2) == []


def test_to_filters_group_by_group() -> None:
    # /old has both, /out has neither yet
    assert shown(steps_to_filters(policy("/x", "/out"), ["/old"], ["/a", "/b", "/c", "/out"], 2)) == [
        ("put", [SWITCHING, "/out", "/x"]),
        ("filter", ["/out"]),
        ("wait", None),
        ("put", [SWITCHING, "/old", "/out", "/x"]),
        ("filter", ["/a", "/b"]),
        ("wait", None),
        ("put", [SWITCHING, "/a", "/b", "/old", "/out", "/x"]),
        ("filter", ["/c"]),
        ("wait", None),
        ("put", [SWITCHING, "/a", "/b", "/c", "/old", "/out", "/x"]),
        ("delete", ["/out", "/x"]),
    ]


def test_groups_beyond_the_list_get_filters_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_policy, "CRITERIA_BYTES", size([SWITCHING, "/x", "/a"]))
    assert shown(steps_to_filters(policy("/x"), [], ["/a", "/b", "/c"], 2)) == [
        ("put", [SWITCHING, "/x"]),
        ("filter", ["/a"]),
        ("wait", None),
        ("put", [SWITCHING, "/a", "/x"]),
        ("filter", ["/b", "/c"]),
        ("wait", None),
        ("delete", ["/x"]),
    ]


@pytest.mark.parametrize("excluded", [None, frozenset({"/" + "x" * (CRITERIA_BYTES - 40)})])
def test_policy_that_cannot_be_written_stays_to_the_end(excluded: frozenset[str] | None) -> None:
    steps = steps_to_filters(policy(excluded=excluded), ["/old"], ["/a"], 2)
    assert [step.action for step in steps] == ["filter", "wait", "delete"]
    assert [step.action for step in steps_to_filters(policy(excluded=excluded), ["/old"], [], 2)][-1] == "delete"


def test_policy_that_serves_nothing_is_just_deleted() -> None:
    assert shown(steps_to_filters(policy("/a"), [], [], 2)) == [("delete", ["/a"])]


@pytest.mark.parametrize(
    ("groups", "settle", "expected"),
    [(100, 0, 10), (100, 60, 81), (500, 300, 403), (1000, 0, 84), (5000, 60, 969)],
)
def test_planned_seconds_match_the_documented_table(groups: int, settle: int, expected: int) -> None:
    names = [f"/aws/lambda/{'x' * 22}-{number:05}" for number in range(groups)]
    existing = policy("/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber")
    chunk = chunk_size(4.85, settle)
    for steps in (steps_to_policy(None, existing, names, chunk), steps_to_filters(existing, [], names, chunk)):
        assert round(planned_seconds(steps, 4.85, settle)) == expected
