# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads of metrics: GetMetricData with one form of Metrics Insights, GetMetricStatistics and ListMetrics.

MiniStack sums all dimensions if a query names none, has no Metrics Insights, lists without pages, and compares every metric
with every query. Sources: CloudWatch API Reference, GetMetricData (500 queries), ListMetrics (500 metrics a page); User Guide,
"CloudWatch Metrics Insights query components and syntax".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ministack.services import cloudwatch

from .hooks import Function, original, replace
from .metrics import sample_queues
from .validation import Answer

_error = original(cloudwatch, "_error", "code", "message", "status")
_statistics = original(cloudwatch, "_calc_stats", "points")
_statistic = original(cloudwatch, "_stat_value", "stats", "stat_name", "points")
_dimensions = original(cloudwatch, "_dims_from_list", "dimensions")
_dimensions_key = original(cloudwatch, "_dims_key", "dims")
_timestamp = original(cloudwatch, "_parse_ts", "value")
_cbor = original(cloudwatch, "_cbor_ok", "data")
_json = original(cloudwatch, "_json_ok", "data")
_cbor_timestamp = original(cloudwatch, "_cbor_timestamp", "value")
_MAX_QUERIES = 500
_PAGE = 500
_MAX_SERIES = 500
_SELECT = re.compile(
    r"""SELECT\s+(?P<function>SUM|AVG|MAX|MIN|COUNT)\((?P<metric>\w+)\)\s+
    FROM\s+(?:SCHEMA\(\s*"(?P<schema>[^"]+)"(?P<names>(?:\s*,\s*\w+)*)\s*\)|"(?P<namespace>[^"]+)")
    (?:\s+WHERE\s+(?P<where>\w+\s*=\s*'[^']*'(?:\s+AND\s+\w+\s*=\s*'[^']*')*))?
    (?:\s+GROUP\s+BY\s+(?P<group>\w+(?:\s*,\s*\w+)*))?
    (?:\s+ORDER\s+BY\s+(?:SUM|AVG|MAX|MIN|COUNT)\(\)(?:\s+(?P<order>ASC|DESC))?)?
    (?:\s+LIMIT\s+(?P<limit>\d+))?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_STATISTICS = {"SUM": "Sum", "AVG": "Average", "MAX": "Maximum", "MIN": "Minimum", "COUNT": "SampleCount"}
Point = dict[str, Any]


class _RefusedError(Exception):
    """A query that CloudWatch refuses."""


def install() -> None:
    for name, read in (
        ("_get_metric_data", _get_metric_data),
        ("_get_metric_statistics", _get_metric_statistics),
        ("_list_metrics", _list_metrics),
    ):
        replace(cloudwatch, name, "params", "cbor_data", "is_cbor", "is_json")(_hook(read))


def _hook(read: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Function], Function]:
    """Return the factory of a replacement that serves JSON and CBOR. MiniStack serves the protocol of old SDKs."""

    def make(ministack: Function) -> Function:
        def serve(params: Any, cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
            sample_queues()
            try:
                answer: Answer = (
                    _encoded(read(cbor_data), is_cbor)
                    if is_cbor or is_json
                    else ministack(params, cbor_data, is_cbor, is_json)
                )
            except _RefusedError as refused:
                answer = _error("ValidationError", str(refused), 400, use_cbor=is_cbor, use_json=is_json)
            return answer

        return serve

    return make


def _encoded(value: dict[str, Any], is_cbor: bool) -> Answer:
    answer: Answer = _cbor(_tagged(value)) if is_cbor else _json(value)
    return answer


def _tagged(value: Any) -> Any:
    """Return a copy whose times are CBOR's. The names of their members are Timestamp and Timestamps."""
    if isinstance(value, dict):
        return {
            key: [_cbor_timestamp(time) for time in item]
            if key == "Timestamps"
            else _cbor_timestamp(item)
            if key == "Timestamp"
            else _tagged(item)
            for key, item in value.items()
        }
    return [_tagged(item) for item in value] if isinstance(value, list) else value


def _get_metric_data(request: dict[str, Any]) -> dict[str, Any]:
    queries = request.get("MetricDataQueries", [])
    if len(queries) > _MAX_QUERIES:
        raise _RefusedError(f"The collection MetricDataQueries must not have a size greater than {_MAX_QUERIES}.")
    begin, end = _timestamp(request["StartTime"]), _timestamp(request["EndTime"])
    if begin >= end:
        raise _RefusedError("The parameter EndTime must be greater than StartTime.")
    is_ascending = request.get("ScanBy") == "TimestampAscending"
    results = [
        _result(query["Id"], label, series if is_ascending else reversed(series))
        for query in queries
        if query.get("ReturnData", True)
        for label, series in _series(query, begin, end)
    ]
    return {"MetricDataResults": results, "Messages": []}


def _result(identity: str, label: str, series: Iterable[tuple[float, float]]) -> dict[str, Any]:
    points = list(series)
    return {
        "Id": identity,
        "Label": label,
        "Timestamps": [moment for moment, _value in points],
        "Values": [value for _moment, value in points],
        "StatusCode": "Complete",
    }


def _series(query: dict[str, Any], begin: float, end: float) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield the label and the values by time of each series of a query."""
    if "Expression" in query:
        yield from _select(query["Expression"], int(query.get("Period") or 300), begin, end)
        return
    stat = query["MetricStat"]
    metric = stat["Metric"]
    points = _points(metric["Namespace"], metric["MetricName"], metric.get("Dimensions"))
    label = query.get("Label") or metric["MetricName"]
    yield label, _values(points, stat["Stat"], int(stat["Period"]), begin, end)


def _points(namespace: str, name: str, dimensions: Any) -> list[Point]:
    """Return the points of exactly these dimensions."""
    key = namespace, name, _dimensions_key(_dimensions(dimensions or []))
    return list(cloudwatch._metrics.get(key) or [])


def _values(
    points: Iterable[Point], statistic: str, period: int, begin: float, end: float
) -> list[tuple[float, float]]:
    """Return the statistic of each period that has points, in the order of time."""
    periods: dict[float, list[Point]] = defaultdict(list)
    # AWS rounds the begin down to the minute, and counts periods from there.
    first = begin // 60 * 60
    for point in points:
        if first <= point["Timestamp"] < end:
            periods[first + (point["Timestamp"] - first) // period * period].append(point)
    found = [
        (moment, _statistic(_statistics(periods[moment]), statistic, periods[moment])) for moment in sorted(periods)
    ]
    return [(moment, value) for moment, value in found if value is not None]


def _get_metric_statistics(request: dict[str, Any]) -> dict[str, Any]:
    begin, end = _timestamp(request["StartTime"]), _timestamp(request["EndTime"])
    points = _points(request["Namespace"], request["MetricName"], request.get("Dimensions"))
    period = int(request["Period"])
    found: dict[float, dict[str, Any]] = defaultdict(dict)
    for statistic in request.get("Statistics") or []:
        for moment, value in _values(points, statistic, period, begin, end):
            found[moment][statistic] = value
    for statistic in request.get("ExtendedStatistics") or []:
        for moment, value in _values(points, statistic, period, begin, end):
            found[moment].setdefault("ExtendedStatistics", {})[statistic] = value
    unit = points[-1]["Unit"] if points else "None"
    datapoints = [{"Timestamp": moment, "Unit": unit, **found[moment]} for moment in sorted(found)]
    return {"Label": request["MetricName"], "Datapoints": datapoints}


def _list_metrics(request: dict[str, Any]) -> dict[str, Any]:
    found = [
        {"Namespace": namespace, "MetricName": name, "Dimensions": _as_list(points[-1]["Dimensions"])}
        for (namespace, name, _key), points in cloudwatch._metrics.items()
        if points
        and request.get("Namespace") in (None, "", namespace)
        and request.get("MetricName") in (None, "", name)
        and _fits(points[-1]["Dimensions"], request.get("Dimensions") or [])
    ]
    begin = int(request.get("NextToken") or 0)
    more = {"NextToken": str(begin + _PAGE)} if begin + _PAGE < len(found) else {}
    return {"Metrics": found[begin : begin + _PAGE], **more}


def _as_list(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _fits(dimensions: Mapping[str, str], wanted: list[dict[str, str]]) -> bool:
    return all(
        item["Name"] in dimensions and item.get("Value") in (None, "", dimensions[item["Name"]]) for item in wanted
    )


def _select(query: str, period: int, begin: float, end: float) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield the series of a Metrics Insights query, the largest first."""
    match = _SELECT.fullmatch(query.strip())
    if match is None:
        raise _RefusedError(
            f"The embedded AWS knows no expression like {query!r}: only SELECT, without SEARCH and math."
        )
    names = set(re.findall(r"\w+", match["names"] or "")) if match["schema"] else None
    where = dict(re.findall(r"(\w+)\s*=\s*'([^']*)'", match["where"] or ""))
    group_by = re.findall(r"\w+", match["group"] or "")
    groups: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    for (namespace, metric, _key), points in cloudwatch._metrics.items():
        if (namespace, metric) != (match["schema"] or match["namespace"], match["metric"]) or not points:
            continue
        dimensions = points[-1]["Dimensions"]
        is_chosen = names in (None, set(dimensions)) and where.items() <= dimensions.items()
        if is_chosen and set(group_by) <= set(dimensions):
            groups[tuple(dimensions[name] for name in group_by)].extend(points)
    yield from _ordered(groups, match, period, begin, end)


def _ordered(
    groups: Mapping[tuple[str, ...], list[Point]], match: re.Match[str], period: int, begin: float, end: float
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    statistic = _STATISTICS[match["function"].upper()]
    found = [(" ".join(key), _values(points, statistic, period, begin, end)) for key, points in groups.items()]
    is_descending = (match["order"] or "ASC").upper() == "DESC"
    found.sort(key=lambda item: sum(value for _moment, value in item[1]), reverse=is_descending)
    for label, series in found[: min(int(match["limit"] or _MAX_SERIES), _MAX_SERIES)]:
        if series:
            yield label or match["metric"], series
