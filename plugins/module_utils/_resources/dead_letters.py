# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dead letters that wait in the reflector's queue: their number, and the reasons of a sample that stays in the queue."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._errors import NotFoundError, ReflectorError
from .._options.option import read
from .._options.replay import DeadLetterQueue
from .._plan import Params, Result
from .._session import Target
from .replay.event import Message, function_failure, one_line
from .replay.in_flight_messages import MOST_IN_CALL
from .sqs_queue import Queue, read_queue

_METADATA = "deadLetter"  # the field that the reflector adds to an event in the queue
_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the messages.

    oldest_seconds   age of the oldest of them, None if there is none
    reasons          each reason with its number of messages, the most frequent first
    note             why there is no sample
    """

    sampled: int = 0
    oldest_seconds: int | None = None
    reasons: tuple[tuple[str, int], ...] = ()
    note: str = ""


def read_dead_letters(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module dead_letter_info."""
    return {"changed": False, "dead_letters": dead_letters_in(target, read(DeadLetterQueue, params).dead_letter_queue)}


def dead_letters_in(target: Target, name: str) -> Result:
    """Return the number and the reasons of the dead letters in a queue, which may not exist."""
    try:
        queue = read_queue(target, name)
    except NotFoundError:
        return no_dead_letters(name, exists=False)
    return _result(name, queue.messages, read_sample(target, queue) if queue.counts["visible"] else Sample())


def no_dead_letters(name: str, *, exists: bool) -> Result:
    """Return the same for a queue that is empty or does not exist. Makes no call."""
    return {**_result(name, 0, Sample()), "exists": exists}


def read_sample(target: Target, queue: Queue) -> Sample:
    """Return a sample of the messages. They stay visible, because their visibility timeout is 0 seconds.

    A queue with a redrive policy is not sampled: each receipt counts, and the last one moves the message away.
    """
    if queue.attributes.get("RedrivePolicy"):
        return Sample(note="the queue has a redrive policy, so its messages are not read")
    try:
        return sample_of(receive_messages(target, queue), time.time())
    except ReflectorError as error:  # the counts matter more
        return Sample(note=f"no message could be read: {error.code or error.message}")


def receive_messages(target: Target, queue: Queue) -> list[Message]:
    """Return up to ten messages, which stay visible. Never call it for a queue with a redrive policy: see `read_sample`."""
    with target.describe_operation(f"read messages of queue {queue.name}"):
        answer = target.client("sqs").receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=MOST_IN_CALL,
            VisibilityTimeout=0,
            AttributeNames=["SentTimestamp"],
        )
    return [Message.from_api(item) for item in answer.get("Messages", [])]


def sample_of(messages: Iterable[Message], now: float) -> Sample:
    """Return age and reasons of the messages."""
    found = {message.message_id: message for message in messages}.values()  # a message may come twice
    sent = [int(message.attributes["SentTimestamp"]) for message in found if "SentTimestamp" in message.attributes]
    oldest = max(0, round(now - min(sent) / 1000)) if sent else None
    return Sample(len(found), oldest, tuple(Counter(map(reason_of, found)).most_common()))


def reason_of(message: Message) -> str:
    """Return why the message is a dead letter, without anything of the log events in it."""
    try:
        body = json.loads(message.body)
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        if isinstance(metadata := body.get(_METADATA), Mapping):
            sink, reason = metadata.get("sink"), one_line(metadata.get("reason") or "no reason")
            return f"{one_line(sink)}: {reason}" if sink else reason
        # Lambda writes this record of a failed asynchronous invocation (Lambda guide, "Capturing records").
        if isinstance(context := body.get("requestContext"), Mapping) and context.get("condition"):
            return f"{one_line(context['condition'])}: {function_failure(body.get('responsePayload'))}"
    return "a message without a reason"


def _result(name: str, messages: int, sample: Sample) -> Result:
    return {
        "queue": name,
        "exists": True,
        "messages": messages,
        "oldest_seconds": sample.oldest_seconds,
        "sampled": sample.sampled,
        "reasons": [{"reason": reason, "messages": number} for reason, number in sample.reasons],
        "note": sample.note,
        "summary": _summary(messages, sample),
    }


def _summary(messages: int, sample: Sample) -> str:
    """Return one line for people, "" if the queue is empty."""
    if not messages:
        return ""
    parts = [f"{messages:,} {'dead letter waits' if messages == 1 else 'dead letters wait'}"]
    if sample.oldest_seconds is not None:
        parts.append(f"the oldest of {sample.sampled} read is {age(sample.oldest_seconds)} old")
    parts += [f"{number} of them: {reason}" for reason, number in sample.reasons[:3]]
    return "; ".join([*parts, sample.note] if sample.note else parts)


def age(seconds: int) -> str:
    """Return a duration for people, in its largest unit."""
    unit, length = next((each for each in _UNITS if seconds >= 2 * each[1]), _UNITS[-1])
    return f"{seconds // length} {unit}{'' if seconds // length == 1 else 's'}"
