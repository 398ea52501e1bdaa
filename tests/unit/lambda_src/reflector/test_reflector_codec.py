# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The standard library and the native modules: each one, and their agreement."""

import gzip
import json
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reflector_support import any_text, examples, json_texts, load_package, messages, payload, subscription_event

PACKAGES = {name: load_package(native=name == "native") for name in ("stdlib", "native")}
STDLIB, NATIVE = PACKAGES["stdlib"].codec, PACKAGES["native"].codec
for_both = examples()


@pytest.fixture(params=PACKAGES)
def codec(request):
    return PACKAGES[request.param].codec


def test_codec_native_and_standard_variants():
    assert (STDLIB.NATIVE, NATIVE.NATIVE) == (False, True)


# --- gzip ---


@for_both
@given(st.binary(max_size=500))
def test_gzip_is_readable_and_reproducible(codec, data):
    packed = codec.gzip(data)
    assert gzip.decompress(packed) == STDLIB.gunzip(packed, len(data)) == NATIVE.gunzip(packed, len(data)) == data
    assert codec.gzip(data) == packed


@for_both
@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(0, 9))
def test_gunzip_several_members_and_padding(codec, parts, zeros):
    packed = b"".join(map(gzip.compress, parts)) + b"\0" * zeros
    assert codec.gunzip(packed, 1000) == b"".join(parts)


@for_both
@given(st.binary(min_size=1, max_size=20).filter(lambda garbage: garbage.strip(b"\0")))
def test_gunzip_trailing_data_is_an_error(codec, garbage):
    with pytest.raises(ValueError):
        codec.gunzip(gzip.compress(b"text") + garbage, 1000)


def test_gunzip_incomplete_data_is_an_error(codec):
    packed = gzip.compress(b"some text that is long enough" * 3)
    for end in range(len(packed)):
        with pytest.raises(ValueError):
            codec.gunzip(packed[:end], 1000)


def test_gunzip_verifies_checksum_and_length(codec):
    packed = gzip.compress(b"some text")
    for place in range(len(packed) - 8, len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 1
        with pytest.raises(ValueError):
            codec.gunzip(bytes(damaged), 1000)


@pytest.mark.parametrize("parts", [[1000], [400, 600], [999, 0, 1]])
def test_gunzip_limit_covers_all_members(codec, parts):
    packed = b"".join(gzip.compress(b"x" * size) for size in parts)
    assert len(codec.gunzip(packed, 1000)) == 1000
    with pytest.raises(codec.TooLargeError):
        codec.gunzip(packed, 999)


def test_gunzip_bomb_uses_memory_within_limit(codec):
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(codec.TooLargeError):
            codec.gunzip(bomb, 1_000_000)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


# --- JSON ---


@given(st.lists(messages, max_size=5), st.booleans())
@example(['\ud800"'], True)
def test_loads_variants_agree(texts, ascii_only):
    body = payload(texts, extractedFields={"big": 2**70, "text": "x"})
    text = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert STDLIB.loads(text) == NATIVE.loads(text) == body


def test_loads_extracted_numbers_keep_digits(codec):
    got = codec.loads(b'{"extractedFields":{"a":1.10,"b":123456789012345678901,"c":1e400}}')
    assert json.loads(codec.dumps(got)) == {"extractedFields": {"a": "1.10", "b": 123456789012345678901, "c": "1e400"}}


@pytest.mark.parametrize("text", [b"", b"{", b"[NaN]", b"[Infinity]", b'"\xff"', b"[1,]", b'"\t"', b"\x80", b"{}{}"])
def test_loads_invalid_json_is_an_error(codec, text):
    with pytest.raises(ValueError):
        codec.loads(text)


def test_loads_too_deep_json_is_an_error(codec):
    with pytest.raises((ValueError, RecursionError)):
        codec.loads(b"[" * 200_000 + b"]" * 200_000)


@given(st.one_of(json_texts, any_text, st.text('"\\{}[]:,0123456789.eE+-tfn aN\x00\ud800', max_size=15)))
@example("1e400")
@example("-0")
@example('"\ud800"')
@example('"\\ud800"')
@example("9" * 5000)
@example("NaN")
@example("-Infinity")
@example('"\x7f"')
def test_is_json_agrees_with_parser(text):
    text = text.strip(" \t\r\n")
    try:
        # Python's own limit of digits is no rule of JSON.
        json.loads(text, parse_int=str, parse_constant=lambda _unused: 1 / 0)
        expected = bool(text)
    except (ValueError, ZeroDivisionError):
        expected = False
    assert STDLIB.is_json(text) is NATIVE.is_json(text) is expected


@given(any_text)
def test_dumps_string_variants_agree(text):
    assert json.loads(STDLIB.dumps_string(text)) == text
    assert STDLIB.dumps_string(text) == STDLIB.dumps(text)


@given(any_text)
def test_utf8_encodes_any_text(text):
    assert json.loads(STDLIB.utf8(STDLIB.dumps(text))) == text


# --- the whole way ---


@given(st.lists(messages, max_size=8), st.sampled_from([None, {"n": "1"}, {"n": [1, {"x": "\ud800"}]}]))
def test_lines_variants_agree(texts, extracted):
    body = payload(texts, **({"extractedFields": extracted} if extracted else {}))
    event = subscription_event(body)
    lines = []
    for package in PACKAGES.values():
        (events,) = package.decode.decode(event).pages()
        text = "\n".join(package.lines.json_lines(events, ',"logGroup":"/g"', ["id", "extractedFields"]))
        lines.append(package.codec.gunzip(package.codec.gzip(package.codec.utf8(text)), 1_000_000))
    assert lines[0] == lines[1]
    assert lines[0].count(b"\n") == max(0, len(texts) - 1)
