# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch's metrics of a period: what CloudWatch Logs, the function and the queue counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from ..._session import Target
from ..._subscriptions.filters import default_name
from .scope import STEP, Period, Scope

_QUERIES = 500
"""Metrics in one call (API reference, GetMetricData)."""
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


@dataclass(frozen=True, slots=True)
class Series:
    """A metric with its dimensions."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def dimension(self, name: str) -> str:
        """Return the value of a dimension, "" if there is none of this name."""
        return dict(self.dimensions).get(name, "")

    def query(self, identity: str, statistic: Statistic) -> dict[str, Any]:
        """Return the query of GetMetricData."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Id": identity, "MetricStat": {"Metric": metric, "Period": STEP, "Stat": statistic}}


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

    def read(self, series: Sequence[Series], statistic: Statistic = "Sum") -> Counter[Series]:
        """Return the sum or the maximum of each metric in the period; 0 for a metric without data."""
        steps = max(1, (self._period.end - self._period.begin) // STEP)
        size = max(1, min(_QUERIES, _DATA_POINTS // steps))
        parts = [series[begin : begin + size] for begin in range(0, len(series), size)]
        found: Counter[Series] = Counter()
        for answer in self._target.together(*(partial(self._read, part, statistic) for part in parts)):
            found.update(answer)
        self.queried += len(series)
        return found

    def _read(self, series: Sequence[Series], statistic: Statistic) -> dict[Series, int]:
        queries = [each.query(f"m{number}", statistic) for number, each in enumerate(series)]
        pages = self._target.client("cloudwatch").get_paginator("get_metric_data")
        values: dict[str, list[float]] = {}
        with self._target.describe_operation("read metrics"):
            for page in pages.paginate(
                MetricDataQueries=queries, StartTime=self._period.begin, EndTime=self._period.end
            ):
                for result in page["MetricDataResults"]:
                    values.setdefault(result["Id"], []).extend(result["Values"])
        combine = sum if statistic == "Sum" else partial(max, default=0.0)
        return {each: round(combine(values.get(f"m{number}", []))) for number, each in enumerate(series)}


def _series(item: Mapping[str, Any]) -> Series:
    dimensions = sorted((each["Name"], each["Value"]) for each in item["Dimensions"])
    return Series(item["Namespace"], item["MetricName"], tuple(dimensions))


@dataclass(slots=True)
class Forwarding:
    """What CloudWatch Logs counted, by log group; by "" for events of the account policy.

    written    events that were written, of log groups that must arrive or were forwarded
    forwarded, errors, throttles   of our filters and policy. A throttled delivery is tried again, and may be forwarded later
    """

    written: Counter[str] = field(default_factory=Counter)
    forwarded: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    throttles: Counter[str] = field(default_factory=Counter)

    def unsubscribed(self, scope: Scope, begin: int) -> int:
        """Return the number of events that log groups got while they had no filter, as far as that is known."""
        return sum(
            max(0, number - self.forwarded[group] - self.errors[group])
            for group, number in self.written.items()
            if scope.was_unsubscribed(group, begin)
        )


_DELIVERY = {"ForwardedLogEvents": "forwarded", "DeliveryErrors": "errors", "DeliveryThrottling": "throttles"}


def read_forwarding(metrics: Metrics, scope: Scope, policy: str) -> Forwarding:
    """Return the counts of CloudWatch Logs.

    policy  name of our account policy, "" if there is none
    """
    own = list(_own(metrics, policy))
    delivery = metrics.read(own)
    found = Forwarding()
    for series, number in delivery.items():
        getattr(found, _DELIVERY[series.name])[series.dimension("LogGroupName")] += number
    wanted = scope.since.keys() | {series.dimension("LogGroupName") for series in own}
    listed = metrics.series("AWS/Logs", MetricName="IncomingLogEvents", Dimensions=[{"Name": "LogGroupName"}])
    incoming = [each for each in listed if len(each.dimensions) == 1 and each.dimension("LogGroupName") in wanted]
    for series, number in metrics.read(incoming).items():
        found.written[series.dimension("LogGroupName")] += number
    return found


def _own(metrics: Metrics, policy: str) -> Iterator[Series]:
    """Yield the delivery metrics of our filters and of our policy. A name of ours tells them: metrics have no destination."""
    chosen = [{"Name": "DestinationType", "Value": "Lambda"}, {"Name": "FilterName"}]
    for series in metrics.series("AWS/Logs", Dimensions=chosen):
        if series.name in _DELIVERY:
            group, name = series.dimension("LogGroupName"), series.dimension("FilterName")
            if (group and _is_own(name, group)) or (policy and name == policy):
                yield series


def _is_own(name: str, group: str) -> bool:
    """Return whether our filter of the log group may have this name. See `plan_present`: it has a suffix if the name is taken."""
    return name == default_name(group) or bool(_WITH_SUFFIX.fullmatch(name))


def read_function(metrics: Metrics, name: str) -> dict[str, int]:
    """Return sums and maxima of the function, by metric."""
    dimensions = (("FunctionName", name),)
    sums = metrics.read([Series("AWS/Lambda", each, dimensions) for each in SUMS])
    maxima = metrics.read([Series("AWS/Lambda", each, dimensions) for each in MAXIMA], "Maximum")
    return _by_name((*sums.items(), *maxima.items()))


def read_queue_metrics(metrics: Metrics, name: str) -> dict[str, int]:
    """Return how many messages were sent to the queue and deleted from it, by metric."""
    return _by_name(metrics.read([Series("AWS/SQS", each, (("QueueName", name),)) for each in QUEUE_SUMS]).items())


def _by_name(items: Iterable[tuple[Series, int]]) -> dict[str, int]:
    return {series.name: number for series, number in items}
