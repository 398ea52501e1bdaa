# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages as events of bounded size, and answers."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.event import (
    EVENT_BYTES,
    Message,
    answer_of,
    batches,
)
from hypothesis import given
from hypothesis import strategies as st

QUEUE = "arn:aws-cn:sqs:cn-north-1:123456789012:q"


def messages(bodies: list[str]) -> list[Message]:
    return [Message(f"id-{n}", f"handle-{n}", body) for n, body in enumerate(bodies)]


def records(event: bytes) -> list[dict[str, Any]]:
    return json.loads(event)["Records"]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=400), max_size=10), st.integers(300, 2000))
def test_batches_keep_every_message_in_order(bodies: list[str], most: int) -> None:
    found = list(batches(messages(bodies), QUEUE, most))
    assert [record["body"] for batch in found for record in records(batch.event)] == bodies
    for batch in found:
        assert [message.body for message in batch.messages] == [record["body"] for record in records(batch.event)]
        assert len(batch.event) <= most or len(batch.messages) == 1
    for one, other in pairwise(found):
        # No batch is smaller than it has to be: the next message did not fit.
        first = next(batches(other.messages[:1], QUEUE)).event
        assert len(one.event) + len(first) - len(b'{"Records":[]}') + 1 > most


def test_batches_of_largest_messages_respect_lambda_limit() -> None:
    large = "é" * 524_288  # a body of 1 MiB
    sizes = [(len(batch.messages), len(batch.event)) for batch in batches(messages([large] * 10), QUEUE)]
    assert [number for number, _size in sizes] == [5, 5]
    assert all(size < EVENT_BYTES for _number, size in sizes)


def test_record_has_region_and_queue() -> None:
    [batch] = batches(messages(["x"]), QUEUE)
    [record] = records(batch.event)
    assert (record["awsRegion"], record["eventSourceARN"]) == ("cn-north-1", QUEUE)


def test_batch_repr_hides_bodies() -> None:
    [batch] = batches(messages(["a secret"]), QUEUE)
    assert "a secret" not in repr(batch)


def test_reasons_are_one_short_line() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "id-0"}], "failures": {"id-0": "two\nlines. " + "x" * 999}}
    [reason] = answer_of(messages(["x"]), json.dumps(answer).encode(), "").failures.values()
    assert reason.startswith("two lines. xxx")
    assert len(reason) <= 300


def test_counts_are_whole_numbers_only() -> None:
    answer = {"batchItemFailures": [], "ReceivedEvents": 3, "cold": True, "DurationMs": 1.5, "error": "x"}
    assert answer_of(messages(["x"]), json.dumps(answer).encode(), "").counts == {"ReceivedEvents": 3}


def test_failure_without_reason_has_a_default() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "id-0"}]}
    assert answer_of(messages(["x"]), json.dumps(answer).encode(), "").failures == {
        "id-0": "the function gives no reason"
    }
