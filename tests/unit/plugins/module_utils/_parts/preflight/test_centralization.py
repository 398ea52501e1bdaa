# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about AWS's centralization before a deployment."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.coverage import (
    CentralizedCoverage,
    DestinationCopies,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    Rules,
    SourceTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.centralization import (
    check_centralization,
    group_findings,
    region_findings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rules import parse_rules
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup
from hypothesis import given
from hypothesis import strategies as st

RULE: dict[str, Any] = {
    "name": "eu",
    "organization_id": "o-exampleorg1",
    "source_regions": ["eu-west-1"],
    "exclude": ["/left-out/*"],
    "destination_account": "444444444444",
    "destination_region": "eu-central-1",
}
RULES = parse_rules([RULE])
SOURCE = SourceTarget("222222222222", "eu-west-1")


def sentences(mode: str, *groups: tuple[str, str]) -> list[str]:
    found = group_findings(RULES, SOURCE, [LogGroup(*group) for group in groups], mode)
    return [each.sentence for each in found]


def test_copies_with_names_that_are_too_long_are_named_in_short() -> None:
    long = "/" + "x" * 500
    (found,) = sentences("centralized", (long, "STANDARD"), ("/app", "STANDARD"))
    assert "the names of copies of 1 log groups would be longer than 512 characters" in found
    assert f"/{'x' * 76}..." in found
    assert len(found) < 250


def test_classes_that_take_no_subscription_are_a_warning_for_a_centralized_target() -> None:
    (found,) = sentences("centralized", ("/rare", "INFREQUENT_ACCESS"), ("/delivery", "DELIVERY"), ("/app", "STANDARD"))
    assert found.startswith("copies of 2 log groups take no subscription because of their class: /rare, /delivery")


@pytest.mark.parametrize("mode", ["filters", "account_policy"])
def test_log_groups_that_are_served_and_copied_are_a_warning(mode: str) -> None:
    (found,) = sentences(mode, ("/app", "STANDARD"), ("/left-out/x", "STANDARD"), ("/rare", "INFREQUENT_ACCESS"))
    assert found == f"log_groups_mode is {mode}, and rules also select 1 log groups: /app"


def test_excluded_log_groups_are_no_finding() -> None:
    assert sentences("filters", ("/left-out/x", "STANDARD")) == []
    assert sentences("centralized", ("/left-out/x", "STANDARD"), ("/app", "STANDARD")) == []


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("us-gov-west-1", "AWS offers no centralization of logs in us-gov-west-1"),
        ("cn-north-1", "AWS offers no centralization of logs in cn-north-1"),
        ("eu-west-3", "log_groups_mode is centralized, and no rule copies from eu-west-3"),
    ],
)
def test_region_without_centralization_is_a_problem(region: str, message: str) -> None:
    (found,) = region_findings(region, RULES)
    assert (found.level, found.sentence) == ("problem", message)
    assert region_findings("eu-west-1", RULES) == []


def test_check_reads_log_groups_only_where_a_rule_copies(aws: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/app")
    aws.calls.clear()
    assert check_centralization(aws.target(), [{**RULE, "source_regions": ["eu-west-3"]}], "filters") == []
    assert aws.calls == []
    (found,) = check_centralization(aws.target(), [RULE], "filters")
    assert "rules also select 1 log groups: /app" in found.sentence


@given(
    st.builds(
        dict,
        st.just(RULE),
        include=st.lists(st.sampled_from(["/app/*", "/left-out/x"]), max_size=2),
        encrypted_log_groups=st.sampled_from(["copy", "skip"]),
    ),
    st.builds(
        LogGroup,
        st.sampled_from(["/app/x", "/left-out/x", "/other", "/central/x", f"/app/{'x' * 500}"]),
        st.sampled_from(["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"]),
        encrypted=st.booleans(),
    ),
)
def test_preflight_and_coverage_agree_on_what_a_rule_copies(given_rule: dict[str, Any], group: LogGroup) -> None:
    """A log group that preflight counts as copied is covered after the deployment of the rules, and no other one is."""
    rules = parse_rules([given_rule])
    found = group_findings(rules, SOURCE, [group], "filters")
    is_copied = any("rules also select" in each.sentence for each in found)
    is_long = any("longer than 512" in each.sentence for each in found)
    deployed = Rules(
        SourceTarget("222222222222", "eu-west-1", "o-exampleorg1"), tuple(map(CopyRule.from_settings, rules))
    )
    place = ("444444444444", "eu-central-1")
    coverage = CentralizedCoverage(
        deployed, {place: DestinationCopies(place, rules[0].name_pattern, {})}, lambda _name, _since: "silent"
    )
    row = coverage.judge(group)[1]
    assert (row.state == "covered") is is_copied
    assert ((row.state, row.cause) == ("impossible", "name")) is is_long
