"""Subscription filters: what PutSubscriptionFilter refuses, what it keeps, and how log events reach a function."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import logging
import time
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from .current import current
from .hooks import Function, original, replace
from .invocations import Target, invoke_async
from .log_groups import log_class
from .policies import service_allowed
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
from .validation import refused as parameters_refused

_matches = original(logs, "_subscription_pattern_matches", "pattern", "message")
_log = logging.getLogger("embedded_aws.subscriptions")
# 56 digits, unique and increasing, as CloudWatch Logs numbers its events.
_event_ids = itertools.count(time.time_ns())
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
    if (answer := _refused(data)) is not None:
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


def _refused(data: dict[str, Any]) -> Answer | None:
    if (answer := parameters_refused(data, LOG_GROUP, FILTER, PATTERN, DESTINATION)) is not None:
        return answer
    name, destination = data["logGroupName"], data["destinationArn"]
    group = logs._log_groups.get(name)
    if group is None:
        return no_such_group()
    if log_class(group) != "STANDARD":
        return error("ValidationException", "This operation is only supported on the Standard log class")
    if ":function:" in destination:
        if data.get("roleArn"):
            return invalid("destinationArn for vendor lambda cannot be used with roleArn")
        if name == f"/aws/lambda/{destination.split(':')[6]}":
            return invalid("The log group provided is reserved for the function logs of the destination function.")
        if not _may_invoke(destination, name, settled=True):
            return invalid(
                "Could not execute the lambda function. "
                "Make sure you have given CloudWatch Logs permission to execute your function."
            )
    filters = group["subscriptionFilters"]
    if data["filterName"] not in filters and len(filters) >= current.settings.filter_slots:
        return error("LimitExceededException", "Resource limit exceeded.")
    return None


def _may_invoke(function_arn: str, log_group: str, *, settled: bool = False) -> bool:
    """Whether the function exists and its policy lets CloudWatch Logs in for this group.

    Settled: a permission younger than the settings' delay does not count yet.
    """
    target = Target.find(function_arn)
    if target is None:
        return False
    source = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{log_group}:*"
    policy = target.policy(current.settings.permission_delay if settled else 0)
    return service_allowed(policy, "logs.amazonaws.com", "lambda:InvokeFunction", function_arn, source)


def _describe(data: dict[str, Any]) -> Answer:
    if (answer := parameters_refused(data, LOG_GROUP, FILTER_PREFIX)) is not None:
        return answer
    group = logs._log_groups.get(data["logGroupName"])
    if group is None:
        return no_such_group()
    prefix = data.get("filterNamePrefix") or ""
    filters = [item for item in group["subscriptionFilters"].values() if item["filterName"].startswith(prefix)]
    page, token = paged(filters, "filterName", data)
    return success({"subscriptionFilters": page} | ({"nextToken": token} if token else {}))


def _deliver(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
    """Sends new log events to the functions that subscribed. Never fails: the one who writes a log is not to blame."""
    group = logs._log_groups.get(group_name) or {}
    for subscription in list((group.get("subscriptionFilters") or {}).values()):
        try:
            _deliver_to(subscription, group_name, stream_name, events)
        except Exception:
            _log.exception("Delivery of %s to %s", group_name, subscription["filterName"])


def _deliver_to(subscription: dict[str, Any], group: str, stream: str, events: list[dict[str, Any]]) -> None:
    destination = subscription["destinationArn"]
    target = Target.find(destination) if ":function:" in destination else None
    if target is None:
        return
    if current.settings.loop_guard and target.log_group == group:
        return
    if not _may_invoke(destination, group):
        _log.warning("Log events of %s are skipped: %s does not let CloudWatch Logs in.", group, destination)
        return
    matched = [event for event in events if _matches(subscription["filterPattern"], event.get("message", ""))]
    if not matched:
        return
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": get_account_id(),
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": [subscription["filterName"]],
        "logEvents": [
            {
                "id": f"3{next(_event_ids):055d}",
                "timestamp": event.get("timestamp", int(time.time() * 1000)),
                "message": event.get("message", ""),
            }
            for event in matched
        ],
    }
    data = base64.b64encode(gzip.compress(json.dumps(message).encode(), compresslevel=1)).decode()
    invoke_async(target, {"awslogs": {"data": data}})
