# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dead letters: undelivered events in an SQS queue, as subscription events with one more member.

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

from .aws import AwsError, call
from .codec import dumps, gzip, utf8
from .decode import DATA_MESSAGE
from .delivery import Undelivered
from .records import pick

MAX_MESSAGE_BYTES = 256 * 1024
"""Limit for a dead letter with several events. SQS had this limit until 2025, and has 1 MiB since."""

METADATA = "deadLetter"


class QueueRefusedError(Exception):
    """The queue did not accept a message. The text gives the reason, and nothing of the message."""


def dead_letters(undelivered: Undelivered, sink: str) -> Iterator[tuple[str, Undelivered]]:
    """Yield the bodies of the dead letters, each with its events: at most `MAX_MESSAGE_BYTES`, unless one event is larger."""
    body = _dead_letter(undelivered, sink)
    count = len(undelivered.batch.events)
    if len(body) <= MAX_MESSAGE_BYTES or count == 1:
        yield body, undelivered
        return
    # The number of parts is estimated: halving would compress everything again for each doubling.
    parts = min(count, len(body) * 4 // (MAX_MESSAGE_BYTES * 3) + 1)
    for part in range(parts):
        positions = range(count * part // parts, count * (part + 1) // parts)
        yield from dead_letters(replace(undelivered, batch=pick(undelivered.batch, positions)), sink)


def undecodable_letter(event: Any, reason: str) -> str:
    """Return the body of the dead letter with an event that is no payload, unchanged."""
    metadata = _metadata(None, reason, 1, 0)
    return json.dumps(
        {**event, METADATA: metadata} if isinstance(event, Mapping) else {"event": event, METADATA: metadata}
    )


class Queue:
    """The dead-letter queue of that name in the function's account and region. Connects at the first message."""

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, body: str) -> None:
        """Put a message into the queue. Raises QueueRefusedError."""
        try:
            call("sqs", "send_message", QueueUrl=_url(self._name), MessageBody=body)
        except AwsError as error:
            if error.status:
                raise QueueRefusedError(
                    f"{error.operation} to the queue {self._name} was refused: {error.code}"
                ) from None
            raise QueueRefusedError(f"the queue {self._name} was not reached: {error.code}") from None


def current_queue() -> Queue | None:
    """Return the queue of this environment, if it has one."""
    name = os.environ.get("DEAD_LETTER_QUEUE", "").strip()
    return Queue(name) if name else None


@lru_cache(maxsize=1)  # outlives the invocation; an error is not cached
def _url(name: str) -> str:
    return str(call("sqs", "get_queue_url", QueueName=name)["QueueUrl"])


def _dead_letter(undelivered: Undelivered, sink: str) -> str:
    batch = undelivered.batch
    payload = {
        "messageType": DATA_MESSAGE,
        "owner": batch.owner,
        "logGroup": batch.log_group,
        "logStream": batch.log_stream,
        "subscriptionFilters": batch.filters,
        "logEvents": batch.events,
    }
    data = base64.b64encode(gzip(utf8(dumps(payload)))).decode()
    metadata = _metadata(sink, undelivered.reason, undelivered.attempts, len(batch.events))
    return json.dumps({"awslogs": {"data": data}, METADATA: metadata}, separators=(",", ":"))


def _metadata(sink: str | None, reason: str, attempts: int, events: int) -> dict[str, Any]:
    return {
        "sink": sink,
        "reason": reason,
        "attempts": attempts,
        "events": events,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
    }
