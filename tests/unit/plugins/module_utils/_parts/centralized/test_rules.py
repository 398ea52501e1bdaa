# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule, as AWS has it, does with a log group; and that a rule of this collection does what its options say."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    SourceTarget,
    decide,
    decide_all,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.names import is_copy
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rule import desired_body
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.settings import RuleSettings
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup
from hypothesis import given
from hypothesis import strategies as st

CENTRAL, MEMBER = "444444444444", "222222222222"
ORGANIZATION, UNIT = "o-exampleorg1", "ou-abcd-11111111"
PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
SETTINGS = RuleSettings(
    name="eu",
    organization_id=ORGANIZATION,
    source_regions=("eu-west-1", "eu-central-1"),
    destination_account=CENTRAL,
    destination_region="eu-west-1",
    own_log_groups=("/aws/lambda/log-reflector",),
)
SOURCE = SourceTarget(MEMBER, "eu-west-1", ORGANIZATION, frozenset({UNIT}))
GROUP = LogGroup("/app/orders")


def rule_of(settings: RuleSettings = SETTINGS, **more: Any) -> CopyRule:
    """Return the rule that AWS has after a deployment of these settings."""
    result = {
        "name": settings.name,
        "destination_account": settings.destination_account,
        "destination_region": settings.destination_region,
        "configuration": desired_body(settings, {}),
        "problem": None,
        "created": 3,
        "updated": 5,
    }
    return CopyRule.from_result({**result, **more})


OF_UNIT = replace(SETTINGS, organization_id="", organizational_units=(UNIT,))


@pytest.mark.parametrize(
    ("settings", "source", "group", "outcome", "cause"),
    [
        ({}, {}, {}, "copied", ""),
        ({}, {"region": "us-east-1"}, {}, "elsewhere", "no_rule"),
        ({}, {"organization": "o-other00000"}, {}, "elsewhere", "no_rule"),
        ({}, {"organization": ""}, {}, "elsewhere", "no_rule"),
        ({}, {"organization": None}, {}, "unknown", "scope"),
        ({}, {"account": CENTRAL}, {}, "elsewhere", "no_rule"),
        ({}, {"account": CENTRAL, "region": "eu-central-1"}, {}, "copied", ""),
        ({"copies_elsewhere": ("/usa/",)}, {}, {"name": "/usa/x"}, "excluded", "rule"),
        ({"include": ("/web/*", "/app/orders")}, {}, {}, "copied", ""),
        ({}, {}, {"name": "/central/x"}, "excluded", "rule"),
        ({}, {}, {"name": "/aws/lambda/log-reflector"}, "excluded", "rule"),
        ({"exclude": ("/app/*",)}, {}, {}, "excluded", "rule"),
        ({"include": ("/web/*",)}, {}, {}, "excluded", "rule"),
        ({"skip_encrypted": True}, {}, {"encrypted": True}, "excluded", "encrypted"),
        ({"skip_encrypted": True}, {}, {}, "copied", ""),
        ({}, {}, {"encrypted": True}, "copied", ""),
        ({}, {}, {"log_class": "INFREQUENT_ACCESS"}, "impossible", "class"),
        ({}, {}, {"log_class": "DELIVERY"}, "impossible", "class"),
        ({}, {}, {"name": "/" + "x" * 478}, "copied", ""),
        ({}, {}, {"name": "/" + "x" * 490}, "impossible", "name"),
        ({"exclude": ("/x*",)}, {}, {"name": "/" + "x" * 490}, "excluded", "rule"),
    ],
)
def test_decide_one_rule(
    settings: dict[str, Any], source: dict[str, Any], group: dict[str, Any], outcome: str, cause: str
) -> None:
    found = decide(rule_of(replace(SETTINGS, **settings)), replace(SOURCE, **source), replace(GROUP, **group))
    assert (found.outcome, found.cause) == (outcome, cause)
    assert not found.reason.endswith("."), "a row's reason is no sentence of its own"


@pytest.mark.parametrize(
    ("units", "outcome"), [(frozenset({UNIT}), "copied"), (frozenset({"ou-x"}), "elsewhere"), (None, "unknown")]
)
def test_decide_by_unit_is_unknown_where_the_units_are(units: frozenset[str] | None, outcome: str) -> None:
    assert decide(rule_of(OF_UNIT), replace(SOURCE, units=units), GROUP).outcome == outcome


@pytest.mark.parametrize(
    ("settings", "units", "outcome"),
    [
        ({"accounts": (MEMBER,)}, None, "copied"),
        ({"organizational_units": (), "accounts": (CENTRAL,)}, None, "elsewhere"),
        ({"accounts": (CENTRAL,)}, None, "unknown"),
    ],
)
def test_decide_unread_units_matter_only_if_the_accounts_do_not_decide(
    settings: dict[str, Any], units: None, outcome: str
) -> None:
    assert decide(rule_of(replace(OF_UNIT, **settings)), replace(SOURCE, units=units), GROUP).outcome == outcome


def test_rule_of_the_inventory_is_judged_as_the_rule_that_it_becomes() -> None:
    settings = replace(OF_UNIT, exclude=("/app/*",), skip_encrypted=True)
    assert CopyRule.from_settings(settings) == rule_of(settings, created=0, updated=0, problem="")


def body(**logs: Any) -> dict[str, Any]:
    found = desired_body(SETTINGS, {})
    source = {**found["Source"], "SourceLogsConfiguration": {**found["Source"]["SourceLogsConfiguration"], **logs}}
    return {**found, "Source": source}


def test_decide_unparsable_selection_and_data_sources_are_unknown() -> None:
    for configuration in (body(LogGroupSelectionCriteria="Size > 5"), body(DataSourceSelectionCriteria="x")):
        found = decide(rule_of(configuration=configuration), SOURCE, GROUP)
        assert (found.outcome, found.cause) == ("unknown", "criteria")


def test_decide_rule_without_logs_copies_nothing() -> None:
    found = desired_body(SETTINGS, {})
    del found["Source"]["SourceLogsConfiguration"]
    assert decide(rule_of(configuration=found), SOURCE, GROUP).outcome == "elsewhere"


def test_decide_name_pattern_with_unknown_variables_has_a_least_length() -> None:
    pattern = "/c/${source.org.path}/${source.accountId}/${source.region}${source.logGroup}"
    rule = replace(rule_of(), pattern=pattern)
    least = len(f"/c//{MEMBER}/eu-west-1")
    assert decide(rule, SOURCE, LogGroup("/" + "x" * (511 - least))).outcome == "copied"
    assert decide(rule, SOURCE, LogGroup("/" + "x" * (512 - least))).outcome == "impossible"


def test_decide_all_returns_every_copying_rule_or_the_nearest() -> None:
    first, second = rule_of(), replace(rule_of(), name="us", regions=frozenset({"us-east-1"}))
    assert [each.rule for each in decide_all((second, first), SOURCE, GROUP)] == [first]
    twice = decide_all((first, replace(first, name="again")), SOURCE, GROUP)
    assert [each.rule.name for each in twice if each.rule] == ["eu", "again"]
    (nearest,) = decide_all((second, first), SOURCE, LogGroup("/central/x"))
    assert (nearest.outcome, nearest.rule) == ("excluded", first)
    (none,) = decide_all((), SOURCE, GROUP)
    assert (none.outcome, none.cause, none.rule) == ("elsewhere", "no_rule", None)


def test_copy_name_and_beginning_are_those_of_the_origin() -> None:
    assert rule_of().copy_name(SOURCE, "/app") == f"/central/{MEMBER}/eu-west-1/app"
    assert rule_of().beginning(SOURCE) == f"/central/{MEMBER}/eu-west-1"


NAMES = st.one_of(st.text("ab/", min_size=1, max_size=3), st.sampled_from(["/central/a", "/aws/lambda/log-reflector"]))
PATTERNS = st.lists(st.text("ab/*", min_size=1, max_size=3), max_size=2).map(tuple)


@given(
    include=PATTERNS,
    exclude=PATTERNS,
    skip=st.booleans(),
    name=NAMES,
    encrypted=st.booleans(),
    log_class=st.sampled_from(["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"]),
    region=st.sampled_from(["eu-west-1", "us-east-1"]),
    account=st.sampled_from([MEMBER, CENTRAL]),
    organization=st.sampled_from([ORGANIZATION, "o-other00000", None]),
)
def test_deployed_rule_does_what_the_inventory_says(
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    skip: bool,
    name: str,
    encrypted: bool,
    log_class: str,
    region: str,
    account: str,
    organization: str | None,
) -> None:
    settings = replace(SETTINGS, include=include, exclude=exclude, skip_encrypted=skip)
    group = LogGroup(name, log_class, encrypted=encrypted)
    actual = decide(rule_of(settings), SourceTarget(account, region, organization), group).outcome
    refused = (*exclude, *settings.own_log_groups, "/central/*")
    if region == "us-east-1" or account == CENTRAL or organization == "o-other00000":
        assert actual == "elsewhere"
    elif (
        any(fnmatchcase(name, each) for each in refused)
        or not any(fnmatchcase(name, each) for each in include or "*")
        or (skip and encrypted)
    ):
        assert actual == "excluded"
    elif log_class != "STANDARD":
        assert actual == "impossible"
    else:
        assert actual == ("copied" if organization else "unknown")


@given(
    st.builds(LogGroup, st.sampled_from(["/app/x", "/central/x", "/" + "x" * 500])),
    st.sampled_from([SETTINGS, OF_UNIT, replace(OF_UNIT, accounts=(MEMBER,))]),
    st.sampled_from(["eu-west-1", "us-east-1"]),
    st.sampled_from([ORGANIZATION, "o-other00000"]),
    st.sampled_from([frozenset({UNIT}), frozenset[str]()]),
)
def test_decide_more_knowledge_never_contradicts_a_decision(
    group: LogGroup, settings: RuleSettings, region: str, organization: str, units: frozenset[str]
) -> None:
    """A decision on what was read is copied or not copied for each value of what was not read."""
    rule, known = rule_of(settings), SourceTarget(MEMBER, region, organization, units)
    with_less = decide(rule, SourceTarget(MEMBER, region), group).outcome
    if with_less != "unknown":
        assert (with_less == "copied") is (decide(rule, known, group).outcome == "copied")


@given(st.text("/abc.-_#", min_size=1, max_size=512))
def test_decide_copy_has_an_allowed_name_and_is_never_copied_again(log_group: str) -> None:
    rule = rule_of()
    if decide(rule, SOURCE, LogGroup(log_group)).outcome == "copied":
        name = rule.copy_name(SOURCE, log_group)
        assert len(name) <= 512
        assert is_copy(PATTERN, name)
        for region in rule.regions:
            source = SourceTarget(CENTRAL, region, ORGANIZATION, frozenset())
            assert decide(rule, source, LogGroup(name)).outcome in ("excluded", "elsewhere")
