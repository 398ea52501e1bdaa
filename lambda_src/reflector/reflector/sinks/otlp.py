"""OpenTelemetry's protocol: OTLP/HTTP with JSON, as collectors and many services take it.

Source: OpenTelemetry's "OTLP Specification" (OTLP/HTTP: JSON encoding, partial success, retryable codes, Retry-After), "Logs
Data Model", and the semantic conventions for cloud and AWS logs resources and for logs (`log.record.uid`).
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .. import __version__
from ..codec import dumps, dumps_string, loads, well_formed_utf8
from ..decode import LogEvent
from ..http import Answer, Headers, HttpSink, Request, by_status, free_headers, secret_header
from ..lines import bodies
from ..secrets import Secret
from . import Batch, Chunk, Outcome

REQUEST_LIMIT = 1_000_000
"""Bytes of a request before compression. The specification recommends 20 MiB to servers, but services take as little as 1 MB."""

RETRIED = frozenset({429, 502, 503, 504})
"""The statuses after which a request may come again; no other 4xx or 5xx may ("Retryable Response Codes")."""

_REJECTED = b"rejectedLogRecords"
_HEADERS: Headers = (("Content-Type", b"application/json"),)
_SCOPE = f'{{"name":"logreflector.aws","version":"{__version__}"}}'


@dataclass(frozen=True, slots=True)
class Options:
    """`endpoint`: the receiver's URL; without a path, `/v1/logs` is posted to.

    `headers`: more headers, `Authorization` or an API key; each value is a secret, or a reference to one (a JSON object in
    Secrets Manager has it under the header's name). `resource_attributes`: more attributes of the resource, such as
    `deployment.environment.name`.
    """

    endpoint: Secret
    headers: dict[str, Secret] = field(default_factory=dict)
    resource_attributes: dict[str, str] = field(default_factory=dict)
    compress: bool = True

    def __post_init__(self) -> None:
        free_headers(self.headers)


class Otlp(HttpSink):
    """See `Sink`."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, path="/v1/logs", compress=options.compress)
        self._options = options
        self._region = os.environ.get("AWS_REGION", "")

    def secrets(self) -> Sequence[Secret]:
        """See `HttpSink`."""
        return list(self._options.headers.values())

    def secret_headers(self) -> Headers:
        """See `HttpSink`."""
        return tuple(secret_header(name, secret) for name, secret in self._options.headers.items())

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        resource = self._resource(batch)
        head = f'{{"resourceLogs":[{{"resource":{{"attributes":[{resource}]}},"scopeLogs":[{{"scope":{_SCOPE},"logRecords":['
        around = (well_formed_utf8(head), b",", b"]}]}]}")
        # No observedTimeUnixNano: the receiver is free to add it, and the same events stay the same request.
        records = [well_formed_utf8(_record(event)) for event in batch.events]
        for positions, body in bodies(records, range(len(records)), REQUEST_LIMIT, len(records), around):
            yield Chunk(positions, self.request(body, _HEADERS))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:
        """See `HttpSink`. Of a partial success the protocol says how many records were rejected, not which, and forbids to send them again.

        So the whole request counts as refused: a replay may make duplicates, which `log.record.uid` tells apart, and loses nothing.
        """
        outcome = by_status(answer)
        if outcome.verdict == "again" and answer.status not in RETRIED:
            return Outcome("refused", outcome.reason)
        if outcome.verdict != "accepted":
            return outcome
        count = len(chunk.positions)
        rejected = min(_rejected(answer.body, count), count)
        if rejected <= 0:
            return outcome
        return Outcome("refused", f"the sink rejected {rejected} of {count} log records, and does not say which")

    def _resource(self, batch: Batch) -> str:
        """The attributes of what the events are of, as JSON text."""
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
    """The sink."""
    return Otlp(options)


def _record(event: LogEvent) -> str:
    time = event["timestamp"] * 1_000_000
    body = dumps_string(event["message"].removesuffix("\n"))
    known = _attribute("log.record.uid", event["id"]) if "id" in event else ""
    return f'{{"timeUnixNano":"{time}","body":{{"stringValue":{body}}},"attributes":[{known}]}}'


def _attribute(name: str, value: str) -> str:
    return f'{{"key":{dumps_string(name)},"value":{{"stringValue":{dumps_string(value)}}}}}'


def _rejected(body: bytes, count: int) -> int:
    """How many records a success says were rejected; all, when it says so and cannot be read."""
    if _REJECTED not in body:
        return 0
    try:
        return int(loads(body)["partialSuccess"][_REJECTED.decode()])
    except (ValueError, RecursionError, TypeError, KeyError):
        return count
