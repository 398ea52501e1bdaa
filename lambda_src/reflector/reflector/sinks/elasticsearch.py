"""Elasticsearch's bulk API, which OpenSearch has as well.

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
from ..http import Answer, Headers, HttpSink, Request, basic_authorization, by_status, secret_header
from ..lines import bodies
from ..records import message_json
from ..secrets import Secret
from . import ACCEPTED, Batch, Chunk, Outcome

REQUEST_LIMIT = 5_000_000
"""Bytes of a request before compression. A node takes 100 MB, but Amazon's small ones 10 MiB; half of it is a good bulk."""

MOST_ITEMS = 5_000
"""Documents in a request: so many answers, with all that a server may say of each, stay within what is read of an answer."""

PATH = "/_bulk?filter_path=items.*.status,items.*.error.type"

_DATE = re.compile(r"%[YmdH]")
_INDEX = re.compile(r"(?![-_+]|\.{1,2}$)[^\\/*?\"<>|,#:%\sA-Z]{1,200}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_TAKEN = ("message", "event", "cloud", "aws")
_ERROR_TYPE = re.compile(r"[a-z][a-z_]{1,60}", re.ASCII)
_EXISTS = "version_conflict_engine_exception"
_HEADERS: Headers = (("Content-Type", b"application/x-ndjson"),)


@dataclass(frozen=True, slots=True)
class Options:
    """`endpoint`: the cluster's URL; one with a path of its own must end it with `/_bulk`.

    `index`: an index or a data stream, in which `%Y`, `%m`, `%d` and `%H` stand for the event's time (UTC).
    `api_key`: the encoded form that Elasticsearch gives out. Or `username` with `password`.
    `json_field`: where a message that is a JSON object goes, as that object, instead of to `message` as text. Every name in
    such objects becomes a field of the index: map this one as `flattened` (OpenSearch: `flat_object`) to keep them few.
    """

    endpoint: Secret
    index: str = "logs-aws.cloudwatch_logs-default"
    api_key: Secret | None = None
    username: str = ""
    password: Secret | None = None
    json_field: str = ""
    compress: bool = True

    def __post_init__(self) -> None:
        if bool(self.username) != bool(self.password):
            raise ValueError("password: goes with username, and username with it")
        if self.api_key and self.password:
            raise ValueError("api_key: cannot stand beside username and password")
        if not _INDEX.fullmatch(_DATE.sub("2026", self.index)):
            raise ValueError(
                'index: must be lower case, without spaces and \\ / * ? " < > | , # :, not begin with - _ +,'
                " and have no % but in %Y, %m, %d and %H"
            )
        if self.json_field and (self.json_field in _TAKEN or not _FIELD.fullmatch(self.json_field)):
            raise ValueError(f"json_field: must be a name of letters, digits, _ and -, and none of {', '.join(_TAKEN)}")


class Elasticsearch(HttpSink):
    """See `Sink`. What is sent twice is there once: a document's `_id` is made of the event's, and `create` never overwrites."""

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
            return (("Authorization", basic_authorization(options.username, options.password.value())),)
        return ()

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        items = [utf8(item) for item in self._items(batch)]
        for positions, body in bodies(items, range(len(items)), REQUEST_LIMIT, MOST_ITEMS, (b"", b"", b"")):
            yield Chunk(positions, self.request(body, _HEADERS))

    def outcome(self, answer: Answer, chunk: Chunk[Request]) -> Outcome:
        """See `HttpSink`. An item's 409 says that the document is there already: from an attempt whose answer was lost."""
        body = _json(answer.body)
        outcome = by_status(answer)
        if outcome.verdict != "accepted":
            return replace(outcome, reason=_with_type(outcome.reason, body))
        results = _results(body)
        if body is None and (not answer.body or answer.body.startswith(b"{")):
            return Outcome("again", "the sink's answer broke off")
        if len(results) != len(chunk.positions):
            return Outcome("refused", "the sink's answer is not that to a bulk request")
        again = [place for place, result in enumerate(results) if _passes(result["status"])]
        refused = {
            place: _with_type(f"the sink answered {result['status']} for it", result)
            for place, result in enumerate(results)
            if not _is_there(result) and not _passes(result["status"])
        }
        if not again and not refused:
            return ACCEPTED
        reason = _with_type("the sink takes not all items now", results[again[0]]) if again else ""
        if len(again) == len(results):
            return Outcome("again", reason, answer.retry_after)
        return Outcome("partly", reason, answer.retry_after, again, refused)

    def _items(self, batch: Batch) -> Iterator[str]:
        """Action and document of each event, two lines."""
        index, json_field = self._options.index, self._options.json_field
        dated = "%" in index
        action = f'{{"create":{{"_index":{dumps(index)}'
        place, where = _place(batch), _where(batch, self._region)
        for event in batch.events:
            timestamp = event["timestamp"]
            if dated:
                action = f'{{"create":{{"_index":{dumps(_index(index, timestamp // 3_600_000))}'
            own = known = ""
            # An event without an id gets one from the server: two of them must not be taken for one.
            if event_id := event.get("id"):
                own = f',"_id":{dumps_string(event_id + place)}'
                known = f',"event":{{"id":{dumps_string(event_id)}}}'
            said = _said(event["message"].removesuffix("\n"), json_field)
            yield f'{action}{own}}}}}\n{{"@timestamp":"{_time(timestamp)}",{said}{known}{where}}}\n'


def sink(options: Options) -> Elasticsearch:
    """The sink."""
    return Elasticsearch(options)


def _said(text: str, json_field: str) -> str:
    if json_field and "{" in text and (value := message_json(text)).startswith("{"):
        return f'"{json_field}":{value}'
    return f'"message":{dumps_string(text)}'


def _where(batch: Batch, region: str) -> str:
    named = f'"region":{dumps(region)},' if region else ""
    return (
        f',"cloud":{{"provider":"aws",{named}"account":{{"id":{dumps(batch.owner)}}}}}'
        f',"aws":{{"cloudwatch":{{"log_group":{dumps(batch.log_group)},"log_stream":{dumps(batch.log_stream)}}}}}'
    )


def _place(batch: Batch) -> str:
    """What follows the event's id in a document's: it, being unique in its stream, goes first, since ids that grow are cheaper."""
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
    """The value, None when it is none or not whole."""
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _results(body: Any) -> list[dict[str, Any]]:
    """What is said of each item, in order; nothing when it is not said as it should be."""
    try:
        results = [result for item in body["items"] for result in item.values()]
        return results if all(isinstance(result["status"], int) for result in results) else []
    except (TypeError, KeyError, AttributeError):
        return []


def _passes(status: int) -> bool:
    return status == 429 or status >= 500


def _is_there(result: dict[str, Any]) -> bool:
    return 200 <= result["status"] <= 299 or (result["status"] == 409 and _error_type(result) == _EXISTS)


def _with_type(reason: str, said: Any) -> str:
    """The reason with the error's type, which is a name. The error's own `reason` may quote the document."""
    kind = _error_type(said)
    return f"{reason} ({kind})" if kind else reason


def _error_type(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind) else ""


# search- or vpc-, the name of the domain, characters that AWS gives, the region, the service's domain (OpenSearch Service's
# developer guide, "Creating and managing domains").
_DOMAIN = re.compile(
    r"https://(?:search|vpc)-(?P<name>[a-z][a-z0-9-]{2,27})-[a-z0-9]+\.(?:[a-z0-9-]+\.es\.amazonaws\.com|aos\.[a-z0-9-]+\.on\.aws)"
)


def own_log_groups(options: Mapping[str, Any]) -> Iterator[str]:
    """The log groups that a domain of OpenSearch Service writes to: forwarding them would feed them."""
    if domain := _DOMAIN.match(str(options.get("endpoint"))):
        # The second since the service is called OpenSearch, the first before.
        yield f"/aws/aes/domains/{domain['name']}/*"
        yield f"/aws/OpenSearchService/domains/{domain['name']}/*"
