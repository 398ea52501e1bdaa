# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bulk API of Elasticsearch and OpenSearch.

Source: Elasticsearch's API documentation, "Bulk index or delete documents" (NDJSON, `create`, the items of an answer), "Data
streams" (`create` only), "Networking settings" (`http.max_content_length`), "Create an index" (names); OpenSearch's, "Bulk".
Fields: Elastic Common Schema, and Filebeat's "AWS CloudWatch fields".
"""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ..codec import dumps, dumps_string, loads, utf8
from ..http import Answer, Headers, HttpSink, Request, basic_header, by_status, secret_header
from ..lines import bodies
from ..options import COMPRESS, option, required
from ..records import message_json
from ..secrets import Secret
from . import ACCEPTED, Batch, Chunk, Outcome

REQUEST_LIMIT = 5_000_000
"""Bytes of a request before compression. A node accepts 100 MB, Amazon's small instances 10 MiB; half of that is a good size."""

MOST_ITEMS = 5_000
"""Documents in a request. The largest possible answer for that many is still read completely."""

PATH = "/_bulk?filter_path=items.*.status,items.*.error.type"

_DATE = re.compile(r"%[YmdH]")
_INDEX = re.compile(r"(?![-_+]|\.{1,2}$)[^\\/*?\"<>|,#:%\sA-Z]{1,200}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_TAKEN = ("message", "event", "cloud", "aws")
# search- or vpc-, the domain's name, characters that AWS adds, the region, the service's domain (OpenSearch Service's developer
# guide, "Creating and managing domains").
_DOMAIN = re.compile(
    r"https://(?:search|vpc)-(?P<name>[a-z][a-z0-9-]{2,27})-[a-z0-9]+\.(?:[a-z0-9-]+\.es\.amazonaws\.com|aos\.[a-z0-9-]+\.on\.aws)"
)
_ERROR_TYPE = re.compile(r"[a-z][a-z_]{1,60}", re.ASCII)
_EXISTS = "version_conflict_engine_exception"
_HEADERS: Headers = (("Content-Type", b"application/x-ndjson"),)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    endpoint: Secret = required(
        "the cluster's URL; a path in it must end with `/_bulk`. `?pipeline=NAME` selects an ingest pipeline"
    )
    index: str = option(
        "logs-aws.cloudwatch_logs-default",
        "a data stream or an index; `%Y`, `%m`, `%d`, `%H` are replaced by the event's time (UTC), as in `aws-%Y.%m.%d`",
    )
    api_key: Secret | None = option(None, "in the encoded form that Elasticsearch shows")
    username: str = option("", "instead of `api_key`, for OpenSearch")
    password: Secret | None = option(None, "that of `username`")
    json_field: str = option("", "field for messages that are JSON objects; without it they are text in `message`")
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        if bool(self.username) != bool(self.password):
            raise ValueError("password: must be given together with username")
        if self.api_key and self.password:
            raise ValueError("api_key: cannot be combined with username and password")
        if not _INDEX.fullmatch(_DATE.sub("2026", self.index)):
            raise ValueError(
                'index: must be lower case, without spaces and \\ / * ? " < > | , # :, not begin with - _ +,'
                " and have no % but in %Y, %m, %d and %H"
            )
        if self.json_field and (self.json_field in _TAKEN or not _FIELD.fullmatch(self.json_field)):
            raise ValueError(f"json_field: must be a name of letters, digits, _ and -, and none of {', '.join(_TAKEN)}")


class Elasticsearch(HttpSink):
    """See `Sink`. No duplicates: a document's `_id` is made of the event's id, and `create` never overwrites."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, path=PATH, compress=options.compress)
        self._options = options
        self._region = os.environ.get("AWS_REGION", "")

    def secrets(self) -> Sequence[Secret]:
        """See `HttpSink`."""
        return [secret for secret in (self._options.api_key, self._options.password) if secret]

    def secret_headers(self) -> Headers:
        """See `HttpSink`."""
        options = self._options
        if options.api_key:
            return (secret_header("Authorization", options.api_key, "ApiKey "),)
        if options.password:
            return (basic_header(options.username, options.password),)
        return ()

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        items = [utf8(item) for item in self._items(batch)]
        for positions, body in bodies(items, range(len(items)), REQUEST_LIMIT, MOST_ITEMS, (b"", b"", b"")):
            yield Chunk(positions, self.request(body, _HEADERS))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:
        """See `HttpSink`. A 409 of an item means that the document exists, from an attempt whose answer was lost."""
        body = _json(answer.body)
        outcome = by_status(answer)
        if outcome.verdict != "accepted":
            return replace(outcome, reason=_with_type(outcome.reason, body))
        results = _results(body)
        if body is None and (not answer.body or answer.body.startswith(b"{")):
            return Outcome("retry", "the sink's answer broke off")
        if len(results) != len(chunk.positions):
            return Outcome("refused", "the sink's answer is no answer to a bulk request")
        retry = [place for place, result in enumerate(results) if _is_transient(result["status"])]
        refused = {
            place: _with_type(f"the sink answered {result['status']} for it", result)
            for place, result in enumerate(results)
            if not _exists(result) and not _is_transient(result["status"])
        }
        if not retry and not refused:
            return ACCEPTED
        reason = _with_type("the sink does not accept all items now", results[retry[0]]) if retry else ""
        if len(retry) == len(results):
            return Outcome("retry", reason, answer.retry_after)
        return Outcome("partial", reason, answer.retry_after, retry, refused)

    def _items(self, batch: Batch) -> Iterator[str]:
        """Yield action and document of each event, two lines."""
        index, json_field = self._options.index, self._options.json_field
        dated = "%" in index
        action = f'{{"create":{{"_index":{dumps(index)}'
        place, where = _id_suffix(batch), _where(batch, self._region)
        for event in batch.events:
            timestamp = event["timestamp"]
            if dated:
                action = f'{{"create":{{"_index":{dumps(_index(index, timestamp // 3_600_000))}'
            document_id = event_field = ""
            # The server makes an id for an event without one: two such events must not become one document.
            if event_id := event.get("id"):
                document_id = f',"_id":{dumps_string(event_id + place)}'
                event_field = f',"event":{{"id":{dumps_string(event_id)}}}'
            message = _message(event["message"].removesuffix("\n"), json_field)
            yield f'{action}{document_id}}}}}\n{{"@timestamp":"{_time(timestamp)}",{message}{event_field}{where}}}\n'


def own_log_groups(options: Mapping[str, Any]) -> list[str]:
    """See `sinks.no_log_groups`. The groups that the console suggests for a domain of Amazon OpenSearch Service, by its endpoint.

    A custom endpoint, or one in a secret, does not show the domain.
    """
    endpoint = options.get("endpoint")
    domain = _DOMAIN.match(endpoint) if isinstance(endpoint, str) else None
    # The first is from before the service was renamed to OpenSearch.
    return [f"/aws/{service}/domains/{domain['name']}/*" for service in ("aes", "OpenSearchService")] if domain else []


def sink(options: Options) -> Elasticsearch:
    """Return the sink."""
    return Elasticsearch(options)


def _message(text: str, json_field: str) -> str:
    if json_field and "{" in text and (value := message_json(text)).startswith("{"):
        return f'"{json_field}":{value}'
    return f'"message":{dumps_string(text)}'


def _where(batch: Batch, region: str) -> str:
    region_field = f'"region":{dumps(region)},' if region else ""
    return (
        f',"cloud":{{"provider":"aws",{region_field}"account":{{"id":{dumps(batch.owner)}}}}}'
        f',"aws":{{"cloudwatch":{{"log_group":{dumps(batch.log_group)},"log_stream":{dumps(batch.log_stream)}}}}}'
    )


def _id_suffix(batch: Batch) -> str:
    """Return the part of a document's id after the event's id. That one is first, since growing ids are cheaper to index."""
    name = dumps([batch.owner, batch.log_group, batch.log_stream])
    return f"-{sha256(utf8(name)).hexdigest()[:16]}"


@lru_cache(maxsize=256)
def _index(pattern: str, hour: int) -> str:
    return time.strftime(pattern, time.gmtime(hour * 3600))


def _time(milliseconds: int) -> str:
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _json(text: bytes) -> Any:
    """Return the value, None for malformed or incomplete JSON."""
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _results(body: Any) -> list[dict[str, Any]]:
    """Return the result of each item, in order; nothing if the answer has another structure."""
    try:
        results = [result for item in body["items"] for result in item.values()]
        return results if all(isinstance(result["status"], int) for result in results) else []
    except (TypeError, KeyError, AttributeError):
        return []


def _is_transient(status: int) -> bool:
    return status == 429 or status >= 500


def _exists(result: dict[str, Any]) -> bool:
    return 200 <= result["status"] <= 299 or (result["status"] == 409 and _error_type(result) == _EXISTS)


def _with_type(reason: str, result: Any) -> str:
    """Return the reason with the error's type, which is a name. The error's own `reason` may quote the document."""
    kind = _error_type(result)
    return f"{reason} ({kind})" if kind else reason


def _error_type(result: Any) -> str:
    error = result.get("error") if isinstance(result, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind) else ""
