# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoding of the Lambda event into log events.

Source: AWS page "Using CloudWatch Logs subscription filters" (the record's members) and AWS Lambda developer guide
"Process CloudWatch Logs with Lambda" (`awslogs.data`: base64 of gzip of JSON).
"""

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, NotRequired, TypedDict

from . import codec

DATA_MESSAGE = "DATA_MESSAGE"
CONTROL_MESSAGE = "CONTROL_MESSAGE"
OVERLAP = "overlap"
"""The value of `backfill` for events that the filter may have delivered, too."""

PAGE_BYTES = 4_000_000
"""About this much decompressed text becomes events at once: as Python objects it takes four times the memory."""

_EVENTS = b'"logEvents":['
_BETWEEN_EVENTS = b'},{"id":"'
_MEGABYTE = 1024 * 1024

_Pages = Sequence[Callable[[], list["LogEvent"]]]


class PayloadError(Exception):
    """The event is no readable CloudWatch Logs payload. The text names the defect and holds nothing of the payload."""


class LogEvent(TypedDict):
    """One log event as CloudWatch Logs sends it: `timestamp` in ms since the epoch, `id` of 56 digits.

    The reflector adds `requestID`: the request id that an event inherits from an earlier one ("": none). Dead letters carry it.
    """

    id: NotRequired[str]
    timestamp: int
    message: str
    extractedFields: NotRequired[dict[str, Any]]
    requestID: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded payload. `size` is its decompressed size in bytes, `count` its number of events.

    `backfill`: the subscriber read and sent the events, not a subscription filter. `overlap`: the filter may have delivered
    some of them, too. `region`: where AWS's centralization copied them from, "" for events that it did not copy.
    """

    message_type: str
    owner: str
    log_group: str
    log_stream: str
    filters: tuple[str, ...]
    size: int
    count: int
    _pages: _Pages
    backfill: bool = False
    overlap: bool = False
    region: str = ""

    @property
    def page_count(self) -> int:
        """The number of lists that `pages` yields."""
        return len(self._pages)

    def pages(self) -> Iterator[list[LogEvent]]:
        """Yield the events in their order, in lists of bounded size. May be called again."""
        return (page() for page in self._pages)

    def with_events(self, events: list[LogEvent]) -> "Payload":
        """Return the payload with these of its events only."""
        return replace(self, count=len(events), _pages=[lambda: events])


def decode(event: Mapping[str, Any]) -> Payload:
    """Return the payload of a subscription event, control messages included. Raises PayloadError.

    A message type that AWS does not document is an error, too. It may hold logs or not; the dead-letter queue keeps it
    safe and visible.
    """
    text = _unpack(event)
    # Errors are raised `from None` throughout, because the texts of their causes quote the payload.
    try:
        head, pages, count = _in_pages(text) if len(text) > PAGE_BYTES else _whole(text)
    except (ValueError, RecursionError):
        raise PayloadError("The payload is not valid JSON.") from None
    message_type = head.get("messageType")
    if message_type not in (DATA_MESSAGE, CONTROL_MESSAGE):
        raise PayloadError("The payload's messageType is neither DATA_MESSAGE nor CONTROL_MESSAGE.")
    owner, log_group, log_stream = names = [head.get(name, "") for name in ("owner", "logGroup", "logStream")]
    if not all(isinstance(name, str) for name in names):
        raise PayloadError("The payload's owner, logGroup and logStream are not all strings.")
    filters = head.get("subscriptionFilters")
    filters = tuple(map(str, filters)) if isinstance(filters, list) else ()
    backfill = head.get("backfill", False)
    return Payload(
        message_type,
        owner,
        log_group,
        log_stream,
        filters,
        len(text),
        count,
        pages,
        backfill=bool(backfill),
        overlap=backfill == OVERLAP,
    )


def largest_payload() -> int:
    """Return the limit for a decompressed payload: a quarter of the function's memory, as a protection against zip bombs."""
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 256) * _MEGABYTE // 4


def _unpack(event: Mapping[str, Any]) -> bytes:
    try:
        data = event["awslogs"]["data"]
    except (KeyError, TypeError):
        raise PayloadError(
            "The event has no awslogs.data: it does not come from a CloudWatch Logs subscription."
        ) from None
    try:
        compressed = base64.b64decode(data, validate=True)
    except (ValueError, TypeError):
        raise PayloadError("The payload is not valid base64.") from None
    limit = largest_payload()
    try:
        return codec.gunzip(compressed, limit)
    except ValueError:
        raise PayloadError("The payload is not valid gzip.") from None
    except codec.TooLargeError:
        raise PayloadError(
            f"The payload decompresses to more than {limit // _MEGABYTE} MB, a quarter of the function's memory:"
            " give the function more and replay it."
        ) from None


def _whole(text: bytes) -> tuple[Mapping[str, Any], _Pages, int]:
    body = codec.loads(text)
    if not isinstance(body, dict):
        raise PayloadError("The payload is not a JSON object.")
    events = _events(body.get("logEvents"))
    return body, [lambda: events], len(events)


def _in_pages(text: bytes) -> tuple[Mapping[str, Any], _Pages, int]:
    """Do the work of `_whole`, but leave the events as pieces of text, each checked to be valid.

    The text is cut at the separator between two events, which cannot occur inside a JSON string, where quotes are escaped.
    A payload with another layout than CloudWatch Logs uses is read as a whole.
    """
    start, end = text.find(_EVENTS) + len(_EVENTS), text.rfind(b"]")
    pages = []
    at = start
    while end - at > PAGE_BYTES and (cut := text.find(_BETWEEN_EVENTS, at + PAGE_BYTES, end)) >= 0:
        pages.append(partial(_page, text, at, cut + 1))
        at = cut + 2
    pages.append(partial(_page, text, at, end))
    try:
        head = codec.loads(text[:start] + text[end:])
        if not isinstance(head, dict) or head.get("logEvents") != []:
            return _whole(text)
        return head, pages, sum(len(page()) for page in pages)
    except (ValueError, RecursionError, PayloadError):
        return _whole(text)


def _page(text: bytes, start: int, end: int) -> list[LogEvent]:
    return _events(codec.loads(b"[%b]" % text[start:end]))


def _events(events: Any) -> list[LogEvent]:
    """Return the value after a check that every item is a log event. Raises PayloadError."""
    try:
        # By map and set: a loop over the events would cost as much as forwarding them. Only an object has named items.
        timestamps = set(map(type, map(itemgetter("timestamp"), events))) <= {int}
        messages = set(map(type, map(itemgetter("message"), events))) <= {str}
    except (KeyError, TypeError):
        timestamps = messages = False
    if not (isinstance(events, list) and timestamps and messages):
        raise PayloadError("The payload's logEvents are not a list of events with timestamp and message.")
    return events
