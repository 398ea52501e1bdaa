# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New Relic's Log API, in its detailed JSON form.

Source: New Relic's documentation, "Introduction to the Log API" (endpoints, headers, body, limits), "Find data in long logs
(blobs)" (truncation of long messages) and "Timestamp formats in logs" (the maximum age).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..codec import dumps, dumps_string, utf8
from ..http import Headers, HttpSink, Request
from ..lines import bodies
from ..options import COMPRESS, option, required
from ..secrets import Secret
from . import Batch, Chunk, Refusal, split_refused

REQUEST_LIMIT = 1_000_000
"""Bytes of a request: "1MB(10^6 bytes) maximum per POST". The documentation does not say whether before or after compression: before is safe."""

STORED_CHARACTERS, STORED_BYTES = 4_094, 128_000
"""New Relic stores this many characters of a message, then this many bytes of UTF-8. The sink refuses a longer message."""

OLDEST_HOURS = 48
"""Maximum age of a log. New Relic would accept an older one, and drop it."""

ENDPOINTS = {
    "US": "https://log-api.newrelic.com",
    "EU": "https://log-api.eu.newrelic.com",
    "FedRAMP": "https://gov-log-api.newrelic.com",
}

_MOST_ATTRIBUTES, _NAME_CHARACTERS, _VALUE_CHARACTERS = 255, 255, 4096
_OWN_ATTRIBUTES = 4 + 2  # account, log group, log stream, id; message and timestamp
_TOO_LONG = "the message is longer than the 4,094 characters and 128,000 bytes that New Relic stores"
_TOO_OLD = f"the event is older than the {OLDEST_HOURS} hours that the service takes"
_HEADERS: Headers = (("Content-Type", b"application/json"),)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    license_key: Secret = required("an ingest licence key")
    region: Literal["US", "EU", "FedRAMP"] = option("US", "where the account's data are")
    endpoint: Secret | None = option(None, "URL of a proxy; the default path is `/log/v1`", shown="the region's")
    attributes: dict[str, str] = option(
        {}, "more attributes for every log; `logtype` selects New Relic's parsing rules"
    )
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        if len(self.attributes) > _MOST_ATTRIBUTES - _OWN_ATTRIBUTES:
            raise ValueError(f"attributes: must have at most {_MOST_ATTRIBUTES - _OWN_ATTRIBUTES}")
        for name, value in self.attributes.items():
            if not 0 < len(name) <= _NAME_CHARACTERS or any(map(str.isspace, name)):
                raise ValueError(f"attributes: names must have 1 to {_NAME_CHARACTERS} characters, and no whitespace")
            if len(value) > _VALUE_CHARACTERS:
                raise ValueError(f"attributes: values must have at most {_VALUE_CHARACTERS} characters")


class NewRelic(HttpSink):
    """See `Sink`. Messages are sent as text: New Relic parses JSON in them."""

    def __init__(self, options: Options) -> None:
        endpoint = options.endpoint or Secret(ENDPOINTS[options.region], "region")
        super().__init__(
            endpoint, path="/log/v1", compress=options.compress, header_secrets={"Api-Key": options.license_key}
        )
        self._options = options

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request] | Refusal]:
        """See `Sink`."""
        common = {
            **self._options.attributes,
            "aws.accountId": batch.owner,
            "aws.logGroup": batch.log_group,
            "aws.logStream": batch.log_stream,
        }
        around = (utf8(f'[{{"common":{{"attributes":{dumps(common)}}},"logs":['), b",", b"]}]")
        messages = [event["message"].removesuffix("\n") for event in batch.events]
        items = [
            utf8(
                f'{{"timestamp":{event["timestamp"]},"message":{dumps_string(message)}'
                f',"attributes":{{"aws.logEventId":{dumps(event.get("id", ""))}}}}}'
            )
            for event, message in zip(batch.events, messages, strict=True)
        ]
        oldest = (time.time() - OLDEST_HOURS * 3600) * 1000
        fit, refusals = split_refused(
            [
                _TOO_OLD if event["timestamp"] < oldest else _TOO_LONG if _is_cut(message) else ""
                for event, message in zip(batch.events, messages, strict=True)
            ]
        )
        yield from refusals
        for positions, body in bodies(items, fit, REQUEST_LIMIT, len(items), around):
            yield Chunk(positions, self.request(body, _HEADERS))


def sink(options: Options) -> NewRelic:
    """Return the sink."""
    return NewRelic(options)


def _is_cut(message: str) -> bool:
    # A character has at most 4 bytes, so most messages need no count.
    return (
        len(message) > STORED_BYTES // 4 and len(message[STORED_CHARACTERS:].encode("utf-8", "replace")) > STORED_BYTES
    )
