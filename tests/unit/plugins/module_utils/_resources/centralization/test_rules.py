# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variable centralization_rules: its rules, their mistakes, and the defaults of destinations."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rules import (
    DERIVED,
    destination_defaults,
    destination_rules,
    parse_rules,
)

CENTRAL, MEMBER = "444444444444", "222222222222"
ORGANIZATION = "o-exampleorg1"


def rule(name: str = "eu", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "organization_id": ORGANIZATION,
        "source_regions": ["eu-west-1", "eu-central-1"],
        "destination_account": CENTRAL,
        "destination_region": "eu-west-1",
        **changes,
    }


US = rule("us", source_regions=["us-east-1"], destination_region="us-east-1")


@pytest.mark.parametrize("value", [None, "", [], ()])
def test_parse_rules_nothing_given_returns_no_rules(value: Any) -> None:
    assert parse_rules(value) == ()


def test_parse_rules_each_rule_excludes_the_copies_of_all() -> None:
    pattern = "/usa/${source.accountId}/${source.region}${source.logGroup}"
    found = parse_rules([rule(), {**US, "log_group_name_pattern": pattern}])
    assert [each.copies for each in found] == [("/central/*", "/usa/*"), ("/usa/*", "/central/*")]
    assert all("NOT LIKE '/usa/%'" in each.groups and "NOT LIKE '/central/%'" in each.groups for each in found)


def test_parse_rules_absent_rule_needs_only_its_name() -> None:
    (found,) = parse_rules([{"name": "old", "state": "absent"}])
    assert not found.present
    assert destination_rules([found], "", "") == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("eu", "it is not a list of rules"),
        (["eu"], "rule 1 is not a dictionary"),
        ([{}], "rule 1 has no name"),
        ([rule(), {"name": 7}], "rule 2 has no name"),
        ([rule(exlude=["/x"])], "rule 'eu': it has no option exlude. Did you mean exclude?"),
        ([rule(accounts=[222])], "rule 'eu': accounts: [222] is not a list of texts"),
        ([rule(accounts=["222"])], "rule 'eu': accounts: '222' is not an account id of 12 digits"),
        ([rule(encrypted_log_groups="no")], "rule 'eu': encrypted_log_groups: 'no' is none of copy, skip"),
        ([rule(exclude=["/x y"])], "rule 'eu': exclude: '/x y' is not a log group's name"),
        ([rule(source_regions=["cn-north-1"])], "rule 'eu': source_regions: AWS offers no centralization"),
        ([rule(organization_id=None)], "rule 'eu': organization_id: neither it nor"),
        ([rule(), rule()], "two rules have the name 'eu'"),
        ([rule(log_group_name_pattern="/c/${source.logGroup}")], "rule 'eu': log_group_name_pattern: the reflector"),
        (
            [rule(log_group_name_pattern="/c/${source.org.id}/${source.accountId}/${source.region}${source.logGroup}")],
            "rule 'eu': log_group_name_pattern: the reflector",
        ),
        (
            [rule(), {**US, "destination_region": "eu-west-1", "log_group_name_pattern": "/u/${source.accountId}/${source.region}${source.logGroup}"}],
            "rules 'eu' and 'us' have the destination 444444444444/eu-west-1 and different patterns",
        ),
    ],
)  # fmt: skip
def test_parse_rules_mistake_names_variable_and_rule(value: Any, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_rules(value)
    assert str(caught.value).startswith("Could not accept the variable centralization_rules: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({}, {"include": ["/app/*"]}),
        ({"exclude": ["/app/*"]}, {}),
        ({"organization_id": None, "accounts": [MEMBER]}, {"organization_id": None, "accounts": [MEMBER, CENTRAL]}),
        ({"organization_id": None, "accounts": [MEMBER]}, {}),
    ],
)
def test_parse_rules_same_events_twice_are_refused(first: dict[str, Any], second: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="so each event would be delivered twice"):
        parse_rules([rule(**first), rule("other", **second)])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"exclude": ["/app/*"]}, {"include": ["/app/*"]}),
        ({"include": ["/a/*"]}, {"include": ["/b/*"]}),
        ({"source_regions": ["eu-west-1"]}, {"source_regions": ["eu-central-1"]}),
        ({"organization_id": None, "accounts": [MEMBER]}, {"organization_id": None, "accounts": [CENTRAL]}),
        (
            {"organization_id": None, "organizational_units": ["ou-abcd-11111111"]},
            {"organization_id": None, "organizational_units": ["ou-abcd-22222222"]},
        ),
        ({}, {"state": "absent"}),
    ],
)
def test_parse_rules_other_events_are_accepted(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert len(parse_rules([rule(**first), rule("other", **second)])) == 2


def test_destination_defaults_follow_the_rule_of_the_place() -> None:
    pattern = "/usa/${source.accountId}/${source.region}${source.logGroup}"
    rules = parse_rules([rule(), {**US, "log_group_name_pattern": pattern}])
    assert destination_defaults(rules, CENTRAL, "us-east-1") == dict(
        zip(DERIVED, ("account_policy", pattern), strict=True)
    )
    assert destination_defaults(rules, CENTRAL, "eu-central-1") == {}
    assert destination_defaults(rules, MEMBER, "eu-west-1") == {}
