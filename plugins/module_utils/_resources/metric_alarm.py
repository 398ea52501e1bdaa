# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A CloudWatch alarm on one metric, or on an expression over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .._errors import InvalidInputError, check_name
from .._plan import Change, Result
from .._session import Target
from .common import Call, check_number
from .owned_resource import OwnedResource, OwnedState
from .ownership import as_dict, as_list

_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_EXPRESSION = "expression"  # the id of the expression among the ids of the metrics
_KEPT = (
    "ActionsEnabled",
    "OKActions",
    "InsufficientDataActions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationWindow",
    "WarmUpConfiguration",
)
"""Set by somebody else. PutMetricAlarm replaces the whole alarm, so an update repeats them."""
ALARM_ACTIONS = 5
"""Actions of an alarm (API reference, PutMetricAlarm)."""
_METRICS = 10  # that one expression may use (API reference, MetricDataQuery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric that the alarm reads.

    id          lower-case name in the expression
    statistic   SampleCount, Average, Sum, Minimum, Maximum, or a percentile such as p99.9
    period      10, 20, 30 or a multiple of 60 seconds
    """

    id: str = ""
    namespace: str
    metric_name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str
    period: int = 60


_COMPARISON, _MISSING_DATA = "GreaterThanThreshold", "notBreaching"  # of all our alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """The desired state of an alarm. Its other fields (is it enabled, actions of other states) are left alone.

    expression      over the ids of `metrics`; "" if there is one metric
    alarm_actions   ARNs
    wait_seconds    for transient errors
    """

    name: str
    present: bool = True
    description: str = ""
    metrics: tuple[Metric, ...] = ()
    expression: str = ""
    threshold: float = 0
    evaluation_periods: int = 1
    alarm_actions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(OwnedState):
    """An alarm as DescribeAlarms answered it."""

    answer: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return str(self.answer["AlarmArn"])

    def plain(self) -> Result:
        """Return what the settings govern, for comparison and diffs."""
        answer = self.answer
        return {
            "description": answer.get("AlarmDescription") or "",
            "threshold": answer.get("Threshold"),
            "comparison_operator": answer.get("ComparisonOperator"),
            "evaluation_periods": answer.get("EvaluationPeriods"),
            "treat_missing_data": answer.get("TreatMissingData") or "missing",
            "alarm_actions": sorted(answer.get("AlarmActions") or ()),
            **_plain_watched(answer),
        }

    def kept(self, evaluation_periods: int) -> dict[str, Any]:
        """Return the parameters that an update repeats. Datapoints to alarm are kept if the alarm needs fewer than all."""
        kept = {key: self.answer[key] for key in _KEPT if key in self.answer}
        datapoints = self.answer.get("DatapointsToAlarm")
        if datapoints and datapoints != self.answer.get("EvaluationPeriods") and datapoints < evaluation_periods:
            kept["DatapointsToAlarm"] = datapoints
        return kept


class MetricAlarm(OwnedResource[Alarm]):
    """Identity: the alarm's name in the account and region."""

    kind, service = "alarm", "cloudwatch"
    transient_codes = ("ConcurrentModificationException", "InternalServiceError")

    def __init__(self, target: Target, settings: AlarmSettings) -> None:
        _check(settings)
        super().__init__(
            target, settings.name, present=settings.present, tags=settings.tags, wait_seconds=settings.wait_seconds
        )
        self._settings = settings

    def facts(self, actual: Alarm | None) -> Result:
        """Return the alarm's fields; None if it does not exist."""
        if actual is None:
            return {"alarm": None}
        state = actual.answer.get("StateValue") or ""
        return {"alarm": {"name": self._name, "arn": actual.arn, "state": state, **actual.plain()}}

    def _find(self) -> Alarm | None:
        with self._target.describe_operation(f"read alarm {self._name}"):
            answer = self._client.describe_alarms(AlarmNames=[self._name], AlarmTypes=["MetricAlarm"])
        found = [item for item in answer.get("MetricAlarms", []) if item["AlarmName"] == self._name]
        return Alarm(answer=found[0]) if found else None

    def _read_tags(self, found: Alarm) -> dict[str, str]:
        with self._target.describe_operation(f"read the tags of alarm {self._name}"):
            return as_dict(self._client.list_tags_for_resource(ResourceARN=found.arn).get("Tags"))

    def _creation(self) -> Change:
        tags = self._own.creation_tags()
        call = Call("put_metric_alarm", {**self._request(), "Tags": as_list(tags)})
        return self._change("create", None, {**self._desired(), "tags": tags}, call)

    def _changes(self, actual: Alarm) -> list[Change]:
        changes = self._tag_update(
            actual, lambda tags: Call("tag_resource", {"ResourceARN": actual.arn, "Tags": as_list(tags)})
        )
        before, after = actual.plain(), self._desired()
        if after != before:
            request = {**actual.kept(self._settings.evaluation_periods), **self._request()}
            changes.append(self._change("update", before, after, Call("put_metric_alarm", request)))
        return changes

    def _deletion(self, actual: Alarm) -> Change:
        before = {**actual.plain(), "tags": dict(actual.tags or {})}
        return self._change("delete", before, None, Call("delete_alarms", {"AlarmNames": [self._name]}))

    def _desired(self) -> Result:
        settings = self._settings
        metrics = [asdict(metric) for metric in settings.metrics]
        if not settings.expression:
            del metrics[0]["id"]
        return {
            "description": settings.description,
            "threshold": settings.threshold,
            "comparison_operator": _COMPARISON,
            "evaluation_periods": settings.evaluation_periods,
            "treat_missing_data": _MISSING_DATA,
            "alarm_actions": sorted(set(settings.alarm_actions)),
            "metrics": sorted(metrics, key=lambda metric: str(metric.get("id"))),
            **({"expression": settings.expression} if settings.expression else {}),
        }

    def _request(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "AlarmName": settings.name,
            "AlarmDescription": settings.description,
            "Threshold": settings.threshold,
            "ComparisonOperator": _COMPARISON,
            "EvaluationPeriods": settings.evaluation_periods,
            "TreatMissingData": _MISSING_DATA,
            "AlarmActions": sorted(set(settings.alarm_actions)),
            **_watched(settings),
        }


def check_actions(option: str, actions: Sequence[str]) -> None:
    """Raise InvalidInputError for actions that CloudWatch would refuse."""
    if len(actions) > ALARM_ACTIONS:
        raise InvalidInputError(option, f"CloudWatch allows {ALARM_ACTIONS} for an alarm, given are {len(actions)}")
    if not_arns := [action for action in actions if not action.startswith("arn:")]:
        raise InvalidInputError(option, f"{not_arns[0]!r} is not an ARN")


def _check(settings: AlarmSettings) -> None:
    """Raise InvalidInputError for settings that CloudWatch would refuse."""
    characters = "1 to 255 characters, none of them a control character"
    check_name("name", settings.name, r"[^\x00-\x1f\x7f]{1,255}", characters)
    if not settings.present:
        return
    if not 1 <= len(settings.metrics) <= _METRICS:
        raise InvalidInputError("metrics", f"there are {len(settings.metrics)}, an alarm needs 1 to {_METRICS}")
    if len(settings.metrics) > 1 and not settings.expression:
        raise InvalidInputError("expression", "an alarm on several metrics needs one")
    check_actions("alarm_actions", settings.alarm_actions)
    check_number("evaluation_periods", settings.evaluation_periods, 1, 60_480)  # periods of 10 seconds in seven days
    for metric in settings.metrics:
        if metric.period not in (10, 20, 30) and (metric.period < 60 or metric.period % 60):
            raise InvalidInputError("metrics.period", f"{metric.period} is neither 10, 20, 30 nor a multiple of 60")
    if settings.expression:
        _check_ids([metric.id for metric in settings.metrics])


def _check_ids(ids: list[str]) -> None:
    for item in ids:
        check_name("metrics.id", item, r"[a-z][a-zA-Z0-9_]{0,254}", "a lower-case letter, then letters, digits and _")
        if ids.count(item) > 1 or item == _EXPRESSION:
            message = "is the id of the expression" if item == _EXPRESSION else "is given more than once"
            raise InvalidInputError("metrics.id", f"{item} {message}")


def _watched(settings: AlarmSettings) -> dict[str, Any]:
    """Return the parameters of PutMetricAlarm for the metrics. The console shows an alarm on one metric best as such."""
    if not settings.expression:
        (metric,) = settings.metrics
        statistic = "Statistic" if metric.statistic in _STATISTICS else "ExtendedStatistic"
        return {**_metric(metric), "Period": metric.period, statistic: metric.statistic}
    queries = [
        {
            "Id": metric.id,
            "MetricStat": {"Metric": _metric(metric), "Period": metric.period, "Stat": metric.statistic},
            "ReturnData": False,
        }
        for metric in settings.metrics
    ]
    return {"Metrics": [*queries, {"Id": _EXPRESSION, "Expression": settings.expression, "ReturnData": True}]}


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.metric_name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions.items())],
    }


def _plain_watched(answer: Mapping[str, Any]) -> Result:
    """Return metrics and expression as the settings have them; other forms of alarms are returned as CloudWatch has them."""
    queries = answer.get("Metrics") or []
    if answer.get("MetricName"):
        statistic = answer.get("ExtendedStatistic") or answer.get("Statistic")
        return {"metrics": [_plain_metric(answer, answer.get("Period"), statistic, answer.get("Unit"))]}
    stats = [query for query in queries if "MetricStat" in query]
    expressions = [query["Expression"] for query in queries if query.get("Expression") and query.get("ReturnData")]
    if len(expressions) == 1 and len(queries) == len(stats) + 1 and not answer.get("ThresholdMetricId"):
        plain = [{"id": query["Id"], **_plain_stat(query["MetricStat"])} for query in stats]
        return {"metrics": sorted(plain, key=lambda metric: str(metric["id"])), "expression": expressions[0]}
    return {"metrics": queries}


def _plain_stat(stat: Mapping[str, Any]) -> Result:
    return _plain_metric(stat["Metric"], stat.get("Period"), stat.get("Stat"), stat.get("Unit"))


def _plain_metric(metric: Mapping[str, Any], period: Any, statistic: Any, unit: Any) -> Result:
    plain = {
        "namespace": metric.get("Namespace"),
        "metric_name": metric.get("MetricName"),
        "dimensions": {item["Name"]: item["Value"] for item in metric.get("Dimensions") or ()},
        "statistic": statistic,
        "period": period,
    }
    return {**plain, "unit": unit} if unit else plain  # a metric that is published without a unit has no data under one
