"""The plan for an alarm: what it watches in its two forms, and a put that forgets nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.metric_alarm import (
    Alarm,
    MetricAlarmResource,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.modules.metric_alarm import SPEC

MARK = {"managed-by": "logreflector.aws"}
MARKED = [{"Key": "managed-by", "Value": "logreflector.aws"}]
ARN = "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:a"
TOPIC = "arn:aws:sns:eu-west-1:111111111111:t"


def metric(name: str = "q", **more: Any) -> dict[str, Any]:
    """The option for a queue's depth."""
    return {
        "namespace": "AWS/SQS",
        "metric_name": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": name},
        "statistic": "Maximum",
        **more,
    }


def single(name: str = "q", **more: Any) -> dict[str, Any]:
    """The same as CloudWatch has it."""
    return {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": name}],
        "Statistic": "Maximum",
        "Period": 60,
        **more,
    }


def query(item: str, name: str, *, returns: bool = False) -> dict[str, Any]:
    """The same in an alarm on an expression."""
    whole = single(name)
    stat = {
        "Metric": {key: whole[key] for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": 60,
        "Stat": "Maximum",
    }
    return {"Id": item, "MetricStat": stat, "ReturnData": returns}


TWO = [metric("q", id="one"), metric("r", id="two")]
SUM = {"Id": "expression", "Expression": "SUM([one, two])", "ReturnData": True}
QUERIES = [query("one", "q"), query("two", "r"), SUM]
NEEDED = {"threshold": 0, "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1}
WHEN = {"Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
NEW = {
    **WHEN,
    "AlarmName": "a",
    "AlarmDescription": "",
    "TreatMissingData": "missing",
    "ActionsEnabled": True,
    "AlarmActions": [],
    "OKActions": [],
    "InsufficientDataActions": [],
}


def resource(**params: Any) -> MetricAlarmResource:
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate({"region": "eu-west-1", "name": "a", **params})
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws:iam::111111111111:user/me")
    return MetricAlarmResource(target, validated.validated_parameters)


def standing(tags: Any = None, **answer: Any) -> Alarm:
    described = {"AlarmName": "a", "AlarmArn": ARN, "StateValue": "OK", **WHEN, **answer}
    return replace(Alarm.from_api(described), tags=tags)


def put(changes: list[Any]) -> dict[str, Any]:
    ((change,),) = (changes,)
    ((call,),) = (change.payload,)
    assert call.method == "put_metric_alarm"
    return dict(call.request)


def test_a_new_alarm_on_one_metric() -> None:
    (creation,) = resource(metrics=[metric("{account}-q")], **NEEDED).plan(None)
    assert put([creation]) == {**NEW, **single("111111111111-q"), "Tags": MARKED}
    assert creation.after["metrics"] == [metric("111111111111-q", period=60)]


def test_a_new_alarm_on_an_expression() -> None:
    (creation,) = resource(metrics=TWO, expression="SUM([one, two])", **NEEDED).plan(None)
    assert put([creation]) == {**NEW, "Metrics": QUERIES, "Tags": MARKED}
    assert creation.after["expression"] == "SUM([one, two])"


def test_a_percentile_is_an_extended_statistic() -> None:
    request = put(resource(metrics=[metric(statistic="p99.9")], **NEEDED).plan(None))
    assert (request["ExtendedStatistic"], "Statistic" in request) == ("p99.9", False)
    stands = standing(**{**single(ExtendedStatistic="p99.9"), "Statistic": None})
    assert resource(metrics=[metric(statistic="p99.9")]).plan(stands) == []


@pytest.mark.parametrize("missing", ["threshold", "comparison_operator", "evaluation_periods", "metrics"])
def test_what_a_new_alarm_cannot_do_without(missing: str) -> None:
    options = {key: value for key, value in {**NEEDED, "metrics": [metric()]}.items() if key != missing}
    with pytest.raises(InvalidInputError, match=f"the option {missing}:.*a new one needs"):
        resource(**options).plan(None)


@pytest.mark.parametrize(
    ("stands", "given"),
    [
        (single(), {"metrics": [metric(id="any")]}),
        ({"Metrics": [query("m1", "q", returns=True)]}, {"metrics": [metric()]}),
        ({"Metrics": QUERIES[::-1]}, {"metrics": TWO[::-1], "expression": "SUM([one, two])"}),
        (
            {"Metrics": [*QUERIES[:2], {**SUM, "Id": "e1", "Label": "both"}]},
            {"metrics": TWO, "expression": "SUM([one, two])"},
        ),
        (single(DatapointsToAlarm=1), {"datapoints_to_alarm": 1}),
        (single(), {"datapoints_to_alarm": 1, "treat_missing_data": "missing", "actions_enabled": True}),
        (
            single(AlarmActions=["arn:b", TOPIC]),
            {"alarm_actions": ["arn:{partition}:sns:{region}:{account}:t", "arn:b", "arn:b"]},
        ),
        (single(), {"description": "", "ok_actions": []}),
    ],
)
def test_what_says_the_same_is_not_put(stands: dict[str, Any], given: dict[str, Any]) -> None:
    assert resource(**given, **NEEDED).plan(standing(**stands)) == []


def test_what_is_not_given_is_put_as_it_stands() -> None:
    stands = {
        **single(Unit="Count"),
        "AlarmDescription": "d",
        "DatapointsToAlarm": 2,
        "EvaluationPeriods": 3,
        "TreatMissingData": "breaching",
        "ActionsEnabled": False,
        "AlarmActions": [TOPIC],
        "OKActions": ["o"],
        "InsufficientDataActions": ["i"],
        "EvaluateLowSampleCountPercentile": "ignore",
        "Threshold": 5.0,
        "ComparisonOperator": "LessThanThreshold",
    }
    before = standing(**stands)
    assert resource().plan(before) == []
    assert put(resource(threshold=6).plan(before)) == {**stands, "AlarmName": "a", "Threshold": 6.0}
    anomaly = {"Metrics": [query("m", "q", returns=True)], "ThresholdMetricId": "band"}
    request = put(resource(description="x").plan(standing(**anomaly)))
    assert {key: request[key] for key in anomaly} == anomaly


def test_metrics_replace_what_was_watched() -> None:
    request = put(resource(metrics=[metric("r")]).plan(standing(**single(Unit="Count"))))
    assert (request["Dimensions"], "Unit" in request) == ([{"Name": "QueueName", "Value": "r"}], False)
    request = put(resource(metrics=TWO, expression="SUM([one, two])").plan(standing(**single())))
    assert (request["Metrics"], "MetricName" in request) == (QUERIES, False)
    request = put(resource(metrics=[metric()]).plan(standing(Metrics=QUERIES)))
    assert ("Metrics" in request, request["Period"]) == (False, 60)


def test_a_unit_makes_a_difference() -> None:
    # A metric that is published without one has no data under it.
    assert len(resource(metrics=[metric()]).plan(standing(**single(Unit="Count")))) == 1


def test_all_periods_stay_all_periods() -> None:
    stands = standing(**single(), DatapointsToAlarm=1)
    assert "DatapointsToAlarm" not in put(resource(evaluation_periods=3).plan(stands))
    assert put(resource(evaluation_periods=3, datapoints_to_alarm=2).plan(stands))["DatapointsToAlarm"] == 2
    with pytest.raises(InvalidInputError, match=r"datapoints_to_alarm.*2 is more than the 1"):
        resource(datapoints_to_alarm=2).plan(stands)


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"name": "a\n"}, "name"),
        ({"name": ""}, "name"),
        ({"metrics": []}, "metrics"),
        ({"metrics": TWO}, "expression"),
        ({"expression": "one"}, "expression"),
        ({"metrics": [metric(), metric(id="two")], "expression": "two"}, "metrics.id"),
        ({"metrics": [metric(id="One")], "expression": "One"}, "metrics.id"),
        ({"metrics": [TWO[0], TWO[0]], "expression": "one"}, "metrics.id"),
        ({"metrics": [metric(id="expression")], "expression": "expression"}, "metrics.id"),
        ({"metrics": [metric(id=f"m{number}") for number in range(11)], "expression": "m1"}, "metrics"),
        ({"metrics": [metric(period=90)]}, "metrics.period"),
        ({"metrics": [metric(period=0)]}, "metrics.period"),
        ({"evaluation_periods": 0}, "evaluation_periods"),
        ({"datapoints_to_alarm": 0}, "datapoints_to_alarm"),
        ({"alarm_actions": ["on-call"]}, "alarm_actions"),
        ({"ok_actions": [f"arn:{number}" for number in range(6)]}, "ok_actions"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        resource(**params)


def test_foreign_alarms_are_guarded() -> None:
    foreign = standing({}, **single())
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(threshold=1).plan(foreign)
    assert resource(threshold=0).plan(foreign) == []
    adopted = resource(threshold=1, adopt=True).plan(foreign)
    assert [str(change) for change in adopted] == ["update tags of alarm a", "update alarm a"]
    assert adopted[0].payload[0].request == {"ResourceARN": ARN, "Tags": MARKED}
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(foreign)
    assert len(resource(state="absent", force=True).plan(foreign)) == 1
