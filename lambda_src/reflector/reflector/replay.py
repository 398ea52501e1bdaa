# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replay of the dead-letter queue: an SQS event in, a partial batch response out.

Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS" (event, `batchItemFailures`) and "Capturing records of
Lambda asynchronous invocations" (`requestPayload`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .accounting import Tally
from .config import Config
from .dead_letters import METADATA, Queue, QueueRefusedError, dead_letters
from .decode import PayloadError, decode
from .delivery import Undelivered
from .flow import Flow
from .rules import never_forwarded


class _ReplayError(Exception):
    """A message has to stay in the queue. The text is the reason."""


def is_queue_event(event: Any) -> bool:
    """Return whether the event holds messages of a queue."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records)
    )


class Replay:
    """The replay of one SQS event."""

    def __init__(self, flow: Flow, config: Config, tally: Tally, queue: Queue | None, own_log_group: str) -> None:
        self._flow = flow
        self._config = config
        self._tally = tally
        self._queue = queue
        self._own_log_group = own_log_group

    def run(self, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Send each message again, and return the response for SQS.

        Messages in `batchItemFailures` are still in the queue, complete, for the reason in `failures`. For every other
        message, all events were delivered or put into the queue again.
        """
        failures: dict[str, str] = {}
        for record in records:
            self._flow.begin_message()
            try:
                self._send(record)
            except _ReplayError as reason:
                failures[str(record.get("messageId"))] = str(reason)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failures], "failures": failures}

    def _send(self, record: Mapping[str, Any]) -> None:
        event, sink, is_given_up = _open(record.get("body"))
        if sink is not None and sink not in self._config.sinks:
            raise _ReplayError(f"there is no sink {sink} any more")
        try:
            payload = decode(event)
        except PayloadError as error:
            self._tally.undecodable += 1
            raise _ReplayError(str(error).rstrip(".")) from None
        self._tally.receive(payload)
        if reason := never_forwarded(payload, self._own_log_group):
            self._tally.dropped[reason] += payload.count
            return
        if sink is None:  # a dead letter of a sink has the names of its origin already
            payload = self._config.original(payload)
            self._tally.rename(payload)
        left: list[tuple[str, Undelivered]] = []

        def on_undelivered(name: str, undelivered: Undelivered) -> bool:
            left.append((name, undelivered))
            return True

        delivered, dropped = self._tally.delivered, self._tally.dropped.total()
        if sink is None:
            self._flow.reflect(payload, on_undelivered)
        else:
            self._flow.resend(payload, sink, on_undelivered)
        for name, undelivered in left:
            self._tally.add_undelivered(name, undelivered, queued=True)
        if left and self._tally.delivered == delivered:
            raise _ReplayError(left[0][1].reason)
        for name, undelivered in left:
            self._requeue(name, undelivered)
        refused = {number for _name, undelivered in left for number in undelivered.batch.numbers}
        self._tally.add_resent(payload, payload.count - len(refused) - self._tally.dropped.total() + dropped)
        if is_given_up:
            self._tally.given_up.append(payload.count)

    def _requeue(self, sink: str, undelivered: Undelivered) -> None:
        reason = undelivered.reason
        if self._queue is None:
            raise _ReplayError(f"{reason}, and DEAD_LETTER_QUEUE is not set for the part that was not delivered")
        try:
            for body, _events in dead_letters(undelivered, sink):
                self._queue.put(body)
        except QueueRefusedError as error:
            raise _ReplayError(f"{reason}, and {error}") from None


def _open(body: Any) -> tuple[Any, str | None, bool]:
    """Return the subscription event in a message, its sink (None: the sinks of its route), and whether Lambda had given it up."""
    try:
        event = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        raise _ReplayError("the message is no JSON: it is not the reflector's") from None
    is_given_up = isinstance(event, Mapping) and "requestPayload" in event
    if is_given_up:  # Lambda's own record of a failed invocation
        event = event["requestPayload"]
    metadata = event.get(METADATA) if isinstance(event, Mapping) else None
    sink = metadata.get("sink") if isinstance(metadata, Mapping) else None
    return event, sink if isinstance(sink, str) else None, is_given_up
