# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups before a deployment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, NotFoundError
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.groups import (
    SAMPLE,
    Groups,
    catch_up_seconds,
    class_findings,
    duration_findings,
    forwarder_findings,
    policy_findings,
    read_filters,
    sample,
    slot_findings,
    unread_findings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.session import session_findings
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import AccountPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    SubscriptionFilter,
)

OURS, THEIRS = "arn:aws:lambda:r:1:function:log-reflector", "arn:aws:lambda:r:1:function:theirs"
DESIRED = DesiredFilter(OURS, slots=2)


def filters(*destinations: str) -> list[SubscriptionFilter]:
    return [SubscriptionFilter("/app", f"filter-{number}", each) for number, each in enumerate(destinations)]


@pytest.mark.parametrize(
    ("on_full", "level"), [("report", "warning"), ("fail", "problem"), ("account_policy", "warning")]
)
def test_full_group_is_named_with_the_holders_of_its_slots(on_full: str, level: str) -> None:
    read = {"/full": filters(THEIRS, THEIRS), "/ours": filters(THEIRS, OURS), "/free": filters(THEIRS)}
    (found,) = slot_findings(read, DESIRED, on_full)
    assert found.level == level
    assert "1 log group without a free slot: /full" in found.sentence
    assert f"held by filter-0, filter-1 (to {THEIRS})" in found.sentence


def test_no_full_group_is_no_finding() -> None:
    assert slot_findings({"/free": filters(THEIRS)}, DESIRED, "fail") == []


def test_other_destinations_are_counted_once_for_each_group() -> None:
    (found,) = forwarder_findings({"/a": filters(THEIRS, THEIRS), "/b": filters(THEIRS, OURS)}, DESIRED)
    assert f"{THEIRS} (2 log groups)" in found.sentence
    assert forwarder_findings({"/a": filters(OURS)}, DESIRED) == []


def test_classes_are_warnings_with_examples() -> None:
    (found,) = class_findings({"INFREQUENT_ACCESS": [f"/{number}" for number in range(5)]})
    assert "5 log groups of the class INFREQUENT_ACCESS cannot be subscribed: /0, /1, /2 and 2 more" in found.sentence


def test_sample_is_spread_over_the_names() -> None:
    names = [f"{number:04}" for number in range(1000)]
    found = sample(names)
    assert (len(found), found[0], found[-1]) == (SAMPLE, "0000", "0960")
    assert sample(names[:3]) == names[:3]


class Api:
    def __init__(self, answer: Any) -> None:
        self.read: list[str] = []
        self._answer = answer

    def filters(self, name: str) -> Any:
        self.read.append(name)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


TARGET: Any = SimpleNamespace(together=lambda *calls: [call() for call in calls])


def groups(number: int, tagged: int = 0) -> Groups:
    names = [f"/{each:04}" for each in range(number)]
    return Groups(number, names, tagged=frozenset(names[:tagged]))


def test_groups_with_our_tag_are_not_read() -> None:
    api: Any = Api([])
    read, errors = read_filters(TARGET, api, groups(10, tagged=8), reads_all=False)
    assert (sorted(read), errors) == (["/0008", "/0009"], [])


@pytest.mark.parametrize(("reads_all", "number"), [(False, SAMPLE), (True, 300)])
def test_all_groups_are_read_only_if_asked_for(reads_all: bool, number: int) -> None:
    api: Any = Api([])
    read, _errors = read_filters(TARGET, api, groups(300), reads_all=reads_all)
    assert len(read) == len(api.read) == number


def test_denied_read_ends_early_and_is_not_checked() -> None:
    api: Any = Api(AccessDeniedError("read the filters", "logs:DescribeSubscriptionFilters"))
    read, errors = read_filters(TARGET, api, groups(300), reads_all=True)
    assert (read, len(api.read)) == ({}, 100)
    (found,) = unread_findings(300, 0, errors)
    assert (found.level, "logs:DescribeSubscriptionFilters" in found.sentence) == ("not_checked", True)


def test_group_that_was_deleted_meanwhile_is_no_error() -> None:
    api: Any = Api(NotFoundError("read the filters", "gone"))
    assert read_filters(TARGET, api, groups(1), reads_all=False) == ({"/0000": ()}, [])


def test_unread_groups_are_counted_with_the_time_to_read_them() -> None:
    assert unread_findings(25, 25, []) == []
    (found,) = unread_findings(5000, 25, [])
    assert (found.level, found.sentence.startswith("the filters of 25 of 5,000 log groups were read")) == ("note", True)
    assert "about 18 minutes" in found.advice


def test_duration_is_that_of_the_slowest_calls() -> None:
    assert catch_up_seconds(groups(970), audit=False, share=0.97) == pytest.approx(200)
    assert catch_up_seconds(groups(970, tagged=970), audit=False, share=0.97) < 3
    assert catch_up_seconds(groups(970, tagged=970), audit=True, share=0.97) == pytest.approx(200)


@pytest.mark.parametrize(
    ("seconds", "params", "levels"),
    [
        (30, {"max_seconds": None}, []),
        (200, {"max_seconds": None}, ["note"]),
        (200, {"max_seconds": 100}, ["warning"]),
        (200, {"max_seconds": 100, "must_complete": True}, ["problem"]),
        (30, {"max_seconds": 100}, []),
    ],
)
def test_duration_against_the_limit(seconds: float, params: dict[str, Any], levels: list[str]) -> None:
    assert [each.level for each in duration_findings(970, seconds, params)] == levels


POLICY = AccountPolicy("theirs", THEIRS)


@pytest.mark.parametrize(
    ("policy", "is_needed", "excluded", "found"),
    [
        (None, True, (), []),
        (None, False, (), []),
        (AccountPolicy("own", OURS), True, ("/a",), []),
        (POLICY, True, (), [("problem", "account_policy")]),
        (POLICY, False, (), [("note", "forwarders")]),
        (None, True, [f"/{number:0500}" for number in range(60)], [("problem", "policy_size")]),
        (None, False, [f"/{number:0500}" for number in range(60)], []),
    ],
)
def test_account_policy_of_others_matters_by_the_mode(policy: Any, is_needed: bool, excluded: Any, found: Any) -> None:
    findings = policy_findings(policy, OURS, excluded, is_needed=is_needed)
    assert [(each.level, each.key) for each in findings] == found


@pytest.mark.parametrize(
    ("temporary", "seconds", "number"), [(True, 3600, 1), (True, 60, 0), (True, None, 0), (False, 3600, 0)]
)
def test_session_warns_of_keys_that_nothing_renews(temporary: bool, seconds: float | None, number: int) -> None:
    target: Any = SimpleNamespace(has_temporary_keys=temporary)
    assert len(session_findings(target, seconds)) == number
