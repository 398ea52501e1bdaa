# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch's metrics, as the readings of events and of volume ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import AwsError
from .._session import Target

QUERIES = 500
"""Metrics in one call (API reference, GetMetricData)."""


@dataclass(frozen=True, slots=True)
class Series:
    """A metric with its dimensions. Without one it is the sum of the account and region."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def dimension(self, name: str) -> str:
        """Return the value of a dimension, "" if there is none of this name."""
        return dict(self.dimensions).get(name, "")

    def plain(self) -> dict[str, Any]:
        """Return the metric as CloudWatch's calls take it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}

    def query(self, identity: str, statistic: str, period: int) -> dict[str, Any]:
        """Return the query of GetMetricData; `period` is in seconds."""
        return {"Id": identity, "MetricStat": {"Metric": self.plain(), "Period": period, "Stat": statistic}}


def metric_results(
    target: Target, request: Mapping[str, Any], operation: str, before: Callable[[], object] = lambda: None
) -> Iterator[dict[str, Any]]:
    """Yield the results of GetMetricData. Raises AwsError for a metric that CloudWatch could not read.

    before      runs before each call
    """
    more: dict[str, str] = {}
    while True:
        before()
        with target.describe_operation(operation):
            answer = target.client("cloudwatch").get_metric_data(**request, **more)
        for item in answer["MetricDataResults"]:
            # CloudWatch answers 200 for a metric that it could not read (API reference, MetricDataResult).
            if item.get("StatusCode") in ("Forbidden", "InternalError"):
                message = "; ".join(each["Value"] for each in item.get("Messages") or [] if each.get("Value"))
                raise AwsError(operation, message or "no message", code=item["StatusCode"], where=target.where)
            yield item
        if not (token := answer.get("NextToken")):
            return
        more = {"NextToken": token}
