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
from costly_inputs import INPUTS, METADATA, SINKS, SIZE, costly_batch
from hypothesis import given
from hypothesis import strategies as st
from reflector.dead_letters import dead_letters
from reflector.decode import PayloadError, decode
from reflector.delivery import Undelivered
from reflector.sinks import TYPES, Batch, make
from reflector_support import payload, subscription_event

SECONDS_PER_MB = 8.0


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


@pytest.mark.parametrize("kind", TYPES)
def test_cpu_of_each_sink_is_bounded_for_hostile_events(kind):
    sink = make({"type": kind, **SINKS[kind]}, "sinks.it")
    for name, messages in INPUTS.items():
        batch = costly_batch(messages)
        started = time.process_time()
        assert sum(len(chunk.positions) for chunk in sink.chunks(batch)) == len(messages), name
        seconds = time.process_time() - started
        assert seconds < SECONDS_PER_MB * (sum(map(len, messages)) + 100 * len(messages)) / 1_000_000, name


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
