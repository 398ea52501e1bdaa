# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event that a trail with management events sends to the caller's own default bus."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, get_request_client_ip
from ministack.services import eventbridge

from .current import current
from .hooks import original

_put_events = original(eventbridge, "_put_events", "data", "allow_aws_source")
_events_log = original(eventbridge, "_events_log_list")


def send_event(operation: str, request: dict[str, Any], error: tuple[str, str] | None, role_arn: str = "") -> None:
    """Send the event of a CloudWatch Logs call after the delay, perhaps twice or never.

    role_arn: the role of a function for which Lambda made the call.
    """
    settings = current.settings
    if not settings.trail or (settings.event_loss and current.random() < settings.event_loss):
        return
    entry = {
        "Source": "aws.logs",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(_detail(operation, request, error, role_arn)),
    }
    copies = 2 if current.random() < settings.duplicate_probability else 1

    def send() -> None:
        for _unused in range(copies):
            _put_events({"Entries": [entry]}, allow_aws_source=True)
        _events_log().clear()  # MiniStack would keep every event for ever

    current.run_later(settings.event_delay + settings.event_jitter * current.random(), send)


def _detail(operation: str, request: dict[str, Any], error: tuple[str, str] | None, role_arn: str) -> dict[str, Any]:
    by_lambda = "lambda.amazonaws.com"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": _identity(role_arn),
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "logs.amazonaws.com",
        "eventName": operation,
        "awsRegion": get_region(),
        "sourceIPAddress": by_lambda if role_arn else get_request_client_ip(),
        "userAgent": by_lambda if role_arn else "embedded-aws",
        "requestParameters": request,
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "apiVersion": "20140328",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    if error is not None:
        detail["errorCode"], detail["errorMessage"] = error
    return detail


def _identity(role_arn: str) -> dict[str, Any]:
    account = get_account_id()
    if role_arn:
        role = role_arn.rpartition("/")[2]
        return {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{role}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{role}",
            "accountId": account,
            "invokedBy": "lambda.amazonaws.com",
        }
    arn = iam_evaluator.caller_arn()
    name = arn.rpartition("/")[2]
    if ":assumed-role/" in arn:
        kind, principal = "AssumedRole", f"AROAEXAMPLE:{name}"
    elif ":user/" in arn:
        kind, principal = "IAMUser", "AIDAEXAMPLE"
    else:
        kind, principal = "Root", account
    return {"type": kind, "principalId": principal, "arn": arn, "accountId": account}
