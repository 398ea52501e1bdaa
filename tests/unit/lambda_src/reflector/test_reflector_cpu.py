# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU time for events that were written to be expensive. It is linear: no payload uses up an invocation.

The worst input known takes 0.4 CPU-seconds for each MB. The limits are far above that, for slow machines, and far below what
quadratic code takes for the same input.
"""

import base64
import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.dead_letters import dead_letters
from reflector.decode import PayloadError, decode
from reflector.delivery import Undelivered
from reflector.sinks import Batch, make
from reflector_support import payload, subscription_event

SIZE = 400_000
SECONDS_PER_MB = 8.0
METADATA = '{"_sumo_metadata":{"category":"%s"},%s}'

INPUTS = {
    "tiny events": ["a"] * (SIZE // 10),
    "one text": ["x" * SIZE],
    "escapes": ['"\\\x01' * (SIZE // 3)],
    "lone surrogates": ["\ud800" * (SIZE // 3)],
    "whitespace": ["\u00a0" * (SIZE // 2), "\n" * SIZE],
    "deep JSON": ["[" * 9000 + "]" * 9000] * (SIZE // 18_000),
    "JSON that is broken at its end": ['{"a":"' + "x" * SIZE + '"x}'],
    "many members": ["{" + ",".join(f'"a{number}":1' for number in range(SIZE // 11)) + "}"],
    "a long key": ['{"' + "\\u0041" * (SIZE // 6) + '":1}'],
    "a long number": ["9" * SIZE],
    "nearly a request id": ["RequestId:" + " " * SIZE, "RequestId:" * (SIZE // 10)],
    "many request ids": [f"RequestId: {number:08x}-ff39-4bf5-8761-439f99b7c5f6" for number in range(SIZE // 50)],
    "nearly a console prefix": ["2020-03-05T16:30:36.113Z a-a-a-a-" + "a" * SIZE + "!"],
    "nearly a Python prefix": ["[" + "A" * SIZE + "] 2020"],
    "metadata, many members": [METADATA % ("x", ",".join(['"a" : 1'] * (SIZE // 8)))],
    "metadata, many values": [METADATA % ("x", '"a":[' + ",".join(["[]"] * (SIZE // 3)) + "]")],
    "metadata, many sources": [METADATA % (number, '"a":1') for number in range(SIZE // 50)],
    "metadata, a long value": [METADATA % ("x" * SIZE, '"a":1')],
}


def cost(messages):
    """Return the CPU-seconds of decoding, of making requests, and of making dead letters."""
    sink = make({"type": "sumologic", "endpoint": "https://example.com", "allow_metadata": ["*"]}, "sinks.it")
    event = subscription_event(payload(messages))
    started = time.process_time()
    got = decode(event)
    (events,) = got.pages()
    batch = Batch(got.owner, got.log_group, got.log_stream, got.filters, events, range(len(events)))
    assert sum(len(chunk.positions) for chunk in sink.chunks(batch)) == len(messages)
    assert sum(len(part.batch.events) for _body, part in dead_letters(Undelivered(batch, "x", 1), "it")) == len(
        messages
    )
    return time.process_time() - started


@pytest.mark.parametrize("name", INPUTS)
def test_cpu_of_hostile_events_is_bounded(name):
    messages = INPUTS[name]
    size = sum(map(len, messages)) + 100 * len(messages)
    assert cost(messages) < SECONDS_PER_MB * size / 1_000_000


TOKENS = [
    *'{}[]",:\\ \n-0',
    "\\u0041",
    '"a":',
    "[[[[",
    "{}",
    "é",
    "\ud800",
    "true",
    "1e5",
    "RequestId:",
    "Z ",
    "a-",
    METADATA,
]


@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=5), *[st.sampled_from(["", *TOKENS])] * 2, st.booleans())
def test_cpu_of_repeated_tokens_is_bounded(unit, head, tail, is_one):
    text = "".join(unit)
    text = head + text * (SIZE // 4 // len(text)) + tail
    messages = [text] if is_one else [text[at : at + 40] for at in range(0, len(text), 40)]
    assert cost(messages) < SECONDS_PER_MB * SIZE / 1_000_000


def test_cpu_of_many_gzip_members_is_bounded():
    """40,000 empty members in a payload took 1.6 CPU-seconds, because zlib copies the remaining data for each."""
    data = gzip.compress(b"") * 200_000 + gzip.compress(json.dumps(payload(["a"])).encode())
    event = {"awslogs": {"data": base64.b64encode(data).decode()}}
    started = time.process_time()
    with pytest.raises(PayloadError, match="not valid gzip"):
        decode(event)
    assert time.process_time() - started < 10
