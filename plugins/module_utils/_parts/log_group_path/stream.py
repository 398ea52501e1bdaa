# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second half of the path of log groups of the class DELIVERY: a Firehose stream. Nothing of ours is behind the filter."""

from __future__ import annotations

import time

from ..._session import Target
from ..._subscriptions.filters import SubscriptionFilter
from ..metrics import Series, metric_results
from .stations import Station, ok, problem, unknown

_COUNTS = ("ForwardedLogEvents", "DeliveryErrors")
_PERIOD = 60


def stream_station(target: Target, ours: SubscriptionFilter, minutes: int) -> Station:
    """Return whether CloudWatch Logs forwarded events to the filter's stream in the last minutes, by its own metrics."""
    sums = _sums(target, ours, minutes)
    forwarded, errors = (sums[name] for name in _COUNTS)
    if errors:
        return problem(
            "delivery",
            "stream",
            f"CloudWatch Logs could not deliver {errors:,} events to {ours.destination_arn} in the last {minutes} minutes",
            advice="Check that the stream exists and is active. Deploy again to give the role its permissions.",
            command="deploy",
        )
    if forwarded:
        return ok("delivery", f"CloudWatch Logs forwarded {forwarded:,} events to {ours.destination_arn}")
    text = (
        f"CloudWatch has no count of events that were forwarded to {ours.destination_arn} in the last {minutes} minutes"
    )
    return unknown("delivery", "firehose", text)


def _sums(target: Target, ours: SubscriptionFilter, minutes: int) -> dict[str, int]:
    """Return the sums of the filter's metrics. AWS does not document the values of DestinationType, so the metrics are listed."""
    operation = f"read the metrics of subscription filter {ours.name}"
    wanted = [{"Name": "LogGroupName", "Value": ours.log_group}, {"Name": "FilterName", "Value": ours.name}]
    series = [each for name in _COUNTS for each in _listed(target, name, wanted, operation)]
    sums = dict.fromkeys(_COUNTS, 0)
    if not series:
        return sums
    end = time.time()
    request = {
        "MetricDataQueries": [each.query(f"m{number}", "Sum", _PERIOD) for number, each in enumerate(series)],
        "StartTime": end - minutes * 60,
        "EndTime": end + _PERIOD,
    }
    for item in metric_results(target, request, operation):
        sums[series[int(item["Id"][1:])].name] += round(sum(item.get("Values") or []))
    return sums


def _listed(target: Target, name: str, dimensions: list[dict[str, str]], operation: str) -> list[Series]:
    with target.describe_operation(operation):
        pages = target.client("cloudwatch").get_paginator("list_metrics")
        found = pages.paginate(Namespace="AWS/Logs", MetricName=name, Dimensions=dimensions).build_full_result()
    return [
        Series("AWS/Logs", name, tuple((each["Name"], each["Value"]) for each in item["Dimensions"]))
        for item in found["Metrics"]
    ]
