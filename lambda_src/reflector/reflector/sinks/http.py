# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any receiver of JSON over HTTP: newline-delimited (NDJSON) or as an array."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..codec import utf8
from ..http import Headers, HttpSink, Request, check_header_names
from ..lines import bodies, whole_lines
from ..options import COMPRESS, HEADERS, option, required
from ..secrets import Secret
from . import Batch, Chunk

_FORMATS = {
    "ndjson": ("application/x-ndjson", (b"", b"\n", b"\n")),
    "json_array": ("application/json", (b"[", b",", b"]")),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    endpoint: Secret = required("URL for POST")
    format: Literal["ndjson", "json_array"] = option("ndjson", "one object a line, or a list of objects")
    content_type: str = option("", "the header `Content-Type`", shown="`application/x-ndjson`, `application/json`")
    headers: dict[str, Secret] = option({}, HEADERS)
    max_bytes: int = option(1_000_000, "maximum size of a request, before compression")
    max_events: int = option(10_000, "maximum number of events in a request")
    compress: bool = option(True, COMPRESS)

    def __post_init__(self) -> None:
        check_header_names(self.headers)
        if not (self.content_type.isascii() and self.content_type.isprintable()):
            raise ValueError("content_type: must be printable ASCII")
        for name in ("max_bytes", "max_events"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")


class Http(HttpSink):
    """See `Sink`."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.endpoint, compress=options.compress, header_secrets=options.headers)
        self._options = options
        content_type, self._around = _FORMATS[options.format]
        self._headers: Headers = (("Content-Type", (options.content_type or content_type).encode()),)

    def chunks(self, batch: Batch) -> Iterator[Chunk[Request]]:
        """See `Sink`."""
        options = self._options
        items = [utf8(line) for line in whole_lines(batch)]
        limits = options.max_bytes, options.max_events
        for positions, body in bodies(items, range(len(items)), *limits, self._around):
            yield Chunk(positions, self.request(body, self._headers))


def sink(options: Options) -> Http:
    """Return the sink."""
    return Http(options)
