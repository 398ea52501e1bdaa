# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Splunk's HTTP Event Collector (HEC), its event endpoint.

Source: Splunk's documentation, "Format events for HTTP Event Collector" (an event's members, batches), "Troubleshoot HTTP
Event Collector" (statuses and codes) and "Splunk Cloud Platform Service Details" (a request's size).

The sink does not use indexer acknowledgement: with a token that demands it, Splunk answers 400 with code 10, and the events go
to the queue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..codec import dumps, dumps_string, loads, utf8
from ..decode import LogEvent
from ..http import Answer, Headers, HttpSink, Request, by_status, secret_header
from ..lines import bodies
from ..options import COMPRESS, option, required
from ..secrets import Secret
from . import Batch, Chunk, Outcome

REQUEST_LIMIT = 1_000_000
"""Bytes of a request before compression: the recommended maximum for Splunk Cloud; Splunk Enterprise accepts 800 MB by default."""

_HEADERS: Headers = (("Content-Type", b"application/json"),)
_AROUND = (b"", b"\n", b"")
_CODES = {
    1: "token disabled",
    3: "invalid authorization",
    4: "invalid token",
    6: "invalid data format",
    7: "incorrect index",
    9: "server is busy",
    10: "the token demands indexer acknowledgement",
    15: "error in handling indexed fields",
}
"""Meanings of the codes that this sink may get. Reasons do not repeat the answer's own text, which may quote an event."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    endpoint: Secret = required("the collector's URL; the default path is `/services/collector/event`")
    token: Secret = required("a token without indexer acknowledgement, without `Splunk ` before it")
    index: str = option("", "Splunk's index", shown="the token's")
    sourcetype: str = option("aws:cloudwatchlogs", "Splunk's source type")
    source: str = option("", "if given, the log group is the indexed field `log_group`", shown="the log group")
    host: str = option("", "if given, the account is the indexed field `owner`", shown="the account")
    fields: dict[str, str] = option({}, "more indexed fields, besides `log_stream` and `event_id`")
    compress: bool = option(True, COMPRESS)


class SplunkHec(HttpSink):
    """See `Sink`. Messages are sent as text, even JSON: so `_raw` is the logged message, and Splunk's search parses JSON."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, path="/services/collector/event", compress=options.compress)
        self._options = options

    def secrets(self) -> Sequence[Secret]:
        """See `HttpSink`."""
        return [self._options.token]

    def secret_headers(self) -> Headers:
        """See `HttpSink`."""
        return (secret_header("Authorization", self._options.token, "Splunk "),)

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        options = self._options
        metadata = {
            "host": options.host or batch.owner,
            "source": options.source or batch.log_group,
            "sourcetype": options.sourcetype,
            "index": options.index,
        }
        fields = {
            **options.fields,
            **({"owner": batch.owner} if options.host else {}),
            **({"log_group": batch.log_group} if options.source else {}),
            "log_stream": batch.log_stream,
        }
        head = "".join(f',"{name}":{dumps(value)}' for name, value in metadata.items() if value)
        head += f',"fields":{dumps(fields)[:-1]},"event_id":'
        items = [utf8(_item(event, head)) for event in batch.events]
        for positions, body in bodies(items, range(len(items)), REQUEST_LIMIT, len(items), _AROUND):
            yield Chunk(positions, self.request(body, _HEADERS))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:  # noqa: ARG002
        """See `HttpSink`. One answer is for all events: `invalid-event-number` does not tell what happened to the others."""
        outcome = by_status(answer)
        if outcome.verdict == "accepted" or (code := _code(answer.body)) is None:
            return outcome
        meaning = f" ({_CODES[code]})" if code in _CODES else ""
        return replace(outcome, reason=f"{outcome.reason}, HEC code {code}{meaning}")


def sink(options: Options) -> SplunkHec:
    """Return the sink."""
    return SplunkHec(options)


def _item(event: LogEvent, head: str) -> str:
    milliseconds = event["timestamp"]
    message = event["message"].removesuffix("\n")
    # Code 13, "Event field cannot be blank", would refuse the whole request.
    text = dumps_string(message) if message.strip() else f'{{"message":{dumps_string(message)}}}'
    time = f"{milliseconds // 1000}.{milliseconds % 1000:03}"
    return f'{{"time":{time}{head}{dumps(event.get("id", ""))}}},"event":{text}}}'


def _code(body: bytes) -> int | None:
    try:
        code = loads(body)["code"]
    except (ValueError, RecursionError, TypeError, LookupError):
        return None
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 1000 else None
