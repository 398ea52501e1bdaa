# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliver log events to functions, for filters of a group and for the account's policy."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from .current import current
from .hooks import original
from .invocations import Target, invoke_async
from .policies import service_allowed

_matches = original(logs, "_subscription_pattern_matches", "pattern", "message")
_log = logging.getLogger("embedded_aws.deliveries")


@dataclass(frozen=True, slots=True)
class Batch:
    """Stored events of one stream."""

    log_group: str
    log_stream: str
    events: list[dict[str, Any]]


def may_invoke(function_arn: str, log_group: str, *, settled: bool = False) -> bool:
    """Return whether the function exists and its policy allows CloudWatch Logs for this group.

    settled: ignore permissions younger than `permission_delay`.
    """
    target = Target.find(function_arn)
    if target is None:
        return False
    source = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{log_group}:*"
    if log_group == "*":
        source = source.removesuffix(":*")
    policy = target.policy(current.settings.permission_delay if settled else 0)
    return service_allowed(policy, "logs.amazonaws.com", "lambda:InvokeFunction", function_arn, source)


def deliver(batch: Batch, name: str, destination: str, pattern: str, **more: str) -> None:
    """Send the matching events to a function after the delay, with more fields in the message. Errors are logged, because
    the writer of the log must not see them."""

    def send() -> None:
        try:
            _deliver(batch, name, destination, pattern, more)
        except Exception:
            _log.exception("Delivery of %s to %s", batch.log_group, name)

    if delay := current.settings.delivery_delay:
        current.run_later(delay * current.random(), send)
    else:
        send()


def _deliver(batch: Batch, name: str, destination: str, pattern: str, more: dict[str, str]) -> None:
    target = Target.find(destination) if ":function:" in destination else None
    if target is None:
        return
    if current.settings.loop_guard and target.log_group == batch.log_group:
        return
    if not may_invoke(destination, batch.log_group):
        _log.warning(
            "Log events of %s are skipped: the policy of %s does not allow CloudWatch Logs.",
            batch.log_group,
            destination,
        )
        return
    matched = [event for event in batch.events if _matches(pattern, event["message"])]
    if not matched:
        return
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": get_account_id(),
        "logGroup": batch.log_group,
        "logStream": batch.log_stream,
        "subscriptionFilters": [name],
        **more,
        "logEvents": [
            {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]} for event in matched
        ],
    }
    data = base64.b64encode(gzip.compress(json.dumps(message).encode(), compresslevel=1)).decode()
    invoke_async(target, {"awslogs": {"data": data}})
