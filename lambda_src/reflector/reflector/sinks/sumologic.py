# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sumo Logic's HTTP source, used like Sumo Logic's own CloudWatch Lambda does.

Source: Sumo Logic's documentation, "Upload Logs to an HTTP Source" (headers, compression, 1 MB) and the README of
SumoLogic/sumologic-aws-lambda, cloudwatchlogs-with-dlq (`_sumo_metadata`, the records' members).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..codec import dumps, utf8
from ..http import USER_AGENT, HttpSink, Request
from ..lines import json_lines, spans
from ..secrets import Secret
from . import Batch, Chunk

REQUEST_LIMIT = 1_000_000
"""Bytes of a request before compression: "up to but not exceeding 1 MB"."""

MAX_HEADER_BYTES = 1_024
"""The longest value of an X-Sumo header. Sumo Logic refuses longer metadata."""

MAX_SOURCES = 50
"""Sources of one batch. Each needs a request of its own; further lines keep the usual source."""

_METADATA = "_sumo_metadata"
_METADATA_MEMBERS = {
    "sourceName": "name",
    "sourceHost": "host",
    "category": "category",
    "sourceFieldsOverride": "fields",
}
_METADATA_NAMES = ", ".join(_METADATA_MEMBERS)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
_MESSAGE = '"message":'
_decoder = json.JSONDecoder(parse_float=str, parse_int=str)  # numbers may have any number of digits
_CLIENT = ("X-Sumo-Client", USER_AGENT.encode())


@dataclass(frozen=True, slots=True)
class Options:
    """`endpoint`: the HTTP source's URL. For the others see docs/REFLECTOR.md. In overrides, "" is the usual value, `none` sends no header.

    `allow_metadata`: what lines may request by `_sumo_metadata`, as patterns `MEMBER=VALUE` with `*` for any text.
    """

    endpoint: Secret
    source_name: str = ""
    source_host: str = ""
    source_category: str = ""
    source_fields: str = ""
    include_log_info: bool = False
    include_event_id: bool = False
    include_extracted_fields: bool = False
    compress: bool = True
    allow_metadata: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern in self.allow_metadata:
            if pattern != "*" and pattern.partition("=")[0] not in _METADATA_MEMBERS:
                raise ValueError(
                    f"allow_metadata: must have * or patterns such as category=dev/*, for {_METADATA_NAMES}"
                )


class Source(NamedTuple):
    """Metadata of lines in Sumo Logic: header values, empty for no header. Lines with different metadata need different requests."""

    name: bytes
    host: bytes
    category: bytes
    fields: bytes


class SumoLogic(HttpSink):
    """See `Sink`. The order of events with the same metadata holds."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, keys=("SUMO_ENDPOINT", "url"), compress=options.compress)
        self._options = options
        extra = {"id": options.include_event_id, "extractedFields": options.include_extracted_fields}
        self._members = [name for name, wanted in extra.items() if wanted]

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        options = self._options
        usual = Source(
            name=header_value(options.source_name) if options.source_name else plain_value(batch.log_stream),
            host=header_value(options.source_host) if options.source_host else plain_value(batch.log_group),
            category=header_value(options.source_category),
            fields=header_value(options.source_fields),
        )
        lines = json_lines(batch.events, _where(batch) if options.include_log_info else "", self._members)
        text = "\n".join(lines)
        if not options.allow_metadata or _METADATA not in text:  # most payloads: no line needs more work
            yield from self._cut(usual, range(len(lines)), text)
            return
        by_source: dict[Source, list[int]] = {}
        for position, line in enumerate(lines):
            source = usual
            own = _own_source(usual, line, options.allow_metadata) if _METADATA in line else None
            if own and (own[0] in by_source or len(by_source) < MAX_SOURCES):
                source, lines[position] = own
            by_source.setdefault(source, []).append(position)
        for source, positions in by_source.items():
            yield from self._cut(source, positions, "\n".join(lines[position] for position in positions))

    def _cut(self, source: Source, positions: Sequence[int], text: str) -> Iterator[Chunk[Request]]:
        names = ("X-Sumo-Name", "X-Sumo-Host", "X-Sumo-Category", "X-Sumo-Fields")
        headers = (_CLIENT, *((name, value) for name, value in zip(names, source, strict=True) if value))
        body = utf8(text)
        if len(body) <= REQUEST_LIMIT:
            yield Chunk(positions, self.request(body, headers))
            return
        first = 0
        for start, end, count in spans(body, REQUEST_LIMIT):
            yield Chunk(positions[first : first + count], self.request(body[start:end], headers))
            first += count


def sink(options: Options) -> SumoLogic:
    """Return the sink."""
    return SumoLogic(options)


def header_value(text: str) -> bytes:
    """Return the text of an option or of `_sumo_metadata` as a header's value: empty, for no header, if it is `none` (Sumo Logic's convention)."""
    value = plain_value(text)
    return b"" if value.lower() == b"none" else value


def plain_value(text: str) -> bytes:
    """Return any text as a header's value.

    The value is UTF-8, which RFC 9110 (5.5) allows, and has at most `MAX_HEADER_BYTES`. Control characters, such as line breaks,
    become a space, so that no text can begin another header.
    """
    value = _CONTROL_CHARACTERS.sub(" ", text).strip(" ").encode("utf-8", "replace")
    if len(value) <= MAX_HEADER_BYTES:
        return value
    return value[:MAX_HEADER_BYTES].decode("utf-8", "ignore").encode().strip(b" ")


def _where(batch: Batch) -> str:
    return f',"logStream":{dumps(batch.log_stream)},"logGroup":{dumps(batch.log_group)}'


def _own_source(usual: Source, line: str, allowed: Sequence[str]) -> tuple[Source, str] | None:
    """Return the source that the line's message requests, and the line without that request; None if it may have no such source."""
    start = line.index(_MESSAGE) + len(_MESSAGE)
    try:
        message, end = _decoder.raw_decode(line, start)
        metadata = message.get(_METADATA) if isinstance(message, dict) else None
        if not isinstance(metadata, dict) or (source := _requested(usual, metadata, allowed)) is None:
            return None
        return source, line[:start] + without_member(line[start:end], _METADATA) + line[end:]
    except RecursionError:  # the nesting was just valid with fewer stack frames
        return None


def _requested(usual: Source, metadata: Mapping[str, Any], allowed: Sequence[str]) -> Source | None:
    """Return the usual source with the requested values, None if one of them is too long or not allowed."""
    values = {}
    for member, header in _METADATA_MEMBERS.items():
        value = metadata.get(member)
        if not isinstance(value, str):
            continue
        if len(value.encode("utf-8", "replace")) > MAX_HEADER_BYTES:
            return None
        request = f"{member}={plain_value(value).decode()}"
        if not any(fnmatchcase(request, pattern) for pattern in allowed):
            return None
        values[header] = header_value(value)
    return usual._replace(**values)


def without_member(text: str, name: str) -> str:
    """Return the JSON object's text without the top-level members of that name; other members are unchanged."""
    return "{" + ",".join(source for key, source in _members(text) if key != name) + "}"


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and source text of each member of a valid JSON object."""
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
    while text[at] in " \t\r\n":
        at += 1
    return at
