# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliver log events to functions, for filters of a group and for the account's policy."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from . import streams
from .current import current
from .hooks import original
from .invocations import Target, invoke_async
from .metrics import record_forwarding
from .policies import service_allowed

_matches = original(logs, "_subscription_pattern_matches", "pattern", "message")
_log = logging.getLogger("embedded_aws.deliveries")
_RETRIED_MINUTES = 24 * 60  # a minute on AWS is one retry_delay here


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
    matched = [event for event in batch.events if _matches(pattern, event["message"])]
    if not matched or ":function:" not in destination:
        return
    delivery = _Delivery(Batch(batch.log_group, batch.log_stream, matched), name, destination, more)
    if delay := current.settings.delivery_delay:
        current.run_later(delay * current.random(), delivery.attempt)
    else:
        delivery.attempt()


def deliver_to_stream(batch: Batch, subscription: dict[str, Any]) -> None:
    """Send the matching events to a filter's Firehose stream, at once."""
    matched = [event for event in batch.events if _matches(subscription["filterPattern"], event["message"])]
    if not matched:
        return
    matching = Batch(batch.log_group, batch.log_stream, matched)
    name = subscription["filterName"]
    message = message_of(matching, name, {})
    if streams.put(subscription["destinationArn"], subscription.get("roleArn") or "", batch.log_group, message):
        size = sum(len(event["message"].encode()) for event in matched)
        counts: dict[str, float] = {"ForwardedLogEvents": len(matched), "ForwardedBytes": size}
    else:
        _log.warning("Log events of %s are skipped: %s cannot be written to.", batch.log_group, name)
        counts = {"DeliveryErrors": len(matched)}
    record_forwarding(batch.log_group, name, "", counts, "Firehose")


def message_of(batch: Batch, filter_name: str, more: dict[str, str]) -> dict[str, Any]:
    """Return the message that a filter sends for these events."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": get_account_id(),
        "logGroup": batch.log_group,
        "logStream": batch.log_stream,
        "subscriptionFilters": [filter_name],
        **more,
        "logEvents": [
            {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]}
            for event in batch.events
        ],
    }


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Matching events on their way to a function."""

    batch: Batch
    filter_name: str
    destination: str
    more: dict[str, str]
    started: float = field(default_factory=time.monotonic)

    def attempt(self) -> None:
        try:
            self._attempt()
        except Exception:
            _log.exception("Delivery of %s to %s", self.batch.log_group, self.filter_name)

    def _attempt(self) -> None:
        target = Target.find(self.destination)
        if target is None:
            self._record(DeliveryErrors=len(self.batch.events))
        elif current.settings.loop_guard and target.log_group == self.batch.log_group:
            return
        elif not may_invoke(self.destination, self.batch.log_group):
            _log.warning(
                "Log events of %s are skipped: the policy of %s does not allow CloudWatch Logs.",
                self.batch.log_group,
                self.destination,
            )
            self._record(DeliveryErrors=len(self.batch.events))
        elif (share := current.settings.delivery_throttling) and current.random() < share:
            self._record(DeliveryThrottling=len(self.batch.events))
            if time.monotonic() - self.started < _RETRIED_MINUTES * current.settings.retry_delay:
                current.run_later(current.settings.retry_delay, self.attempt)
        else:
            size = sum(len(event["message"].encode()) for event in self.batch.events)
            self._record(ForwardedLogEvents=len(self.batch.events), ForwardedBytes=size)
            invoke_async(target, self._payload())

    def _record(self, **counts: float) -> None:
        record_forwarding(self.batch.log_group, self.filter_name, self.more.get("policyLevel", ""), counts)

    def _payload(self) -> dict[str, Any]:
        message = message_of(self.batch, self.filter_name, self.more)
        data = base64.b64encode(gzip.compress(json.dumps(message).encode(), compresslevel=1)).decode()
        return {"awslogs": {"data": data}}
