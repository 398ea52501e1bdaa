# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of log events: the message as JSON text, and the id of the request that logged it.

The rules are those of Sumo Logic's own CloudWatch Lambda, which its users know. That one loses or garbles some messages (empty
ones, scalars, `null`, big numbers); these rules keep them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from .codec import dumps_string, is_json
from .decode import LogEvent
from .sinks import Batch

# The prefix that Lambda's Node.js runtime puts before a console line (AWS page "Log and monitor Node.js Lambda functions").
# In lines about time-outs it has no level.
_console_prefix = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\s+(\w+-\w+-\w+-\w+-\w+)(?:\s+(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?!\S)|(?!\S))",
    re.ASCII,
).match
# The prefix of Lambda's Python runtime begins with the level (AWS page "Log and monitor Python Lambda functions"). As in Sumo
# Logic's Lambda, its request id is used and the prefix stays.
_python_prefix = re.compile(
    r"\[\w+\]\s+\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{1,3}Z\s+(\w+-\w+-\w+-\w+-\w+)(?!\S)", re.ASCII
).match
# No IGNORECASE: with it the search for the first word would be slow.
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


def records(events: Sequence[LogEvent]) -> tuple[list[str], list[str]]:
    """Return each event's message as JSON text on one line, and its request id (letters, digits, `_`, `-`; "" if unknown).

    A request id holds for the following events until the next one. Events that carry ids already (see `with_request_ids`) keep
    them.
    """
    texts, ids = _split_prefixes(events, "")
    # Every log line of the organisation passes here: one more call for each would double the cost.
    messages = [
        message_json(text) if (candidate := text.strip())[:1] in _JSON_STARTS else dumps_string(candidate)
        for text in texts
    ]
    return messages, _own_ids(events) or ids


def with_request_ids(events: Sequence[LogEvent], previous: str = "") -> list[LogEvent]:
    """Copy the inherited request id into each event, so that a subset can be sent alone.

    `previous` is the id of the event before these.
    """
    ids = _split_prefixes(events, previous)[1] if not _own_ids(events) else []
    if not any(ids):
        return list(events)
    return [{**event, "requestID": request_id} for event, request_id in zip(events, ids, strict=True)]


def identified(batch: Batch) -> Batch:
    """Return the batch with the request id that each event inherits. This reads all messages: do it once."""
    return replace(batch, events=with_request_ids(batch.events))


def pick(batch: Batch, positions: Sequence[int]) -> Batch:
    """Return the batch with the events at these positions only. `batch`: one whose events have their request ids."""
    return replace(
        batch,
        events=[batch.events[position] for position in positions],
        numbers=[batch.numbers[position] for position in positions],
    )


def _own_ids(events: Sequence[LogEvent]) -> list[str]:
    """Return the ids that the events carry, nothing if they carry none. Either all events carry one, or none does."""
    return [event.get("requestID", "") for event in events] if events and "requestID" in events[0] else []


def _split_prefixes(events: Sequence[LogEvent], previous: str) -> tuple[list[str], list[str]]:
    """Return each event's text without the console prefix, and its request id."""
    texts, ids = [], []
    request_id = previous
    for event in events:
        text = event["message"]
        if "RequestId:" in text and (mentioned := _request_id(text)):
            request_id = mentioned[1]
        if text[4:5] == "-" and (console := _console_prefix(text)):
            request_id = console[1]
            text = text[console.end() :]
        elif text[:1] == "[" and (python := _python_prefix(text)):
            request_id = python[1]
        texts.append(text)
        ids.append(request_id)
    return texts, ids


def message_json(text: str) -> str:
    """Return the message as JSON text on one line: unchanged if it is valid JSON (RFC 8259), else as a trimmed string.

    Valid JSON is never decoded and encoded again: `1.10` and numbers beyond 64 bits keep their digits. JSON that is nested
    too deeply for the parser becomes a string. A trailing newline is trimmed in both cases.
    """
    candidate = text.strip(_JSON_WHITESPACE)
    if candidate[:1] in _JSON_SCALARS:
        valid = _scalar(candidate) is not None
    else:
        # Most texts that only begin like JSON do not end like it.
        valid = candidate[:1] in _JSON_ENDS and candidate[-1] == _JSON_ENDS[candidate[0]] and is_json(candidate)
    if not valid:
        return dumps_string(text.strip())
    # JSON strings escape line breaks, so these are between tokens.
    return candidate.translate(_LINE_BREAKS) if "\n" in candidate or "\r" in candidate else candidate
