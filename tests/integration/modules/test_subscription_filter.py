# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filter in check mode, for real and again, and the report of subscription_filter_info."""

from __future__ import annotations

from typing import Any

from subscriptions import converge_and_repeat, filters_of, make_function

GROUP = "/lifecycle/one-filter"
NAME = "lifecycle-one-filter-filter"


def test_create_repeat_update_remove(cloud: Any) -> None:
    function = make_function(cloud, "lifecycle-one")
    theirs = make_function(cloud, "lifecycle-theirs")
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    # Another filter's name begins with ours: DescribeSubscriptionFilters returns both, so the module must distinguish them.
    logs.put_subscription_filter(
        logGroupName=GROUP, filterName=f"{NAME}-of-others", filterPattern="x", destinationArn=theirs
    )
    foreign = filters_of(cloud, GROUP)

    def run(*, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        return cloud.run("subscription_filter", log_group=GROUP, check_mode=check_mode, **params)

    def step(after: dict[str, Any] | None, **params: Any) -> None:
        done = converge_and_repeat(run, lambda: filters_of(cloud, GROUP), **params)
        assert done["subscription_filter"] == after
        assert (done["diff"][0]["after"] or None) == after
        assert {name: item for name, item in filters_of(cloud, GROUP).items() if name != NAME} == foreign

    created = {"log_group": GROUP, "name": NAME, "destination_arn": function, "filter_pattern": ""}
    step(created, destination_arn="lifecycle-one")
    found = cloud.run("subscription_filter_info", log_group_prefix="/lifecycle/one", destination_arn="lifecycle-one")
    assert found["subscription_filters"] == [created]
    if cloud.name == "embedded":  # moto refuses to update a filter in a group with two
        updated = {**created, "filter_pattern": "ERROR"}
        step(updated, filter_pattern="ERROR")
        fields = ["@aws.account", "@aws.region"]
        step({**updated, "emit_system_fields": fields}, emit_system_fields=fields)
        shuffled = {"emit_system_fields": fields[::-1], "destination_arn": function, "filter_pattern": "ERROR"}
        assert not run(**shuffled)["changed"]
    step(None, state="absent")
    logs.delete_log_group(logGroupName=GROUP)
    assert not run(state="absent")["changed"]


def test_update_in_place(cloud: Any) -> None:
    group = "/lifecycle/in-place"
    make_function(cloud, "lifecycle-in-place")
    cloud.client("logs").create_log_group(logGroupName=group)
    for pattern in ("ERROR", "?WARN ?ERROR", ""):
        params = {"log_group": group, "destination_arn": "lifecycle-in-place", "filter_pattern": pattern}
        assert cloud.run("subscription_filter", **params)["changed"]
        assert not cloud.run("subscription_filter", **params)["changed"]
        assert [item["filterPattern"] for item in filters_of(cloud, group).values()] == [pattern]


def test_missing_function_is_refused_by_name(cloud: Any) -> None:
    group = "/lifecycle/refused"
    cloud.client("logs").create_log_group(logGroupName=group)
    result = cloud.run("subscription_filter", log_group=group, destination_arn="lifecycle-none", wait_timeout=600)
    assert result["failed"]
    assert not result["changed"]
    assert "function:lifecycle-none. Correct destination_arn, or deploy the function first." in result["msg"]
    assert filters_of(cloud, group) == {}
