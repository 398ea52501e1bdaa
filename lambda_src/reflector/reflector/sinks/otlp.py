# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenTelemetry's protocol OTLP/HTTP with JSON, which collectors and many services accept.

Source: OpenTelemetry's "OTLP Specification" (OTLP/HTTP: JSON encoding, partial success, retryable codes, Retry-After), "Logs
Data Model", and the semantic conventions for cloud and AWS logs resources and for logs (`log.record.uid`).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from .. import __version__
from ..codec import dumps, dumps_string, loads, well_formed_utf8
from ..decode import LogEvent
from ..http import Answer, Headers, HttpSink, Request, by_status, check_header_names
from ..lines import bodies
from ..options import COMPRESS, HEADERS, option, required
from ..secrets import Secret
from . import Batch, Chunk, Outcome

REQUEST_LIMIT = 1_000_000
"""Bytes of a request before compression. The specification recommends 20 MiB to servers, but some services accept only 1 MB."""

RETRYABLE = frozenset({429, 502, 503, 504})
"""The statuses that allow a retry; other 4xx and 5xx forbid it ("Retryable Response Codes")."""

_REJECTED = b"rejectedLogRecords"
_HEADERS: Headers = (("Content-Type", b"application/json"),)
_SCOPE = f'{{"name":"logreflector.aws","version":"{__version__}"}}'


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    endpoint: Secret = required("the receiver's URL; the default path is `/v1/logs`")
    headers: dict[str, Secret] = option({}, HEADERS)
    resource_attributes: dict[str, str] = option(
        {}, "more attributes of the resource, such as `deployment.environment.name`"
    )
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        check_header_names(self.headers)


class Otlp(HttpSink):
    """See `Sink`."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, path="/v1/logs", compress=options.compress, header_secrets=options.headers)
        self._options = options
        self._region = os.environ.get("AWS_REGION", "")

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        resource = self._resource(batch)
        head = f'{{"resourceLogs":[{{"resource":{{"attributes":[{resource}]}},"scopeLogs":[{{"scope":{_SCOPE},"logRecords":['
        around = (well_formed_utf8(head), b",", b"]}]}]}")
        # No observedTimeUnixNano: the receiver may add it, and the same events make the same request.
        records = [well_formed_utf8(_record(event)) for event in batch.events]
        for positions, body in bodies(records, range(len(records)), REQUEST_LIMIT, len(records), around):
            yield Chunk(positions, self.request(body, _HEADERS))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:
        """See `HttpSink`. A partial success has the number of rejected records, not which, and the protocol forbids a retry.

        So the whole request counts as refused. A replay loses nothing; it may make duplicates, which share `log.record.uid`.
        """
        outcome = by_status(answer)
        if outcome.verdict == "retry" and answer.status not in RETRYABLE:
            return Outcome("refused", outcome.reason)
        if outcome.verdict != "accepted":
            return outcome
        count = len(chunk.positions)
        rejected = min(_rejected(answer.body, count), count)
        if rejected <= 0:
            return outcome
        return Outcome("refused", f"the sink rejected {rejected} of {count} log records, and does not name them")

    def _resource(self, batch: Batch) -> str:
        """Return the attributes of the events' resource as JSON text."""
        texts = {
            "cloud.provider": "aws",
            "cloud.account.id": batch.owner,
            "cloud.region": self._region,
            **self._options.resource_attributes,
        }
        lists = {"aws.log.group.names": batch.log_group, "aws.log.stream.names": batch.log_stream}
        return ",".join(
            [
                *(_attribute(name, value) for name, value in texts.items() if value),
                *(
                    f'{{"key":"{name}","value":{{"arrayValue":{{"values":[{{"stringValue":{dumps(value)}}}]}}}}}}'
                    for name, value in lists.items()
                ),
            ]
        )


def sink(options: Options) -> Otlp:
    """Return the sink."""
    return Otlp(options)


def _record(event: LogEvent) -> str:
    time = event["timestamp"] * 1_000_000
    body = dumps_string(event["message"].removesuffix("\n"))
    uid = _attribute("log.record.uid", event["id"]) if "id" in event else ""
    return f'{{"timeUnixNano":"{time}","body":{{"stringValue":{body}}},"attributes":[{uid}]}}'


def _attribute(name: str, value: str) -> str:
    return f'{{"key":{dumps_string(name)},"value":{{"stringValue":{dumps_string(value)}}}}}'


def _rejected(body: bytes, count: int) -> int:
    """Return the number of rejected records in a successful answer; all of them if the number is malformed."""
    if _REJECTED not in body:
        return 0
    try:
        return int(loads(body)["partialSuccess"][_REJECTED.decode()])
    except (ValueError, RecursionError, TypeError, KeyError):
        return count
