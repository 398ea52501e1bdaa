"""The dead-letter queue's messages, sent again: an SQS event in, a partial batch response out.

Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS" (event, `batchItemFailures`) and "Capturing records of
Lambda asynchronous invocations" (`requestPayload`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .accounting import Tally
from .config import Config
from .dead_letters import MARK, Queue, QueueRefusedError, letters
from .decode import PayloadError, decode
from .delivery import Unsent
from .flow import Flow
from .rules import never_forwarded


class _StaysError(Exception):
    """A message stays in the queue, with why."""


def is_queue_event(event: Any) -> bool:
    """Whether the event holds messages of a queue."""
    found = event.get("Records") if isinstance(event, Mapping) else None
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in found)
    )


class Replay:
    """The messages of one SQS event."""

    def __init__(self, flow: Flow, config: Config, tally: Tally, queue: Queue | None, own_log_group: str) -> None:
        self._flow = flow
        self._config = config
        self._tally = tally
        self._queue = queue
        self._own_log_group = own_log_group

    def answer(self, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Send each message again. Those in `batchItemFailures` are still in the queue whole, for the reason in `failures`.

        Of a message that is not, everything is at its sinks, or the rest is in the queue as a message of its own.
        """
        failures: dict[str, str] = {}
        for record in records:
            try:
                self._send(record)
            except _StaysError as reason:
                failures[str(record.get("messageId"))] = str(reason)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failures], "failures": failures}

    def _send(self, record: Mapping[str, Any]) -> None:
        event, sink = _opened(record.get("body"))
        if sink is not None and sink not in self._config.sinks:
            raise _StaysError(f"there is no sink {sink} any more")
        try:
            payload = decode(event)
        except PayloadError as error:
            self._tally.undecodable += 1
            raise _StaysError(str(error).rstrip(".")) from None
        self._tally.receive(payload)
        if reason := never_forwarded(payload, self._own_log_group):
            self._tally.dropped[reason] += payload.count
            return
        left: list[tuple[str, Unsent]] = []
        delivered = self._tally.delivered
        if sink is None:
            self._flow.reflect(payload, lambda *unsent: left.append(unsent))
        else:
            self._flow.resend(payload, sink, lambda *unsent: left.append(unsent))
        for name, unsent in left:
            self._tally.unsent(name, unsent, queued=True)
        if left and self._tally.delivered == delivered:
            raise _StaysError(left[0][1].reason)
        for name, unsent in left:
            self._requeue(name, unsent)

    def _requeue(self, sink: str, unsent: Unsent) -> None:
        if self._queue is None:
            raise _StaysError(f"{unsent.reason}, and DEAD_LETTER_QUEUE is not set for the part that was not delivered")
        try:
            for body, _events in letters(unsent, sink):
                self._queue.put(body)
        except QueueRefusedError as error:
            raise _StaysError(f"{unsent.reason}, and {error}") from None


def _opened(body: Any) -> tuple[Any, str | None]:
    """The subscription event in a message, and the sink that it is for (None: wherever routes say)."""
    try:
        event = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        raise _StaysError("the message is no JSON: it is not the reflector's") from None
    if isinstance(event, Mapping) and "requestPayload" in event:  # Lambda's own record of an invocation that failed
        event = event["requestPayload"]
    mark = event.get(MARK) if isinstance(event, Mapping) else None
    sink = mark.get("sink") if isinstance(mark, Mapping) else None
    return event, sink if isinstance(sink, str) else None
