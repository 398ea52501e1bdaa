# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alarms on metric math. MiniStack stores alarms on a single metric only.

Source: CloudWatch API Reference, PutMetricAlarm (Metrics, and the fields that exclude it) and MetricDataQuery.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.services import cloudwatch

from .hooks import Function, original, replace
from .validation import Answer

_error = original(cloudwatch, "_error", "code", "message", "status")
_SINGLE_METRIC_FIELDS = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")
_REQUIRED_FIELDS = ("EvaluationPeriods", "ComparisonOperator", "Threshold")
_MAX_METRICS = 20
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


def install() -> None:
    @replace(cloudwatch, "_put_metric_alarm", "params", "cbor_data", "is_cbor", "is_json")
    def put_metric_alarm(ministack: Function) -> Function:
        def put(params: Any, cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
            if problem := _find_problem(cbor_data) if is_cbor or is_json else None:
                refused: Answer = _error("ValidationError", problem, 400, use_json=is_json, use_cbor=is_cbor)
                return refused
            answer: Answer = ministack(params, cbor_data, is_cbor, is_json)
            alarm = cloudwatch._alarms.get(cbor_data.get("AlarmName"))
            if alarm is not None and answer[0] == 200 and cbor_data.get("Metrics"):
                for name in _SINGLE_METRIC_FIELDS:  # MiniStack sets defaults
                    alarm.pop(name, None)
                alarm["Metrics"] = [{"ReturnData": True, **query} for query in cbor_data["Metrics"]]
            return answer

        return put


def _find_problem(alarm: dict[str, Any]) -> str | None:
    """Return AWS's error for an alarm, or None."""
    if missing := [name for name in _REQUIRED_FIELDS if alarm.get(name) is None]:
        return f"The parameter {missing[0]} is required."
    queries = alarm.get("Metrics")
    if not queries:
        return None if alarm.get("MetricName") and alarm.get("Namespace") else "MetricName and Namespace are required."
    if beside := [name for name in _SINGLE_METRIC_FIELDS if alarm.get(name)]:
        return f"The parameters {beside[0]} and Metrics are mutually exclusive."
    ids = [query.get("Id", "") for query in queries]
    if len(queries) > _MAX_METRICS or len(set(ids)) != len(ids) or not all(_ID.fullmatch(name) for name in ids):
        return f"Metrics takes up to {_MAX_METRICS} queries, with ids of their own that begin with a small letter."
    if sum(query.get("ReturnData", True) for query in queries) != 1:
        return "Exactly one element of the metrics list should return data."
    for query in queries:
        if ("Expression" in query) == ("MetricStat" in query):
            return f"Query {query['Id']} needs either a MetricStat or an Expression."
        names = set(re.findall(r"\b[a-z][a-zA-Z0-9_]*\b", query.get("Expression", "")))
        if unknown := names - set(ids):
            return f"Query {query['Id']} names {', '.join(sorted(unknown))}, which no query is called."
    return None
