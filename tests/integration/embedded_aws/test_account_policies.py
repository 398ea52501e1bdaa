# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Account-level subscription filter policies. An event has the same id in every read and delivery."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import ECHO, Place, at_least, name, until

KIND = "SUBSCRIPTION_FILTER_POLICY"


@pytest.fixture
def place(aws: RunningAws) -> Iterator[Place]:
    """Return a place for one test, because a policy is for all groups of an account and region."""
    place = Place(aws, "333333333333", "us-east-1")
    yield place
    for policy in place.logs.describe_account_policies(policyType=KIND)["accountPolicies"]:
        place.logs.delete_account_policy(policyName=policy["policyName"], policyType=KIND)


def reflector(place: Place, **options: Any) -> str:
    function = place.function(ECHO, **options)
    place.allow(function, SourceArn=place.arn("logs", "log-group:*"), SourceAccount=place.account)
    return function


def put(place: Place, destination: str, policy: str = "ours", excluded: list[str] | None = None, **more: str) -> Any:
    options = {} if excluded is None else {"selectionCriteria": f"LogGroupName NOT IN {json.dumps(excluded)}"}
    document = json.dumps({"DestinationArn": destination, "FilterPattern": "", **more})
    return place.logs.put_account_policy(policyName=policy, policyType=KIND, policyDocument=document, **options)[
        "accountPolicy"
    ]


def test_account_policy_delivers_all_but_excluded_groups(place: Place) -> None:
    function = reflector(place)
    there, excluded, rare = place.group(), place.group(), place.group(logGroupClass="INFREQUENT_ACCESS")
    put(place, function, excluded=[excluded])
    new = place.group()
    for group in (excluded, rare, there, new):
        place.write(group, f"a line of {group}")
    found = sorted(until(lambda: at_least(2, place.payloads(function))), key=lambda item: item["logGroup"] == new)
    assert {key: value for key, value in found[-1].items() if key not in ("logStream", "logEvents")} == {
        "messageType": "DATA_MESSAGE",
        "owner": "333333333333",
        "logGroup": new,
        "subscriptionFilters": ["ours"],
        "policyLevel": "ACCOUNT_LEVEL_POLICY",
    }
    assert [item["logGroup"] for item in found] == [there, new]


def test_account_policy_beside_a_filter_delivers_the_same_event_ids(place: Place) -> None:
    function, group = reflector(place), place.group()
    place.subscribe(group, function)
    put(place, function)
    begin = int(time.time() * 1000)
    place.write(group, "one", "two")
    both = until(lambda: at_least(2, place.payloads(function)))
    assert {item.get("policyLevel") for item in both} == {None, "ACCOUNT_LEVEL_POLICY"}
    stored = place.logs.filter_log_events(logGroupName=group)["events"]
    ids = [event["eventId"] for event in stored]
    assert [[event["id"] for event in item["logEvents"]] for item in both] == [ids, ids]
    assert all(len(number) == 56 and number.isdigit() for number in ids)
    assert all(begin <= event["ingestionTime"] <= time.time() * 1000 for event in stored)
    assert [event["message"] for event in stored] == ["one", "two"]


def test_account_policy_never_delivers_the_functions_own_group(aws: RunningAws, place: Place) -> None:
    aws.configure(loop_guard=False)
    function = reflector(place)
    put(place, function)
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    group = place.group()
    place.write(group, "a line")
    assert until(lambda: place.payloads(function))
    assert {item["logGroup"] for item in place.payloads(function)} == {group}


def test_put_account_policy_updates_by_name_and_refuses_a_second_name(place: Place) -> None:
    function = reflector(place)
    made = put(place, function, excluded=["/a"])
    assert made == {
        "policyName": "ours",
        "policyDocument": json.dumps({"DestinationArn": function, "FilterPattern": ""}),
        "lastUpdatedTime": made["lastUpdatedTime"],
        "policyType": KIND,
        "scope": "ALL",
        "selectionCriteria": 'LogGroupName NOT IN ["/a"]',
        "accountId": "333333333333",
    }
    with pytest.raises(place.logs.exceptions.LimitExceededException):
        put(place, function, "another")
    put(place, function, FilterPattern="ERROR")
    (policy,) = place.logs.describe_account_policies(policyType=KIND, policyName="ours")["accountPolicies"]
    assert json.loads(policy["policyDocument"])["FilterPattern"] == "ERROR"
    assert "selectionCriteria" not in policy
    assert (
        Place(place.aws, "333333333333", "eu-west-1").logs.describe_account_policies(policyType=KIND)["accountPolicies"]
        == []
    )
    place.logs.delete_account_policy(policyName="ours", policyType=KIND)
    with pytest.raises(place.logs.exceptions.ResourceNotFoundException):
        place.logs.delete_account_policy(policyName="ours", policyType=KIND)


def test_put_account_policy_invalid_request_is_refused(place: Place) -> None:
    function = reflector(place)
    refused = place.logs.exceptions.InvalidParameterException
    with pytest.raises(refused, match="Could not execute the lambda function"):
        put(place, place.arn("lambda", "function:nobody"))
    closed = place.function()
    place.allow(closed, SourceArn=place.arn("logs", "log-group:/one:*"))
    with pytest.raises(refused, match="Could not execute the lambda function"):
        put(place, closed)
    with pytest.raises(refused, match="roleArn"):
        put(place, function, RoleArn="arn:aws:iam::333333333333:role/r")
    with pytest.raises(refused, match="Unknown"):
        put(place, function, Unknown="x")
    with pytest.raises(refused, match="25600 bytes"):
        put(place, function, excluded=["é" * 400] * 40)
    with pytest.raises(refused, match="NOT IN"):
        place.logs.put_account_policy(
            policyName="ours",
            policyType=KIND,
            policyDocument=json.dumps({"DestinationArn": function}),
            selectionCriteria='LogGroupName IN ["a"]',
        )
    with pytest.raises(refused, match="30720"):
        put(place, function, FilterPattern="x" * 31_000)
    assert place.logs.describe_account_policies(policyType=KIND)["accountPolicies"] == []


@pytest.mark.parametrize("missing", ["logs:PutAccountPolicy", "logs:PutSubscriptionFilter"])
def test_account_policy_operations_need_two_permissions(place: Place, missing: str) -> None:
    function = reflector(place)
    actions = [item for item in ("logs:PutAccountPolicy", "logs:PutSubscriptionFilter") if item != missing]
    place.logs = place.assumed("logs", {"Effect": "Allow", "Action": actions, "Resource": "*"})
    with pytest.raises(ClientError, match=f"not authorized to perform: {missing}"):
        put(place, function)
    place.logs = place.assumed("logs", {"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
    put(place, function)


def test_filter_log_events_returns_pages(place: Place) -> None:
    group = place.group()
    place.write(group, *(f"line {number}" for number in range(5)))
    place.write(group, *(f"other {number}" for number in range(5)))
    pages = list(
        place.logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 3})
    )
    assert [len(page["events"]) for page in pages] == [3, 3, 3, 1]
    events = [event for page in pages for event in page["events"]]
    assert len({event["eventId"] for event in events}) == 10
    keys = [(event["timestamp"], event["ingestionTime"], event["eventId"]) for event in events]
    assert keys == sorted(keys)
    newest = place.logs.filter_log_events(logGroupName=group, filterPattern="line", limit=2, startFromHead=False)
    assert [event["message"] for event in newest["events"]] == ["line 4", "line 3"]
    rest = place.logs.filter_log_events(logGroupName=group, filterPattern="line", nextToken=newest["nextToken"])
    assert [event["message"] for event in rest["events"]] == ["line 2", "line 1", "line 0"]
    end = events[0]["timestamp"]
    assert place.logs.filter_log_events(logGroupName=group, endTime=end - 1)["events"] == []
    assert place.logs.filter_log_events(logGroupName=group, endTime=end)["events"] != []
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match="nextToken is invalid"):
        place.logs.filter_log_events(logGroupName=group, nextToken="nonsense")


def test_filter_log_events_page_holds_one_megabyte(place: Place) -> None:
    group = place.group()
    for _unused in range(3):
        place.write(group, "x" * 400_000)
    first = place.logs.filter_log_events(logGroupName=group)
    assert len(first["events"]) == 2
    second = place.logs.filter_log_events(logGroupName=group, nextToken=first["nextToken"])
    assert (len(second["events"]), "nextToken" in second) == (1, False)


def test_filter_log_events_function_log_has_event_ids(place: Place) -> None:
    function = place.function()
    place.lambda_.invoke(FunctionName=function, Payload=json.dumps({"n": name("n")}).encode())
    group = f"/aws/lambda/{function.split(':')[6]}"
    ids = [event["eventId"] for event in place.logs.filter_log_events(logGroupName=group)["events"]]
    assert len(ids) > 2
    assert ids == sorted(set(ids))


def test_delete_account_policy_stops_delivery(place: Place) -> None:
    function, group = reflector(place), place.group()
    put(place, function)
    place.write(group, "heard")
    assert until(lambda: place.payloads(function))
    place.logs.delete_account_policy(policyName="ours", policyType=KIND)
    place.write(group, "unheard")
    put(place, function, FilterPattern="loud")
    place.write(group, "quiet")
    place.write(group, "loud")
    until(lambda: len(place.payloads(function)) > 1)
    messages = [event["message"] for item in place.payloads(function) for event in item["logEvents"]]
    assert messages == ["heard", "loud"]
