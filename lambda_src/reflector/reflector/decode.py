"""From the Lambda event to the log events in it.

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
SEAM = "seam"

SLAB_BYTES = 4_000_000
"""About as much decompressed text is turned into events at once: as Python objects it takes four times the memory."""

_EVENTS = b'"logEvents":['
_BETWEEN_EVENTS = b'},{"id":"'
_MEGABYTE = 1024 * 1024

_Slabs = Sequence[Callable[[], list["LogEvent"]]]


class PayloadError(Exception):
    """The event is no readable CloudWatch Logs payload. The text says what is broken and holds nothing of the payload."""


class LogEvent(TypedDict):
    """One log event as CloudWatch Logs sends it: `timestamp` in ms since the epoch, `id` of 56 digits.

    `requestID` is ours: in a dead letter it says what an earlier event of the payload said ("": nothing).
    """

    id: NotRequired[str]
    timestamp: int
    message: str
    extractedFields: NotRequired[dict[str, Any]]
    requestID: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded payload. `size` is its decompressed size in bytes, `count` its number of events.

    `backfill`: not from a subscription filter but from the subscriber, which read the events. `seam`: the filter may have
    delivered some of them, too.
    """

    message_type: str
    owner: str
    log_group: str
    log_stream: str
    filters: tuple[str, ...]
    size: int
    count: int
    _slabs: _Slabs
    backfill: bool = False
    seam: bool = False

    @property
    def slab_count(self) -> int:
        """How many lists `slabs` gives."""
        return len(self._slabs)

    def slabs(self) -> Iterator[list[LogEvent]]:
        """The events in the order they were written, in lists of bounded size. Can be asked for again."""
        return (slab() for slab in self._slabs)

    def of(self, events: list[LogEvent]) -> "Payload":
        """The payload with these of its events only."""
        return replace(self, count=len(events), _slabs=[lambda: events])


def decode(event: Mapping[str, Any]) -> Payload:
    """The payload of a subscription event, control messages included. Raises PayloadError.

    A message type that AWS's page doesn't know is an error too: forwarding it might send what is no log, dropping it might
    lose what is one, and in the dead-letter queue it is safe and seen.
    """
    text = _unpack(event)
    # Errors are raised `from None` throughout: the causes' texts quote the bytes they stumbled over.
    try:
        head, slabs, count = _in_slabs(text) if len(text) > SLAB_BYTES else _whole(text)
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
        slabs,
        backfill=bool(backfill),
        seam=backfill == SEAM,
    )


def largest_payload() -> int:
    """Bytes that a payload may decompress to: a quarter of the function's memory, so that a zip bomb cannot end it."""
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


def _whole(text: bytes) -> tuple[Mapping[str, Any], _Slabs, int]:
    body = codec.loads(text)
    if not isinstance(body, dict):
        raise PayloadError("The payload is not a JSON object.")
    events = _events(body.get("logEvents"))
    return body, [lambda: events], len(events)


def _in_slabs(text: bytes) -> tuple[Mapping[str, Any], _Slabs, int]:
    """Like `_whole`, with the events left as text, each piece of which was found valid.

    Between the events stands a text that cannot stand inside a JSON string, where its quotes would be escaped. Payloads that
    are laid out in another way than CloudWatch Logs does it are read whole.
    """
    start, end = text.find(_EVENTS) + len(_EVENTS), text.rfind(b"]")
    slabs = []
    at = start
    while end - at > SLAB_BYTES and (cut := text.find(_BETWEEN_EVENTS, at + SLAB_BYTES, end)) >= 0:
        slabs.append(partial(_slab, text, at, cut + 1))
        at = cut + 2
    slabs.append(partial(_slab, text, at, end))
    try:
        head = codec.loads(text[:start] + text[end:])
        if not isinstance(head, dict) or head.get("logEvents") != []:
            return _whole(text)
        return head, slabs, sum(len(slab()) for slab in slabs)
    except (ValueError, RecursionError, PayloadError):
        return _whole(text)


def _slab(text: bytes, start: int, end: int) -> list[LogEvent]:
    return _events(codec.loads(b"[%b]" % text[start:end]))


def _events(events: Any) -> list[LogEvent]:
    """The value, once every item of it is known to be a log event."""
    try:
        # By map and set: a loop over the events would cost as much as forwarding them. Only an object has items by name.
        timestamps = set(map(type, map(itemgetter("timestamp"), events))) <= {int}
        messages = set(map(type, map(itemgetter("message"), events))) <= {str}
    except (KeyError, TypeError):
        timestamps = messages = False
    if not (isinstance(events, list) and timestamps and messages):
        raise PayloadError("The payload's logEvents are not a list of events with timestamp and message.")
    return events
