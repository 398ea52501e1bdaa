"""From log events to records: what a message is, and which invocation it belongs to.

The rules are those of Sumo Logic's own CloudWatch Lambda, as its users know them; where that one loses or garbles
messages (empty ones, scalars, `null`, big numbers) these keep them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, NoReturn

from .decode import LogEvent

# The prefix that Lambda's Node.js runtime puts before a console line (AWS page "Log and monitor Node.js Lambda functions");
# lines about time-outs have it without the level.
_CONSOLE_PREFIX = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\s+(\w+(?:-\w+){4})(?:\s+(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?!\S)|(?!\S))",
    re.ASCII,
)
_REQUEST_ID_MARK = "RequestId:"
_REQUEST_ID = re.compile(
    _REQUEST_ID_MARK + r"\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE | re.ASCII
)

_JSON_WHITESPACE = " \t\r\n"
_JSON_STARTS = frozenset('{["-0123456789tfn')
_LINE_BREAKS = str.maketrans("\r\n", "  ")


# A tuple, not a dataclass: one is made for every log line of the organisation, and a tuple is made four times as fast.
class Record(NamedTuple):
    """A log event with its message as JSON text on one line, and its request id (letters, digits, `_`, `-`) if known."""

    event: LogEvent
    message: str
    request_id: str | None


def records(events: Iterable[LogEvent]) -> Iterator[Record]:
    """The events' records, in order. A request id holds for the events that follow, until another one comes."""
    request_id: str | None = None
    for event in events:
        text = event["message"]
        if _REQUEST_ID_MARK in text and (marked := _REQUEST_ID.search(text)):
            request_id = marked[1]
        if console := _CONSOLE_PREFIX.match(text):
            request_id = console[1]
            text = text[console.end() :]
        yield Record(event, message_json(text), request_id)


def message_json(text: str) -> str:
    """The message as JSON text on one line: itself when it is valid JSON (RFC 8259), else a string of it, trimmed.

    Valid JSON is taken over as written, never decoded and encoded again: `1.10` and numbers beyond 64 bits keep their
    digits. JSON nested deeper than Python's parser goes is taken for a string. A trailing newline is trimmed either way.
    """
    candidate = text.strip(_JSON_WHITESPACE)
    if candidate and candidate[0] in _JSON_STARTS and _is_json(candidate):
        # Inside JSON strings line breaks are escaped, so these stand between tokens.
        return candidate.translate(_LINE_BREAKS) if "\n" in candidate or "\r" in candidate else candidate
    return encode_json(text.strip())


def _is_json(text: str) -> bool:
    try:
        decode_json(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python takes and JSON doesn't know


_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse_constant)
decode_json = _decoder.decode
"""JSON text to a value, numbers as their text. Raises ValueError, RecursionError."""

encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""A value to JSON text, as compact as can be. The text may hold lone surrogates: see `to_bytes`."""


def without_member(text: str, name: str) -> str:
    """The JSON object's text without the top-level members of that name; every other member as written."""
    return "{" + ",".join(source for key, source in _members(text) if key != name) + "}"


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Name and source text of each member of a valid JSON object."""
    at = _token(text, 1)
    while text[at] != "}":
        start = at
        name, at = _decoder.raw_decode(text, start)
        colon = _token(text, at)
        _value, at = _decoder.raw_decode(text, _token(text, colon + 1))
        yield name, text[start:at]
        at = _token(text, at)
        if text[at] == ",":
            at = _token(text, at + 1)


def _token(text: str, at: int) -> int:
    while text[at] in _JSON_WHITESPACE:
        at += 1
    return at


def to_bytes(line: str) -> bytes:
    r"""UTF-8 of JSON text. A lone surrogate, which UTF-8 cannot say, becomes its JSON escape (`\ud800`)."""
    return line.encode("utf-8", "backslashreplace")
