# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MetricAlarm: its two forms, and an update that keeps what others set."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.metric_alarm import (
    AlarmSettings,
    Metric,
    MetricAlarm,
)
from aws_in_tests import OWNER, OWNER_LIST, Cloud

NAME = "alarm"


def metric(item: str = "", queue: str = "q", **more: Any) -> Metric:
    name = "ApproximateNumberOfMessagesVisible"
    settings = {"namespace": "AWS/SQS", "metric_name": name, "dimensions": {"QueueName": queue}, "statistic": "Maximum"}
    return Metric(id=item, **{**settings, **more})


ONE = {"metrics": (metric(),)}
BOTH = {"metrics": (metric("one"), metric("two", "r")), "expression": "SUM([one, two])"}


def alarm(**settings: Any) -> AlarmSettings:
    return AlarmSettings(**{"name": NAME, **settings})


def run(cloud: Cloud, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(MetricAlarm, alarm(**settings), check_mode=check_mode)


def change(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(MetricAlarm, alarm(**settings))


def stored(cloud: Cloud, name: str = NAME) -> dict[str, Any]:
    (found,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def tags(cloud: Cloud, arn: str) -> dict[str, str]:
    answer = cloud.client("cloudwatch").list_tags_for_resource(ResourceARN=arn)
    return {item["Key"]: item["Value"] for item in answer["Tags"]}


@pytest.mark.parametrize("watched", [ONE, BOTH], ids=["one", "both"])
def test_alarm_life_cycle(cloud: Cloud, watched: dict[str, Any]) -> None:
    topics = tuple(cloud.arn("sns", name) for name in ("b", "a", "b"))
    created = change(cloud, **watched, alarm_actions=topics, description="d", tags={"a": "1"})
    assert (created["changes"], cloud.writes) == ([f"create alarm {NAME}"], ["PutMetricAlarm"])
    found = created["alarm"]
    assert (found["arn"], found["alarm_actions"]) == (cloud.arn("cloudwatch", f"alarm:{NAME}"), sorted(set(topics)))
    assert tags(cloud, found["arn"]) == {"a": "1", **OWNER}
    assert (stored(cloud)["TreatMissingData"], stored(cloud)["Threshold"]) == ("notBreaching", 0)

    shuffled = {**watched, "metrics": watched["metrics"][::-1], "alarm_actions": topics[::-1], "description": "d"}
    assert not run(cloud, **shuffled)["changed"]
    assert cloud.calls == ["DescribeAlarms"]

    changed = change(cloud, **shuffled, threshold=5.5, tags={"b": "2"})
    assert cloud.writes == ["TagResource", "PutMetricAlarm"]
    assert changed["diff"][1]["after"] == {**changed["diff"][1]["before"], "threshold": 5.5}
    assert tags(cloud, found["arn"]) == {"a": "1", "b": "2", **OWNER}

    assert change(cloud, present=False)["alarm"] is None
    assert cloud.writes == ["DeleteAlarms"]
    assert cloud.client("cloudwatch").describe_alarms(AlarmNames=[NAME])["MetricAlarms"] == []


def test_alarm_changes_between_one_metric_and_an_expression(cloud: Cloud) -> None:
    change(cloud, name="forms", **ONE)
    before = stored(cloud, "forms")
    assert (before["Statistic"], before["Period"], before.get("Metrics") or []) == ("Maximum", 60, [])
    assert change(cloud, name="forms", **BOTH)["alarm"]["expression"] == "SUM([one, two])"
    queries = {query["Id"]: query for query in stored(cloud, "forms")["Metrics"]}
    assert {key for key, query in queries.items() if query.get("ReturnData")} == {"expression"}
    assert queries["two"]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": "r"}]
    assert "expression" not in change(cloud, name="forms", **ONE)["alarm"]
    percentile = {"metrics": (metric(statistic="p99.9"),)}
    change(cloud, name="forms", **percentile)
    assert stored(cloud, "forms")["ExtendedStatistic"] == "p99.9"


def test_alarm_update_keeps_what_others_set(cloud: Cloud) -> None:
    """PutMetricAlarm replaces the whole alarm: somebody who silenced it must not be called again by an update."""
    change(cloud, name="kept", **ONE, evaluation_periods=3)
    (ok, unknown), cloudwatch = (cloud.arn("sns", name) for name in ("ok", "unknown")), cloud.client("cloudwatch")
    theirs = {"ActionsEnabled": False, "OKActions": [ok], "InsufficientDataActions": [unknown], "DatapointsToAlarm": 2}
    watched = {
        key: stored(cloud, "kept")[key] for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    }
    when = {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 3}
    cloudwatch.put_metric_alarm(AlarmName="kept", **watched, **when, TreatMissingData="notBreaching", **theirs)
    assert not run(cloud, name="kept", **ONE, evaluation_periods=3)["changed"]
    change(cloud, name="kept", **ONE, evaluation_periods=3, threshold=6)
    assert {key: stored(cloud, "kept")[key] for key in theirs} == theirs
    change(cloud, name="kept", **ONE, evaluation_periods=1)
    assert stored(cloud, "kept").get("DatapointsToAlarm") in (None, 1), "AWS refuses 2 of 1"


def test_alarm_in_another_form_is_replaced(cloud: Cloud) -> None:
    """A metric that is published without a unit has no data under a unit."""
    cloudwatch = cloud.client("cloudwatch")
    watched = {"Namespace": "AWS/SQS", "MetricName": "m", "Statistic": "Sum", "Period": 60, "Unit": "Count"}
    when = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "EvaluationPeriods": 1}
    cloudwatch.put_metric_alarm(AlarmName="unit", **watched, **when, TreatMissingData="notBreaching", Tags=OWNER_LIST)
    changed = change(cloud, name="unit", metrics=(metric(metric_name="m", statistic="Sum", dimensions={}),))
    assert changed["diff"][0]["before"]["metrics"][0]["unit"] == "Count"
    assert not stored(cloud, "unit").get("Unit")


def test_alarm_foreign_is_refused(cloud: Cloud) -> None:
    change(cloud, name="foreign", **ONE)
    arn, cloudwatch = cloud.arn("cloudwatch", "alarm:foreign"), cloud.client("cloudwatch")
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=list(OWNER))
    assert not run(cloud, name="foreign", **ONE)["changed"]
    for settings in ({**ONE, "threshold": 1}, {**ONE, "tags": {"a": "b"}}, {"present": False}):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, name="foreign", check_mode=check_mode, **settings)
            assert cloud.writes == []
    assert stored(cloud, "foreign")["Threshold"] == 0


@pytest.mark.parametrize("error", ["Throttling: Rate exceeded", "ConcurrentModificationException: again"])
def test_alarm_retries_transient_errors(cloud: Cloud, error: str) -> None:
    cloud.answer("PutMetricAlarm", error, "InternalServiceError: a bad moment")
    assert run(cloud, name=f"retried-{error[:5]}", **ONE)["changed"]
    assert cloud.writes == ["PutMetricAlarm"] * 3


def test_alarm_deleted_by_another_writer_is_no_error(cloud: Cloud) -> None:
    run(cloud, name="gone", **ONE)
    cloud.answer("DeleteAlarms", "ResourceNotFound: gone")
    assert run(cloud, name="gone", present=False)["alarm"] is None


def test_alarm_denied_call_names_the_operation(cloud: Cloud) -> None:
    cloud.answer("PutMetricAlarm", "AccessDenied: not authorized")
    with pytest.raises(
        AccessDeniedError, match=r"Could not create alarm.*The caller needs the IAM action for PutMetricAlarm"
    ):
        run(cloud, name="denied", **ONE)


@pytest.mark.backend("embedded")  # moto does not evaluate policies
def test_alarm_deployer_policy_covers_our_alarms_only(cloud: Cloud) -> None:
    deployer, name = cloud.as_deployer("cloudwatch"), "log-reflector-alarm"
    for settings in ({**BOTH, "tags": {"a": "1"}}, {**BOTH, "threshold": 1, "tags": {"b": "1"}}, {"present": False}):
        assert change(deployer, name=name, **settings)["changed"]
    with pytest.raises(AccessDeniedError, match="cloudwatch:PutMetricAlarm"):
        run(deployer, name="other", **BOTH)


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"name": "a\n"}, "name"),
        ({"name": ""}, "name"),
        ({"metrics": ()}, "metrics"),
        ({"metrics": BOTH["metrics"]}, "expression"),
        ({"metrics": (metric(), metric("two")), "expression": "two"}, "metrics.id"),
        ({"metrics": (metric("One"),), "expression": "One"}, "metrics.id"),
        ({"metrics": (metric("one"), metric("one")), "expression": "one"}, "metrics.id"),
        ({"metrics": (metric("expression"),), "expression": "expression"}, "metrics.id"),
        ({"metrics": tuple(metric(f"m{number}") for number in range(11)), "expression": "m1"}, "metrics"),
        ({"metrics": (metric(period=90),)}, "metrics.period"),
        ({"metrics": (metric(period=0),)}, "metrics.period"),
        ({"evaluation_periods": 0}, "evaluation_periods"),
        ({"alarm_actions": ("on-call",)}, "alarm_actions"),
        ({"alarm_actions": tuple(f"arn:{number}" for number in range(6))}, "alarm_actions"),
    ],
)
def test_alarm_invalid_settings_are_refused(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        MetricAlarm(None, alarm(**{**ONE, **settings}))  # type: ignore[arg-type]
