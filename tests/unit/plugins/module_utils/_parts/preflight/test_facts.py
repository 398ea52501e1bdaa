# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that decide which mode fits a target."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.facts import (
    filter_facts,
    group_facts,
    policy_fact,
    rule_facts,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import (
    AccountPolicy,
    size,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    SubscriptionFilter,
)

OURS = "arn:aws:lambda:eu-west-1:111111111111:function:log-reflector"
DESIRED = DesiredFilter(OURS, slots=2)


def held(*destinations: str) -> list[SubscriptionFilter]:
    return [SubscriptionFilter("/app", str(number), arn) for number, arn in enumerate(destinations)]


def test_excluded_names_have_the_bytes_that_the_account_policy_would_need() -> None:
    names = ["/aws/codebuild/a", "/aws/codebuild/b"]
    found = group_facts(5, 2, names, {"DELIVERY": ["/d"]}, 1)
    assert found["excluded_bytes"] == size(names) > 40
    assert found["classes"] == {"DELIVERY": 1}
    assert group_facts(0, 0, [], {}, 0)["excluded_bytes"] == 0


def test_full_groups_are_those_whose_slots_others_have() -> None:
    filters = {"/full": held("arn:x", "arn:y"), "/ours": held("arn:x", OURS), "/free": held("arn:x")}
    assert filter_facts(filters, 9, DESIRED, failed=False) == {"read": 3, "to_read": 9, "full": 1}


def test_filters_that_could_not_be_read_are_unknown_and_an_empty_target_is_not() -> None:
    assert filter_facts({}, 9, DESIRED, failed=True) is None
    assert filter_facts({}, 0, DESIRED, failed=False) == {"read": 0, "to_read": 0, "full": 0}


def test_account_policy_is_own_foreign_or_none() -> None:
    policies = [None, AccountPolicy("a", OURS), AccountPolicy("a", "arn:other"), AccountPolicy("a", "")]
    assert [policy_fact(policy, OURS) for policy in policies] == ["none", "own", "foreign", "foreign"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"tags": False, "dates": False, "names": False, "pattern": False, "plain_names": True}),
        ({"exclude": ("/aws/*",)}, {"names": True, "plain_names": True}),
        ({"include": ("re:^/app",)}, {"names": True, "plain_names": False}),
        ({"include": ("/app/?",)}, {"plain_names": False}),
        ({"exclude": tuple(f"/aws/codebuild/{number:04}" for number in range(100))}, {"plain_names": False}),
        ({"include_tags": {"team": "a"}}, {"tags": True, "names": False}),
        ({"created_after": "2026-01-01"}, {"dates": True}),
        ({"filter_pattern": "ERROR"}, {"pattern": True}),
    ],
)
def test_rules_are_known_by_what_they_use(options: dict[str, Any], expected: dict[str, bool]) -> None:
    found = rule_facts(LogGroupOptions(**options))
    assert {key: found[key] for key in expected} == expected
