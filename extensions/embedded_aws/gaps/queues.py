# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues: no message is lost between threads, a dead-letter queue has the type of its source queue, and received messages
can return before their visibility timeout, so that no test waits for minutes.

Sources: SQS Developer Guide, "Amazon SQS visibility timeout" (12 hours at most), "Using dead-letter queues in Amazon SQS"
(both queues are of one type).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ministack.services import sqs

from .current import current
from .hooks import Function, original, replace
from .metrics import record_queue, sample_queue

_FIFO = ".fifo"
_queue = original(sqs, "_get_q", "url")
# The functions that change a queue's messages. MiniStack locks only the poller of event source mappings, which replaces
# the list that a sender may just have extended.
_CHANGES = (
    ("_act_send_message_batch", ("data", "qurl")),
    ("_dlq_sweep", ("q",)),
    ("_expire_retained", ("q",)),
)
_DELETED = "NumberOfMessagesDeleted"
# A batch calls the function of a single message.
_COUNTED = {
    "_act_send_message": "NumberOfMessagesSent",
    "_act_delete_message": _DELETED,
    "_act_delete_message_batch": _DELETED,
}


def install() -> None:
    lock = sqs._queues_lock = threading.RLock()
    for name, parameters in _CHANGES:

        @replace(sqs, name, *parameters)
        def change(ministack: Function) -> Function:
            def locked(*arguments: Any) -> Any:
                with lock:
                    return ministack(*arguments)

            return locked

    for name, metric in _COUNTED.items():
        replace(sqs, name, "data", "qurl")(_counting_hook(lock, metric))

    @replace(sqs, "_act_purge_queue", "data", "qurl")
    def purge(ministack: Function) -> Function:
        def sampled(data: dict[str, Any], qurl: str) -> Any:
            with lock:
                sample_queue(_queue(data.get("QueueUrl", qurl)))
                return ministack(data, qurl)

        return sampled

    @replace(sqs, "_collect_msgs", "q", "max_n", "vis_timeout")
    def collect(ministack: Function) -> Function:
        def receive(q: dict[str, Any], max_n: int, vis_timeout: int) -> list[dict[str, Any]]:
            with lock:
                return list(ministack(q, max_n, min(vis_timeout, current.settings.longest_hidden)))

        return receive

    for name in ("_act_change_visibility", "_act_change_visibility_batch"):

        @replace(sqs, name, "data", "qurl")
        def change_visibility(ministack: Function) -> Function:
            def hide(data: dict[str, Any], qurl: str) -> Any:
                with lock:
                    answer = ministack(data, qurl)
                    latest = time.time() + current.settings.longest_hidden
                    for message in _queue(data.get("QueueUrl", qurl))["messages"]:
                        if message["receipt_handle"] is not None:
                            message["visible_at"] = min(message["visible_at"], latest)
                return answer

            return hide

    @replace(sqs, "_act_create_queue", "data", "_u")
    def create_queue(ministack: Function) -> Function:
        def create(data: dict[str, Any], _u: str) -> Any:
            _check_redrive(data, data.get("QueueName", ""))
            return ministack(data, _u)

        return create

    @replace(sqs, "_act_set_queue_attributes", "data", "qurl")
    def set_queue_attributes(ministack: Function) -> Function:
        def change(data: dict[str, Any], qurl: str) -> Any:
            _check_redrive(data, data.get("QueueUrl", qurl))
            return ministack(data, qurl)

        return change


def _counting_hook(lock: AbstractContextManager[Any], metric: str) -> Callable[[Function], Function]:
    """Return the factory of a locked replacement that records how many messages came or went."""

    def make(ministack: Function) -> Function:
        def counted(data: dict[str, Any], qurl: str) -> Any:
            with lock:
                before = len(_queue(data.get("QueueUrl", qurl))["messages"])
                answer = ministack(data, qurl)
                queue = _queue(data.get("QueueUrl", qurl))
                record_queue(queue, metric, abs(len(queue["messages"]) - before))
            return answer

        return counted

    return make


def _check_redrive(data: dict[str, Any], queue: str) -> None:
    """Raise sqs._Err unless both queues have the same type. MiniStack checks the rest."""
    policy = (data.get("Attributes") or {}).get("RedrivePolicy")
    try:
        target = str(json.loads(policy or "{}").get("deadLetterTargetArn") or queue)
    except (AttributeError, ValueError):
        return
    if target.endswith(_FIFO) != queue.endswith(_FIFO):
        reason = "Dead letter target must be same type of queue as the source."
        raise sqs._Err(
            "InvalidParameterValue", f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
        )


def send(queue_arn: str, body: str, attributes: dict[str, Any], **parameters: str) -> None:
    """Send a message to an existing queue of the current account and region.

    Raises sqs._Err if SQS refuses it.
    """
    account, name = queue_arn.split(":")[4:6]
    # MiniStack finds a queue of the current account by the whole path.
    message = {"QueueUrl": f"/{account}/{name}", "MessageBody": body, "MessageAttributes": attributes, **parameters}
    sqs._act_send_message(message, "")
