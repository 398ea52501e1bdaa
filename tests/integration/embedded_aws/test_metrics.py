# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics count what really happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import ECHO, FAILS, Place, name, until

EMBEDS = """
import json
def handler(event, context):
    metric = {"Namespace": "Shop", "Dimensions": [["FunctionName"]], "Metrics": [{"Name": "Orders", "Unit": "Count"}]}
    print(json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [metric]}, "FunctionName": "f", "Orders": 7}))
    print('{"_aws": "a line that only looks like it"}')
"""


class Metrics:
    """The metrics of a place in the last hour."""

    def __init__(self, place: Place) -> None:
        self.client = place.aws.client("cloudwatch", place.account, place.region)

    def read(self, *queries: dict[str, Any]) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        found: list[dict[str, Any]] = self.client.get_metric_data(
            MetricDataQueries=list(queries), StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1)
        )["MetricDataResults"]
        return found

    def values(self, namespace: str, metric: str, statistic: str = "Sum", **dimensions: str) -> list[float]:
        stat = {"Metric": metric_of(namespace, metric, dimensions), "Period": 86400, "Stat": statistic}
        (result,) = self.read({"Id": "m", "MetricStat": stat})
        values: list[float] = result["Values"]
        return values

    def selected(self, expression: str) -> dict[str, list[float]]:
        results = self.read({"Id": "q", "Expression": expression, "Period": 86400})
        return {result["Label"]: result["Values"] for result in results}


def metric_of(namespace: str, metric: str, dimensions: dict[str, str]) -> dict[str, Any]:
    listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": metric, "Dimensions": listed}


@pytest.fixture
def metrics(place: Place) -> Metrics:
    return Metrics(place)


def subscribed(place: Place, source: str = ECHO, **options: Any) -> tuple[str, str]:
    """Return a log group and the function that its filter `filter` sends to."""
    function, group = place.function(source, **options), place.group()
    place.allow(function)
    place.subscribe(group, function)
    return group, function


def test_written_events_count_by_group_and_in_total(place: Place, metrics: Metrics) -> None:
    group = place.group()
    (before,) = metrics.values("AWS/Logs", "IncomingBytes") or [0.0]
    place.write(group, "one", "zwölf")
    place.write(group, "three")
    assert metrics.values("AWS/Logs", "IncomingLogEvents", LogGroupName=group) == [3]
    assert metrics.values("AWS/Logs", "IncomingBytes", LogGroupName=group) == [14]
    assert metrics.values("AWS/Logs", "IncomingBytes") == [before + 14]
    assert metrics.values("AWS/Logs", "IncomingLogEvents", LogGroupName="/nobody") == []


def test_forwarded_events_count_by_filter(place: Place, metrics: Metrics) -> None:
    group, function = subscribed(place)
    place.write(group, "one", "two")
    assert until(lambda: place.payloads(function))
    dimensions = {"LogGroupName": group, "DestinationType": "Lambda", "FilterName": "filter"}
    assert metrics.values("AWS/Logs", "ForwardedLogEvents", **dimensions) == [2]
    assert metrics.values("AWS/Logs", "ForwardedBytes", **dimensions) == [6]
    assert metrics.values("AWS/Logs", "DeliveryErrors", **dimensions) == []


def test_delivery_without_permission_counts_as_error(place: Place, metrics: Metrics) -> None:
    group, function = subscribed(place)
    policy = json.loads(place.lambda_.get_policy(FunctionName=function)["Policy"])
    place.lambda_.remove_permission(FunctionName=function, StatementId=policy["Statement"][0]["Sid"])
    place.write(group, "one", "two", "three")
    dimensions = {"LogGroupName": group, "DestinationType": "Lambda", "FilterName": "filter"}
    assert metrics.values("AWS/Logs", "DeliveryErrors", **dimensions) == [3]
    assert metrics.values("AWS/Logs", "ForwardedLogEvents", **dimensions) == []


def test_throttled_delivery_is_repeated_and_counted(place: Place, metrics: Metrics) -> None:
    group, function = subscribed(place)
    dimensions = {"LogGroupName": group, "DestinationType": "Lambda", "FilterName": "filter"}
    place.aws.configure(delivery_throttling=1.0)
    place.write(group, "one", "two")
    assert metrics.values("AWS/Logs", "DeliveryThrottling", **dimensions)[0] >= 2
    assert metrics.values("AWS/Logs", "ForwardedLogEvents", **dimensions) == []
    place.aws.configure(delivery_throttling=0.0)
    assert until(lambda: place.payloads(function))
    assert metrics.values("AWS/Logs", "ForwardedLogEvents", **dimensions) == [2]


def test_asynchronous_failures_count_by_function(place: Place, metrics: Metrics) -> None:
    group, arn = subscribed(place, FAILS)
    function = arn.rpartition(":")[2]
    place.lambda_.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=1,
    )
    place.write(group, "one")

    def count(metric: str, statistic: str = "Sum") -> list[float]:
        return metrics.values("AWS/Lambda", metric, statistic, FunctionName=function)

    assert until(lambda: count("AsyncEventsDropped")) == [1]
    assert (count("Invocations"), count("Errors"), count("AsyncEventsReceived")) == ([2], [2], [1])
    assert (count("Throttles"), count("ConcurrentExecutions", "Maximum")) == ([0], [1])
    assert count("AsyncEventAge", "Maximum")[0] >= 100
    assert count("DeadLetterErrors") == []


def test_throttled_invocation_counts_once_and_is_none(place: Place, metrics: Metrics) -> None:
    function = place.function().rpartition(":")[2]
    place.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    attempts = [call for call in place.aws.front.calls(operation="Invoke") if call.status == 429]
    assert metrics.values("AWS/Lambda", "Throttles", FunctionName=function) == [len(attempts)]
    assert metrics.values("AWS/Lambda", "Invocations", FunctionName=function) == []
    place.lambda_.delete_function_concurrency(FunctionName=function)
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    assert metrics.values("AWS/Lambda", "Invocations", FunctionName=function) == [1]


def test_queue_counts_messages_and_their_age(place: Place, metrics: Metrics) -> None:
    url, arn = place.queue()
    queue = arn.rpartition(":")[2]
    entries = [{"Id": str(number), "MessageBody": "m"} for number in range(3)]
    place.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert metrics.values("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=queue) == [3]
    first = place.sqs.receive_message(QueueUrl=url)["Messages"][0]
    place.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    place.sqs.purge_queue(QueueUrl=url)
    assert metrics.values("AWS/SQS", "NumberOfMessagesSent", QueueName=queue) == [3]
    assert metrics.values("AWS/SQS", "NumberOfMessagesDeleted", QueueName=queue) == [1]
    assert metrics.values("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Minimum", QueueName=queue) == [0]
    assert metrics.values("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=queue)[0] > 0


def test_rule_without_permission_counts_failed_invocations(place: Place, metrics: Metrics) -> None:
    _url, queue = place.queue()
    rule = place.rule(queue, "/failing").rpartition("/")[2]
    place.group(name("/failing/group"))
    assert until(lambda: metrics.values("AWS/Events", "FailedInvocations", RuleName=rule)) == [1]


def test_embedded_metrics_of_a_line_are_read(place: Place, metrics: Metrics) -> None:
    function = place.function(EMBEDS)
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    assert metrics.values("Shop", "Orders", FunctionName="f") == [7]


def test_metrics_insights_orders_groups_by_sum(place: Place, metrics: Metrics) -> None:
    small, large = place.group(), place.group()
    place.write(small, "x")
    place.write(large, "x" * 5000)
    found = metrics.selected(
        'SELECT SUM(IncomingBytes) FROM SCHEMA("AWS/Logs", LogGroupName)'
        " GROUP BY LogGroupName ORDER BY SUM() DESC LIMIT 500"
    )
    assert (found[small], found[large]) == ([1], [5000])
    assert list(found).index(large) < list(found).index(small)
    where = f"SELECT SUM(IncomingBytes) FROM SCHEMA(\"AWS/Logs\", LogGroupName) WHERE LogGroupName = '{large}'"
    assert metrics.selected(where) == {"IncomingBytes": [5000]}
    with pytest.raises(ClientError, match="knows no expression"):
        metrics.selected("SEARCH('AWS/Logs', 'Sum')")


def test_list_metrics_finds_filters_in_pages(place: Place, metrics: Metrics) -> None:
    group, function = subscribed(place)
    place.write(group, "one")
    assert until(lambda: place.payloads(function))
    wanted = [{"Name": "FilterName", "Value": "filter"}, {"Name": "LogGroupName", "Value": group}]
    (found,) = metrics.client.list_metrics(Namespace="AWS/Logs", MetricName="ForwardedLogEvents", Dimensions=wanted)[
        "Metrics"
    ]
    assert {item["Name"]: item["Value"] for item in found["Dimensions"]} == {
        "DestinationType": "Lambda",
        "FilterName": "filter",
        "LogGroupName": group,
    }
    for number in range(501):
        data = {"MetricName": "Many", "Value": 1, "Dimensions": [{"Name": "Number", "Value": str(number)}]}
        metrics.client.put_metric_data(Namespace="Pages", MetricData=[data])
    pages = list(metrics.client.get_paginator("list_metrics").paginate(Namespace="Pages"))
    assert [len(page["Metrics"]) for page in pages] == [500, 1]


def test_metrics_of_other_accounts_are_not_seen(aws: RunningAws, place: Place) -> None:
    group = place.group()
    place.write(group, "one")
    other = Metrics(Place(aws, "333333333333", place.region))
    assert other.values("AWS/Logs", "IncomingLogEvents", LogGroupName=group) == []
