# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole delivery with toy functions and enforced IAM: group, event, subscriber, filter, lines, sink."""

from __future__ import annotations

import json
from typing import Any

import pytest
from embedded_aws import RunningAws
from toys import LOGGING, Place, document, name, until

REFLECTOR = """
import base64, gzip, json, os, urllib.request
def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    lines = [{"account": data["owner"], "group": data["logGroup"], "line": event["message"]} for event in data["logEvents"]]
    body = "\\n".join(json.dumps(line) for line in lines).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["SINK"], body), timeout=25).read()
"""
SUBSCRIBER = """
import boto3, os
logs = boto3.client("logs")
def handler(event, context):
    if "errorCode" in event["detail"]:
        return
    group = event["detail"]["requestParameters"]["logGroupName"]
    if not group.startswith("/story/"):
        return
    logs.put_subscription_filter(
        logGroupName=group, filterName="ours", filterPattern="", destinationArn=os.environ["REFLECTOR"])
"""


def deploy(place: Place, subscriber_actions: list[str]) -> tuple[str, str]:
    """Deploy a reflector, a subscriber and the subscriber's rule."""
    reflector = place.function(REFLECTOR, Environment={"Variables": {"SINK": place.aws.sink_url}})
    place.allow(reflector, SourceArn=place.arn("logs", "log-group:*"), SourceAccount=place.account)
    rights = {"Effect": "Allow", "Action": subscriber_actions, "Resource": place.arn("logs", "log-group:*")}
    subscriber = place.function(SUBSCRIBER, rights, Environment={"Variables": {"REFLECTOR": reflector}})
    rule = place.rule(subscriber)
    place.allow(subscriber, "events.amazonaws.com", SourceArn=rule)
    return subscriber, rule.rpartition("/")[2]


def undeploy(place: Place, rule: str) -> None:
    place.events.remove_targets(Rule=rule, Ids=["1"])
    place.events.delete_rule(Name=rule)


def filters(place: Place, group: str) -> list[dict[str, Any]]:
    return place.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]


@pytest.mark.parametrize(("account", "region"), [("222222222222", "eu-west-1"), ("333333333333", "us-east-1")])
def test_new_log_group_is_subscribed_and_its_lines_reach_the_sink(aws: RunningAws, account: str, region: str) -> None:
    place = Place(aws, account, region)
    aws.sink.clear()
    _unused, rule = deploy(place, ["logs:PutSubscriptionFilter"])
    group = name("/story/group")
    place.logs.create_log_group(logGroupName=group)
    assert [item["filterName"] for item in until(lambda: filters(place, group))] == ["ours"]
    place.write(group, "one", "two é")
    lines = until(aws.sink.lines)
    assert lines == [{"account": account, "group": group, "line": line} for line in ("one", "two é")]
    undeploy(place, rule)


def test_subscriber_without_permission_is_denied_until_it_is_granted(place: Place) -> None:
    subscriber, rule = deploy(place, ["logs:DescribeLogGroups"])
    group = name("/story/denied")
    place.logs.create_log_group(logGroupName=group)
    printed = until(lambda: place.printed(subscriber, start="botocore.errorfactory.AccessDenied"))
    role = place.lambda_.get_function_configuration(FunctionName=subscriber)["Role"].rpartition("/")[2]
    assert f"assumed-role/{role}" in printed[0]
    assert "is not authorized to perform: logs:PutSubscriptionFilter" in printed[0]
    assert filters(place, group) == []
    # With the permission the next attempt succeeds: a changed role is in force without a new process.
    rights = {"Effect": "Allow", "Action": "logs:PutSubscriptionFilter", "Resource": place.arn("logs", "log-group:*")}
    place.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(LOGGING, rights))
    group = name("/story/allowed")
    place.logs.create_log_group(logGroupName=group)
    assert until(lambda: filters(place, group))
    undeploy(place, rule)


def test_subscriber_after_an_error_is_retried_by_lambda(aws: RunningAws, place: Place) -> None:
    """The front also serves the functions. Lambda retries a function that fails."""
    _unused, rule = deploy(place, ["logs:PutSubscriptionFilter"])
    aws.front.error("ServiceUnavailableException", "Not now", 400, operation="PutSubscriptionFilter", times=1)
    group = name("/story/throttled")
    place.logs.create_log_group(logGroupName=group)
    assert until(lambda: filters(place, group))
    statuses = [call.status for call in aws.front.calls(operation="PutSubscriptionFilter", account=place.account)]
    assert statuses[-2:] == [400, 200]
    assert json.loads(json.dumps(statuses))
    undeploy(place, rule)
