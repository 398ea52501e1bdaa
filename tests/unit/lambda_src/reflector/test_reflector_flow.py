# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Payloads to several scripted sinks. test_reflector_handler.py tests undelivered events."""

import json
import threading
from collections import Counter
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector import decode as decoding
from reflector import delivery
from reflector.accounting import Tally
from reflector.config import Config
from reflector.decode import decode
from reflector.flow import Flow
from reflector.records import records
from reflector.rules import UNREDACTED, routes
from reflector.sinks import ACCEPTED
from reflector_support import payload, subscription_event
from scripted_sink import AGAIN, REFUSED, TOO_LARGE, Clock, ScriptedSink

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"


class Sending:
    """A flow to these sinks, and the undelivered events."""

    def __init__(self, rules=(), prefixes=(), page=None, **sinks):
        self.sinks = sinks
        self.clock = Clock(100.0)
        self.tally = Tally()
        self.undelivered = []
        config = Config(sinks, routes(list(rules), sinks, "routes"), prefixes)
        self.flow = Flow(config, self.clock, self.tally)
        self.page = page or decoding.PAGE_BYTES

    def on_undelivered(self, name, undelivered):
        self.undelivered.append((name, undelivered))
        self.tally.add_undelivered(name, undelivered, queued=True)
        return True

    def payload(self, *messages, log_group="/app/orders", log_stream="web/1"):
        text = json.dumps(payload(messages, log_group, log_stream), separators=(",", ":")).encode()
        with mock.patch.object(decoding, "PAGE_BYTES", self.page):
            got = decode(subscription_event(text))
        self.tally.receive(got)
        return got

    def reflect(self, *messages, **where):
        found = self.payload(*messages, **where)
        with mock.patch.object(delivery.time, "sleep", self.clock.sleep):
            self.flow.reflect(found, self.on_undelivered)
        self.tally.check()
        return self

    def left(self, name):
        return [number for sink, unsent in self.undelivered if sink == name for number in unsent.batch.numbers]

    @property
    def counts(self):
        counts = self.tally.counts()
        return tuple(counts[f"{name}Events"] for name in ("Received", "Dropped", "Delivered", "DeadLettered", "Failed"))


def sink(*script, **options):
    return ScriptedSink(Clock(100.0), script, **options)


def at(sink):
    return list(map(int, sink.accepted))


# --- routes ---


def test_reflect_sends_every_event_to_every_sink_once():
    sending = Sending(a=sink(size=2), b=sink(size=3)).reflect(*"vwxyz")
    assert at(sending.sinks["a"]) == at(sending.sinks["b"]) == [0, 1, 2, 3, 4]
    assert sending.counts == (5, 0, 5, 0, 0)


def test_reflect_uses_first_matching_route():
    rules = [
        {"log_groups": ["/app/*"], "sinks": ["b"], "drop": ["debug"]},
        {"log_groups": ["/noise"], "sinks": []},
        {"log_groups": ["*"], "sinks": ["a"]},
    ]
    sending = Sending(rules, a=sink(), b=sink())
    sending.reflect("x", "debug", "y")
    assert (at(sending.sinks["a"]), at(sending.sinks["b"])) == ([], [0, 2])
    sending.reflect("x", log_group="/noise")
    sending.reflect("x", "debug", log_group="/other")
    assert (at(sending.sinks["a"]), at(sending.sinks["b"])) == ([0, 1], [0, 2])
    assert sending.counts == (6, 2, 4, 0, 0)
    assert sending.tally.dropped == {"route": 2}
    assert sending.tally.route == 1


def test_reflect_selects_streams_before_routes():
    sending = Sending(prefixes=("batch/",), a=sink()).reflect("x", log_stream="web/1")
    assert sending.tally.dropped == {"log stream prefix": 1}
    assert sending.sinks["a"].seen == []


def test_reflect_keeps_request_id_of_dropped_events():
    spying = sink(size=9)
    spying.chunks = mock.Mock(wraps=spying.chunks)
    Sending([{"log_groups": ["*"], "drop": ["^START"]}], a=spying).reflect(f"START RequestId: {ID}", "x")
    (batch,) = spying.chunks.call_args.args
    assert [(event["message"], event["requestID"]) for event in batch.events] == [("x", ID)]
    assert batch.numbers == [1]


def test_reflect_undelivered_events_are_redacted():
    sending = Sending([{"log_groups": ["*"], "redact": ["email"]}], a=sink(REFUSED)).reflect("me@example.com")
    ((_name, unsent),) = sending.undelivered
    assert unsent.batch.events[0]["message"] == "[email]"


@pytest.mark.parametrize("pages", [1, 2])
def test_reflect_without_time_hands_back_nothing_unredacted(pages):
    """Redaction did not check the time. Lambda's own record of the killed invocation held the unredacted events."""
    sending = Sending([{"log_groups": ["*"], "redact": ["email"]}], page=9 if pages > 1 else None, a=sink())
    sending.clock.left = -10.0
    sending.reflect("me@example.com", '{"to":"me@example.com"}')
    left = [event for _name, undelivered in sending.undelivered for event in undelivered.batch.events]
    assert [event["message"] for event in left] == [UNREDACTED] * 2
    assert sending.sinks["a"].accepted == []
    assert sending.counts == (2, 0, 0, 2, 0)


def test_reflect_after_the_time_for_sinks_still_redacts():
    sending = Sending([{"log_groups": ["*"], "redact": ["email"]}], a=sink())
    sending.clock.left = -1.0
    sending.reflect("to me@example.com")
    ((_name, undelivered),) = sending.undelivered
    assert undelivered.batch.events[0]["message"] == "to [email]"


def test_reflect_request_id_that_is_no_uuid_is_redacted():
    """A card number in the place of the request id was copied into all following records."""
    spying = sink(size=9)
    spying.chunks = mock.Mock(wraps=spying.chunks)
    sending = Sending([{"log_groups": ["*"], "redact": ["card"]}], a=spying)
    sending.reflect("2020-03-05T16:30:36.113Z 4111-1111-1111-1111-0 INFO x", "y")
    (call,) = spying.chunks.call_args_list
    assert "4111" not in str(call.args[0].events)


@pytest.mark.parametrize("page", [None, 20])
def test_reflect_redaction_keeps_request_id(page):
    spying = sink(size=9)
    spying.chunks = mock.Mock(wraps=spying.chunks)
    rules = [{"log_groups": ["*"], "redact": [{"pattern": "[0-9a-f-]{36}", "replacement": "-"}]}]
    Sending(rules, page=page, a=spying).reflect(f"START RequestId: {ID}", "x")
    found = [event for call in spying.chunks.call_args_list for event in call.args[0].events]
    assert [(event["message"], event["requestID"]) for event in found] == [("START RequestId: -", ID), ("x", ID)]


# --- pages ---


class Noting(ScriptedSink):
    """A sink that stores the events' records."""

    def chunks(self, batch):
        self.records = [*getattr(self, "records", []), *zip(*records(batch.events), strict=True)]
        return super().chunks(batch)


@given(
    st.lists(
        st.sampled_from(["x", "yy", f"RequestId: {ID}", f"2020-03-05T16:30:36.113Z {ID[::-1]} hello"]), max_size=12
    ),
    st.integers(1, 700),
)
def test_reflect_pages_change_no_result(messages, page):
    whole, cut = (Sending(page=size, a=Noting(Clock(100.0), size=3), b=sink(size=2)) for size in (None, page))
    for sending in (whole, cut):
        sending.reflect(*messages)
        assert [at(one) for one in sending.sinks.values()] == [list(range(len(messages)))] * 2
        assert sending.counts == (len(messages), 0, len(messages), 0, 0)
    noted = [getattr(sending.sinks["a"], "records", []) for sending in (whole, cut)]
    assert noted[0] == noted[1]
    assert len(noted[0]) == len(messages)


def test_reflect_reads_one_page_at_a_time():
    sending = Sending(page=50, a=sink())
    found = sending.payload(*["x" * 50] * 5)
    order = []

    def noted(number, page):
        def read():
            order.append(f"page {number}")
            return page()

        return read

    found = replace(found, _pages=[noted(number, page) for number, page in enumerate(found._pages)])
    sending.sinks["a"].send = lambda chunk, _timeout: order.append("sent") or ACCEPTED
    sending.flow.reflect(found, sending.on_undelivered)
    assert order == [word for number in range(5) for word in (f"page {number}", "sent")]


# --- several sinks ---


def test_reflect_failing_sink_does_not_affect_others():
    sending = Sending(a=sink(REFUSED, ACCEPTED, REFUSED, size=1), b=sink(size=1)).reflect(*"vwxyz")
    assert at(sending.sinks["b"]) == [0, 1, 2, 3, 4]
    assert at(sending.sinks["a"]) == [1, 3, 4]
    assert (sending.left("a"), sending.left("b")) == ([0, 2], [])
    assert sending.counts == (5, 0, 3, 2, 0)


def test_reflect_hanging_sink_does_not_block_others():
    """`a` answers when `b` has finished: if `b` waited for `a`, this would hang."""
    through = threading.Event()
    first, second = sink(size=1), sink(size=1)
    send = second.send

    def slow(chunk, _timeout):
        assert through.wait(20)
        first.accepted += chunk.content
        return ACCEPTED

    def counting(chunk, timeout):
        outcome = send(chunk, timeout)
        if len(second.accepted) == 3:
            through.set()
        return outcome

    first.send, second.send = slow, counting
    sending = Sending(a=first, b=second).reflect(*"xyz")
    assert at(first) == at(second) == [0, 1, 2]
    assert sending.counts == (3, 0, 3, 0, 0)


@pytest.mark.parametrize("page", [None, 20])
def test_reflect_stopped_delivery_leaves_other_sinks_alone(page):
    sending = Sending(page=page, a=sink(REFUSED, size=1), b=sink(size=1))
    sending.flow.reflect(sending.payload(*"xyz"), lambda _name, _undelivered: False)
    assert (at(sending.sinks["a"]), at(sending.sinks["b"])) == ([], [0, 1, 2])
    assert len(sending.sinks["a"].seen) == 1


@pytest.mark.parametrize("page", [None, 20])
def test_reflect_stopped_delivery_counts_the_remainder_as_failed(page):
    sending = Sending([{"log_groups": ["*"], "drop": ["noise"]}], page=page, a=sink(REFUSED, size=1))

    def stop(name, undelivered):
        sending.tally.add_undelivered(name, undelivered, queued=False)
        return False

    sending.flow.reflect(sending.payload("x", "noise", "y", "noise", "z"), stop)
    assert sending.counts == (5, 0, 0, 0, 5)


outcomes = st.lists(st.sampled_from([ACCEPTED, AGAIN, TOO_LARGE, REFUSED, ValueError()]), max_size=8)


@given(outcomes, outcomes, st.integers(0, 10), st.integers(1, 4), st.sampled_from([None, 1, 200]))
def test_reflect_accounts_for_every_event_at_every_sink(first, second, count, size, page):
    sending = Sending(page=page, a=sink(*first, size=size), b=sink(*second, size=size))
    sending.reflect(*["x"] * count)
    for name, one in sending.sinks.items():
        assert Counter(at(one)) + Counter(sending.left(name)) == Counter(range(count))
    either = len({*sending.left("a"), *sending.left("b")})
    assert sending.counts == (count, 0, count - either, either, 0)


# --- again ---


def test_resend_ignores_selection_of_routes():
    rules = [{"log_groups": ["*"], "sinks": ["b"], "drop": ["."], "sample": 0, "redact": ["email"]}]
    sending = Sending(rules, prefixes=("other",), a=sink(REFUSED), b=sink())
    sending.flow.resend(sending.payload("me@example.com"), "a", sending.on_undelivered)
    ((name, unsent),) = sending.undelivered
    assert (name, unsent.batch.events[0]["message"]) == ("a", "[email]")
    assert sending.sinks["b"].seen == []


def test_flow_closed_delivery_stays_closed():
    sending = Sending(a=sink(after=AGAIN, size=1))
    sending.reflect(*"vwxyz")
    requests = len(sending.sinks["a"].seen)
    sending.reflect("z")
    assert len(sending.sinks["a"].seen) == requests
    assert sending.counts == (6, 0, 0, 6, 0)
