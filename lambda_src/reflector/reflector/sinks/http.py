"""Any receiver of JSON over HTTP: newline-delimited (NDJSON) or as an array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..codec import utf8
from ..http import Headers, HttpSink, Request, free_headers, secret_header
from ..lines import bodies, whole_lines
from ..secrets import Secret
from . import Batch, Chunk

_FORMATS = {
    "ndjson": ("application/x-ndjson", (b"", b"\n", b"\n")),
    "json_array": ("application/json", (b"[", b",", b"]")),
}


@dataclass(frozen=True, slots=True)
class Options:
    """`endpoint`: the URL that is posted to.

    `format`: `ndjson`, an object a line, or `json_array`, a list of them. `content_type`: another than
    `application/x-ndjson` and `application/json`. `headers`: more headers, such as `Authorization`; each value is a secret, or a
    reference to one that has the whole value (a JSON object has it under the header's name). `max_bytes`, before compression,
    and `max_events`: what a request has at most; a larger event travels alone.
    """

    endpoint: Secret
    format: Literal["ndjson", "json_array"] = "ndjson"
    content_type: str = ""
    headers: dict[str, Secret] = field(default_factory=dict)
    max_bytes: int = 1_000_000
    max_events: int = 10_000
    compress: bool = True

    def __post_init__(self) -> None:
        free_headers(self.headers)
        if not (self.content_type.isascii() and self.content_type.isprintable()):
            raise ValueError("content_type: must be printable ASCII")
        for name in ("max_bytes", "max_events"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")


class Http(HttpSink):
    """See `Sink`."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, compress=options.compress)
        self._options = options
        content_type, self._around = _FORMATS[options.format]
        self._headers: Headers = (("Content-Type", (options.content_type or content_type).encode()),)

    def secrets(self) -> Sequence[Secret]:
        """See `HttpSink`."""
        return list(self._options.headers.values())

    def secret_headers(self) -> Headers:
        """See `HttpSink`."""
        return tuple(secret_header(name, secret) for name, secret in self._options.headers.items())

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        options = self._options
        items = [utf8(line) for line in whole_lines(batch)]
        limits = options.max_bytes, options.max_events
        for positions, body in bodies(items, range(len(items)), *limits, self._around):
            yield Chunk(positions, self.request(body, self._headers))


def sink(options: Options) -> Http:
    """The sink."""
    return Http(options)
