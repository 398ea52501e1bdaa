# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rule copies a log group, and why none does."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.choice import (
    LONGEST_NAME,
    Origin,
    copy_name,
    decide,
    matches,
    rule_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.settings import RuleSettings
from hypothesis import given
from hypothesis import strategies as st

CENTRAL, MEMBER = "444444444444", "222222222222"
ORGANIZATION, UNIT, ROOT = "o-exampleorg1", "ou-abcd-11111111", "r-abcd"
RULE = RuleSettings(
    name="eu",
    organization_id=ORGANIZATION,
    source_regions=("eu-west-1", "eu-central-1"),
    destination_account=CENTRAL,
    destination_region="eu-west-1",
    own_log_groups=("/aws/lambda/log-reflector",),
)
ORIGIN = Origin(
    account=MEMBER,
    region="eu-west-1",
    log_group="/app/orders",
    log_class="STANDARD",
    encrypted=False,
    organization=ORGANIZATION,
    units=(UNIT, ROOT),
)
OF_UNIT = replace(RULE, organization_id="", organizational_units=(UNIT,))


@pytest.mark.parametrize(
    ("rule", "origin", "state", "reason"),
    [
        ({}, {}, "copied", "copied"),
        ({"present": False}, {}, "excluded", "no_rule"),
        ({}, {"region": "us-east-1"}, "excluded", "region"),
        ({}, {"organization": "o-other00000"}, "excluded", "scope"),
        ({}, {"organization": None}, "unknown", "scope_unknown"),
        ({}, {"account": CENTRAL}, "excluded", "destination"),
        ({}, {"account": CENTRAL, "region": "eu-central-1"}, "copied", "copied"),
        ({}, {"log_group": "/central/x"}, "excluded", "copy"),
        ({"copies_elsewhere": ("/usa/",)}, {"log_group": "/usa/x"}, "excluded", "copy"),
        ({}, {"log_group": "/aws/lambda/log-reflector"}, "excluded", "own_log_group"),
        ({"exclude": ("/app/*",)}, {}, "excluded", "exclude"),
        ({"include": ("/web/*",)}, {}, "excluded", "include"),
        ({"include": ("/web/*", "/app/orders")}, {}, "copied", "copied"),
        ({"skip_encrypted": True}, {"encrypted": True}, "excluded", "encrypted"),
        ({"skip_encrypted": True}, {"encrypted": None}, "unknown", "encryption_unknown"),
        ({}, {"encrypted": True}, "copied", "copied"),
        ({}, {"encrypted": None}, "copied", "copied"),
        ({}, {"log_class": "INFREQUENT_ACCESS"}, "impossible", "class"),
        ({}, {"log_class": "DELIVERY"}, "impossible", "class"),
        ({}, {"log_class": None}, "unknown", "class_unknown"),
        ({}, {"log_group": "/" + "x" * 478}, "copied", "copied"),
        ({}, {"log_group": "/" + "x" * 490}, "impossible", "name_too_long"),
    ],
)
def test_rule_of_one_rule_decides(rule: dict[str, Any], origin: dict[str, Any], state: str, reason: str) -> None:
    found = rule_of([replace(RULE, **rule)], replace(ORIGIN, **origin))
    assert (found.state, found.reason) == (state, reason)
    assert found.text.endswith(".")


@pytest.mark.parametrize(
    ("rule", "origin", "state"),
    [
        ({}, {}, "copied"),
        ({}, {"units": ("ou-abcd-33333333", UNIT, ROOT)}, "copied"),
        ({}, {"units": (ROOT,)}, "excluded"),
        ({}, {"units": None}, "unknown"),
        ({"accounts": (MEMBER,)}, {"units": None}, "copied"),
        ({"organizational_units": (), "accounts": (CENTRAL,)}, {"units": None}, "excluded"),
    ],
)
def test_decide_unknown_ou_is_unknown(rule: dict[str, Any], origin: dict[str, Any], state: str) -> None:
    assert decide(replace(OF_UNIT, **rule), replace(ORIGIN, **origin)).state == state


def test_rule_of_returns_the_rule_that_copies_before_one_that_does_not() -> None:
    other = replace(RULE, name="us", source_regions=("us-east-1",), destination_region="us-east-1")
    unknown = replace(OF_UNIT, name="unit")
    origin = replace(ORIGIN, units=None)
    for rules in ([other, unknown, RULE], [RULE, unknown, other]):
        assert rule_of(rules, origin).rule == RULE
    assert rule_of([other, unknown], origin).reason == "scope_unknown"
    assert rule_of([other, replace(RULE, exclude=("/app/*",))], origin).reason == "exclude"


NAMES = st.text("/a*b.", min_size=1, max_size=8)


@given(NAMES, st.text("/ab.\n", max_size=12))
def test_matches_star_is_any_text(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fnmatchcase(name, pattern)


@given(
    st.builds(
        Origin,
        account=st.sampled_from([MEMBER, CENTRAL]),
        region=st.sampled_from(["eu-west-1", "us-east-1"]),
        log_group=st.text("/acentrl-.", min_size=1, max_size=20) | st.just("x" * LONGEST_NAME),
        log_class=st.sampled_from(["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", None]),
        encrypted=st.sampled_from([True, False, None]),
        organization=st.sampled_from([ORGANIZATION, "o-other00000", None]),
        units=st.sampled_from([(), (UNIT, ROOT), None]),
    ),
    st.builds(
        replace,
        st.sampled_from([RULE, OF_UNIT]),
        accounts=st.sampled_from([(), (MEMBER,)]),
        exclude=st.lists(NAMES, max_size=2).map(tuple),
        include=st.lists(NAMES, max_size=2).map(tuple),
        skip_encrypted=st.booleans(),
    ),
)
def test_decide_more_knowledge_never_contradicts_a_decision(origin: Origin, rule: RuleSettings) -> None:
    """A decision other than unknown is the same for each value of what was not read."""
    found = decide(rule, origin)
    if found.state == "unknown":
        return
    for log_class in [origin.log_class] if origin.log_class else ["STANDARD", "DELIVERY"]:
        for encrypted in [origin.encrypted] if origin.encrypted is not None else [True, False]:
            for organization in [origin.organization] if origin.organization else [ORGANIZATION, "o-other00000"]:
                for units in [origin.units] if origin.units is not None else [(), (UNIT, ROOT)]:
                    known = replace(
                        origin, log_class=log_class, encrypted=encrypted, organization=organization, units=units
                    )
                    assert found.state == "copied" or decide(rule, known).state != "copied"
                    assert found.state != "copied" or decide(rule, known).state == "copied"


@given(st.text("/abc.-_#", min_size=1, max_size=512))
def test_decide_copy_has_an_allowed_name_and_is_never_copied_again(log_group: str) -> None:
    origin = replace(ORIGIN, log_group=log_group)
    if decide(RULE, origin).state == "copied":
        name = copy_name(RULE, origin)
        assert len(name) <= LONGEST_NAME
        for region in RULE.source_regions:
            copy = replace(origin, account=CENTRAL, region=region, log_group=name)
            assert decide(RULE, copy).state == "excluded"
