# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of CloudWatch's metrics, against recorded answers of AWS."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    AwsError,
    describe_operation,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.metrics import Series
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Measured
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.metrics import (
    DAY,
    MetricsApi,
    Period,
)
from botocore.exceptions import ClientError

NOW = 1_795_877_730
WHOLE = Series("AWS/Logs", "IncomingBytes")
MOMENT = datetime(2026, 11, 28, tzinfo=UTC)


class CloudWatch:
    """A target whose CloudWatch answers with these pages, and keeps the requests."""

    region = "eu-west-1"
    where = "111111111111/eu-west-1"

    def __init__(self, *pages: dict[str, Any]) -> None:
        self._pages = list(pages)
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []

    def client(self, service: str) -> CloudWatch:
        assert service == "cloudwatch"
        return self

    def describe_operation(self, operation: str) -> Any:
        return describe_operation(operation, self.where)

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.requests.append(dict(request))
        return self._pages.pop(0)

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            self.requests.append(dict(request))
        name = request["Dimensions"][0]["Value"]
        if name == "/denied":
            error = {"Error": {"Code": "AccessDenied", "Message": "not authorized: cloudwatch:GetMetricStatistics"}}
            raise ClientError(error, "GetMetricStatistics")
        points = [{"Timestamp": MOMENT, "Sum": float(len(name)), "Unit": "Bytes"}]
        return {"Label": request["MetricName"], "Datapoints": points if name != "/silent" else []}


def api(cloudwatch: CloudWatch) -> MetricsApi:
    return MetricsApi(cloudwatch, Period.of(14, NOW), workers=4)  # type: ignore[arg-type]


def result(identity: str, *values: float, **more: Any) -> dict[str, Any]:
    times = [MOMENT] * len(values)
    return {"Id": identity, "Label": identity, "Values": list(values), "Timestamps": times, **more}


def groups(count: int) -> list[Series]:
    return [Series("AWS/Logs", "IncomingBytes", (("LogGroupName", f"/{number}"),)) for number in range(count)]


def test_period_begins_at_midnight_and_ends_after_the_present_minute() -> None:
    period = Period.of(14, NOW)
    assert period.begin % DAY == 0
    assert NOW < period.end <= NOW + 60
    assert 13 <= period.days < 14.001
    assert Period.of(1, NOW).begin == NOW // DAY * DAY


def test_sums_ask_for_five_hundred_a_call_and_count_what_they_cost() -> None:
    cloudwatch = CloudWatch(
        {"MetricDataResults": [result("m0", 1.0, 2.0), result("m499", 7.0)]}, {"MetricDataResults": [result("m0", 5.0)]}
    )
    found = api(cloudwatch)
    sums = found.sums(groups(501), "read")
    assert [len(request["MetricDataQueries"]) for request in cloudwatch.requests] == [500, 1]
    assert found.metrics == 501
    assert found.calls == {"GetMetricData": 2}
    known = {series.dimension("LogGroupName"): sum_ for series, sum_ in sums.items() if sum_}
    assert known == {"/0": Measured(3, 2), "/499": Measured(7, 1), "/500": Measured(5, 1)}
    stat = cloudwatch.requests[0]["MetricDataQueries"][0]["MetricStat"]
    assert (stat["Period"], stat["Stat"]) == (DAY, "Sum")


def test_sum_without_a_dimension_names_none() -> None:
    cloudwatch = CloudWatch({"MetricDataResults": [result("m0", 9.0)]})
    assert api(cloudwatch).sums([WHOLE], "read") == {WHOLE: Measured(9, 1)}
    assert cloudwatch.requests[0]["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"] == []


def test_sums_read_every_page() -> None:
    pages = (
        {"MetricDataResults": [result("m0", 1.0, StatusCode="PartialData")], "NextToken": "more"},
        {"MetricDataResults": [result("m0", 2.0, StatusCode="Complete")]},
    )
    cloudwatch = CloudWatch(*pages)
    assert api(cloudwatch).sums([WHOLE], "read") == {WHOLE: Measured(3, 2)}
    assert cloudwatch.requests[1]["NextToken"] == "more"


def test_sum_without_data_points_is_unknown() -> None:
    assert api(CloudWatch({"MetricDataResults": [result("m0")]})).sums([WHOLE], "read") == {WHOLE: None}


@pytest.mark.parametrize("status", ["Forbidden", "InternalError"])
def test_metric_that_cloudwatch_could_not_read_is_an_error(status: str) -> None:
    """CloudWatch answers 200 with that status, and without values, which would look like no data."""
    messages = [{"Code": "x", "Value": "not allowed"}]
    page = {"MetricDataResults": [result("m0", StatusCode=status, Messages=messages)]}
    with pytest.raises(AwsError, match=f"{status}: not allowed"):
        api(CloudWatch(page)).sums([WHOLE], "read")


def test_statistics_ask_for_each_group_and_cost_no_metric() -> None:
    series = [Series("AWS/Logs", "IncomingBytes", (("LogGroupName", name),)) for name in ("/a", "/silent", "/abc")]
    cloudwatch = CloudWatch()
    found = api(cloudwatch)
    assert found.statistics(series, "read") == {
        series[0]: Measured(2, 1),
        series[1]: None,
        series[2]: Measured(4, 1),
    }
    assert found.calls == {"GetMetricStatistics": 3}
    assert found.metrics == 0
    assert {request["Period"] for request in cloudwatch.requests} == {DAY}


def test_statistics_that_are_denied_stop_early() -> None:
    series = [Series("AWS/Logs", "IncomingBytes", (("LogGroupName", "/denied"),))] * 2000
    cloudwatch = CloudWatch()
    with pytest.raises(AccessDeniedError, match="GetMetricStatistics"):
        api(cloudwatch).statistics(series, "read")
    assert len(cloudwatch.requests) < len(series)


def test_loudest_asks_metrics_insights_for_five_hundred_groups() -> None:
    page = {"MetricDataResults": [result("loudest", 4.0, Label="/a"), result("loudest", 3.0, Label="/b")]}
    cloudwatch = CloudWatch(page)
    found = api(cloudwatch)
    assert found.loudest("IncomingBytes", 20_000, "read") == {"/a": Measured(4, 1), "/b": Measured(3, 1)}
    (query,) = cloudwatch.requests[0]["MetricDataQueries"]
    assert query["Expression"] == (
        'SELECT SUM(IncomingBytes) FROM SCHEMA("AWS/Logs", LogGroupName) GROUP BY LogGroupName ORDER BY SUM() DESC LIMIT 500'
    )
    assert found.metrics == 10_000, "AWS analyzes so many at most"
