# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch's metrics of a period: what CloudWatch Logs, the function and the queue counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Literal

from ..._session import Target
from ..._subscriptions.filters import default_name
from ..metrics import QUERIES, Series, metric_results
from .scope import STEP, Period, Scope

_DATA_POINTS = 100_800
"""Data points in one answer (API reference, GetMetricData, MaxDatapoints)."""

SUMS = (
    "Invocations",
    "Errors",
    "Throttles",
    "AsyncEventsReceived",
    "AsyncEventsDropped",
    "DeadLetterErrors",
    "DestinationDeliveryFailures",
)
MAXIMA = ("AsyncEventAge", "ConcurrentExecutions")
QUEUE_SUMS = ("NumberOfMessagesSent", "NumberOfMessagesDeleted")

_WITH_SUFFIX = re.compile(r".+-log-reflector(-\d+)?")

Statistic = Literal["Sum", "Maximum"]
Point = tuple[float, float]
"""Begin of a step in seconds since 1970, and the value."""


class Metrics:
    """Reads metrics, and counts what that costs.

    lists    number of calls of ListMetrics
    queried  number of metrics in calls of GetMetricData
    """

    def __init__(self, target: Target, period: Period) -> None:
        self.lists = self.queried = 0
        self._target, self._period = target, period

    def series(self, namespace: str, **filters: Any) -> list[Series]:
        """Return the metrics that had data in the last two weeks."""
        found: list[Series] = []
        pages = self._target.client("cloudwatch").get_paginator("list_metrics")
        with self._target.describe_operation(f"list the metrics of {namespace}"):
            for page in pages.paginate(Namespace=namespace, **filters):
                self.lists += 1
                found += [_series(item) for item in page["Metrics"]]
        return found

    def sums(self, series: Sequence[Series]) -> Counter[Series]:
        """Return the sum of each metric in the period; 0 for a metric without data."""
        return Counter({each: total(points) for each, points in self.points(series).items()})

    def points(self, series: Sequence[Series], statistic: Statistic = "Sum") -> dict[Series, list[Point]]:
        """Return the data of each metric in the period."""
        steps = max(1, (self._period.end - self._period.begin) // STEP)
        size = max(1, min(QUERIES, _DATA_POINTS // steps))
        parts = [series[begin : begin + size] for begin in range(0, len(series), size)]
        found: dict[Series, list[Point]] = {}
        for answer in self._target.together(*(partial(self._read, part, statistic) for part in parts)):
            found.update(answer)
        self.queried += len(series)
        return found

    def _read(self, series: Sequence[Series], statistic: Statistic) -> dict[Series, list[Point]]:
        queries = [each.query(f"m{number}", statistic, STEP) for number, each in enumerate(series)]
        request = {"MetricDataQueries": queries, "StartTime": self._period.begin, "EndTime": self._period.end}
        values: dict[str, list[Point]] = {}
        for result in metric_results(self._target, request, "read metrics"):
            moments = (moment.timestamp() for moment in result["Timestamps"])
            values.setdefault(result["Id"], []).extend(zip(moments, result["Values"], strict=True))
        return {each: values.get(f"m{number}", []) for number, each in enumerate(series)}


def total(points: Iterable[Point], until: float = inf) -> int:
    """Return the sum of the values before a time."""
    return round(sum(value for moment, value in points if moment < until))


def _series(item: Mapping[str, Any]) -> Series:
    dimensions = sorted((each["Name"], each["Value"]) for each in item["Dimensions"])
    return Series(item["Namespace"], item["MetricName"], tuple(dimensions))


@dataclass(slots=True)
class Forwarding:
    """Counts of CloudWatch Logs by log group; by "" for events of the account policy.

    written    events that were written, of log groups that must arrive or were forwarded
    before     of them, events from before the log group's filter; the step in which it was created counts whole
    forwarded, errors, throttles   of our filters and policy. A throttled delivery is tried again, and may be forwarded later
    """

    written: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    forwarded: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    throttles: Counter[str] = field(default_factory=Counter)

    @property
    def unsubscribed(self) -> int:
        """The number of events that log groups got while they had no filter, without those for which there is another reason."""
        return sum(
            min(number, max(0, self.written[group] - self._with_reason(group))) for group, number in self.before.items()
        )

    def _with_reason(self, group: str) -> int:
        return self.forwarded[group] + self.errors[group] + self.throttles[group]


_DELIVERY = {"ForwardedLogEvents": "forwarded", "DeliveryErrors": "errors", "DeliveryThrottling": "throttles"}


def read_forwarding(metrics: Metrics, scope: Scope, policy: str) -> Forwarding:
    """Return the counts of CloudWatch Logs.

    policy  name of our account policy, "" if there is none
    """
    own = own_deliveries(metrics, policy)
    found = Forwarding()
    for series, number in metrics.sums(own).items():
        getattr(found, _DELIVERY[series.name])[series.dimension("LogGroupName")] += number
    listed = metrics.series("AWS/Logs", MetricName="IncomingLogEvents", Dimensions=[{"Name": "LogGroupName"}])
    forwarded = {series.dimension("LogGroupName") for series in own}
    incoming = [
        each
        for each in listed
        if len(each.dimensions) == 1 and _must_arrive(each.dimension("LogGroupName"), forwarded, scope)
    ]
    for series, points in metrics.points(incoming).items():
        group = series.dimension("LogGroupName")
        found.written[group] = total(points)
        found.before[group] = total(points, scope.subscribed_at(group))
    if scope.is_copy:
        found.written.update({f"copies from {origin}": number for origin, number in read_copied(metrics).items()})
    return found


def read_copied(metrics: Metrics) -> dict[str, int]:
    """Return the events that AWS's centralization copied to this account and region, by origin as ACCOUNT/REGION.

    CloudWatch Logs User Guide, "Centralization metrics and dimensions".
    """
    listed = metrics.series("AWS/Logs", MetricName="IncomingCopiedLogEvents", Dimensions=[{"Name": n} for n in _SOURCE])
    # A metric with one more dimension would repeat the same events.
    by_origin = [each for each in listed if {name for name, _value in each.dimensions} == {*_SOURCE}]
    return {"/".join(map(series.dimension, _SOURCE)): number for series, number in metrics.sums(by_origin).items()}


_SOURCE = ("SourceAccount", "SourceRegion")


def read_copy_errors(metrics: Metrics) -> dict[str, int]:
    """Return the errors of AWS's centralization by type. The same page: they have no origin."""
    listed = metrics.series("AWS/Logs", MetricName="CentralizationError", Dimensions=[{"Name": "ErrorType"}])
    found: Counter[str] = Counter()
    for series, number in metrics.sums(listed).items():
        found[series.dimension("ErrorType")] += number
    return {name: number for name, number in found.items() if number}


def _must_arrive(group: str, forwarded: Set[str], scope: Scope) -> bool:
    """Return whether the events of a log group were to be forwarded, also if it was deleted meanwhile.

    forwarded  the log groups in metrics of our filters and policy, "" for one that names none
    """
    if scope.is_copy and scope.is_copy(group):
        return False  # copies are counted by origin
    # Metrics of an account policy may name no log group: it sends the events of all that it does not leave out.
    return group in scope.since or group in forwarded or ("" in forwarded and group not in scope.left_out)


def own_deliveries(metrics: Metrics, policy: str) -> list[Series]:
    """Return the delivery metrics of our filters and of our policy. A name of ours tells them: metrics have no destination."""
    chosen = [{"Name": "DestinationType", "Value": "Lambda"}, {"Name": "FilterName"}]
    listed = [each for each in metrics.series("AWS/Logs", Dimensions=chosen) if each.name in _DELIVERY]
    filters = [
        each
        for each in listed
        if (group := each.dimension("LogGroupName")) and _is_own(each.dimension("FilterName"), group)
    ]
    policies = [each for each in listed if policy and each.dimension("FilterName") == policy]
    # AWS does not document whether those of a policy have a log group. If there are both forms, one repeats the other.
    by_group = [each for each in policies if each.dimension("LogGroupName")]
    return list(dict.fromkeys((*filters, *(by_group or policies))))


def _is_own(name: str, group: str) -> bool:
    """Return whether our filter of the log group may have this name. See `plan_present`: it has a suffix if the name is taken."""
    return name == default_name(group) or bool(_WITH_SUFFIX.fullmatch(name))


def read_function(metrics: Metrics, name: str) -> dict[str, int]:
    """Return sums and maxima of the function, by metric."""
    dimensions = (("FunctionName", name),)
    sums = metrics.sums([Series("AWS/Lambda", each, dimensions) for each in SUMS])
    found = metrics.points([Series("AWS/Lambda", each, dimensions) for each in MAXIMA], "Maximum")
    maxima = {series: round(max((value for _moment, value in points), default=0)) for series, points in found.items()}
    return _by_name((*sums.items(), *maxima.items()))


def read_queue_metrics(metrics: Metrics, name: str) -> dict[str, int]:
    """Return how many messages were sent to the queue and deleted from it, by metric."""
    return _by_name(metrics.sums([Series("AWS/SQS", each, (("QueueName", name),)) for each in QUEUE_SUMS]).items())


def read_failed_rules(metrics: Metrics, prefix: str) -> int:
    """Return how often rules with this prefix could not invoke their target: new log groups may lack their filter."""
    listed = metrics.series("AWS/Events", MetricName="FailedInvocations", Dimensions=[{"Name": "RuleName"}])
    return metrics.sums([each for each in listed if each.dimension("RuleName").startswith(prefix)]).total()


def _by_name(items: Iterable[tuple[Series, int]]) -> dict[str, int]:
    return {series.name: number for series, number in items}
