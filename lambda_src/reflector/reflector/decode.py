"""From the Lambda event to the log events in it.

Source: AWS page "Using CloudWatch Logs subscription filters" (the record's members) and AWS Lambda developer guide
"Process CloudWatch Logs with Lambda" (`awslogs.data`: base64 of gzip of JSON).
"""

import base64
import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, NotRequired, TypedDict

DATA_MESSAGE = "DATA_MESSAGE"
CONTROL_MESSAGE = "CONTROL_MESSAGE"


class PayloadError(Exception):
    """The event is no readable CloudWatch Logs payload. The text says what is broken and holds nothing of the payload.

    Raised out of the handler it makes Lambda try twice more and then hand the event to the dead-letter queue.
    """


class LogEvent(TypedDict):
    """One log event as CloudWatch Logs sends it: `timestamp` in ms since the epoch, `id` of 56 digits."""

    id: NotRequired[str]
    timestamp: int
    message: str
    extractedFields: NotRequired[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded payload. `size` is its decompressed size in bytes; `events` are in the order they were written."""

    message_type: str
    owner: str
    log_group: str
    log_stream: str
    events: list[LogEvent]
    size: int


def decode(event: Mapping[str, Any]) -> Payload:
    """The payload of a subscription event, control messages included. Raises PayloadError.

    A message type that AWS's page doesn't know is an error too: forwarding it might send what is no log, dropping it might
    lose what is one, and in the dead-letter queue it is safe and seen.
    """
    text = _unpack(event)
    # Errors are raised `from None` throughout: the causes' texts quote the bytes they stumbled over.
    try:
        # AWS documents extracted fields as strings: a fraction in one keeps its digits as one.
        body = json.loads(text, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise PayloadError("The payload is not valid JSON.") from None
    return _checked(body, len(text))


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
    try:
        return gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error):
        raise PayloadError("The payload is not valid gzip.") from None


def _checked(body: Any, size: int) -> Payload:
    if not isinstance(body, dict):
        raise PayloadError("The payload is not a JSON object.")
    message_type = body.get("messageType")
    if message_type not in (DATA_MESSAGE, CONTROL_MESSAGE):
        raise PayloadError("The payload's messageType is neither DATA_MESSAGE nor CONTROL_MESSAGE.")
    owner, log_group, log_stream = names = [body.get(name, "") for name in ("owner", "logGroup", "logStream")]
    if not all(isinstance(name, str) for name in names):
        raise PayloadError("The payload's owner, logGroup and logStream are not all strings.")
    events = body.get("logEvents")
    if not isinstance(events, list) or not all(map(_is_log_event, events)):
        raise PayloadError("The payload's logEvents are not a list of events with timestamp and message.")
    return Payload(message_type, owner, log_group, log_stream, events, size)


def _is_log_event(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    timestamp, message = event.get("timestamp"), event.get("message")
    return isinstance(timestamp, int) and not isinstance(timestamp, bool) and isinstance(message, str)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError
