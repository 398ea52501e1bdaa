# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to SQS about a queue's messages, and which messages this run has in flight."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from ..._errors import ReflectorError, ThrottledError
from ..._retry import RetryPolicy
from ..._session import Target
from ..sqs_queue import Queue
from .event import Message

T = TypeVar("T")

MOST_IN_CALL = 10
"""Messages in one call, of every batch operation and of ReceiveMessage (API reference)."""
LONGEST_IN_FLIGHT = 43_200
"""Seconds that a message can be in flight after it was received (12 hours, ChangeMessageVisibility)."""


class InFlightMessages:
    """Messages that were received and not deleted: no other consumer can receive them until their timeout ends.

    seconds   visibility timeout. `extend` keeps at least half of it.
    """

    def __init__(
        self,
        target: Target,
        queue: Queue,
        retry_policy: RetryPolicy,
        seconds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._queue = queue
        self._retry_policy = retry_policy
        self._seconds = min(seconds, LONGEST_IN_FLIGHT)
        self._clock = clock
        self._until: dict[str, float] = {}
        self._messages: dict[str, Message] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._messages

    def receive(self, most: int, wait_seconds: int) -> list[Message]:
        """Receive up to `most` (10 at most) messages. Only long polling asks every server of SQS."""
        called = self._clock()
        answer = self._call(
            "receive messages",
            "receive_message",
            MaxNumberOfMessages=min(most, MOST_IN_CALL),
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._seconds,
            AttributeNames=["All"],
        )
        messages = [Message.from_api(item) for item in answer.get("Messages", [])]
        for message in messages:
            # A message that is received a second time has a new handle, and only the last one is valid.
            self._messages[message.message_id] = message
            self._until[message.message_id] = called + self._seconds
        return messages

    def extend(self) -> None:
        """Renew the timeout of messages with less than half of it left. Those that SQS refuses become visible: none is lost."""
        now = self._clock()
        ending = [key for key, until in self._until.items() if until - now < self._seconds / 2]
        for group in _groups(ending):
            self._change_visibility(group, self._seconds)
            self._until.update(dict.fromkeys(group, now + self._seconds))

    def delete(self, message_ids: Iterable[str]) -> set[str]:
        """Delete those that are in flight. Return the error codes of refused ones (200 OK may have some), which stay in flight."""
        codes: set[str] = set()
        for group in _groups([key for key in message_ids if key in self]):
            entries = [{"Id": str(n), "ReceiptHandle": self._handle(key)} for n, key in enumerate(group)]
            answer = self._call("delete messages", "delete_message_batch", Entries=entries)
            refused = {group[int(item["Id"])]: item["Code"] for item in answer.get("Failed", [])}
            codes.update(refused.values())
            self._forget(set(group) - refused.keys())
        return codes

    def release(self) -> None:
        """Make all of them visible now. A message that SQS refuses becomes visible when its timeout ends."""
        for group in _groups(list(self._messages)):
            self._change_visibility(group, 0)
            self._forget(group)

    def _change_visibility(self, group: Sequence[str], seconds: int) -> None:
        entries = [
            {"Id": str(n), "ReceiptHandle": self._handle(key), "VisibilityTimeout": seconds}
            for n, key in enumerate(group)
        ]
        self._call("change the visibility of messages", "change_message_visibility_batch", Entries=entries)

    def _handle(self, message_id: str) -> str:
        return self._messages[message_id].receipt_handle

    def _forget(self, message_ids: Collection[str]) -> None:
        for key in message_ids:
            del self._messages[key], self._until[key]

    def _call(self, operation: str, method: str, **request: Any) -> Any:
        def call() -> Any:
            with self._target.describe_operation(f"{operation} of queue {self._queue.name}"):
                return getattr(self._target.client("sqs"), method)(QueueUrl=self._queue.url, **request)

        return self._retry_policy.wait_out(call, _is_transient)


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while group := list(islice(remaining, MOST_IN_CALL)):
        yield group


def _is_transient(error: ReflectorError) -> bool:
    return isinstance(error, ThrottledError)
