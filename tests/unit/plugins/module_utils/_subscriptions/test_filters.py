# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One group's filters: values, names, and the plan against a model of a group."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, LimitReachedError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    GroupPlan,
    SubscriptionFilter,
    attributes_of,
    check_distribution,
    default_name,
    holders,
    plan_absent,
    plan_present,
)
from hypothesis import assume, given
from hypothesis import strategies as st

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
FOREIGN = [
    "arn:aws:kinesis:eu-west-1:222222222222:stream/theirs",
    OURS + "-2",
    OURS + ":live",
    OURS.replace("222222222222", "333333333333"),
]

group_names = st.text("abzAZ09.-_/#", min_size=1, max_size=512)
filter_names = st.text("abz-/ .\u00e9", min_size=1, max_size=20)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "filter_pattern": st.sampled_from(["", "ERROR", "{ $.level = 50 }"]),
        "role_arn": st.sampled_from(["", "arn:aws:iam::222222222222:role/x"]),
        "distribution": st.sampled_from(["ByLogStream", "Random"]),
        "apply_on_transformed_logs": st.booleans(),
        "emit_system_fields": st.sampled_from([(), ("@aws.account",), ("@aws.account", "@aws.region")]),
        "field_selection_criteria": st.sampled_from(["", '@aws.region = "eu-west-1"']),
    },
)


@st.composite
def groups(draw: st.DrawFn) -> tuple[str, dict[str, SubscriptionFilter]]:
    """Return a group's name and filters, our own and foreign ones, some with the names that our filters would get."""
    group = draw(group_names)
    likely = st.sampled_from([default_name(group), f"{default_name(group)}-log-reflector"[-512:], "foo", "foo-bar"])
    taken = draw(st.lists(likely | filter_names, unique=True, max_size=5))
    filters = [
        SubscriptionFilter(group, name, draw(st.sampled_from([OURS, *FOREIGN])), **draw(attributes)) for name in taken
    ]
    return group, {item.name: item for item in filters}


def applied(filters: dict[str, SubscriptionFilter], plan: GroupPlan) -> dict[str, SubscriptionFilter]:
    """Return the filters in AWS after the plan is applied."""
    after = {name: item for name, item in filters.items() if item not in plan.remove}
    return after | ({plan.put.name: plan.put} if plan.put else {})


def foreign(filters: dict[str, SubscriptionFilter]) -> dict[str, SubscriptionFilter]:
    return {name: item for name, item in filters.items() if item.destination_arn != OURS}


@given(groups(), attributes)
def test_present_converges_in_one_step_and_touches_nothing_foreign(
    group: tuple[str, dict[str, SubscriptionFilter]], options: dict[str, Any]
) -> None:
    name, before = group
    wanted = DesiredFilter(OURS, options, slots=6)
    after = applied(before, plan_present(name, list(before.values()), wanted))
    assert foreign(after) == foreign(before)
    assert len(after) - len(before) == (foreign(before) == before)
    ours = [item for item in after.values() if item.destination_arn == OURS]
    assert any(all(getattr(item, key) == value for key, value in options.items()) for item in ours)
    assert plan_present(name, list(after.values()), wanted).put is None


@given(groups(), attributes)
def test_attribute_that_is_not_given_is_left_alone(
    group: tuple[str, dict[str, SubscriptionFilter]], options: dict[str, Any]
) -> None:
    name, before = group
    plan = plan_present(name, list(before.values()), DesiredFilter(OURS, options, slots=6))
    assume(plan.before is not None and plan.after is not None)
    assert plan.before is not None
    for key in set(attributes_of({})) | {"filter_pattern", "role_arn", "distribution", "name", "destination_arn"}:
        if key not in options:
            assert getattr(plan.after, key) == getattr(plan.before, key)


@given(groups())
def test_absent_removes_only_own_filters(group: tuple[str, dict[str, SubscriptionFilter]]) -> None:
    _unused, before = group
    after = applied(before, plan_absent(list(before.values()), DesiredFilter(OURS)))
    assert after == foreign(before)
    assert plan_absent(list(after.values()), DesiredFilter(OURS)) == GroupPlan()


def test_holders_name_each_destination_once() -> None:
    filters = [
        SubscriptionFilter("/x", name, destination) for name, destination in (("a", "x"), ("b", "y"), ("c", "x"))
    ]
    assert holders(filters) == "a, c (to x); b (to y)"


@given(groups(), st.integers(1, 5))
def test_slot_is_only_taken_where_one_is_free(group: tuple[str, dict[str, SubscriptionFilter]], slots: int) -> None:
    name, before = group
    wanted = DesiredFilter(OURS, {"filter_pattern": "x"}, slots)
    full = len(before) >= slots and foreign(before) == before
    if full:
        with pytest.raises(LimitReachedError) as caught:
            plan_present(name, list(before.values()), wanted)
        for item in before.values():
            assert item.name in str(caught.value)
            assert f" (to {item.destination_arn})" in str(caught.value)
    else:
        assert len(applied(before, plan_present(name, list(before.values()), wanted))) <= max(slots, len(before))


@given(group_names)
def test_default_name_is_one_that_aws_takes(group: str) -> None:
    assert re.fullmatch(r"[^:*]{1,512}", default_name(group))


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("/aws/lambda/testing-the-subscriber", "aws-lambda-testing-the-subscriber"),
        ("plain", "plain"),
        ("/", "root"),
        ("a//b/", "a--b"),
    ],
)
def test_default_name_comes_from_the_groups(group: str, name: str) -> None:
    assert default_name(group) == name


def test_longest_name_that_a_foreign_filter_holds_is_still_avoided_within_aws_limit() -> None:
    group = "g" * 512
    taken = SubscriptionFilter(group, default_name(group), FOREIGN[0])
    put = plan_present(group, [taken], DesiredFilter(OURS)).put
    assert put is not None
    assert put.name != taken.name
    assert len(put.name) <= 512


def test_every_name_that_foreign_filters_hold_is_avoided() -> None:
    filters: list[SubscriptionFilter] = []
    for _unused in range(4):
        put = plan_present("/x/y", filters, DesiredFilter(OURS)).put
        assert put is not None
        filters.append(SubscriptionFilter("/x/y", put.name, FOREIGN[0]))
    assert len({item.name for item in filters}) == 4
    assert filters[0].name == "x-y"


def test_filter_whose_name_begins_with_ours_is_another_filter() -> None:
    longer = SubscriptionFilter("foo", "foo-bar", FOREIGN[0])
    put = plan_present("foo", [longer], DesiredFilter(OURS)).put
    assert put is not None
    assert put.name == "foo"


def test_duplicate_is_noted_and_the_default_name_is_kept() -> None:
    filters = [SubscriptionFilter("/x/y", name, OURS) for name in ("a", "x-y")]
    plan = plan_present("/x/y", filters, DesiredFilter(OURS, {"filter_pattern": "ERROR"}))
    assert plan.put is not None
    assert plan.put.name == "x-y"
    assert "twice: x-y, a; log_groups_merge: true keeps x-y" in plan.note


FULL = {
    "filterName": "n",
    "logGroupName": "g",
    "filterPattern": "ERROR",
    "destinationArn": "arn:aws:kinesis:eu-west-1:222222222222:stream/s",
    "roleArn": "arn:aws:iam::222222222222:role/r",
    "distribution": "Random",
    "applyOnTransformedLogs": True,
    "emitSystemFields": ["@aws.region", "@aws.account"],
    "fieldSelectionCriteria": '@aws.region = "eu-west-1"',
    "creationTime": 1440442987000,
}


def test_filter_from_api_gives_the_same_request() -> None:
    sent = SubscriptionFilter.from_api(FULL).request()
    expected = {key: value for key, value in FULL.items() if key != "creationTime"}
    assert sent == {**expected, "emitSystemFields": ["@aws.account", "@aws.region"]}


@given(attributes)
def test_stored_filter_equals_the_sent_filter(options: dict[str, Any]) -> None:
    item = SubscriptionFilter("g", "n", FOREIGN[0], **options)
    assert SubscriptionFilter.from_api(item.request()) == item


def test_function_gets_no_distribution_and_an_empty_pattern_is_sent() -> None:
    request = SubscriptionFilter("g", "n", OURS, distribution="Random").request()
    assert request == {"logGroupName": "g", "filterName": "n", "destinationArn": OURS, "filterPattern": ""}


def test_from_api_omitted_fields_equal_their_defaults() -> None:
    least = {"filterName": "n", "logGroupName": "g", "destinationArn": OURS}
    filled = {
        **least,
        "filterPattern": "",
        "roleArn": "",
        "distribution": "ByLogStream",
        "applyOnTransformedLogs": False,
    }
    assert SubscriptionFilter.from_api(least) == SubscriptionFilter.from_api(filled)


def test_system_fields_have_no_order_and_no_duplicates() -> None:
    one = attributes_of({"emit_system_fields": ["@aws.region", "@aws.account", "@aws.region"]})
    assert one == attributes_of({"emit_system_fields": ["@aws.account", "@aws.region"]})


def test_missing_attribute_differs_from_empty_one() -> None:
    options = {"filter_pattern": "", "role_arn": None, "apply_on_transformed_logs": False, "log_group": "g"}
    assert attributes_of(options) == {"filter_pattern": "", "apply_on_transformed_logs": False}


def test_plain_form_leaves_out_aws_defaults() -> None:
    assert SubscriptionFilter("g", "n", OURS).plain() == {
        "log_group": "g",
        "name": "n",
        "destination_arn": OURS,
        "filter_pattern": "",
    }
    assert SubscriptionFilter.from_api(FULL).plain()["emit_system_fields"] == ["@aws.account", "@aws.region"]


@pytest.mark.parametrize("destination", [OURS, "log-reflector", "arn:{partition}:lambda:{region}:{account}:function:f"])
def test_random_is_refused_for_functions(destination: str) -> None:
    with pytest.raises(InvalidInputError, match="option distribution: Random is for Kinesis"):
        check_distribution(destination, "Random")
    check_distribution(destination, "ByLogStream")
    check_distribution(destination, None)


@pytest.mark.parametrize("destination", [FOREIGN[0], None])
def test_random_is_accepted_for_streams(destination: str | None) -> None:
    check_distribution(destination, "Random")
