# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alarms on metric math are kept as they were put."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import Place, name


def visible(identity: str, queue: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
    }
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": False}


def alarm(**changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name("alarm"),
        "AlarmDescription": "something could not be delivered",
        "Metrics": [visible("a", "one"), visible("b", "two"), {"Id": "sum", "Expression": "a + b", "Label": "letters"}],
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "TreatMissingData": "notBreaching",
        "AlarmActions": ["arn:aws:sns:eu-west-1:222222222222:topic"],
        **changes,
    }


def test_metric_math_alarm_is_put_described_changed_and_deleted(place: Place) -> None:
    cloudwatch = place.aws.client("cloudwatch", place.account, place.region)
    wanted = alarm()
    cloudwatch.put_metric_alarm(**wanted, Tags=[{"Key": "team", "Value": "logs"}])

    def described() -> list[dict[str, Any]]:
        return cloudwatch.describe_alarms(AlarmNames=[wanted["AlarmName"]])["MetricAlarms"]

    (found,) = described()
    metrics = [*wanted["Metrics"][:2], {**wanted["Metrics"][2], "ReturnData": True}]
    assert {key: found[key] for key in wanted} == {**wanted, "Metrics": metrics}
    assert not found.keys() & {"MetricName", "Namespace", "Period", "Statistic", "Unit"}
    assert (found["ActionsEnabled"], found["StateValue"]) == (True, "INSUFFICIENT_DATA")
    tags = cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "logs"}]
    cloudwatch.put_metric_alarm(**{**wanted, "Threshold": 5.0, "AlarmActions": []})
    assert [(item["Threshold"], item["AlarmActions"]) for item in described()] == [(5.0, [])]
    cloudwatch.delete_alarms(AlarmNames=[wanted["AlarmName"]])
    assert described() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Metrics": [visible("a", "one")]}, "Exactly one element"),
        ({"Namespace": "AWS/SQS"}, "mutually exclusive"),
        ({"Metrics": [visible("a", "one"), {"Id": "sum", "Expression": "a + c"}]}, "names c"),
        ({"Metrics": [{**visible("A", "one"), "ReturnData": True}]}, "small letter"),
    ],
)
def test_put_metric_alarm_invalid_request_is_refused(place: Place, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        place.aws.client("cloudwatch", place.account, place.region).put_metric_alarm(**alarm(**changes))


def test_errors_for_cloudwatch_use_its_protocol(aws: RunningAws, place: Place) -> None:
    cloudwatch = place.aws.client("cloudwatch", place.account, place.region)
    aws.front.throttle("DescribeAlarms", times=1)
    assert "MetricAlarms" in cloudwatch.describe_alarms()  # at the second attempt
    assert [call.status for call in aws.front.calls(operation="DescribeAlarms")][-2:] == [400, 200]
    aws.front.deny("PutMetricAlarm", times=1)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricAlarm") as denied:
        cloudwatch.put_metric_alarm(**alarm())
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    other = place.assumed("cloudwatch", {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"})
    assert "MetricAlarms" in other.describe_alarms()
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:DeleteAlarms"):
        other.delete_alarms(AlarmNames=["nobody"])
    aws.configure(disabled_regions=(place.region,))
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        cloudwatch.describe_alarms()
