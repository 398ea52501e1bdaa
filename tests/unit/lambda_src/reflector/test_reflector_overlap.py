# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first lines of a new log group: events from the filter and from the subscriber, each delivered once."""

import base64
import gzip
import json
import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector import overlap
from reflector.decode import PAGE_BYTES, decode
from reflector.replay import is_queue_event
from reflector_support import examples, load_handler, opened, payload, sqs_event, status, subscription_event


def event(*messages, first=0, backfill=None, log_group="/app/orders"):
    """Return a payload with ids from `first` on, with `backfill` if it is from the subscriber."""
    body = payload(messages, log_group)
    for number, item in enumerate(body["logEvents"], first):
        item["id"] = f"{number:056d}"
    if backfill is not None:
        body["backfill"] = backfill
    return subscription_event(body)


def messages(sink):
    return [record["message"] for request in sink.received for record in request.records]


def counts(outcome):
    names = ("Received", "Dropped", "Delivered", "DeadLettered", "Failed")
    return tuple(outcome.counts[f"{name}Events"] for name in names)


# --- the handler ---


def test_overlap_events_delivered_by_filter_are_dropped(function, sink):
    function.invoke(event("b", "c", first=1))
    outcome = function.invoke(event("a", "b", "c", "d", backfill="overlap"))
    assert messages(sink) == ["b", "c", "a", "d"]
    assert counts(outcome) == (4, 2, 2, 0, 0)
    assert outcome.account["droppedBy"] == {"delivered by the filter already": 2}


def test_overlap_delivered_completely_needs_no_settings(function, sink):
    function.invoke(event("a", "b"))
    outcome = function.invoke(event("a", "b", backfill="overlap"), SUMO_ENDPOINT="not-valid")
    assert (messages(sink), counts(outcome)) == (["a", "b"], (2, 2, 0, 0, 0))


def test_backfill_before_filter_is_forwarded(function, sink):
    function.invoke(event("a"))
    outcome = function.invoke(event("a", "b", backfill=True))
    assert (messages(sink), counts(outcome)) == (["a", "a", "b"], (2, 0, 2, 0, 0))


def test_memory_ignores_backfill(function, sink):
    """Lambda retries a failed message of the subscriber. It does not count as delivered."""
    function.invoke(event("a", backfill=True))
    sink.script.append(status(400))
    failed = function.invoke(event("a", "b", backfill="overlap"))
    assert failed.error is not None
    sink.reset()
    outcome = function.invoke(event("a", "b", backfill="overlap"))
    assert (messages(sink), counts(outcome)) == (["a", "b"], (2, 0, 2, 0, 0))


def test_overlap_event_in_queue_counts_as_delivered(function, sink, queue):
    sink.script.append(status(400))
    kept = function.invoke(event("a"), DEAD_LETTER_QUEUE=queue.name)
    assert counts(kept) == (1, 0, 0, 1, 0)
    sink.reset()
    outcome = function.invoke(event("a", "b", backfill="overlap"), DEAD_LETTER_QUEUE=queue.name)
    assert counts(outcome) == (2, 1, 1, 0, 0)
    replayed = function.invoke({"Records": queue.take()}, DEAD_LETTER_QUEUE=queue.name)
    assert counts(replayed) == (1, 0, 1, 0, 0)
    assert messages(sink) == ["b", "a"]


def test_overlap_undelivered_is_replayed_completely(function, sink, queue):
    """The dead letter has neither the member `backfill` nor dropped events."""
    function.invoke(event("a"))
    sink.script.append(status(400))
    outcome = function.invoke(event("a", "b", "c", backfill="overlap"), DEAD_LETTER_QUEUE=queue.name)
    assert counts(outcome) == (3, 1, 0, 2, 0)
    records = queue.take()
    body, _mark = opened(records[0]["body"])
    assert "backfill" not in body
    assert [item["message"] for item in body["logEvents"]] == ["b", "c"]
    sink.reset()
    assert counts(function.invoke({"Records": records}, DEAD_LETTER_QUEUE=queue.name)) == (2, 0, 2, 0, 0)
    assert messages(sink) == ["b", "c"]


def test_overlap_in_lambdas_failure_record_is_replayed_completely(function, sink):
    """The filter's delivery may have failed, too."""
    function.invoke(event("a"))
    record = sqs_event(json.dumps({"requestPayload": event("a", "b", backfill="overlap")}))
    assert is_queue_event(record)
    assert counts(function.invoke(record)) == (2, 0, 2, 0, 0)


@pytest.mark.parametrize("backfill", [True, "overlap"])
def test_backfill_member_is_in_no_record(function, sink, backfill):
    rules = {"sinks": {"out": {"type": "stdout", "payloads_in_own_log": True}}}
    outcome = function.invoke(event("a", backfill=backfill), INCLUDE_LOG_INFO="true", REFLECTOR_RULES=json.dumps(rules))
    assert counts(outcome) == (1, 0, 1, 0, 0)
    assert b"backfill" not in b"".join(request.text for request in sink.received)
    records = [line for line in outcome.printed.splitlines() if not line.startswith('{"_aws"')]
    assert records
    assert "backfill" not in "".join(records)
    accounts = [json.loads(line) for line in outcome.printed.splitlines() if line.startswith('{"_aws"')]
    assert [account["origin"] for account in accounts] == ["backfill"]


def test_overlap_remainder_keeps_request_id_of_dropped_events(function, sink):
    request_id = "5d2c8f1e-3b7a-4c55-9e0f-8a6b1c2d3e4f"
    function.invoke(event(f"START RequestId: {request_id}"))
    function.invoke(event(f"START RequestId: {request_id}", "b", backfill="overlap"))
    assert sink.received[-1].records[-1]["requestID"] == request_id


def test_memory_separates_log_groups(function, sink):
    function.invoke(event("a", log_group="/app/other"))
    assert counts(function.invoke(event("a", backfill="overlap"))) == (1, 0, 1, 0, 0)


def test_memory_is_not_shared_with_another_worker(function, sink):
    function.invoke(event("a"))
    function.handler = load_handler().handler
    assert counts(function.invoke(event("a", backfill="overlap"))) == (1, 0, 1, 0, 0)


def test_memory_ignores_control_messages(function, sink):
    control = payload(["CWL CONTROL MESSAGE"])
    function.invoke(subscription_event({**control, "messageType": "CONTROL_MESSAGE"}))
    assert counts(function.invoke(event("a", backfill="overlap"))) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("layout", ["whole", "in pages"])
def test_backfill_member_is_read_at_any_position(layout):
    body = payload(["x" * (PAGE_BYTES // 4)] * (6 if layout == "in pages" else 1))
    for made in ({**body, "backfill": "overlap"}, {"backfill": "overlap", **body}):
        data = base64.b64encode(gzip.compress(json.dumps(made, separators=(",", ":")).encode(), 1)).decode()
        found = decode({"awslogs": {"data": data}})
        assert (found.page_count > 1) is (layout == "in pages")
        assert (found.backfill, found.overlap) == (True, True)
        remaining = overlap.without_delivered(found, {f"{0:056d}"})
        assert remaining.count == found.count - 1
        assert [item["id"] for page in remaining.pages() for item in page] == [
            f"{number:056d}" for number in range(1, found.count)
        ]


@pytest.mark.parametrize(
    ("member", "expected"),
    [({}, (False, False)), ({"backfill": False}, (False, False)), ({"backfill": True}, (True, False)),
     ({"backfill": "later"}, (True, False))],
)  # fmt: skip
def test_backfill_member_values(member, expected):
    found = decode(subscription_event({**payload(["a"]), **member}))
    assert (found.backfill, found.overlap) == expected


# --- the memory ---


def delivered(log_group, first, count):
    return decode(event(*["x"] * count, first=first, log_group=log_group))


def held(memory):
    return {name: len(ids) for name, (_end, ids) in memory._new.items()}


def test_memory_forgets_group_after_two_minutes():
    memory = overlap.Memory()
    with mock.patch.object(time, "monotonic", return_value=1000.0) as clock:
        memory.remember(delivered("/a", 0, 2))
        clock.return_value += overlap.SECONDS - 1
        memory.remember(delivered("/a", 2, 2))
        assert len(memory.delivered_ids("/a")) == 4
        clock.return_value += 2
        memory.remember(delivered("/b", 0, 1))
        assert (memory.delivered_ids("/a"), held(memory)) == ((), {"/b": 1})
        memory.remember(delivered("/a", 4, 2))
        assert (memory.delivered_ids("/a"), held(memory)) == ((), {"/b": 1})


def test_memory_old_group_reads_no_events():
    memory = overlap.Memory()
    with mock.patch.object(time, "monotonic", side_effect=[0.0, overlap.SECONDS]):
        memory.remember(delivered("/a", 0, 1))
        memory.remember(delivered("/a", 1, 1))
    with mock.patch.object(time, "monotonic", side_effect=AssertionError), mock.patch.object(overlap, "_ids") as ids:
        memory.remember(delivered("/a", 2, 1))
    assert not ids.called


def test_memory_keeps_first_ids_of_group():
    memory = overlap.Memory()
    memory.remember(delivered("/a", 0, 500))
    memory.remember(delivered("/a", 500, 5_000))
    assert set(memory.delivered_ids("/a")) == {f"{number:056d}" for number in range(overlap.MAX_IDS_PER_GROUP)}


def test_memory_full_group_reads_no_events():
    memory = overlap.Memory()
    memory.remember(delivered("/a", 0, overlap.MAX_IDS_PER_GROUP))
    with mock.patch.object(overlap, "_ids") as ids:
        memory.remember(delivered("/a", 5_000, 10))
    assert not ids.called


@examples(20)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 90)), max_size=60))
def test_memory_bounds_hold(deliveries):
    memory = overlap.Memory()
    with mock.patch.multiple(overlap, MAX_IDS=200, MAX_IDS_PER_GROUP=50, MAX_GROUPS=5):
        for number, (group, count) in enumerate(deliveries):
            found = delivered(f"/{group}", number * 1_000, count)
            fresh = found.log_group not in memory._old | memory._new.keys()
            memory.remember(found)
            assert sum(held(memory).values()) == memory._count <= 200
            assert max(held(memory).values(), default=0) <= 50
            assert len(memory._old) <= 5
            assert not fresh or found.log_group in held(memory)
            assert not memory._old & memory._new.keys()


def test_overlap_events_without_id_are_forwarded(function, sink):
    body = payload(["a", "b"])
    for item in body["logEvents"]:
        del item["id"]
    function.invoke(subscription_event(body))
    function.invoke(event("a"))
    outcome = function.invoke(subscription_event({**body, "backfill": "overlap"}))
    assert counts(outcome) == (2, 0, 2, 0, 0)
