# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events in the dead-letter queue that were put there in a period. The messages stay in the queue, and visible."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._errors import NotFoundError
from ..._resources.dead_letters import receive_messages
from ..._resources.replay.event import Message
from ..._resources.sqs_queue import read_queue
from ..._session import Target
from ..reflector_code import module
from .scope import Period

_RECEIVES = 30
"""Calls that read messages at most, ten each."""
_WITHOUT_NEW = 3
"""Calls without a new message after which the remaining ones count as unread."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The messages in the queue now.

    messages        their number, whenever they were put there
    oldest_seconds  age of the oldest of those that were read, None if none was read
    is_complete     whether every message was read; the other counts are of those that were read
    events          dead-lettered in the period by the reflector
    given_up        events of payloads that Lambda gave up in the period: too many errors, or too old
    given_up_payloads   their number
    given_up_by     the events by origin, where the caller tells origins apart
    """

    messages: int = 0
    oldest_seconds: int | None = None
    is_complete: bool = True
    events: int = 0
    given_up: int = 0
    given_up_payloads: int = 0
    given_up_by: Mapping[str, int] = field(default_factory=dict)


Origin = Callable[[Any], str]
"""Returns the origin of a decoded payload, "" for none."""


def _no_origin(_payload: Any) -> str:
    return ""


def read_dead_letters(target: Target, name: str, period: Period, origin: Origin = _no_origin) -> DeadLetters:
    """Return the dead letters of the period. A queue that does not exist has none."""
    try:
        queue = read_queue(target, name)
    except NotFoundError:
        return DeadLetters()
    if queue.attributes.get("RedrivePolicy"):
        return DeadLetters(queue.messages, is_complete=not queue.messages)  # a receipt would count
    found: dict[str, Message] = {}
    calls = without_new = 0
    while len(found) < queue.counts["visible"] and calls < _RECEIVES and without_new < _WITHOUT_NEW:
        before = len(found)
        found.update((message.message_id, message) for message in receive_messages(target, queue))
        calls += 1
        without_new = without_new + 1 if len(found) == before else 0
    return dead_letters_of(found.values(), queue.messages, period, time.time(), origin)


def dead_letters_of(
    messages: Iterable[Message], number: int, period: Period, now: float, origin: Origin = _no_origin
) -> DeadLetters:
    """Return the counts of the messages that were read, of `number` in the queue."""
    read = events = given_up = payloads = 0
    oldest: int | None = None
    by_origin: Counter[str] = Counter()
    for message in messages:
        read += 1
        sent = int(message.attributes.get("SentTimestamp", 0)) / 1000
        if sent:
            oldest = max(oldest or 0, round(now - sent))
        counted, is_given_up, moment, place = _read(message, sent, origin)
        if not period.begin <= moment < period.end:
            continue
        if is_given_up:
            given_up, payloads = given_up + counted, payloads + 1
            by_origin[place] += counted
        else:
            events += counted
    return DeadLetters(number, oldest, read >= number, events, given_up, payloads, by_origin)


def _read(message: Message, sent: float, origin: Origin) -> tuple[int, bool, float, str]:
    """Return the number of events, whether Lambda gave the payload up, when the message was made, and the origin.

    Keeps nothing of an event.
    """
    try:
        body = json.loads(message.body)
    except ValueError:
        return 0, False, sent, ""
    if not isinstance(body, Mapping):
        return 0, False, sent, ""
    if "requestPayload" in body:  # (Lambda guide, "Capturing records of Lambda asynchronous invocations")
        number, place = _decoded(body["requestPayload"], origin)
        return number, True, _moment(body.get("timestamp"), sent), place
    metadata = body.get(module("dead_letters").METADATA)
    if isinstance(metadata, Mapping):
        events = metadata.get("events")
        return events if isinstance(events, int) and events >= 0 else 0, False, _moment(metadata.get("time"), sent), ""
    number, place = _decoded(body, origin)
    return number, True, sent, place  # a function's dead-letter queue gets the payload itself


def _decoded(payload: Any, origin: Origin) -> tuple[int, str]:
    """Return the number of events of a payload and their origin; 0 and "" if it cannot be decoded."""
    code = module("decode")
    try:
        decoded = code.decode(payload)
        return int(decoded.count), origin(decoded)
    except (ValueError, AttributeError, RecursionError, code.PayloadError):
        return 0, ""


def _moment(text: Any, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return otherwise
