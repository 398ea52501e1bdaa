# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ListMetrics lists only metrics with data of the last three hours, if it is asked to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from toys import Place, name


def test_recently_active_leaves_out_metrics_without_recent_data(place: Place) -> None:
    cloudwatch = place.aws.client("cloudwatch", place.account, place.region)
    namespace, now = name("Namespace"), datetime.now(UTC)
    for metric, source, hours in (("Old", "a", 4), ("New", "a", 2), ("New", "b", 0)):
        datum = {
            "MetricName": metric,
            "Dimensions": [{"Name": "Source", "Value": source}],
            "Value": 1,
            "Timestamp": now - timedelta(hours=hours),
        }
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    def listed(**request: Any) -> list[tuple[str, str]]:
        found = cloudwatch.list_metrics(Namespace=namespace, **request)["Metrics"]
        return sorted((each["MetricName"], each["Dimensions"][0]["Value"]) for each in found)

    assert listed() == [("New", "a"), ("New", "b"), ("Old", "a")]
    assert listed(RecentlyActive="PT3H") == [("New", "a"), ("New", "b")]
    assert listed(RecentlyActive="PT3H", Dimensions=[{"Name": "Source", "Value": "b"}]) == [("New", "b")]
    assert listed(RecentlyActive="PT3H", MetricName="Old") == []
