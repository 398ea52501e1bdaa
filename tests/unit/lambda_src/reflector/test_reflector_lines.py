# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import itertools
import json

from hypothesis import example, given
from hypothesis import strategies as st
from reflector.lines import batches, json_lines, spans
from reflector_support import messages, payload

lines = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), min_size=1)


# --- lines ---


def test_json_lines_suffix_and_members():
    events = payload(["a", "b"])["logEvents"]
    events[1]["extractedFields"] = {"é": "1"}
    assert list(json_lines(events)) == [
        '{"timestamp":1700000000000,"message":"a"}',
        '{"timestamp":1700000000001,"message":"b"}',
    ]
    assert list(json_lines(events, ',"logGroup":"/g"', ["extractedFields"])) == [
        '{"timestamp":1700000000000,"message":"a","logGroup":"/g"}',
        '{"timestamp":1700000000001,"message":"b","logGroup":"/g","extractedFields":{"é":"1"}}',
    ]


@given(st.lists(messages))
def test_json_lines_one_line_each(texts):
    got = list(json_lines(payload(texts)["logEvents"], "", ["id"]))
    assert [json.loads(line)["id"] for line in got] == [f"{number:056d}" for number in range(len(texts))]
    assert not any("\n" in line or "\r" in line for line in got)


# --- cutting joined lines ---


@given(lines, st.integers(1, 60))
@example([b""], 1)
@example([b"ab", b"cd"], 5)
@example([b"", b"", b""], 1)
def test_spans_hold_all_lines_in_as_few_pieces_as_possible(lines, limit):
    body = b"\n".join(lines)
    cuts = list(spans(body, limit))
    pieces = [body[start:end].split(b"\n") for start, end, _count in cuts]
    assert list(itertools.chain.from_iterable(pieces)) == lines
    assert [len(piece) for piece in pieces] == [count for _start, _end, count in cuts]
    assert all(len(b"\n".join(piece)) <= limit or len(piece) == 1 for piece in pieces)
    for piece, following in itertools.pairwise(pieces):
        assert len(b"\n".join([*piece, following[0]])) > limit


def test_spans_piece_at_the_limit_is_allowed():
    assert list(spans(b"ab\ncd", 5)) == [(0, 5, 2)]
    assert list(spans(b"ab\ncd", 4)) == [(0, 2, 1), (3, 5, 1)]


def test_spans_line_beyond_the_limit_is_alone():
    assert list(spans(b"a\n" + b"b" * 9 + b"\nc", 5)) == [(0, 1, 1), (2, 11, 1), (12, 13, 1)]


# --- counting sizes ---


@given(st.lists(st.integers(0, 30)), st.integers(1, 60), st.integers(1, 5), st.integers(0, 3))
@example([5, 5], 10, 9, 0)
@example([5, 5], 10, 9, 1)
@example([0, 0, 0], 1, 2, 0)
def test_batches_hold_all_items_in_as_few_ranges_as_possible(sizes, limit, most, between):
    def total(positions):
        return sum(sizes[position] for position in positions) + between * (len(positions) - 1)

    got = list(batches(iter(sizes), limit, most, between))
    assert list(itertools.chain.from_iterable(got)) == list(range(len(sizes)))
    assert all(1 <= len(batch) <= most for batch in got)
    assert all(total(batch) <= limit or len(batch) == 1 for batch in got)
    for batch, following in itertools.pairwise(got):
        assert len(batch) == most or total([*batch, following[0]]) > limit
