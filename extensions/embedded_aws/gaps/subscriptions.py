# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subscription filters: refusals of PutSubscriptionFilter, stored fields, and delivery of log events."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch_logs as logs

from .account_policies import policy_for
from .current import current
from .deliveries import Batch, deliver, deliver_to_stream, may_invoke
from .hooks import Function, replace
from .log_events import stored_events
from .log_groups import log_class
from .metrics import record_incoming
from .streams import filter_refusal, is_stream
from .validation import (
    DESTINATION,
    FILTER,
    FILTER_PREFIX,
    LOG_GROUP,
    PATTERN,
    Answer,
    error,
    invalid,
    no_such_group,
    paged,
    success,
)
from .validation import refusal as parameters_refusal

_OPTIONAL = ("roleArn", "applyOnTransformedLogs", "emitSystemFields", "fieldSelectionCriteria")


def install() -> None:
    @replace(logs, "_put_subscription_filter", "data")
    def put_subscription_filter(_ministack: Function) -> Function:
        return _put

    @replace(logs, "_describe_subscription_filters", "data")
    def describe_subscription_filters(_ministack: Function) -> Function:
        return _describe

    @replace(logs, "_fanout_to_subscription_filters", "group_name", "stream_name", "events")
    def fanout_to_subscription_filters(_ministack: Function) -> Function:
        return _deliver


def _put(data: dict[str, Any]) -> Answer:
    if (answer := _refusal(data)) is not None:
        return answer
    name, group = data["filterName"], data["logGroupName"]
    filters = logs._log_groups[group]["subscriptionFilters"]
    filters[name] = {
        "filterName": name,
        "logGroupName": group,
        "filterPattern": data.get("filterPattern", ""),
        "destinationArn": data["destinationArn"],
        "distribution": data.get("distribution", "ByLogStream"),
        "applyOnTransformedLogs": False,
        "creationTime": filters.get(name, {}).get("creationTime", int(time.time() * 1000)),
    } | {option: data[option] for option in _OPTIONAL if option in data}
    return success({})


def _refusal(data: dict[str, Any]) -> Answer | None:
    if (answer := parameters_refusal(data, LOG_GROUP, FILTER, PATTERN, DESTINATION)) is not None:
        return answer
    name, destination = data["logGroupName"], data["destinationArn"]
    group = logs._log_groups.get(name)
    if group is None:
        return no_such_group()
    kind = log_class(group)
    if kind != "STANDARD" and not (kind == "DELIVERY" and _is_object_store(destination)):
        return error("ValidationException", "This operation is only supported on the Standard log class")
    if ":function:" in destination:
        if data.get("roleArn"):
            return invalid("destinationArn for vendor lambda cannot be used with roleArn")
        if name == own_log_group(destination):
            return invalid("The log group provided is reserved for the function logs of the destination function.")
        if not may_invoke(destination, name, settled=True):
            return invalid(
                "Could not execute the lambda function. "
                "Make sure you have given CloudWatch Logs permission to execute your function."
            )
    filters = group["subscriptionFilters"]
    if data["filterName"] not in filters and len(filters) >= current.settings.filter_slots:
        return error("LimitExceededException", "Resource limit exceeded.")
    return filter_refusal(data) if is_stream(destination) else None


def _is_object_store(destination: str) -> bool:
    """Return whether the destination is one that log groups of the class DELIVERY accept: Firehose or S3."""
    return is_stream(destination) or destination.split(":")[2:3] == ["s3"]


def own_log_group(function_arn: str) -> str | None:
    """Return a function's default log group; None if the destination is not a function."""
    return f"/aws/lambda/{function_arn.split(':')[6]}" if ":function:" in function_arn else None


def _describe(data: dict[str, Any]) -> Answer:
    if (answer := parameters_refusal(data, LOG_GROUP, FILTER_PREFIX)) is not None:
        return answer
    group = logs._log_groups.get(data["logGroupName"])
    if group is None:
        return no_such_group()
    prefix = data.get("filterNamePrefix") or ""
    filters = [item for item in group["subscriptionFilters"].values() if item["filterName"].startswith(prefix)]
    page, token = paged(filters, "filterName", data)
    return success({"subscriptionFilters": page} | ({"nextToken": token} if token else {}))


def _deliver(group_name: str, stream_name: str, _events: list[dict[str, Any]]) -> None:
    """Count new log events, and send them to their destinations."""
    batch = Batch(group_name, stream_name, stored_events())
    record_incoming(group_name, [event["message"] for event in batch.events])
    deliver_batch(batch)


def deliver_batch(batch: Batch) -> None:
    """Send log events to the destinations of the group's filters and of the account's policy."""
    group_name = batch.log_group
    group = logs._log_groups.get(group_name) or {}
    for subscription in list((group.get("subscriptionFilters") or {}).values()):
        if not current.is_older(current.settings.filter_delay, since_ms=subscription["creationTime"]):
            continue
        if is_stream(subscription["destinationArn"]):
            deliver_to_stream(batch, subscription)
        else:
            deliver(batch, subscription["filterName"], subscription["destinationArn"], subscription["filterPattern"])
    policy = policy_for(group_name)
    if policy is None or log_class(group) != "STANDARD":
        return
    # AWS never delivers a function's own log group to it by an account policy, whatever the loop guard.
    if group_name != own_log_group(policy["DestinationArn"]):
        level = {"policyLevel": "ACCOUNT_LEVEL_POLICY"}
        deliver(batch, policy["Name"], policy["DestinationArn"], policy.get("FilterPattern", ""), **level)
