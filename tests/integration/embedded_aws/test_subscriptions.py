# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import ECHO, LOGGING, Place, name, until

STREAM = "arn:aws:kinesis:eu-west-1:222222222222:stream/foreign"
NOT_ALLOWED = "Could not execute the lambda function"


@pytest.fixture(scope="module")
def reflector(here: Place) -> str:
    """Create a function that every group of the account may invoke."""
    function = here.function()
    here.allow(function, SourceArn=here.arn("logs", "log-group:*"), SourceAccount=here.account)
    return function


def test_delivery_has_the_format_of_aws(place: Place, reflector: str) -> None:
    group = place.group()
    place.subscribe(group, reflector)
    place.write(group, "one", "two")
    (payload,) = until(lambda: [item for item in place.payloads(reflector) if item["logGroup"] == group])
    assert payload["messageType"] == "DATA_MESSAGE"
    assert payload["owner"] == "222222222222"
    assert payload["subscriptionFilters"] == ["filter"]
    assert [event["message"] for event in payload["logEvents"]] == ["one", "two"]
    ids = [event["id"] for event in payload["logEvents"]]
    assert ids == sorted(set(ids))
    assert all(len(number) == 56 and number.isdigit() for number in ids)


def test_put_filter_missing_function_is_refused(place: Place) -> None:
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
        place.subscribe(place.group(), place.arn("lambda", "function:nobody"))


def test_put_filter_function_without_permission_is_refused(place: Place) -> None:
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
        place.subscribe(place.group(), place.function())


@pytest.mark.parametrize(
    ("conditions", "accepted"),
    [
        ({}, True),
        ({"SourceArn": "arn:aws:logs:eu-west-1:222222222222:log-group:*"}, True),
        ({"SourceArn": "arn:aws:logs:eu-west-1:222222222222:log-group:{group}:*"}, True),
        ({"SourceArn": "arn:aws:logs:eu-west-1:222222222222:log-group:{group}"}, False),  # AWS requires the ":*"
        ({"SourceArn": "arn:aws:logs:us-east-1:222222222222:log-group:*"}, False),
        ({"SourceAccount": "222222222222"}, True),
        ({"SourceAccount": "333333333333"}, False),
    ],
)
def test_put_filter_permission_conditions_are_enforced(
    place: Place, conditions: dict[str, str], accepted: bool
) -> None:
    function, group = place.function(), place.group()
    place.allow(function, **{key: value.format(group=group) for key, value in conditions.items()})
    if accepted:
        place.subscribe(group, function)
    else:
        with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
            place.subscribe(group, function)


@pytest.mark.parametrize("service", ["events.amazonaws.com", "logs.us-east-1.amazonaws.com"])
def test_put_filter_permission_of_another_service_is_refused(place: Place, service: str) -> None:
    function = place.function()
    place.allow(function, service)
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
        place.subscribe(place.group(), function)


def test_put_filter_permission_of_regional_service_name_is_accepted(place: Place) -> None:
    function, group = place.function(), place.group()
    place.allow(function, "logs.eu-west-1.amazonaws.com")
    place.subscribe(group, function)


def test_put_filter_alias_needs_its_own_permission_and_runs_its_version(place: Place, reflector: str) -> None:
    function = place.function(ECHO.replace("got ", "got old "))
    place.settled(function)
    version = place.lambda_.publish_version(FunctionName=function)["Version"]
    alias = place.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)["AliasArn"]
    place.allow(function)
    group = place.group()
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
        place.subscribe(group, alias)
    place.allow(function, Qualifier="live")
    place.subscribe(group, alias)
    place.write(group, "a line")
    (line,) = until(lambda: place.printed(function, start="got old "))
    assert json.loads(line.removeprefix("got old "))["arn"] == alias


def test_put_filter_young_permission_is_refused_until_the_delay_is_over(aws: RunningAws, place: Place) -> None:
    aws.configure(permission_delay=3600)
    function, group = place.function(), place.group()
    place.allow(function)
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match=NOT_ALLOWED):
        place.subscribe(group, function)
    aws.configure(permission_delay=0.5)

    def subscribed() -> bool:
        try:
            place.subscribe(group, function)
        except place.logs.exceptions.InvalidParameterException:
            return False
        return True

    assert until(subscribed)


def test_put_filter_functions_own_group_is_refused(place: Place, reflector: str) -> None:
    group = f"/aws/lambda/{reflector.split(':')[6]}"
    if not place.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        place.logs.create_log_group(logGroupName=group)
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match="reserved for the function logs"):
        place.subscribe(group, reflector)


@pytest.mark.parametrize("kind", ["INFREQUENT_ACCESS", "DELIVERY"])
def test_put_filter_infrequent_access_group_is_refused(place: Place, reflector: str, kind: str) -> None:
    group = place.group(logGroupClass=kind)
    with pytest.raises(ClientError, match="only supported on the Standard log class"):
        place.subscribe(group, reflector)


def test_filter_operations_missing_group_is_not_found(place: Place, reflector: str) -> None:
    with pytest.raises(place.logs.exceptions.ResourceNotFoundException):
        place.subscribe("/nobody", reflector)


@pytest.mark.parametrize("filter_name", ["a:b", "a*", "x" * 513])
def test_put_filter_invalid_name_is_refused(place: Place, reflector: str, filter_name: str) -> None:
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match="filterName"):
        place.subscribe(place.group(), reflector, filter_name)


def test_put_filter_full_group_is_refused_but_updated(aws: RunningAws, place: Place, reflector: str) -> None:
    group = place.group()
    for number in range(5):
        place.subscribe(group, reflector, f"filter-{number}")
    with pytest.raises(place.logs.exceptions.LimitExceededException, match=r"Resource limit exceeded\."):
        place.subscribe(group, reflector, "filter-5")
    aws.configure(filter_slots=2)
    place.subscribe(group, reflector, "filter-3", "ERROR")
    filters = place.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert [item["filterPattern"] for item in filters] == ["", "", "", "ERROR", ""]


def test_put_filter_update_keeps_creation_time_and_fields(place: Place, reflector: str) -> None:
    group = place.group()
    place.subscribe(group, reflector)
    (before,) = place.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    place.logs.put_subscription_filter(
        logGroupName=group,
        filterName="filter",
        filterPattern="WARN",
        destinationArn=reflector,
        distribution="Random",
        applyOnTransformedLogs=True,
        emitSystemFields=["@aws.account"],
        fieldSelectionCriteria="@aws.region = 'eu-west-1'",
    )
    (after,) = place.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert after == {
        "filterName": "filter",
        "logGroupName": group,
        "filterPattern": "WARN",
        "destinationArn": reflector,
        "distribution": "Random",
        "applyOnTransformedLogs": True,
        "emitSystemFields": ["@aws.account"],
        "fieldSelectionCriteria": "@aws.region = 'eu-west-1'",
        "creationTime": before["creationTime"],
    }


def test_describe_filters_returns_pages_and_filters_by_prefix(place: Place, reflector: str) -> None:
    group = place.group()
    for filter_name in ("foo", "foo-bar", "other"):
        place.subscribe(group, reflector, filter_name)
    first = place.logs.describe_subscription_filters(logGroupName=group, limit=2)
    second = place.logs.describe_subscription_filters(logGroupName=group, limit=2, nextToken=first["nextToken"])
    assert [item["filterName"] for item in first["subscriptionFilters"]] == ["foo", "foo-bar"]
    assert [item["filterName"] for item in second["subscriptionFilters"]] == ["other"]
    prefixed = place.logs.describe_subscription_filters(logGroupName=group, filterNamePrefix="foo")
    assert [item["filterName"] for item in prefixed["subscriptionFilters"]] == ["foo", "foo-bar"]


def test_delivery_without_permission_is_skipped(place: Place) -> None:
    function, group = place.function(), place.group()
    place.lambda_.add_permission(
        FunctionName=function, StatementId="s", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    place.subscribe(group, function)
    place.write(group, "heard")
    assert len(until(lambda: place.payloads(function))) == 1
    place.lambda_.remove_permission(FunctionName=function, StatementId="s")
    place.write(group, "unheard")
    place.allow(function)
    place.write(group, "heard again")
    until(lambda: len(place.payloads(function)) > 1)
    messages = [event["message"] for item in place.payloads(function) for event in item["logEvents"]]
    assert messages == ["heard", "heard again"]


def test_loop_guard_blocks_delivery_of_the_functions_log(aws: RunningAws, place: Place) -> None:
    """AWS refuses only the function's default group, so a loop can start in a group that its configuration names."""
    group = place.group()
    function = place.function(LoggingConfig={"LogFormat": "Text", "LogGroup": group})
    place.allow(function)
    place.subscribe(group, function, pattern="START")
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    assert len(place.printed(function, group)) == 1
    place.write(group, "a START")  # no filter delivered it, and it is in the log: the guard checks the group
    assert len(place.printed(function, group)) == 1
    aws.configure(loop_guard=False)
    place.write(group, "another START")
    looped = until(lambda: len(place.printed(function, group)) > 3)
    aws.configure(loop_guard=True)
    assert looped


def test_put_filter_to_another_service_is_stored(place: Place) -> None:
    group = place.group()
    place.logs.put_subscription_filter(
        logGroupName=group,
        filterName=name("foreign"),
        filterPattern="",
        destinationArn=STREAM,
        roleArn=place.role(LOGGING),
    )
    (found,) = place.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert found["destinationArn"] == STREAM
