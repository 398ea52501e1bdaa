# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups of the class DELIVERY: a filter to a Firehose stream with our role, and no other change."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberSettings
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import Path, row_of
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    delivery_filter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.outcome import Outcome
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.planning import SweepSettings
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.settings import (
    check_settings,
    choice_of,
    desired_filter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.sweep import Sweep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs_server import LogsServer

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
STREAM = "arn:aws:firehose:eu-west-1:222222222222:deliverystream/one"
OTHER = STREAM.replace("/one", "/two")
ROLE = "arn:aws:iam::222222222222:role/log-reflector-delivery"
THEIR_ROLE = ROLE.replace("log-reflector", "theirs")


def server(*groups: str) -> LogsServer:
    """Return a target whose groups have the class DELIVERY, beside one STANDARD group."""
    found = LogsServer("/standard", *groups)
    found.classes.update(dict.fromkeys(groups, "DELIVERY"))
    return found


def desired(stream: str | None = STREAM, **attributes: Any) -> DesiredFilter:
    delivery = delivery_filter(stream, "log-reflector-delivery", OURS)
    return DesiredFilter(OURS, attributes, delivery=delivery)


def run(aws: LogsServer, stream: str | None = STREAM, *, write: bool = True, **options: Any) -> dict[str, Outcome]:
    """Sweep as a catch-up does, with tags. Return the outcomes by log group."""
    attributes = options.pop("attributes", {})
    api = LogsApi(aws.client, lambda: "222222222222/eu-west-1", RetryPolicy(seconds=0), RateLimiter(scale=1e6))
    audits = options.pop("audit", False)
    sweep = Sweep(
        api,
        Choice(["*"], ["/excluded*"], delivers=bool(stream)),
        desired(stream, **attributes),
        lambda name: f"arn:aws:logs:eu-west-1:222222222222:log-group:{name}",
        SweepSettings(workers=2, purge=True, audit=lambda _name: audits, **options),
    )
    return {outcome.log_group: outcome for outcome in sweep.run(write=write)}


def kinds(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: outcome.kind for name, outcome in outcomes.items()}


def places(aws: LogsServer, group: str) -> list[tuple[str, str | None]]:
    return [(item["destinationArn"], item.get("roleArn")) for item in aws.groups[group].values()]


def test_delivery_group_gets_a_filter_to_the_stream_and_a_standard_one_to_the_reflector() -> None:
    aws = server("/delivery")
    assert kinds(run(aws, attributes={"filter_pattern": "ERROR"})) == {"/delivery": "created", "/standard": "created"}
    assert places(aws, "/delivery") == [(STREAM, ROLE)]
    assert places(aws, "/standard") == [(OURS, None)]
    assert aws.groups["/delivery"]["delivery"]["filterPattern"] == "ERROR"
    before = len(aws.calls)
    assert set(kinds(run(aws, attributes={"filter_pattern": "ERROR"})).values()) == {"subscribed"}
    assert {"PutSubscriptionFilter", "TagResource"}.isdisjoint(name for name, _request in aws.calls[before:])


def test_check_of_a_delivery_group_writes_nothing() -> None:
    aws = server("/delivery")
    assert kinds(run(aws, write=False))["/delivery"] == "created"
    assert aws.groups == {"/standard": {}, "/delivery": {}}
    assert aws.tags == {}


def test_filter_of_others_to_the_same_stream_stays_theirs() -> None:
    aws = server("/delivery")
    aws.add_filter("/delivery", "theirs", STREAM, roleArn=THEIR_ROLE)
    outcome = run(aws)["/delivery"]
    assert (outcome.kind, [item.name for item in outcome.foreign]) == ("created", ["theirs"])
    assert kinds(run(aws, present=False))["/delivery"] == "removed"
    assert places(aws, "/delivery") == [(STREAM, THEIR_ROLE)]


def test_another_stream_updates_the_filter_in_place() -> None:
    aws = server("/delivery")
    run(aws)
    assert kinds(run(aws, OTHER)) == {"/delivery": "updated", "/standard": "subscribed"}
    assert places(aws, "/delivery") == [(OTHER, ROLE)]


def test_full_delivery_group_is_not_possible() -> None:
    aws = server("/delivery")
    for number in range(5):
        aws.add_filter("/delivery", f"theirs-{number}", OTHER, roleArn=THEIR_ROLE)
    outcome = run(aws)["/delivery"]
    assert (outcome.kind, outcome.cause) == ("not_possible", "slots")


def test_without_a_stream_a_delivery_group_is_not_read_and_keeps_its_settings_hash() -> None:
    aws = server("/delivery")
    outcome = run(aws, None)["/delivery"]
    assert (outcome.kind, outcome.cause) == ("not_possible", "class")
    assert "/delivery" not in [
        request.get("logGroupName") for name, request in aws.calls if name == "DescribeSubscriptionFilters"
    ]
    assert desired(None).subscription_tag == DesiredFilter(OURS).subscription_tag
    assert len({each.subscription_tag for each in (desired(None), desired(), desired(OTHER))}) == 3


def test_stream_that_is_taken_away_takes_filter_and_tag_with_it() -> None:
    aws = server("/delivery")
    run(aws)
    assert aws.tags["/delivery"]
    assert kinds(run(aws, None)) == {"/delivery": "removed", "/standard": "subscribed"}
    assert aws.groups["/delivery"] == {}
    assert aws.tags["/delivery"] == {}


@pytest.mark.parametrize("stream", [None, STREAM])
def test_removal_finds_the_filter_with_and_without_a_stream(stream: str | None) -> None:
    aws = server("/delivery")
    run(aws)
    assert kinds(run(aws, stream, present=False, audit=True))["/delivery"] == "removed"
    assert aws.groups == {"/standard": {}, "/delivery": {}}


def test_excluded_delivery_group_loses_its_filter() -> None:
    aws = server("/excluded")
    run(aws)
    assert aws.groups["/excluded"] == {}
    aws.add_filter("/excluded", "ours", STREAM, roleArn=ROLE)
    aws.tags["/excluded"] = dict([desired().subscription_tag])
    assert kinds(run(aws))["/excluded"] == "removed"


def test_coverage_of_a_delivery_group_does_not_depend_on_the_reflector() -> None:
    aws = server("/delivery", "/new")
    run(aws)
    aws.groups["/new"].clear()
    found = {
        name: row_of(outcome, Path(problem=("function", "it is gone")), keeps_excluded=False)
        for name, outcome in run(aws, write=False, audit=True).items()
    }
    states = {name: row and (row.state, row.cause, row.means) for name, row in found.items()}
    assert states == {
        "/delivery": ("covered", "", "firehose"),
        "/new": ("missing", "missing", ""),
        "/standard": ("broken", "function", "filter"),
    }


def test_settings_of_the_subscriber_make_the_same_filter_as_the_catch_up() -> None:
    options = SubscriberSettings(delivery_stream=STREAM)
    assert desired_filter(options, OURS) == desired()
    assert choice_of(options).delivers
    assert not choice_of(SubscriberSettings()).delivers


@pytest.mark.parametrize(
    "stream",
    [
        "one",
        "arn:aws:firehose:eu-west-1:222222222222:stream/one",
        "arn:aws:kinesis:eu-west-1:222222222222:stream/one",
        STREAM + "\n",
        STREAM + "/more",
    ],
)
def test_text_that_is_no_stream_is_refused(stream: str) -> None:
    with pytest.raises(InvalidInputError, match="no ARN of a Firehose stream"):
        check_settings(SubscriberSettings(delivery_stream=stream))


@pytest.mark.parametrize("part", ["eu-west-1", "222222222222", "arn:aws:"])
def test_stream_of_another_place_is_refused(part: str) -> None:
    other = {"eu-west-1": "us-east-1", "222222222222": "111111111111", "arn:aws:": "arn:aws-cn:"}[part]
    with pytest.raises(InvalidInputError, match="only within an account and region"):
        delivery_filter(STREAM.replace(part, other), "r", OURS)


def test_placeholders_in_a_stream_are_accepted_before_the_target_is_known() -> None:
    check_settings(
        SubscriberSettings(delivery_stream="arn:{partition}:firehose:{region}:{account}:deliverystream/logs")
    )


filters = st.lists(st.tuples(st.sampled_from([STREAM, OTHER, OURS]), st.sampled_from([ROLE, THEIR_ROLE])), max_size=6)


def foreign(groups: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Iterable[tuple[str, Any]]]:
    return {
        group: sorted((name, item["destinationArn"]) for name, item in found.items() if item["roleArn"] != ROLE)
        for group, found in groups.items()
        if group != "/standard"
    }


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["/a", "/b", "/c"]), filters, min_size=1))
def test_second_run_changes_nothing_and_filters_of_others_never_change(
    found: dict[str, list[tuple[str, str]]],
) -> None:
    aws = server(*found)
    for group, items in found.items():
        for number, (destination, role) in enumerate(items):
            aws.add_filter(group, f"filter-{number}", destination, roleArn=role)
    before = foreign(copy.deepcopy(aws.groups))
    first = run(aws, audit=True)
    assert foreign(aws.groups) == before
    state = copy.deepcopy(aws.groups)
    run(aws, audit=True)
    assert aws.groups == state
    for group, outcome in first.items():
        if group != "/standard" and outcome.kind != "not_possible":
            assert (STREAM, ROLE) in places(aws, group)
    run(aws, present=False, audit=True)
    assert foreign(aws.groups) == before
    assert all(role != ROLE for group in found for _destination, role in places(aws, group))
