# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""gzip and JSON: by orjson and isal if the package has them (`reflector_native`), else by the standard library.

Both produce the same text; compressed bytes differ. If the native code refuses a text, the standard library tries it again: it
alone decides what is valid.
"""

import gzip as _gzip
import json
import re
import zlib
from json.encoder import encode_basestring
from json.scanner import make_scanner
from typing import Any, NoReturn

try:
    import orjson
    from isal import igzip, isal_zlib

    NATIVE = True
except ImportError:
    NATIVE = False

_surrogate = re.compile("[\ud800-\udfff]")
_GZIP_FORMAT = 31  # zlib's window bits: the largest window, with gzip's header and checksum
_LEVEL = 6
"""Data transfer out of AWS costs more than CPU: level 1 saves a thirtieth of what its larger requests cost (bench/README.md)."""

_NATIVE_LEVEL = 2

MAX_MEMBERS = 1_000
"""Members of one gzip text. CloudWatch Logs sends one. zlib copies the remaining data for each."""


class TooLargeError(Exception):
    """The data decompresses to more than the limit."""


def gunzip(data: bytes, limit: int) -> bytes:
    """Return the decompressed bytes, checksums verified. Raises ValueError for incomplete gzip, TooLargeError beyond `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    broken: Any = (zlib.error, isal_zlib.error) if NATIVE else zlib.error
    while len(parts) < MAX_MEMBERS:  # a gzip file may have several members
        member = isal_zlib.decompressobj(_GZIP_FORMAT) if NATIVE else zlib.decompressobj(_GZIP_FORMAT)
        try:
            parts.append(member.decompress(data, limit - size + 1))
        except broken:
            raise ValueError("no gzip") from None
        size += len(parts[-1])
        if size > limit:
            raise TooLargeError
        if not member.eof:
            raise ValueError("gzip that breaks off")
        data = member.unused_data.lstrip(b"\0")  # padding
        if not data:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise ValueError("gzip of too many members")


def gzip(data: bytes) -> bytes:
    """Return the data as gzip, without a timestamp."""
    if NATIVE:
        compressed: bytes = igzip.compress(data, compresslevel=_NATIVE_LEVEL, mtime=0)
        return compressed
    return _gzip.compress(data, _LEVEL, mtime=0)


def loads(text: bytes) -> Any:
    """Return the value of JSON text. Raises ValueError, or RecursionError if it is nested too deeply."""
    # orjson would round numbers with more digits than a float has. AWS writes such numbers in extracted fields only.
    if NATIVE and b'"extractedFields"' not in text:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # lone surrogates, which CloudWatch Logs lets through
    return json.loads(text, parse_float=str, parse_constant=_refuse_constant)


def is_json(text: str) -> bool:
    """Return whether the stripped text is valid JSON (RFC 8259)."""
    if NATIVE:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
        else:
            return True
    try:
        _value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return False
    return bool(end == len(text))


dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Return a value as compact JSON text. The text may hold lone surrogates: see `utf8`."""

dumps_string = encode_basestring
"""Return a string as JSON text, several times as fast as `dumps`."""


def utf8(text: str) -> bytes:
    r"""Return the bytes of JSON text. A lone surrogate, which UTF-8 cannot encode, becomes its JSON escape (`\ud800`)."""
    return text.encode("utf-8", "backslashreplace")


def well_formed_utf8(text: str) -> bytes:
    """Return the bytes for services that refuse such escapes: a lone surrogate becomes U+FFFD, the replacement character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _surrogate.sub("\ufffd", text).encode()


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity, which Python accepts and JSON does not


# The decoder's own scanner without the decoder, because it runs once for each message. The numbers are not needed: `len` is the
# cheapest conversion, and accepts any number of digits.
_scan = make_scanner(json.JSONDecoder(parse_float=len, parse_int=len, parse_constant=_refuse_constant))  # type: ignore[arg-type]
