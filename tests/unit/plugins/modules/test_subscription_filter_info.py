# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filter_info: its calls and its result."""

from __future__ import annotations

from typing import Any

import pytest

from .subscriptions_support import REFLECTOR, make_functions, make_group, put

READ = "DescribeSubscriptionFilters"


@pytest.fixture
def prepared(aws: Any) -> Any:
    """Create three groups with filters of this collection and of others, and a group without filters."""
    make_functions(aws, "log-reflector", "theirs")
    make_group(aws, "/aws/lambda/a", foo="log-reflector", foo_bar="theirs")
    make_group(aws, "/aws/lambda/b", foo="theirs")
    make_group(aws, "/aws/rds/c")
    put(aws, "/aws/rds/c", "c", "log-reflector", "ERROR")
    make_group(aws, "/empty")
    return aws


def found(result: dict[str, Any]) -> list[tuple[str, str]]:
    assert not result.get("failed"), result
    assert result["changed"] is False
    return [(item["log_group"], item["name"]) for item in result["subscription_filters"]]


def test_one_group(prepared: Any) -> None:
    result = prepared.run("subscription_filter_info", log_group="/aws/rds/c")
    assert result["subscription_filters"] == [
        {"log_group": "/aws/rds/c", "name": "c", "destination_arn": REFLECTOR, "filter_pattern": "ERROR"}
    ]
    assert prepared.calls == [READ]


def test_many_groups_by_prefix_and_all(prepared: Any) -> None:
    by_prefix = prepared.run("subscription_filter_info", log_group_prefix="/aws/lambda/")
    assert found(by_prefix) == [("/aws/lambda/a", "foo"), ("/aws/lambda/a", "foo-bar"), ("/aws/lambda/b", "foo")]
    everything = prepared.run("subscription_filter_info")
    assert found(everything) == [*found(by_prefix), ("/aws/rds/c", "c")]
    assert prepared.writes == []


def test_names_are_compared_exactly(prepared: Any) -> None:
    result = prepared.run("subscription_filter_info", name="foo")
    assert found(result) == [("/aws/lambda/a", "foo"), ("/aws/lambda/b", "foo")]


@pytest.mark.parametrize("destination", ["log-reflector", REFLECTOR])
def test_destinations_are_compared_exactly(prepared: Any, destination: str) -> None:
    result = prepared.run("subscription_filter_info", destination_arn=destination)
    assert found(result) == [("/aws/lambda/a", "foo"), ("/aws/rds/c", "c")]


def test_group_that_does_not_exist_is_an_error_when_it_was_named(prepared: Any) -> None:
    result = prepared.run("subscription_filter_info", log_group="/gone")
    assert result["failed"]
    assert "log group /gone" in result["msg"]


def test_many_skips_deleted_groups_and_other_classes(aws: Any) -> None:
    stub = aws.stub("logs")
    groups = [
        {"logGroupName": "/a"},
        {"logGroupName": "/archive", "logGroupClass": "INFREQUENT_ACCESS"},
        {"logGroupName": "/gone", "logGroupClass": "STANDARD"},
    ]
    stub.add_response("describe_log_groups", {"logGroups": groups, "nextToken": "more"}, {})
    answer = {"filterName": "n", "logGroupName": "/a", "destinationArn": REFLECTOR, "filterPattern": ""}
    stub.add_response(
        "describe_subscription_filters", {"subscriptionFilters": [answer], "nextToken": "2"}, {"logGroupName": "/a"}
    )
    second = {**answer, "filterName": "on the second page"}
    stub.add_response(
        "describe_subscription_filters", {"subscriptionFilters": [second]}, {"logGroupName": "/a", "nextToken": "2"}
    )
    stub.add_client_error(
        "describe_subscription_filters", "ResourceNotFoundException", expected_params={"logGroupName": "/gone"}
    )
    stub.add_response("describe_log_groups", {"logGroups": [{"logGroupName": "/z"}]}, {"nextToken": "more"})
    stub.add_response("describe_subscription_filters", {"subscriptionFilters": []}, {"logGroupName": "/z"})
    result = aws.run("subscription_filter_info")
    assert found(result) == [("/a", "n"), ("/a", "on the second page")]
    stub.assert_no_pending_responses()


def test_group_and_a_prefix_together_are_refused(prepared: Any) -> None:
    result = prepared.run("subscription_filter_info", log_group="/a", log_group_prefix="/")
    assert result["failed"]
    assert "mutually exclusive" in result["msg"]
    assert prepared.calls == []


def test_empty_log_group_is_refused(prepared: Any) -> None:
    result = prepared.run("subscription_filter_info", log_group="")
    assert "option log_group:" in result["msg"]
    assert prepared.calls == []
