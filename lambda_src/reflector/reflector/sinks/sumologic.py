"""Sumo Logic's HTTP source, spoken to as Sumo Logic's own CloudWatch Lambda does.

Source: Sumo Logic's documentation, "Upload Logs to an HTTP Source" (headers, compression, 1 MB) and the README of
SumoLogic/sumologic-aws-lambda, cloudwatchlogs-with-dlq (`_sumo_metadata`, the records' members).
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from .. import __version__
from ..batches import batches
from ..decode import Payload
from ..delivery import Connection, Endpoint, Request
from ..records import Record, decode_json, encode_json, records, to_bytes, without_member
from ..secrets import is_reference, resolve
from ..settings import Settings

REQUEST_LIMIT = 1_000_000
"""Bytes of a request before compression: "up to but not exceeding 1 MB"."""

SECRET_KEYS = ("SUMO_ENDPOINT", "url")
"""Where a secret that is a JSON object holds the endpoint."""

_METADATA = "_sumo_metadata"
_COMPRESSION_LEVEL = 6
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
_CLIENT = ("X-Sumo-Client", f"logreflector.aws/{__version__}".encode())
_GZIP = ("Content-Encoding", b"gzip")


class Source(NamedTuple):
    """What Sumo Logic files a line under; each distinct one is a request of its own. Header values, empty for no header."""

    name: bytes
    host: bytes
    category: bytes
    fields: bytes


class SumoLogic:
    """The sink. Making one opens no connection, but reads the secret that the endpoint may be. Raises SettingsError."""

    def __init__(self, settings: Settings) -> None:
        setting = settings.sumo_endpoint
        url = resolve(setting, SECRET_KEYS) if is_reference(setting) else setting
        self.connection = Connection(Endpoint.parse(url, "SUMO_ENDPOINT"))
        self._settings = settings

    def requests(self, payload: Payload) -> Iterator[Request]:
        """See `Sink`. Order holds among the events of one source."""
        for source, lines in self._lines_by_source(payload).items():
            for batch in batches(lines, REQUEST_LIMIT):
                yield self._request(source, batch)

    def _lines_by_source(self, payload: Payload) -> dict[Source, list[bytes]]:
        settings = self._settings
        usual = Source(
            name=header_value(settings.source_name or payload.log_stream),
            host=header_value(settings.source_host or payload.log_group),
            category=header_value(settings.source_category),
            fields=header_value(settings.source_fields),
        )
        where = _where(payload) if settings.include_log_info else ""
        lines: dict[Source, list[bytes]] = {}
        for record in records(payload.events):
            source, message = usual, record.message
            # Most messages don't have the word: only those that do are decoded for it.
            if _METADATA in message and message[0] == "{":
                source, message = _own_source(usual, message)
            line = self._line(record, message, where)
            lines.setdefault(source, []).append(to_bytes(line))
        return lines

    def _line(self, record: Record, message: str, where: str) -> str:
        event = record.event
        line = f'{{"timestamp":{event["timestamp"]},"message":{message}'
        if record.request_id:
            line += f',"requestID":"{record.request_id}"'
        line += where
        if self._settings.include_event_id and "id" in event:
            line += f',"id":{encode_json(event["id"])}'
        if self._settings.include_extracted_fields and "extractedFields" in event:
            line += f',"extractedFields":{encode_json(event["extractedFields"])}'
        return line + "}"

    def _request(self, source: Source, lines: list[bytes]) -> Request:
        names = ("X-Sumo-Name", "X-Sumo-Host", "X-Sumo-Category", "X-Sumo-Fields")
        headers = (_CLIENT, *((name, value) for name, value in zip(names, source, strict=True) if value))
        body = b"\n".join(lines)
        if not self._settings.compress_data:
            return Request(headers, body, len(lines))
        return Request((_GZIP, *headers), gzip.compress(body, _COMPRESSION_LEVEL, mtime=0), len(lines))


@lru_cache(maxsize=1)  # one environment, one sink: its connection outlives the invocation
def sumo_logic(settings: Settings) -> SumoLogic:
    """The sink for these settings. Raises SettingsError."""
    return SumoLogic(settings)


def header_value(text: str) -> bytes:
    """The text as the value of a header; empty when no header is to be sent, which is what Sumo Logic's users say with `none`.

    UTF-8: RFC 9110 (5.5) lets such bytes pass as they are. Control
    characters, line breaks among them, become a space: no text can begin a header of its own.
    """
    value = _CONTROL_CHARACTERS.sub(" ", text).strip(" ")
    return b"" if value.lower() == "none" else value.encode("utf-8", "replace")


def _where(payload: Payload) -> str:
    return f',"logStream":{encode_json(payload.log_stream)},"logGroup":{encode_json(payload.log_group)}'


def _own_source(usual: Source, message: str) -> tuple[Source, str]:
    """The source that the message itself asks for, and the message without asking for it."""
    metadata = decode_json(message).get(_METADATA)
    if not isinstance(metadata, dict):
        return usual, message
    source = Source(
        name=_chosen(metadata, "sourceName", usual.name),
        host=_chosen(metadata, "sourceHost", usual.host),
        category=_chosen(metadata, "category", usual.category),
        fields=_chosen(metadata, "sourceFieldsOverride", usual.fields),
    )
    return source, without_member(message, _METADATA)


def _chosen(metadata: Mapping[str, Any], name: str, usual: bytes) -> bytes:
    value = metadata.get(name)
    return header_value(value) if isinstance(value, str) else usual
