# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event that a replay sends to the function, and the function's answer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..common import compact_json

EVENT_BYTES = 6_000_000
"""Maximum size of one invocation's event. A synchronous invocation accepts 6 MB (API reference, Invoke)."""

_OWN_ERRORS = ("DeliveryFailed", "PayloadError", "SettingsError")
"""The reflector's own: their texts show neither the endpoint nor a message. Those of other exceptions might."""
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was received. Its body is sent to the function only, and never shown."""

    message_id: str
    receipt_handle: str
    body: str = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Message:
        """Return the message of an item of ReceiveMessage's answer."""
        return cls(item["MessageId"], item["ReceiptHandle"], item["Body"], item.get("Attributes", {}))

    def record(self, queue_arn: str) -> dict[str, Any]:
        """Return the record that Lambda gives a function (Lambda guide, "Using Lambda with Amazon SQS")."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": dict(self.attributes),
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(":")[3],
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one invocation, and its event."""

    messages: tuple[Message, ...]
    event: bytes = field(repr=False)


def batches(messages: Sequence[Message], queue_arn: str, most_bytes: int = EVENT_BYTES) -> Iterator[Batch]:
    """Return the messages in order, in as few events as their size allows. A message that is too large is sent alone."""
    taken: list[Message] = []
    records: list[bytes] = []
    for message in messages:
        record = compact_json(message.record(queue_arn)).encode()
        if taken and len(_event([*records, record])) > most_bytes:
            yield Batch(tuple(taken), _event(records))
            taken, records = [], []
        taken.append(message)
        records.append(record)
    if taken:
        yield Batch(tuple(taken), _event(records))


def _event(records: Sequence[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(records) + b"]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The function's answer to a batch.

    failures   message id -> reason, of messages that stay in the queue
    counts     the whole numbers beside them, from the function's accounting line
    """

    failures: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def all_failed(cls, messages: Sequence[Message], reason: str) -> Answer:
        """Return the answer of a batch from which nothing was accepted, or is known to be."""
        return cls(dict.fromkeys((message.message_id for message in messages), reason))


def answer_of(messages: Sequence[Message], payload: bytes, function_error: str) -> Answer:
    """Parse the function's answer. Nothing was accepted if it is no partial batch response, or names a message that was
    not sent, as for Lambda (Lambda guide, "Handling errors for an SQS event source").

    function_error   Invoke's FunctionError, "" if the function returned
    """
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if function_error:
        return Answer.all_failed(messages, function_failure(answer))
    failures = _failures(answer)
    if failures is None or not failures.keys() <= {message.message_id for message in messages}:
        return Answer.all_failed(messages, "the function's version cannot replay: deploy it again")
    counts = {key: value for key, value in answer.items() if isinstance(value, int) and not isinstance(value, bool)}
    return Answer(failures, counts)


def _failures(answer: Any) -> dict[str, str] | None:
    """Return message id -> reason; None if the answer is no partial batch response."""
    items = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        return None
    reasons = answer.get("failures")
    reasons = reasons if isinstance(reasons, Mapping) else {}
    failures: dict[str, str] = {}
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, Mapping) else None
        if not isinstance(identifier, str):
            return None
        failures[identifier] = one_line(reasons.get(identifier) or "the function gives no reason")
    return failures


def function_failure(answer: Any) -> str:
    """Return why an invocation failed, by the payload that Lambda returns for it."""
    error = answer if isinstance(answer, Mapping) else {}
    kind, text = str(error.get("errorType") or ""), str(error.get("errorMessage") or "")
    if kind == "Sandbox.Timedout" or re.search(r"\bTask timed out after [\d.]+ seconds", text):
        return "the function ran out of time: use a smaller batch_size, or raise the function's timeout"
    if kind in _OWN_ERRORS:
        return f"the function failed with {kind}: {one_line(text)}"
    return f"the function failed with {kind or 'an error without a name'}: see its log"


def one_line(text: Any) -> str:
    """Return one printable line of at most 300 characters, to group by."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return " ".join(printable.split())[:_LONGEST_REASON].rstrip(". ")
