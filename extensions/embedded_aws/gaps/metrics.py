# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics of the services, recorded where things happen.

One point a minute for each metric, so memory grows with time and names and not with the number of events; points live two
weeks. Sources: "Monitoring with CloudWatch metrics" in the CloudWatch Logs User Guide, "Types of metrics for Lambda
functions", "Available CloudWatch metrics for Amazon SQS", "Monitoring Amazon EventBridge", "Specification: Embedded metric
format".
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, lambda_svc, sqs

from .hooks import Function, original, replace

_dimensions_key = original(cloudwatch, "_dims_key", "dims")
_inflight_key = original(lambda_svc, "_inflight_key", "config")
_MINUTE = 60
Key = tuple[str, str, str]
_KEPT_SECONDS = 14 * 24 * 3600
_EMBEDDED = '"_aws"'  # a line in the embedded metric format has this member
_lock = threading.Lock()
# MiniStack's store has the metrics of all accounts in one dictionary, which a listing would read to its end.
_by_place: dict[tuple[str, str], dict[Key, list[dict[str, Any]]]] = {}


def install() -> None:
    @replace(cloudwatch, "record_metric", "namespace", "metric_name", "value", "unit", "dimensions")
    def record_metric(_ministack: Function) -> Function:
        def put(
            namespace: str,
            metric_name: str,
            value: float,
            unit: str = "None",
            dimensions: dict[str, str] | None = None,
        ) -> None:
            record(namespace, metric_name, value, dimensions or {}, unit)

        return put

    @replace(cloudwatch, "_metric_bucket", "key")
    def metric_bucket(ministack: Function) -> Function:
        def bucket(key: Key) -> list[dict[str, Any]]:
            points: list[dict[str, Any]] = ministack(key)
            _by_place.setdefault((get_account_id(), get_region()), {})[key] = points
            return points

        return bucket

    @replace(cloudwatch, "_evict_old_metrics")
    def evict_old_metrics(_ministack: Function) -> Function:
        return lambda: None  # `record` forgets old points; MiniStack copies all metrics at each call

    @replace(lambda_svc, "_emit_lambda_metrics", "function_name", "duration_ms", "error", "throttle")
    def emit_lambda_metrics(_ministack: Function) -> Function:
        def emit(function_name: str, duration_ms: float, throttle: bool, **_known: bool) -> None:
            # MiniStack calls this after synchronous invocations too, which `record_invocation` has recorded.
            if throttle and not duration_ms:
                record_lambda(function_name, "Throttles", 1)

        return emit


def known_metrics() -> list[tuple[Key, list[dict[str, Any]]]]:
    """Return the metrics of the current account and region, with their points."""
    return list(_by_place.get((get_account_id(), get_region()), {}).items())


def record(namespace: str, name: str, value: float, dimensions: Mapping[str, str], unit: str = "Count") -> None:
    """Add a value to the metric's point of this minute, in the current account and region."""
    now = time.time()
    with _lock:
        points = cloudwatch._metric_bucket((namespace, name, _dimensions_key(dict(dimensions))))
        minute = now // _MINUTE * _MINUTE
        if points and points[-1]["Timestamp"] == minute and "_stat" in points[-1]:
            _add(points[-1]["_stat"], value)
            return
        while points and points[0]["Timestamp"] < now - _KEPT_SECONDS:
            del points[0]
        one = {"SampleCount": 1.0, "Sum": value, "Minimum": value, "Maximum": value}
        points.append({"Timestamp": minute, "Unit": unit, "Dimensions": dict(dimensions), "Value": value, "_stat": one})


def _add(statistics: dict[str, float], value: float) -> None:
    statistics["SampleCount"] += 1
    statistics["Sum"] += value
    statistics["Minimum"] = min(statistics["Minimum"], value)
    statistics["Maximum"] = max(statistics["Maximum"], value)


def record_lambda(function: str, name: str, value: float, unit: str = "Count") -> None:
    record("AWS/Lambda", name, value, {"FunctionName": function}, unit)


def record_invocation(config: Mapping[str, Any], *, failed: bool, duration_ms: float) -> None:
    """Record an invocation that ran. It still counts as running."""
    function = str(config.get("FunctionName", "unknown"))
    record_lambda(function, "Invocations", 1)
    record_lambda(function, "Errors", int(failed))
    record_lambda(function, "Throttles", 0)
    record_lambda(function, "Duration", duration_ms, "Milliseconds")
    running = lambda_svc.executions_in_flight()[1].get(_inflight_key(config), 1)
    record_lambda(function, "ConcurrentExecutions", running)


def record_incoming(log_group: str, messages: Sequence[str]) -> None:
    """Record events that were written to a log group, and the metrics that they embed."""
    size = sum(len(message.encode()) for message in messages)
    for dimensions in ({}, {"LogGroupName": log_group}):
        record("AWS/Logs", "IncomingLogEvents", len(messages), dimensions, "None")
        record("AWS/Logs", "IncomingBytes", size, dimensions, "Bytes")
    for message in messages:
        if _EMBEDDED in message:
            _record_embedded(message)


def _record_embedded(line: str) -> None:
    """Record the metrics of a line in the embedded metric format. CloudWatch ignores what does not have that form."""
    try:
        values = json.loads(line)
        for directive in values["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: str(values[name]) for name in names}
                for metric in directive["Metrics"]:
                    value = float(values[metric["Name"]])
                    record(directive["Namespace"], metric["Name"], value, dimensions, metric.get("Unit", "None"))
    except (ValueError, TypeError, KeyError):
        return


def record_forwarding(
    log_group: str, filter_name: str, level: str, metrics: Mapping[str, float], kind: str = "Lambda"
) -> None:
    """Record the delivery of events to a destination. `level` is ACCOUNT_LEVEL_POLICY for the account's policy.

    kind    of the destination. AWS documents the dimension, and not its values
    """
    dimensions = {"DestinationType": kind, "FilterName": filter_name}
    if level:
        # AWS documents the dimension and its only value, and not in which combination: assumed without the log group.
        dimensions["PolicyLevel"] = "AccountPolicy"
    else:
        dimensions["LogGroupName"] = log_group
    for name, value in metrics.items():
        record("AWS/Logs", name, value, dimensions, "Bytes" if name.endswith("Bytes") else "None")


def record_queue(queue: Mapping[str, Any], name: str, messages: int) -> None:
    """Record messages that were sent to a queue or deleted from it. A purge deletes none, as on AWS."""
    if messages:
        record("AWS/SQS", name, messages, {"QueueName": str(queue["name"])})


def sample_queues() -> None:
    """Record length and age of each queue of the account and region. AWS does so every minute, the embedded AWS at each read."""
    for queue in list(sqs._queues.values()):
        sample_queue(queue)


def sample_queue(queue: Mapping[str, Any]) -> None:
    now, dimensions = time.time(), {"QueueName": str(queue["name"])}
    messages = list(queue["messages"])
    visible = sum(1 for message in messages if message["visible_at"] <= now)
    oldest = max((now - message["sent_at"] for message in messages), default=0.0)
    record("AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, dimensions)
    record("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", len(messages) - visible, dimensions)
    record("AWS/SQS", "ApproximateAgeOfOldestMessage", oldest, dimensions, "Seconds")
