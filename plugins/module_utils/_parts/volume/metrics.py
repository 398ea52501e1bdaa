# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of CloudWatch's metrics: sums of daily data points, and what reading them costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..._resources.subscriptions.shared import new_rate_limiter
from ..._session import Target
from ..._subscriptions.rate_limiter import SHARE
from ..metrics import QUERIES, Series, metric_results
from .figures import Measured

DAY = 86_400
LOUDEST = 500  # series that a query of Metrics Insights returns (CloudWatch User Guide, "Metrics Insights quotas")
ANALYZED = 10_000  # metrics that such a query looks at (the same page)


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is read, in seconds since 1970. It begins at midnight UTC, so that AWS's days are whole."""

    begin: int
    end: int

    @classmethod
    def of(cls, days: int, now: float | None = None) -> Period:
        """Return the last days until now, today included."""
        # The minute that has just begun has data already.
        end = int(time.time() if now is None else now) // 60 * 60 + 60
        return cls(end // DAY * DAY - (days - 1) * DAY, end)

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.begin) / DAY

    def plain(self) -> dict[str, Any]:
        """Return both times as CloudWatch's calls take them."""
        return {"StartTime": datetime.fromtimestamp(self.begin, UTC), "EndTime": datetime.fromtimestamp(self.end, UTC)}


@dataclass
class MetricsApi:
    """CloudWatch's metrics of one target in one period.

    metrics     number of metrics that AWS charges GetMetricData for, as far as known
    """

    target: Target
    period: Period
    workers: int = 10
    metrics: int = 0
    calls: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._rate_limiter = new_rate_limiter(SHARE, region=self.target.region)
        self.calls = self._rate_limiter.calls

    def sums(self, series: Sequence[Series], operation: str) -> dict[Series, Measured | None]:
        """Return the sum of each metric, 500 a call."""
        found: dict[Series, Measured | None] = {}
        rest = iter(series)
        while batch := list(islice(rest, QUERIES)):
            queries = [each.query(f"m{number}", "Sum", DAY) for number, each in enumerate(batch)]
            self.metrics += len(batch)
            values: dict[str, list[float]] = {}
            for item in self._metric_data(queries, operation):
                values.setdefault(item["Id"], []).extend(item.get("Values") or [])
            found.update({each: _measured(values.get(f"m{number}", [])) for number, each in enumerate(batch)})
        return found

    def statistics(self, series: Sequence[Series], operation: str) -> dict[Series, Measured | None]:
        """Return the sum of each metric by a call each, which the free calls of the account include."""
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(copy_context().run, self._statistic, each, operation) for each in series]
            try:
                return {each: future.result() for each, future in zip(series, futures, strict=True)}
            except BaseException:  # the first error would be that of all others
                pool.shutdown(cancel_futures=True)
                raise

    def loudest(self, metric: str, groups: int, operation: str) -> dict[str, Measured]:
        """Return the sums of the log groups with the largest sums, by name.

        groups  number of log groups, which AWS analyzes
        """
        query = (  # the metric's name is ours
            f'SELECT SUM({metric}) FROM SCHEMA("AWS/Logs", LogGroupName) GROUP BY LogGroupName'  # noqa: S608
            f" ORDER BY SUM() DESC LIMIT {LOUDEST}"
        )
        self.metrics += min(groups, ANALYZED)
        found: dict[str, list[float]] = {}
        for item in self._metric_data([{"Id": "loudest", "Expression": query, "Period": DAY}], operation):
            found.setdefault(item["Label"], []).extend(item.get("Values") or [])
        return {name: measured for name, values in found.items() if (measured := _measured(values)) is not None}

    def _statistic(self, series: Series, operation: str) -> Measured | None:
        self._rate_limiter.take("GetMetricStatistics")
        with self.target.describe_operation(operation):
            answer = self.target.client("cloudwatch").get_metric_statistics(
                **series.plain(), **self.period.plain(), Period=DAY, Statistics=["Sum"]
            )
        return _measured([point["Sum"] for point in answer["Datapoints"]])

    def _metric_data(self, queries: list[dict[str, Any]], operation: str) -> Iterator[dict[str, Any]]:
        request = {"MetricDataQueries": queries, **self.period.plain()}
        return metric_results(self.target, request, operation, lambda: self._rate_limiter.take("GetMetricData"))


def _measured(values: Sequence[float]) -> Measured | None:
    """Return the sum of the data points; None without one."""
    return Measured(round(sum(values)), len(values)) if values else None
