# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to SQS about a queue's messages, and which of them are hidden from everybody else meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from .._errors import ReflectorError, ThrottledError
from .._retry import RetryPolicy
from .._session import Target
from .dead_letter_queue import Queue
from .replay_event import Message

T = TypeVar("T")

AT_ONCE = 10
"""Messages in one call, of every batch operation and of ReceiveMessage (API reference)."""
LONGEST_HIDDEN = 43_200
"""Seconds for which SQS hides a message, in all, since it was received (12 hours)."""


class HiddenMessages:
    """Messages of a queue that were received and not deleted: nobody else sees them for a while.

    seconds   for which a message is hidden at a time. Half of them is the least that `stay_hidden` leaves.
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
        self._patience = retry_policy
        self._seconds = min(seconds, LONGEST_HIDDEN)
        self._clock = clock
        self._until: dict[str, float] = {}
        self._messages: dict[str, Message] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._messages

    def receive(self, most: int, wait: int) -> list[Message]:
        """Up to `most` (10 at most) messages. `wait` seconds of long polling ask every server of SQS; short polls do not."""
        asked = self._clock()
        answer = self._call(
            "receive messages",
            "receive_message",
            MaxNumberOfMessages=min(most, AT_ONCE),
            WaitTimeSeconds=wait,
            VisibilityTimeout=self._seconds,
            AttributeNames=["All"],
        )
        messages = [Message.from_api(item) for item in answer.get("Messages", [])]
        for message in messages:
            # A message that comes a second time has a new handle, and only the last one serves.
            self._messages[message.message_id] = message
            self._until[message.message_id] = asked + self._seconds
        return messages

    def stay_hidden(self) -> None:
        """Hide longer what would be seen again soon. What SQS refuses to hide just comes back: nobody loses it."""
        now = self._clock()
        ending = [key for key, until in self._until.items() if until - now < self._seconds / 2]
        for group in _groups(ending):
            self._change_visibility(group, self._seconds)
            self._until.update(dict.fromkeys(group, now + self._seconds))

    def delete(self, message_ids: Iterable[str]) -> set[str]:
        """Delete those of them that are held. Error codes of SQS's refusals (200 OK may hold some): they are held still."""
        codes: set[str] = set()
        for group in _groups([key for key in message_ids if key in self]):
            entries = [{"Id": str(n), "ReceiptHandle": self._handle(key)} for n, key in enumerate(group)]
            answer = self._call("delete messages", "delete_message_batch", Entries=entries)
            refused = {group[int(item["Id"])]: item["Code"] for item in answer.get("Failed", [])}
            codes.update(refused.values())
            self._forget(set(group) - refused.keys())
        return codes

    def release(self) -> None:
        """Let everybody see again what is hidden. A message that SQS refuses to show comes back when its time is up."""
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

        return self._patience.wait_out(call, _passes)


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while group := list(islice(rest, AT_ONCE)):
        yield group


def _passes(error: ReflectorError) -> bool:
    return isinstance(error, ThrottledError)
