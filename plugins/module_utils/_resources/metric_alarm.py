# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A CloudWatch alarm on a metric, or on an expression over several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .._errors import InvalidInputError, NotFoundError, ReflectorError, ThrottledError, check_name
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call, check_number
from .ownership import Ownership, as_dict, as_list, owned_plan

_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_EXPRESSION = "expression"  # the id of the one that the alarm watches, among those of the metrics
# What an alarm watches, in PutMetricAlarm's parameters.
_WATCHED = (
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "Metrics",
    "ThresholdMetricId",
    "EvaluationCriteria",
    "EvaluationInterval",
)
# What no option speaks of: PutMetricAlarm forgets what it is not given.
_KEPT = ("EvaluateLowSampleCountPercentile", "EvaluationWindow", "WarmUpConfiguration")
_ACTIONS = 5  # of each kind (API reference, PutMetricAlarm)
_METRICS = 10  # that an alarm's expression may be over (API reference, MetricDataQuery)


@dataclass(frozen=True, slots=True)
class Settings:
    """When the alarm goes off, and what then; the fields are the options.

    datapoints_to_alarm     None for all of the evaluation periods
    """

    description: str = ""
    threshold: float | None = None
    comparison_operator: str | None = None
    evaluation_periods: int | None = None
    datapoints_to_alarm: int | None = None
    treat_missing_data: str = "missing"
    actions_enabled: bool = True
    alarm_actions: tuple[str, ...] = ()
    ok_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Settings:
        """From an item of DescribeAlarms' answer."""
        periods, datapoints = answer.get("EvaluationPeriods"), answer.get("DatapointsToAlarm")
        return cls(
            description=answer.get("AlarmDescription") or "",
            threshold=answer.get("Threshold"),
            comparison_operator=answer.get("ComparisonOperator"),
            evaluation_periods=periods,
            datapoints_to_alarm=None if datapoints == periods else datapoints,
            treat_missing_data=answer.get("TreatMissingData") or "missing",
            actions_enabled=answer.get("ActionsEnabled", True),
            alarm_actions=_sorted(answer.get("AlarmActions")),
            ok_actions=_sorted(answer.get("OKActions")),
            insufficient_data_actions=_sorted(answer.get("InsufficientDataActions")),
        )

    def given(self, options: Mapping[str, Any]) -> Settings:
        """These, with the options in them."""
        after = replace(self, **options)
        periods, datapoints = after.evaluation_periods, after.datapoints_to_alarm
        if datapoints and periods and datapoints > periods:
            message = f"{datapoints} is more than the {periods} evaluation_periods"
            raise InvalidInputError("datapoints_to_alarm", message)
        return replace(after, datapoints_to_alarm=None) if datapoints == periods else after

    def request(self) -> dict[str, Any]:
        """As PutMetricAlarm takes them."""
        request = {
            "AlarmDescription": self.description,
            "Threshold": self.threshold,
            "ComparisonOperator": self.comparison_operator,
            "EvaluationPeriods": self.evaluation_periods,
            "DatapointsToAlarm": self.datapoints_to_alarm,
            "TreatMissingData": self.treat_missing_data,
            "ActionsEnabled": self.actions_enabled,
            "AlarmActions": list(self.alarm_actions),
            "OKActions": list(self.ok_actions),
            "InsufficientDataActions": list(self.insufficient_data_actions),
        }
        return {key: value for key, value in request.items() if value is not None}

    def plain(self) -> Result:
        """In the words of the options, for diffs and results."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it stands.

    watched     what it watches, in the parameters of PutMetricAlarm
    kept        parameters that no option speaks of
    tags        None where they were not asked for
    """

    arn: str
    state: str
    watched: Mapping[str, Any]
    settings: Settings
    kept: Mapping[str, Any]
    tags: Mapping[str, str] | None = None

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Alarm:
        """From an item of DescribeAlarms' answer."""
        return cls(
            arn=answer["AlarmArn"],
            state=answer.get("StateValue") or "",
            watched={key: answer[key] for key in _WATCHED if answer.get(key)},
            settings=Settings.from_api(answer),
            kept={key: answer[key] for key in _KEPT if answer.get(key)},
        )


class MetricAlarmResource:
    """Identity: the alarm's name in the account and region."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        check_name(
            "name", self._name, r"[^\x00-\x1f\x7f]{1,255}", "1 to 255 characters, none of them a control character"
        )
        self._target = target
        self._present = params["state"] == "present"
        self._given = _given_settings(target, params) if self._present else {}
        self._watched = _given_watched(target, params) if self._present else None
        self._own = Ownership.from_params(f"alarm {self._name}", lambda: target.where, params)
        self._api = AlarmApi(target, self._name, RetryPolicy(seconds=params["wait_timeout"]))

    def read(self) -> Alarm | None:
        """One call, one more for the tags if they matter."""
        alarm = self._api.alarm()
        if alarm and (self._own.concerns_tags or not self._present or self._changes(alarm)):
            alarm = replace(alarm, tags=self._api.tags(alarm.arn))
        return alarm

    def plan(self, actual: Alarm | None) -> list[Change]:
        """RefusedError if the alarm is foreign; InvalidInputError for a new one without what it cannot do without."""
        return owned_plan(
            self._own,
            actual,
            present=self._present,
            creation=self._creation,
            deletion=self._deletion,
            changes=self._changes,
        )

    def apply(self, change: Change) -> None:
        """The calls of one change; an alarm that is gone already when it is to be deleted is no error."""
        for call in change.payload:
            self._api.write(call, str(change))

    def facts(self, actual: Alarm | None) -> Result:
        """The alarm as it stands; null if it does not exist."""
        if actual is None:
            return {"alarm": None}
        plain = {**_plain_watched(actual.watched), **actual.settings.plain()}
        return {"alarm": {"name": self._name, "arn": actual.arn, "state": actual.state, **plain}}

    def _creation(self) -> Change:
        settings = Settings().given(self._given)
        for option in ("threshold", "comparison_operator", "evaluation_periods"):
            if getattr(settings, option) is None:
                raise InvalidInputError(option, f"the alarm {self._name} does not exist, and a new one needs it")
        if self._watched is None:
            raise InvalidInputError("metrics", f"the alarm {self._name} does not exist, and a new one needs them")
        tags = self._own.first_tags()
        request = {"AlarmName": self._name, **self._watched, **settings.request(), "Tags": as_list(tags)}
        plain = {**_plain_watched(self._watched), **settings.plain(), "tags": tags}
        return Change("create", "alarm", self._name, None, plain, (Call("put_metric_alarm", request),))

    def _changes(self, alarm: Alarm) -> list[Change]:
        tags = self._own.tag_update(
            "alarm",
            self._name,
            alarm.tags,
            tag=lambda tags: Call("tag_resource", {"ResourceARN": alarm.arn, "Tags": as_list(tags)}),
            untag=lambda keys: Call("untag_resource", {"ResourceARN": alarm.arn, "TagKeys": keys}),
        )
        return [*tags, *self._alarm_update(alarm)]

    def _alarm_update(self, alarm: Alarm) -> Iterator[Change]:
        watched = alarm.watched if self._watched is None else self._watched
        settings = alarm.settings.given(self._given)
        before = {**_plain_watched(alarm.watched), **alarm.settings.plain()}
        after = {**_plain_watched(watched), **settings.plain()}
        if after != before:
            request = {"AlarmName": self._name, **watched, **alarm.kept, **settings.request()}
            yield Change("update", "alarm", self._name, before, after, (Call("put_metric_alarm", request),))

    def _deletion(self, alarm: Alarm) -> Change:
        before = {**_plain_watched(alarm.watched), **alarm.settings.plain(), "tags": dict(alarm.tags or {})}
        call = Call("delete_alarms", {"AlarmNames": [self._name]})
        return Change("delete", "alarm", self._name, before, None, (call,))


class AlarmApi:
    """The calls to CloudWatch about one alarm."""

    def __init__(self, target: Target, name: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._patience = retry_policy

    @property
    def _client(self) -> Any:
        return self._target.client("cloudwatch")

    def alarm(self) -> Alarm | None:
        """The alarm without its tags, None if it does not exist."""
        with self._target.describe_operation(f"read alarm {self._name}"):
            answer = self._client.describe_alarms(AlarmNames=[self._name], AlarmTypes=["MetricAlarm"])
        found = [item for item in answer.get("MetricAlarms", []) if item["AlarmName"] == self._name]
        return Alarm.from_api(found[0]) if found else None

    def tags(self, arn: str) -> dict[str, str]:
        """The alarm's tags."""
        with self._target.describe_operation(f"read the tags of alarm {self._name}"):
            return as_dict(self._client.list_tags_for_resource(ResourceARN=arn).get("Tags"))

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call."""

        def make() -> None:
            with self._target.describe_operation(operation):
                call.made_with(self._client)

        try:
            self._patience.wait_out(make, _passes)
        except ReflectorError as error:
            gone = isinstance(error, NotFoundError) or error.code == "ResourceNotFound"
            if call.method != "delete_alarms" or not gone:
                raise


def _given_settings(target: Target, params: Params) -> dict[str, Any]:
    """The settings that the user gave; the others are left alone."""
    names = [field.name for field in fields(Settings)]
    given = {name: target.expand(params[name]) for name in names if params[name] is not None}
    for name in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
        if name in given:
            given[name] = _sorted(set(given[name]))
            if odd := [action for action in given[name] if not action.startswith("arn:")]:
                raise InvalidInputError(name, f"{odd[0]!r} is not an ARN")
            if len(given[name]) > _ACTIONS:
                raise InvalidInputError(name, f"CloudWatch takes {_ACTIONS}, and these are {len(given[name])}")
    for name in ("evaluation_periods", "datapoints_to_alarm"):
        check_number(name, given.get(name), 1, 60_480)  # periods of 10 seconds in seven days
    return given


def _given_watched(target: Target, params: Params) -> dict[str, Any] | None:
    """What the alarm is to watch, in PutMetricAlarm's parameters; None where no option speaks of it.

    A single metric is written as such: CloudWatch shows it so, and counts it as one.
    """
    metrics, expression = target.expand(params["metrics"]), target.expand(params["expression"])
    if metrics is None:
        if expression:
            raise InvalidInputError("expression", "it is over metrics, and the option metrics is not given")
        return None
    if not 1 <= len(metrics) <= _METRICS:
        raise InvalidInputError("metrics", f"they are {len(metrics)}, and an alarm watches 1 to {_METRICS}")
    for metric in metrics:
        if metric["period"] not in (10, 20, 30) and (metric["period"] < 60 or metric["period"] % 60):
            raise InvalidInputError("metrics.period", f"{metric['period']} is neither 10, 20, 30 nor a multiple of 60")
    if not expression:
        if len(metrics) > 1:
            raise InvalidInputError("expression", "an alarm watches one value, and an expression makes one of several")
        return _single(metrics[0])
    ids = [metric["id"] or "" for metric in metrics]
    for item in ids:
        check_name("metrics.id", item, r"[a-z][a-zA-Z0-9_]{0,254}", "a lower-case letter, then letters, digits and _")
        if ids.count(item) > 1 or item == _EXPRESSION:
            message = "is the expression's own" if item == _EXPRESSION else "is given more than once"
            raise InvalidInputError("metrics.id", f"{item} {message}")
    queries = [_query(metric) for metric in metrics]
    return {"Metrics": [*queries, {"Id": _EXPRESSION, "Expression": expression, "ReturnData": True}]}


def _single(metric: Mapping[str, Any]) -> dict[str, Any]:
    statistic = "Statistic" if metric["statistic"] in _STATISTICS else "ExtendedStatistic"
    return {**_metric(metric), "Period": metric["period"], statistic: metric["statistic"]}


def _query(metric: Mapping[str, Any]) -> dict[str, Any]:
    stat = {"Metric": _metric(metric), "Period": metric["period"], "Stat": metric["statistic"]}
    return {"Id": metric["id"], "MetricStat": stat, "ReturnData": False}


def _metric(metric: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = {str(name): str(value) for name, value in (metric["dimensions"] or {}).items()}
    return {
        "Namespace": metric["namespace"],
        "MetricName": metric["metric_name"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())],
    }


def _plain_watched(watched: Mapping[str, Any]) -> Result:
    """The options metrics and expression that say the same; what none can say is shown as CloudWatch has it."""
    queries = watched.get("Metrics")
    if watched.get("MetricName"):
        statistic = watched.get("ExtendedStatistic") or watched.get("Statistic")
        return {"metrics": [_plain_metric(watched, watched.get("Period"), statistic, watched.get("Unit"))]}
    if not queries:
        return dict(watched)
    metrics = [query for query in queries if "MetricStat" in query]
    expressions = [query["Expression"] for query in queries if query.get("Expression") and query.get("ReturnData")]
    plain = [{"id": query["Id"], **_plain_stat(query["MetricStat"])} for query in sorted(metrics, key=_id_of)]
    if len(queries) == len(metrics) == 1:
        return {"metrics": [_plain_stat(metrics[0]["MetricStat"])]}
    if len(expressions) == 1 and len(queries) == len(metrics) + 1:
        return {"metrics": plain, "expression": expressions[0]}
    return dict(watched)


def _id_of(query: Mapping[str, Any]) -> str:
    return str(query["Id"])


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
    return {**plain, "unit": unit} if unit else plain


def _sorted(items: Sequence[str] | set[str] | None) -> tuple[str, ...]:
    return tuple(sorted(items or ()))


def _passes(error: ReflectorError) -> bool:
    """Another writer on the same alarm, a rate shared with others, a bad moment of the service."""
    return isinstance(error, ThrottledError) or error.code in (
        "ConcurrentModificationException",
        "InternalServiceError",
    )
