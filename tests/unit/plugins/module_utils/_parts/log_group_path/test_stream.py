# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery of a log group of the class DELIVERY, by CloudWatch Logs' own metrics."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.stream import stream_station
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.subscription import (
    group_station,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import SubscriptionFilter

STREAM = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/logs"
OURS = SubscriptionFilter("/delivery", "ours", STREAM, role_arn="arn:aws:iam::111111111111:role/r")


class CloudWatch:
    """A target whose CloudWatch has these sums by metric. It checks that only metrics of the filter are asked for."""

    where = "111111111111/eu-west-1"

    def __init__(self, **sums: list[float]) -> None:
        self._sums = sums

    def describe_operation(self, _operation: str) -> Any:
        return nullcontext()

    def client(self, _service: str) -> CloudWatch:
        return self

    def get_paginator(self, _operation: str) -> CloudWatch:
        return self

    def paginate(self, **request: Any) -> CloudWatch:
        wanted = {each["Name"]: each["Value"] for each in request["Dimensions"]}
        assert wanted == {"LogGroupName": OURS.log_group, "FilterName": OURS.name}
        self._found = [
            {"Dimensions": [*request["Dimensions"], {"Name": "DestinationType", "Value": "whatever"}]}
            for name in self._sums
            if name == request["MetricName"]
        ]
        return self

    def build_full_result(self) -> dict[str, Any]:
        return {"Metrics": self._found}

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        return {
            "MetricDataResults": [
                {"Id": each["Id"], "Values": self._sums[each["MetricStat"]["Metric"]["MetricName"]]}
                for each in request["MetricDataQueries"]
            ]
        }


@pytest.mark.parametrize(
    ("sums", "status", "cause", "text"),
    [
        ({"ForwardedLogEvents": [1.0, 2.0]}, "ok", "", "forwarded 3 events"),
        ({"ForwardedLogEvents": [1.0], "DeliveryErrors": [4.0]}, "problem", "stream", "could not deliver 4 events"),
        ({"ForwardedLogEvents": []}, "not_checked", "firehose", "no count of events"),
        ({}, "not_checked", "firehose", "no count of events"),
    ],
)
def test_delivery_is_known_by_the_metrics_of_the_filter(
    sums: dict[str, list[float]], status: str, cause: str, text: str
) -> None:
    station = stream_station(CloudWatch(**sums), OURS, 60)  # type: ignore[arg-type]
    assert (station.status, station.cause) == (status, cause)
    assert text in station.fact
    assert STREAM in station.fact


@pytest.mark.parametrize(
    ("log_class", "delivers", "cause"),
    [
        ("STANDARD", False, ""),
        ("DELIVERY", True, ""),
        ("DELIVERY", False, "class"),
        ("INFREQUENT_ACCESS", True, "class"),
    ],
)
def test_class_is_no_problem_only_where_a_stream_serves_it(log_class: str, delivers: bool, cause: str) -> None:
    station = group_station(LogGroup("/delivery", log_class), None, delivers=delivers)
    assert station.cause == cause
    assert ("log_groups_delivery_stream" in station.advice) == (log_class == "DELIVERY" and not delivers)
