# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firehose streams as destinations of subscription filters.

Sources: CloudWatch Logs User Guide, "Subscription filters with Amazon Data Firehose" and "Log classes"; API Reference,
PutSubscriptionFilter. The texts of the errors are those that users quote; AWS documents none.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch_logs as logs
from ministack.services import firehose

from .hooks import Function, original, replace
from .policies import can_assume, role_allowed
from .validation import Answer, error, invalid

_enforce = original(iam_evaluator, "enforce", "access_key_id", "iam_action", "service", "region", "resource_arn")
_put_record = original(firehose, "_put_record", "data")
_streams = firehose._streams
_access_key: ContextVar[str] = ContextVar("access_key", default="")

_SERVICE = "logs.amazonaws.com"
_CONTROL = "CWL CONTROL MESSAGE: Checking health of destination Firehose."
_KIND = ":deliverystream/"


def install() -> None:
    @replace(logs, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Answer:
            token = _access_key.set(extract_access_key_id(headers, query_params))
            try:
                answer: Answer = await ministack(method, path, headers, body, query_params)
            finally:
                _access_key.reset(token)
            return answer

        return handle


def is_stream(destination: str) -> bool:
    """Return whether the destination is a Firehose stream."""
    return ":firehose:" in destination and _KIND in destination


def filter_refusal(data: dict[str, Any]) -> Answer | None:
    """Return why a filter to a Firehose stream is refused. A stream that accepts it gets a control message, as on AWS."""
    role, stream = data.get("roleArn") or "", data["destinationArn"]
    if not role:
        return invalid("destinationArn for vendor firehose cannot be used without roleArn")
    context = {"iam:passedtoservice": _SERVICE}
    if _enforce(_access_key.get(), "iam:PassRole", "logs", get_region(), resource_arn=role, service_context=context):
        return error(
            "AccessDeniedException",
            f"User: {iam_evaluator.caller_arn()} is not authorized to perform: iam:PassRole on resource: {role} "
            "because no identity-based policy allows the iam:PassRole action",
        )
    if not put(stream, role, data["logGroupName"], _control_message()):
        return invalid(
            "Could not deliver test message to specified Firehose stream. "
            "Check if the given Firehose stream is in ACTIVE state."
        )
    return None


def put(stream: str, role: str, log_group: str, message: dict[str, Any]) -> bool:
    """Write a record to the stream with the role of a filter; return whether it was accepted."""
    name = stream.partition(_KIND)[2]
    is_here = stream.split(":")[3:5] == [get_region(), get_account_id()] and name in _streams
    if not is_here or not can_assume(role, _SERVICE, _source(log_group)):
        return False
    if not all(role_allowed(role, action, stream) for action in ("firehose:PutRecord", "firehose:PutRecordBatch")):
        return False
    record = base64.b64encode(gzip.compress(json.dumps(message).encode(), compresslevel=1)).decode()
    status: int = _put_record({"DeliveryStreamName": name, "Record": {"Data": record}})[0]
    return status == 200


def _source(log_group: str) -> str:
    return f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{log_group}:*"


def _control_message() -> dict[str, Any]:
    event = {"id": "", "timestamp": int(time.time() * 1000), "message": _CONTROL}
    empty: dict[str, Any] = {"logGroup": "", "logStream": "", "subscriptionFilters": []}
    return {"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", **empty, "logEvents": [event]}
