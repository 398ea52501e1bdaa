# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filter_info over real pages."""

from __future__ import annotations

from typing import Any

from subscriptions import make_function


def test_filters_of_more_groups_than_a_page_holds(cloud: Any) -> None:
    function = make_function(cloud, "lifecycle-info")
    logs = cloud.client("logs")
    groups = [f"/lifecycle/info/{number:02}" for number in range(57)]
    for group in groups:
        logs.create_log_group(logGroupName=group)
    for group in (groups[3], groups[55]):
        logs.put_subscription_filter(logGroupName=group, filterName="n", filterPattern="", destinationArn=function)
    result = cloud.run("subscription_filter_info", log_group_prefix="/lifecycle/info/", name="n")
    assert result["changed"] is False
    assert [item["log_group"] for item in result["subscription_filters"]] == [groups[3], groups[55]]
    missing = cloud.run("subscription_filter_info", log_group="/lifecycle/info/none")
    assert missing["error"]["kind"] == "NotFoundError"
