# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's log intake.

Source: Datadog's documentation, "Send logs" of its API (limits, statuses, truncation, age), "Log Date
Remapper" (`timestamp`) and "Datadog Forwarder", whose attributes its users know (`aws.awslogs`, `id`, `host` is the group).
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..codec import dumps, dumps_string, utf8
from ..decode import LogEvent
from ..http import Headers, HttpSink, Request
from ..lines import bodies
from ..options import COMPRESS, option, required
from ..secrets import Secret
from . import Batch, Chunk, Refusal, split_refused

REQUEST_LIMIT = 5_000_000
"""Bytes of a request before compression."""

MOST_LOGS = 1000
"""Logs in a request."""

LOG_LIMIT = 1_000_000
"""Bytes of a log. Datadog answers 2xx for a longer one, and truncates it. So the sink refuses it, and the queue keeps it whole."""

OLDEST_HOURS = 18
"""Maximum age of a log. Datadog would accept an older one, and lose it."""

_TOO_LONG = "the event is larger than the 1 MB that Datadog takes whole"
_TOO_OLD = f"the event is older than the {OLDEST_HOURS} hours that the service takes"
_SITE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_HEADERS: Headers = (("Content-Type", b"application/json"),)
_AROUND = (b"[", b",", b"]")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    api_key: Secret = required("an API key")
    site: str = option(
        "datadoghq.com",
        "your organisation's site: `datadoghq.eu`, `us3.datadoghq.com`, `us5.datadoghq.com`, `ap1.datadoghq.com`, `ddog-gov.com`, ...",
    )
    endpoint: Secret | None = option(None, "URL of a proxy; the default path is `/api/v2/logs`", shown="the site's")
    ddsource: str = option("cloudwatch", "selects Datadog's pipeline for the logs")
    service: str = option("", "reserved attribute")
    hostname: str = option("", "reserved attribute", shown="the log group")
    ddtags: str = option("", "reserved attribute: tags, as in `env:prod,team:shop`")
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        if not _SITE.fullmatch(self.site):
            raise ValueError("site: must be a domain, such as datadoghq.eu")


class Datadog(HttpSink):
    """See `Sink`. Messages are sent as text: Datadog parses JSON in them."""

    def __init__(self, options: Options) -> None:
        endpoint = options.endpoint or Secret(f"https://http-intake.logs.{options.site}", "site")
        super().__init__(
            endpoint,
            path="/api/v2/logs",
            compress=options.compress,
            header_secrets={"DD-API-KEY": options.api_key},
        )
        self._options = options

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request] | Refusal]:
        """See `Sink`."""
        options = self._options
        reserved = {
            "ddsource": options.ddsource,
            "ddtags": options.ddtags,
            "hostname": options.hostname or batch.log_group,
            "service": options.service,
        }
        where = {"owner": batch.owner, "logGroup": batch.log_group, "logStream": batch.log_stream}
        tail = "".join(f',"{name}":{dumps(value)}' for name, value in reserved.items() if value)
        tail += f',"aws":{{"awslogs":{dumps(where)}}}}}'
        items = [utf8(_item(event, tail)) for event in batch.events]
        oldest = (time.time() - OLDEST_HOURS * 3600) * 1000
        fit, refusals = split_refused(
            [
                _TOO_OLD if event["timestamp"] < oldest else _TOO_LONG if len(item) > LOG_LIMIT else ""
                for event, item in zip(batch.events, items, strict=True)
            ]
        )
        yield from refusals
        for positions, body in bodies(items, fit, REQUEST_LIMIT, MOST_LOGS, _AROUND):
            yield Chunk(positions, self.request(body, _HEADERS))


def sink(options: Options) -> Datadog:
    """Return the sink."""
    return Datadog(options)


def _item(event: LogEvent, tail: str) -> str:
    message = dumps_string(event["message"].removesuffix("\n"))
    return f'{{"message":{message},"timestamp":{event["timestamp"]},"id":{dumps(event.get("id", ""))}{tail}'
