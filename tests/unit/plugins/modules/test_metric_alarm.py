"""Conversations of metric_alarm with CloudWatch: which calls, in which order, and none that is not needed."""

from __future__ import annotations

from typing import Any

import pytest

MARK = {"managed-by": "logreflector.aws"}
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:t"


def metric(queue: str, **more: Any) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metric_name": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": queue},
        "statistic": "Maximum",
        **more,
    }


NEEDED = {"threshold": 0, "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1}
BOTH = {"metrics": [metric("q", id="q"), metric("r", id="r")], "expression": "SUM([q, r])"}
ALARM = {"name": "a", "metrics": [metric("q")], **NEEDED}


def tags(aws: Any) -> dict[str, str]:
    answer = aws.client("cloudwatch").list_tags_for_resource(ResourceARN=ARN)
    return {item["Key"]: item["Value"] for item in answer["Tags"]}


@pytest.mark.parametrize("watched", [{"metrics": [metric("q")]}, BOTH])
def test_life_of_an_alarm(aws: Any, watched: dict[str, Any]) -> None:
    topic = "arn:{partition}:sns:{region}:{account}:t"
    options = {"name": "a", **NEEDED, **watched, "alarm_actions": [topic], "tags": {"a": "b"}}
    announced = aws.run("metric_alarm", check_mode=True, **options)
    assert aws.writes == []
    assert announced["alarm"] is None
    created = aws.run("metric_alarm", **options)
    assert aws.writes == ["PutMetricAlarm"]
    assert created["changes"] == announced["changes"] == ["create alarm a"]
    assert created["diff"] == announced["diff"]
    assert (created["alarm"]["arn"], created["alarm"]["alarm_actions"]) == (ARN, [TOPIC])
    assert tags(aws) == {"a": "b", **MARK}

    assert aws.run("metric_alarm", name="a", **NEEDED, **watched)["changed"] is False
    assert aws.calls == ["DescribeAlarms"]
    assert aws.run("metric_alarm", **options)["changed"] is False

    changed = aws.run("metric_alarm", name="a", threshold=5.5, treat_missing_data="notBreaching", tags={"c": "d"})
    assert aws.writes == ["UntagResource", "TagResource", "PutMetricAlarm"]
    assert changed["diff"][1]["after"] == {
        **changed["diff"][1]["before"],
        "threshold": 5.5,
        "treat_missing_data": "notBreaching",
    }
    assert tags(aws) == {"c": "d", **MARK}
    kept = ("metrics", "expression", "alarm_actions", "comparison_operator")
    assert [changed["alarm"].get(key) for key in kept] == [created["alarm"].get(key) for key in kept]
    assert aws.run("metric_alarm", name="a", threshold=5.5, **watched)["changed"] is False

    assert aws.run("metric_alarm", name="a", state="absent", check_mode=True)["changed"] is True
    assert aws.writes == []
    assert aws.run("metric_alarm", name="a", state="absent")["alarm"] is None
    assert aws.writes == ["DeleteAlarms"]
    assert aws.run("metric_alarm", name="a", state="absent")["changed"] is False


def test_from_one_metric_to_two_and_back(aws: Any) -> None:
    aws.run("metric_alarm", **ALARM)
    assert aws.run("metric_alarm", name="a", **BOTH)["alarm"]["expression"] == "SUM([q, r])"
    assert aws.run("metric_alarm", name="a", **BOTH)["changed"] is False
    assert aws.run("metric_alarm", **ALARM)["changed"] is True
    assert aws.run("metric_alarm", **ALARM)["changed"] is False


def test_a_foreign_alarm_stays_as_it_is(aws: Any) -> None:
    aws.run("metric_alarm", **ALARM)
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.untag_resource(ResourceARN=ARN, TagKeys=["managed-by"])
    assert aws.run("metric_alarm", **ALARM)["changed"] is False
    for options in ({"threshold": 1}, {"tags": {"a": "b"}}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("metric_alarm", name="a", check_mode=check_mode, **options)
            assert refused["error_kind"] == "RefusedError"
            assert aws.writes == []
    assert cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["Threshold"] == 0
    assert aws.run("metric_alarm", name="a", threshold=1, adopt=True)["changed"] is True
    assert aws.run("metric_alarm", name="a", state="absent")["changed"] is True


def described(stub: Any, *alarms: dict[str, Any]) -> None:
    whole = [{"AlarmArn": ARN, "AlarmName": "a", "StateValue": "OK", **alarm} for alarm in alarms]
    stub.add_response("describe_alarms", {"MetricAlarms": whole}, {"AlarmNames": ["a"], "AlarmTypes": ["MetricAlarm"]})


def test_what_passes_is_waited_out(aws: Any) -> None:
    stub = aws.stub("cloudwatch")
    described(stub)
    stub.add_client_error("put_metric_alarm", "Throttling", "Rate exceeded")
    stub.add_response("put_metric_alarm", {})
    described(stub, {"Threshold": 0.0})
    assert aws.run("metric_alarm", **ALARM)["changed"] is True
    stub.assert_no_pending_responses()


def test_an_alarm_that_is_gone_already_is_no_error(aws: Any) -> None:
    stub = aws.stub("cloudwatch")
    described(stub, {})
    stub.add_response("list_tags_for_resource", {"Tags": [{"Key": "managed-by", "Value": "logreflector.aws"}]})
    stub.add_client_error("delete_alarms", "ResourceNotFound")
    described(stub)
    assert aws.run("metric_alarm", name="a", state="absent")["alarm"] is None
    stub.assert_no_pending_responses()


def test_a_denied_call_names_the_operation(aws: Any) -> None:
    stub = aws.stub("cloudwatch")
    described(stub)
    stub.add_client_error("put_metric_alarm", "AccessDenied", "not authorized", http_status_code=403)
    failed = aws.run("metric_alarm", **ALARM)
    assert "Could not create alarm a" in failed["msg"]
    assert "The caller needs the IAM action for PutMetricAlarm" in failed["msg"]
