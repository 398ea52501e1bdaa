"""The life of an alarm on two servers: announced, made, again, changed, again in other words, deleted, deleted again."""

from __future__ import annotations

from typing import Any

import pytest

NAME = "it-alarm"
TOPIC = "arn:{partition}:sns:{region}:{account}:it-on-call"


def metric(queue: str, **more: Any) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metric_name": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": queue},
        "statistic": "Maximum",
        **more,
    }


WHEN = {"comparison_operator": "GreaterThanThreshold", "threshold": 0, "evaluation_periods": 1}
BOTH = {"metrics": [metric("{account}-q", id="q"), metric("r", id="r")], "expression": "SUM([q, r])"}


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("metric_alarm", check_mode=True, name=NAME, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("metric_alarm", name=NAME, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("metric_alarm", name=NAME, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    return done


def test_rhythm(cloud: Any) -> None:
    created = same_announced_and_done(
        cloud, metrics=[metric("q")], **WHEN, description="d", alarm_actions=[TOPIC], tags={"a": "1"}
    )
    assert created["changes"] == [f"create alarm {NAME}"]
    assert created["alarm"]["alarm_actions"][0].endswith(":it-on-call")
    arn = created["alarm"]["arn"]

    changed = same_announced_and_done(
        cloud,
        threshold=2.5,
        evaluation_periods=3,
        datapoints_to_alarm=2,
        treat_missing_data="notBreaching",
        actions_enabled=False,
        tags={"b": "2"},
    )
    assert changed["changes"] == [f"update tags of alarm {NAME}", f"update alarm {NAME}"]
    cloudwatch = cloud.client("cloudwatch")
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {item["Key"]: item["Value"] for item in tags} == {"b": "2", "managed-by": "logreflector.aws"}
    kept = {**created["alarm"], "threshold": 2.5, "evaluation_periods": 3, "datapoints_to_alarm": 2}
    kept |= {"treat_missing_data": "notBreaching", "actions_enabled": False, "state": changed["alarm"]["state"]}
    assert changed["alarm"] == kept
    again = cloud.run("metric_alarm", name=NAME, metrics=[metric("q", id="x", period="60")], threshold="2.5")
    assert again["changed"] is False

    gone = same_announced_and_done(cloud, state="absent")
    assert gone["alarm"] is None
    assert cloudwatch.describe_alarms(AlarmNames=[NAME])["MetricAlarms"] == []


def test_an_expression_over_two_queues(cloud: Any) -> None:
    created = same_announced_and_done(cloud, **BOTH, **WHEN)
    assert created["alarm"]["expression"] == "SUM([q, r])"
    names = [item["dimensions"]["QueueName"] for item in created["alarm"]["metrics"]]
    assert [name.partition("-")[2] or name for name in names] == ["q", "r"]
    shuffled = {**BOTH, "metrics": BOTH["metrics"][::-1]}
    assert cloud.run("metric_alarm", name=NAME, **shuffled)["changed"] is False
    changed = same_announced_and_done(cloud, description="both")
    assert changed["alarm"]["metrics"] == created["alarm"]["metrics"]
    assert same_announced_and_done(cloud, state="absent")["alarm"] is None


def test_a_foreign_alarm(cloud: Any) -> None:
    cloudwatch = cloud.client("cloudwatch")
    watched = {"Namespace": "AWS/SQS", "MetricName": "m", "Statistic": "Sum", "Period": 60, "Unit": "Count"}
    when = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 1}
    cloudwatch.put_metric_alarm(AlarmName="it-foreign", **watched, **when)
    for options in ({"threshold": 2}, {"state": "absent"}, {"tags": {"a": "1"}}):
        assert cloud.run("metric_alarm", name="it-foreign", **options)["error_kind"] == "RefusedError"
    assert cloud.run("metric_alarm", name="it-foreign", threshold=2, adopt=True)["changed"] is True
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["it-foreign"])["MetricAlarms"]
    assert {key: alarm[key] for key in watched} == watched
    assert alarm["Threshold"] == 2
    assert cloud.run("metric_alarm", name="it-foreign", state="absent")["changed"] is True


@pytest.mark.parametrize("cloud", ["embedded"], indirect=True)
def test_the_deployers_policy_is_enough(cloud: Any) -> None:
    role = {"assume_role_arn": cloud.deployer("cloudwatch")}
    for options in ({**BOTH, **WHEN, "tags": {"a": "1"}}, {"threshold": 1, "tags": {"b": "1"}}, {"state": "absent"}):
        assert cloud.run("metric_alarm", name="log-reflector-it", **options, **role).get("changed") is True
    denied = cloud.run("metric_alarm", name="it-other", **BOTH, **WHEN, **role)
    assert denied["error_kind"] == "AccessDeniedError"
    assert "cloudwatch:PutMetricAlarm" in denied["msg"]
