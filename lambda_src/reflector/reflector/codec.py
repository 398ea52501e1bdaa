"""gzip and JSON: by orjson and isal where the package carries them (`reflector_native`), by the standard library otherwise.

Both give the same text; compressed bytes differ. What is tried natively and refused is tried again by the standard library,
which alone decides what is valid.
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
_GZIP_FORMAT = 31  # zlib's window bits for: the largest window, gzip's header and checksum
_LEVEL = 6
"""Data transfer out of AWS costs more than CPU: what level 1 posts more costs some thirty times what it saves (bench/README.md)."""

_NATIVE_LEVEL = 2


class TooLargeError(Exception):
    """The data would decompress to more than the limit."""


def gunzip(data: bytes, limit: int) -> bytes:
    """The decompressed bytes, checksums verified. Raises ValueError for what is no whole gzip, TooLargeError beyond `limit` bytes."""
    parts = []
    size = 0
    broken: Any = (zlib.error, isal_zlib.error) if NATIVE else zlib.error
    while True:  # a gzip file may have several members
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


def gzip(data: bytes) -> bytes:
    """The data as gzip, without a time in it."""
    if NATIVE:
        compressed: bytes = igzip.compress(data, compresslevel=_NATIVE_LEVEL, mtime=0)
        return compressed
    return _gzip.compress(data, _LEVEL, mtime=0)


def loads(text: bytes) -> Any:
    """The value of JSON text. Raises ValueError, or RecursionError when it is nested too deeply."""
    # orjson would round numbers that have more digits than a float: AWS writes none outside of extracted fields.
    if NATIVE and b'"extractedFields"' not in text:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # lone surrogates, which CloudWatch Logs lets through
    return json.loads(text, parse_float=str, parse_constant=_refuse_constant)


def is_json(text: str) -> bool:
    """Whether the text, whole and without whitespace around it, is valid JSON (RFC 8259)."""
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
"""A value to JSON text, as compact as can be. The text may hold lone surrogates: see `utf8`."""

dumps_string = encode_basestring
"""The same for a string, several times as fast."""


def utf8(text: str) -> bytes:
    r"""The bytes of JSON text. A lone surrogate, which UTF-8 cannot say, becomes its JSON escape (`\ud800`)."""
    return text.encode("utf-8", "backslashreplace")


def well_formed_utf8(text: str) -> bytes:
    """The same for services that refuse such an escape: a lone surrogate becomes U+FFFD, which says that something was there."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _surrogate.sub("\ufffd", text).encode()


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity, which Python takes and JSON doesn't know


# The decoder's own scanner, called without the decoder: it is asked once for each message. Numbers need no value: their
# length is the cheapest one, and no number has too many digits for it.
_scan = make_scanner(json.JSONDecoder(parse_float=len, parse_int=len, parse_constant=_refuse_constant))  # type: ignore[arg-type]
