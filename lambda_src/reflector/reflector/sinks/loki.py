# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grafana Loki's push API, as JSON.

Source: Grafana Loki's documentation, "Loki HTTP API" (Ingest logs), "Enforce rate limits and push request validation" and
"Structured metadata"; Loki's source for undocumented behaviour (pkg/distributor, pkg/ingester: the effect of a 400, and
pkg/chunkenc: which lines are duplicates).
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..codec import dumps, dumps_string, gunzip, loads, utf8, well_formed_utf8
from ..decode import LogEvent
from ..http import Answer, Headers, HttpSink, Request, basic_header, by_status, secret_header
from ..lines import batches
from ..options import COMPRESS, option, required
from ..secrets import Secret
from . import Batch, Chunk, Outcome

REQUEST_LIMIT = 1_048_576
"""Bytes of a request before compression: the limit of Grafana's own clients (Alloy, `loki.write`: `batch_size`).

Loki accepts more, but refuses a request above a tenant's burst (`ingestion_burst_size_mb`, 6) forever."""

LINE_LIMIT = 262_144
"""Bytes of a line: `max_line_size`, which an operator may change. A longer line is sent alone, and Loki decides."""

BLOCKED = 260
"""The status of a Loki that accepts nothing for now (`block_ingestion_status_code`): it looks like success, but is not."""

PLACES = ("owner", "region", "log_group", "log_stream")
"""Possible labels: the account, its region, the log group, the log stream."""

# A 400 concerns the entries beyond one of these bounds; the others are stored.
_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))"
_OLDEST = re.compile(f"oldest acceptable timestamp is: {_TIME}", re.ASCII)
_TOO_NEW = re.compile(f"has timestamp too new: {_TIME}", re.ASCII)
_LONGEST = re.compile("max entry size '([0-9]{1,18})' bytes exceeded", re.ASCII | re.IGNORECASE)
# Or it concerns all entries.
_CAUSES = {
    "includes structured metadata": "the sink accepts no structured metadata: set structured_metadata to false",
    "out of order": "the sink accepts no lines out of order: its unordered_writes is off",
}
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    endpoint: Secret = required("Loki's URL; the default path is `/loki/api/v1/push`")
    tenant_id: str = option("", "`X-Scope-OrgID`, for a multi-tenant Loki")
    username: str = option("", "for Grafana Cloud: the user's number")
    password: Secret | None = option(None, "for Grafana Cloud: a token")
    bearer_token: Secret | None = option(None, "instead of username and password")
    labels: dict[str, str] = option({}, "labels of every stream")
    stream_labels: tuple[str, ...] = option(
        ("owner", "region", "log_group"), "which of `owner`, `region`, `log_group`, `log_stream` are labels, too"
    )
    structured_metadata: bool = option(
        True,
        "add the others, and `event_id`, to each line; use false for a Loki before 3.0, which then gets none of them",
    )
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        if bool(self.username) != bool(self.password):
            raise ValueError("password: must be given together with username")
        if self.bearer_token and self.password:
            raise ValueError("bearer_token: cannot be combined with username and password")
        if not (self.tenant_id.isascii() and self.tenant_id.isprintable()):
            raise ValueError("tenant_id: must be printable ASCII")
        if unknown := set(self.stream_labels) - set(PLACES):
            raise ValueError(f"stream_labels: has {min(unknown)}; allowed are {', '.join(PLACES)}")
        if any(not _LABEL.fullmatch(name) for name in self.labels):
            raise ValueError("labels: names must have letters, digits and _, and not begin with a digit or __")
        if twice := set(self.labels) & set(self.stream_labels):
            raise ValueError(f"labels: has {min(twice)}, which is in stream_labels, too")
        if not self.labels and set(self.stream_labels) <= {"region"}:
            raise ValueError("stream_labels: without labels, must have owner, log_group or log_stream")


class Loki(HttpSink):
    """See `Sink`. A batch belongs to one stream of Loki."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, path="/loki/api/v1/push", compress=options.compress)
        self._options = options
        self._region = os.environ.get("AWS_REGION", "")
        tenant = (("X-Scope-OrgID", options.tenant_id.encode()),) if options.tenant_id else ()
        self._headers: Headers = (("Content-Type", b"application/json"), *tenant)

    def secrets(self) -> Sequence[Secret]:
        """See `HttpSink`."""
        return [secret for secret in (self._options.password, self._options.bearer_token) if secret]

    def secret_headers(self) -> Headers:
        """See `HttpSink`."""
        options = self._options
        if options.bearer_token:
            return (secret_header("Authorization", options.bearer_token, "Bearer "),)
        if options.password:
            return (basic_header(options.username, options.password),)
        return ()

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        labels, metadata = self._labels(batch)
        head = b'{"streams":[{"stream":%b,"values":[' % well_formed_utf8(dumps(labels))
        tail = b"]}]}"
        entries = [well_formed_utf8(entry) for entry in self._entries(batch.events, metadata)]
        room = REQUEST_LIMIT - len(head) - len(tail)
        # An item larger than the room is sent alone. A line that is too long gets such a size.
        sizes = [
            room + 1 if len(entry) > LINE_LIMIT and len(utf8(event["message"])) > LINE_LIMIT else len(entry)
            for entry, event in zip(entries, batch.events, strict=True)
        ]
        for span in batches(sizes, room, len(entries)):
            body = head + b",".join(entries[span.start : span.stop]) + tail
            yield Chunk(span, self.request(body, self._headers))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:
        """See `HttpSink`. With a 400, Loki stores the entries within its bounds, and names the bounds, not the entries.

        Entries beyond the bounds are refused. The others are sent again, to be sure: Loki drops a line that it has already.
        """
        if answer.status == BLOCKED:
            return Outcome("refused", "the sink blocks all ingestion for now (260)")
        if answer.status != 400:
            return by_status(answer)
        text = answer.body.decode("utf-8", "replace")
        if refused := _beyond(text, chunk.content):
            retry = [place for place in range(len(chunk.positions)) if place not in refused]
            return Outcome("partial", "the sink refused a part of the request", retry=retry, refused=refused)
        cause = next((cause for marker, cause in _CAUSES.items() if marker in text), None)
        return Outcome("refused", cause) if cause else by_status(answer)

    def _labels(self, batch: Batch) -> tuple[dict[str, str], list[str]]:
        """Return the stream's labels, and the structured metadata of all lines as JSON members."""
        values = (batch.owner, self._region, batch.log_group, batch.log_stream)
        known = {name: value for name, value in zip(PLACES, values, strict=True) if value}
        chosen = self._options.stream_labels
        labels = {**self._options.labels, **{name: value for name, value in known.items() if name in chosen}}
        return labels, [f'"{name}":{dumps(value)}' for name, value in known.items() if name not in chosen]

    def _entries(self, events: Sequence[LogEvent], metadata: Sequence[str]) -> Iterator[str]:
        for event in events:
            line = dumps_string(event["message"].removesuffix("\n"))
            if self._options.structured_metadata:
                members = [*metadata, f'"event_id":{dumps_string(event["id"])}'] if "id" in event else metadata
                yield f'["{nanoseconds(event)}",{line},{{{",".join(members)}}}]'
            else:
                yield f'["{nanoseconds(event)}",{line}]'


def sink(options: Options) -> Loki:
    """Return the sink."""
    return Loki(options)


def nanoseconds(event: LogEvent) -> int:
    """Return the event's time in nanoseconds. The last digits of its id are the nanoseconds within the millisecond.

    Loki drops a line if the stream has the same line with the same time, even from another log stream. With these times, two
    events differ, and an event that is sent twice does not. Ids of one PutLogEvents call count upwards by one, so the order
    within a millisecond holds, except where the digits overflow.
    """
    last = event.get("id", "")[-6:]
    return event["timestamp"] * 1_000_000 + (int(last) if last.isascii() and last.isdigit() else 0)


def _beyond(text: str, request: Request) -> dict[int, str]:
    """Return places and reasons of the entries beyond the bounds in Loki's text.

    The text has whole seconds, so a few entries within the bounds are returned, too.
    """
    oldest = max((_milliseconds(time) + 1000 for time in _OLDEST.findall(text)), default=None)
    too_new = min((_milliseconds(time) for time in _TOO_NEW.findall(text)), default=None)
    longest = min(map(int, _LONGEST.findall(text)), default=None)
    if oldest is too_new is longest is None:
        return {}
    refused = {}
    for place, (time, line, *_metadata) in enumerate(_values(request)):
        if oldest is not None and int(time) // 1_000_000 < oldest:
            refused[place] = "its timestamp is too old for Loki"
        elif too_new is not None and int(time) // 1_000_000 >= too_new:
            refused[place] = "its timestamp is too far in the future for Loki"
        elif longest is not None and len(line.encode("utf-8", "replace")) > longest:
            refused[place] = "its line is too long for Loki"
    return refused


def _values(request: Request) -> Any:
    """Return the request's entries, decoded from its body: so a request that succeeds needs no extra memory."""
    compressed = "Content-Encoding" in dict(request.headers)
    return loads(gunzip(request.body, 1 << 30) if compressed else request.body)["streams"][0]["values"]


def _milliseconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() * 1000
