"""What could not be sent, in an SQS queue: subscription events like those that CloudWatch Logs sends, with a member more.

    {"awslogs": {"data": "..."},
     "deadLetter": {"sink": "sumologic", "reason": "the sink answered 503", "attempts": 4, "events": 12,
                    "time": "2026-11-22T10:00:00Z", "function": "log-reflector"}}

`aws sqs receive-message ... | jq -r '.Messages[].Body | fromjson.awslogs.data' | base64 -d | zcat` shows the events.
"""

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .aws import AwsError, ask
from .codec import dumps, gzip, utf8
from .decode import DATA_MESSAGE
from .delivery import Unsent

MESSAGE_BYTES = 256 * 1024
"""The size that a message is kept within where its events can be parted: SQS's limit was this until 2025, and is 1 MiB since."""

MARK = "deadLetter"


class QueueRefusedError(Exception):
    """The queue did not take a message. The text says why, and holds nothing of it."""


def letters(unsent: Unsent, sink: str) -> Iterator[tuple[str, Unsent]]:
    """The bodies of the messages that hold the events, with what each holds: within `MESSAGE_BYTES` unless one event alone is larger."""
    body = _letter(unsent, sink)
    count = len(unsent.batch.events)
    if len(body) <= MESSAGE_BYTES or count == 1:
        yield body, unsent
        return
    # About as many as are needed: halves of halves would compress everything once more for each doubling.
    parts = min(count, len(body) * 4 // (MESSAGE_BYTES * 3) + 1)
    for part in range(parts):
        positions = range(count * part // parts, count * (part + 1) // parts)
        yield from letters(replace(unsent, batch=unsent.batch.only(positions)), sink)


def undecodable(event: Any, reason: str) -> str:
    """The body of the message that holds an event which is no payload, as it came."""
    mark = _mark(None, reason, 1, 0)
    return json.dumps({**event, MARK: mark} if isinstance(event, Mapping) else {"event": event, MARK: mark})


class Queue:
    """The dead-letter queue of that name in the function's account and region. Connects when it is needed first."""

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, body: str) -> None:
        """Put a message into the queue. Raises QueueRefusedError."""
        try:
            ask("sqs", "send_message", QueueUrl=_url(self._name), MessageBody=body)
        except AwsError as error:
            if error.status:
                raise QueueRefusedError(
                    f"{error.operation} to the queue {self._name} was refused: {error.code}"
                ) from None
            raise QueueRefusedError(f"the queue {self._name} was not reached: {error.code}") from None


def current_queue() -> Queue | None:
    """The queue of this environment, if there is one."""
    name = os.environ.get("DEAD_LETTER_QUEUE", "").strip()
    return Queue(name) if name else None


@lru_cache(maxsize=1)  # outlives the invocation; an error is not remembered
def _url(name: str) -> str:
    return str(ask("sqs", "get_queue_url", QueueName=name)["QueueUrl"])


def _letter(unsent: Unsent, sink: str) -> str:
    batch = unsent.batch
    payload = {
        "messageType": DATA_MESSAGE,
        "owner": batch.owner,
        "logGroup": batch.log_group,
        "logStream": batch.log_stream,
        "subscriptionFilters": batch.filters,
        "logEvents": batch.events,
    }
    data = base64.b64encode(gzip(utf8(dumps(payload)))).decode()
    mark = _mark(sink, unsent.reason, unsent.attempts, len(batch.events))
    return json.dumps({"awslogs": {"data": data}, MARK: mark}, separators=(",", ":"))


def _mark(sink: str | None, reason: str, attempts: int, events: int) -> dict[str, Any]:
    return {
        "sink": sink,
        "reason": reason,
        "attempts": attempts,
        "events": events,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
    }
