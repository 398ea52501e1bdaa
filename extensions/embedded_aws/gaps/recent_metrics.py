# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ListMetrics with RecentlyActive, which MiniStack ignores: the metrics with data of the last three hours.

Source: CloudWatch API Reference, ListMetrics (PT3H is the only value).
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch

from .hooks import Function, original, replace
from .validation import Answer

_cbor = original(cloudwatch, "_cbor_ok", "data")
_json = original(cloudwatch, "_json_ok", "data")
_RECENT_SECONDS = 3 * 3600


def install() -> None:
    @replace(cloudwatch, "_list_metrics", "params", "cbor_data", "is_cbor", "is_json")
    def list_metrics(ministack: Function) -> Function:
        def listed(params: Any, cbor_data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
            answer: Answer
            if cbor_data.get("RecentlyActive"):  # the body's fields, in CBOR or JSON
                answer = (_cbor if is_cbor else _json)({"Metrics": _recent(cbor_data)})
            else:
                answer = ministack(params, cbor_data, is_cbor, is_json)
            return answer

        return listed


def _recent(request: dict[str, Any]) -> list[dict[str, Any]]:
    since = time.time() - _RECENT_SECONDS
    wanted = {(each["Name"], each.get("Value")) for each in request.get("Dimensions") or []}
    found = []
    for (namespace, name, _key), points in list(cloudwatch._metrics.items()):
        if request.get("Namespace", namespace) != namespace or request.get("MetricName", name) != name:
            continue
        recent = [point for point in points if point["Timestamp"] >= since]
        dimensions = dict(recent[0].get("Dimensions") or {}) if recent else {}
        if recent and all(key in dimensions and value in (None, dimensions[key]) for key, value in wanted):
            described = [{"Name": key, "Value": value} for key, value in dimensions.items()]
            found.append({"Namespace": namespace, "MetricName": name, "Dimensions": described})
    return found
