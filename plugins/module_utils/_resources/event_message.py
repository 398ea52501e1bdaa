# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message of an event, which somebody received: it is deleted, or hidden for a time. Its content is not read."""

from __future__ import annotations

from .._errors import InvalidInputError
from .._options.event_message import LONGEST_PAUSE, EventMessageOptions
from .._options.option import read
from .._plan import Params, Result
from .._session import Target


def settle_message(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module event_message.

    SQS deletes a message that was deleted before without an error. It refuses to hide one that is deleted or visible again.
    """
    options = read(EventMessageOptions, params)
    what = f"a message of queue {queue_name(options.queue_url)}"
    deletes = options.state == "absent"
    seconds = hidden_seconds(options.hidden_seconds, options.receives)
    change = f"delete {what}" if deletes else f"hide {what} for {seconds:,} s"
    if not check_mode:
        message = {"QueueUrl": options.queue_url, "ReceiptHandle": options.receipt_handle}
        with target.describe_operation(change):
            sqs = target.client("sqs")
            if deletes:
                sqs.delete_message(**message)
            else:
                sqs.change_message_visibility(**message, VisibilityTimeout=seconds)
    return {"changed": True, "changes": [change]}


def hidden_seconds(first: int, receives: int | None) -> int:
    """Return the seconds until the next receipt: twice as many after each, and not more than LONGEST_PAUSE."""
    if receives is None:
        return first
    doublings = min(receives - 1, LONGEST_PAUSE.bit_length())  # receives comes from the event
    return min(first << doublings, LONGEST_PAUSE)


def queue_name(url: str) -> str:
    """Return the name in a queue's URL. Raises InvalidInputError."""
    scheme, _colon, rest = url.partition("://")
    parts = rest.split("/")
    if scheme not in ("http", "https") or len(parts) != 3 or not all(parts):
        raise InvalidInputError(
            "queue_url", "it is no URL of a queue, such as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
        )
    return parts[2]
