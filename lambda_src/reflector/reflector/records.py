"""From log events to records: what a message is, and which invocation it belongs to.

The rules are those of Sumo Logic's own CloudWatch Lambda, as its users know them; where that one loses or garbles
messages (empty ones, scalars, `null`, big numbers) these keep them.
"""

import re
from collections.abc import Sequence

from .codec import dumps_string, is_json
from .decode import LogEvent

# The prefix that Lambda's Node.js runtime puts before a console line (AWS page "Log and monitor Node.js Lambda functions");
# lines about time-outs have it without the level.
_console_prefix = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\s+(\w+-\w+-\w+-\w+-\w+)(?:\s+(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?!\S)|(?!\S))",
    re.ASCII,
).match
# That of Lambda's Python runtime has the level first (AWS page "Log and monitor Python Lambda functions"). Sumo Logic's Lambda
# takes the request id out of it, too, and leaves the prefix where it is.
_python_prefix = re.compile(
    r"\[\w+\]\s+\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{1,3}Z\s+(\w+-\w+-\w+-\w+-\w+)(?!\S)", re.ASCII
).match
# No flag for the letters' case: with one the search would not look for its first word as fast as memory allows.
_HEX = "[0-9a-fA-F]"
_request_id = re.compile(
    rf"RequestId:\s*({_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}})", re.ASCII
).search
_JSON_WHITESPACE = " \t\r\n"
_JSON_ENDS = {"{": "}", "[": "]", '"': '"'}
_JSON_SCALARS = frozenset("-0123456789tfn")
_JSON_STARTS = _JSON_SCALARS.union(_JSON_ENDS)
_scalar = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null").fullmatch
_LINE_BREAKS = str.maketrans("\r\n", "  ")


def records(events: Sequence[LogEvent], before: str = "") -> tuple[list[str], list[str]]:
    """Of each event its message as JSON text on one line, and its request id (letters, digits, `_`, `-`; "" if not known).

    A request id holds for the events that follow (`before`: the one that came before them), until another one comes, unless
    they say themselves which one is theirs: see `with_request_ids`.
    """
    messages, request_ids = _read(events, before)
    if events and "requestID" in events[0]:
        request_ids = [event.get("requestID", "") for event in events]
    return messages, request_ids


def with_request_ids(events: Sequence[LogEvent], before: str = "") -> list[LogEvent]:
    """The events with what they owe to earlier ones written into them, so that some of them can be sent without the others."""
    _messages, request_ids = records(events, before)
    if not any(request_ids):
        return list(events)
    return [{**event, "requestID": request_id} for event, request_id in zip(events, request_ids, strict=True)]


def _read(events: Sequence[LogEvent], before: str) -> tuple[list[str], list[str]]:
    # Every log line of the organisation passes here: a call more for each costs what all the rest of it does.
    messages, request_ids = [], []
    request_id = before
    for event in events:
        text = event["message"]
        if "RequestId:" in text and (marked := _request_id(text)):
            request_id = marked[1]
        if text[4:5] == "-" and (console := _console_prefix(text)):
            request_id = console[1]
            text = text[console.end() :]
        elif text[:1] == "[" and (python := _python_prefix(text)):
            request_id = python[1]
        candidate = text.strip()
        messages.append(message_json(text) if candidate[:1] in _JSON_STARTS else dumps_string(candidate))
        request_ids.append(request_id)
    return messages, request_ids


def message_json(text: str) -> str:
    """The message as JSON text on one line: itself when it is valid JSON (RFC 8259), else a string of it, trimmed.

    Valid JSON is taken over as written, never decoded and encoded again: `1.10` and numbers beyond 64 bits keep their
    digits. JSON nested deeper than the parser goes is taken for a string. A trailing newline is trimmed either way.
    """
    candidate = text.strip(_JSON_WHITESPACE)
    if candidate[:1] in _JSON_SCALARS:
        valid = _scalar(candidate) is not None
    else:
        # Most of what only begins like JSON does not end like it.
        valid = candidate[:1] in _JSON_ENDS and candidate[-1] == _JSON_ENDS[candidate[0]] and is_json(candidate)
    if not valid:
        return dumps_string(text.strip())
    # Inside JSON strings line breaks are escaped, so these stand between tokens.
    return candidate.translate(_LINE_BREAKS) if "\n" in candidate or "\r" in candidate else candidate
