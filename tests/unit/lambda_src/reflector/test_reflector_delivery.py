# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery to a scripted sink. test_reflector_http.py tests it over sockets."""

import time
from collections import Counter
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reflector import delivery
from reflector.delivery import MAX_ISOLATED, MIN_ATTEMPT_SECONDS, TIME_IS_OVER, Delivery, Sent
from reflector.retries import (
    ATTEMPT_SECONDS,
    FAILED_INVOCATIONS,
    LAST_ATTEMPT_SECONDS,
    PAUSE_SECONDS,
    RETRY_SECONDS,
    Backoff,
    Breaker,
)
from reflector.sinks import ACCEPTED, Chunk, Outcome
from scripted_sink import AGAIN, REFUSED, TOO_LARGE, UNAUTHORIZED, Clock, ScriptedSink, batch_of

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"


class Scripted:
    """A delivery of `count` events to a scripted sink."""

    def __init__(self, *script, count=4, seconds=100.0, messages=None, breaker=None, **sink):
        self.clock = Clock(seconds)
        self.sink = ScriptedSink(self.clock, script, **sink)
        self.delivery = Delivery(self.sink, self.clock, Backoff(0.1, 1.0), breaker=breaker)
        self.batch = batch_of(*(messages or ["x"] * count))
        with mock.patch.object(delivery.time, "sleep", self.clock.sleep):
            self.unsent = list(self.delivery.deliver(self.batch))

    @property
    def accepted(self):
        return sorted(map(int, self.sink.accepted))

    @property
    def left(self):
        """Return (numbers, reason, attempts) of the undelivered events."""
        for unsent in self.unsent:
            assert [int(event["id"]) for event in unsent.batch.events] == list(unsent.batch.numbers)
        return [(list(unsent.batch.numbers), unsent.reason, unsent.attempts) for unsent in self.unsent]

    def more(self, count):
        """Send another batch in the same delivery."""
        with mock.patch.object(delivery.time, "sleep", self.clock.sleep):
            return list(self.delivery.deliver(batch_of(*["y"] * count, first=100)))


def test_deliver_accepted_events_are_sent_once():
    scripted = Scripted(count=5)
    assert (scripted.accepted, scripted.left) == ([0, 1, 2, 3, 4], [])
    assert scripted.delivery.sent == Sent(events=5, requests=3, retries=0)


def test_deliver_empty_batch_makes_no_request():
    assert Scripted(count=0).delivery.sent == Sent()


def test_deliver_retry_succeeds_before_next_chunk():
    scripted = Scripted(AGAIN, AGAIN)
    assert (scripted.accepted, scripted.left) == ([0, 1, 2, 3], [])
    assert scripted.delivery.sent == Sent(events=4, requests=4, retries=2)
    assert len(scripted.clock.waits) == 2


def test_deliver_waits_for_retry_after_and_backoff():
    scripted = Scripted(Outcome("retry", "busy", 7.0), Outcome("retry", "busy", 0.0))
    assert scripted.clock.waits[0] == 7.0
    assert 0 <= scripted.clock.waits[1] <= 0.2


def test_deliver_attempt_timeout_is_limited():
    scripted = Scripted(AGAIN, count=2)
    assert scripted.sink.timeouts[0] == ATTEMPT_SECONDS
    assert scripted.sink.timeouts[1] <= ATTEMPT_SECONDS
    assert Scripted(count=2, seconds=3.0).sink.timeouts == [3.0]


def test_deliver_wait_beyond_time_closes_delivery():
    scripted = Scripted(ACCEPTED, Outcome("retry", "busy", 9.0), count=6, seconds=8.0)
    assert scripted.accepted == [0, 1]
    assert scripted.left == [([2, 3], "busy", 1), ([4, 5], f"busy, and {TIME_IS_OVER}", 0)]
    assert scripted.clock.waits == []
    (more,) = scripted.more(1)
    assert (more.batch.numbers, more.reason) == ([100], f"busy, and {TIME_IS_OVER}")
    assert scripted.delivery.sent.requests == 2


def test_deliver_without_time_sends_nothing():
    scripted = Scripted(count=3, seconds=0.19)
    assert scripted.left == [([0, 1], TIME_IS_OVER, 0), ([2], TIME_IS_OVER, 0)]
    assert scripted.delivery.sent == Sent()


def test_deliver_time_over_hands_back_remainder_in_one_piece():
    scripted = Scripted(count=6, size=1, seconds=MIN_ATTEMPT_SECONDS + 0.015)
    assert scripted.accepted == [0, 1]
    assert scripted.left == [([2], TIME_IS_OVER, 0), ([3, 4, 5], TIME_IS_OVER, 0)]


def test_deliver_retries_until_time_is_over():
    scripted = Scripted(after=AGAIN, count=2, seconds=10.0)
    assert scripted.left == [([0, 1], "busy", scripted.delivery.sent.requests)]
    assert scripted.delivery.sent.requests > 5
    assert scripted.delivery.sent.retries == scripted.delivery.sent.requests - 1
    assert sum(scripted.clock.waits) < 10.0


def test_deliver_too_large_is_split():
    scripted = Scripted(TOO_LARGE, TOO_LARGE, count=8, size=8)
    assert [len(ids) for ids in scripted.sink.seen] == [8, 4, 2, 2, 4]
    assert (sorted(scripted.accepted), scripted.left) == (list(range(8)), [])
    assert scripted.delivery.sent == Sent(events=8, requests=5, retries=4)


def test_deliver_single_too_large_event_is_handed_back():
    def fussy(count):
        return TOO_LARGE if count > 1 else ACCEPTED

    scripted = Scripted(fussy, fussy, fussy, TOO_LARGE, count=4, size=4)
    assert scripted.left == [([1], "too large", 3)]
    assert scripted.accepted == [0, 2, 3]


def test_deliver_subset_keeps_request_id():
    scripted = Scripted(TOO_LARGE, ACCEPTED, REFUSED, messages=["a", f"RequestId: {ID}", "b", "c"], size=4)
    (unsent,) = scripted.unsent
    assert [event["requestID"] for event in unsent.batch.events] == [ID, ID]


def test_deliver_unauthorized_renews_once():
    scripted = Scripted(UNAUTHORIZED, ACCEPTED, UNAUTHORIZED, count=6, secrets=5)
    assert scripted.sink.renewals == 1
    assert scripted.accepted == [0, 1, 4, 5]
    assert scripted.left == [([2, 3], "no", 1)]


def test_deliver_unauthorized_three_chunks_in_a_row_close_delivery():
    scripted = Scripted(after=UNAUTHORIZED, count=20, secrets=0)
    assert [numbers for numbers, _reason, _attempts in scripted.left] == [[0, 1], [2, 3], [4, 5], [*range(6, 20)]]
    assert scripted.delivery.sent.requests == 3
    assert len(scripted.more(2)) == 1
    assert scripted.delivery.sent.requests == 3


def test_deliver_refused_chunk_does_not_block_others():
    scripted = Scripted(REFUSED, ACCEPTED, REFUSED, count=6)
    assert scripted.left == [([0, 1], "bad", 1), ([4, 5], "bad", 1)]
    assert scripted.accepted == [2, 3]
    assert scripted.more(2) == []


def test_deliver_refusal_makes_no_request():
    scripted = Scripted(count=6, refusing={3})
    assert scripted.left == [([2, 3], "never", 0)]
    assert scripted.accepted == [0, 1, 4, 5]
    assert scripted.delivery.sent == Sent(events=4, requests=2, retries=0)


def test_deliver_partial_retries_failed_events_only():
    part = Outcome("partial", "", 0.0, retry=[1, 3], refused={2: "bad", 5: "bad", 0: "worse"})
    scripted = Scripted(part, count=6, size=6)
    assert [list(map(int, ids)) for ids in scripted.sink.seen] == [[0, 1, 2, 3, 4, 5], [1, 3]]
    assert sorted(scripted.left) == [([0], "worse", 1), ([2, 5], "bad", 1)]
    assert scripted.accepted == [1, 3, 4]
    assert scripted.delivery.sent == Sent(events=3, requests=2, retries=1)


def test_deliver_partial_failing_repeatedly_ends_in_time():
    scripted = Scripted(
        after=lambda count: Outcome("partial", "busy", 0.0, retry=range(count)), count=4, size=4, seconds=5.0
    )
    ((numbers, reason, attempts),) = scripted.left
    assert (numbers, reason) == ([0, 1, 2, 3], "busy")
    assert attempts == scripted.delivery.sent.requests > 3


# --- limits of retries ---


@pytest.mark.parametrize("after", [AGAIN, lambda count: Outcome("partial", "busy", retry=range(count))])
@pytest.mark.parametrize("size", [1, 60])
def test_deliver_sink_down_costs_the_retry_budget_only(after, size):
    """The invocation retried until its time was over: in an outage it took all of the account's concurrency."""
    scripted = Scripted(after=after, count=60, size=size, seconds=900.0)
    assert 900.0 - scripted.clock.left <= RETRY_SECONDS + 1
    assert scripted.accepted == []


def test_deliver_hanging_sink_costs_the_retry_budget_only():
    scripted = Scripted(count=60, size=1, seconds=900.0, hangs=True)
    assert 900.0 - scripted.clock.left <= RETRY_SECONDS + 2 * LAST_ATTEMPT_SECONDS + 1
    assert scripted.accepted == []


def test_deliver_hanging_sink_is_retried_once():
    scripted = Scripted(count=1, seconds=900.0, hangs=True)
    assert scripted.delivery.sent.requests == 2


def test_deliver_sink_down_closes_after_three_chunks():
    scripted = Scripted(after=Outcome("retry", "busy", 60.0), count=20)
    assert [numbers for numbers, _reason, _attempts in scripted.left] == [[0, 1], [2, 3], [4, 5], [*range(6, 20)]]
    assert {reason for _numbers, reason, _attempts in scripted.left} == {"busy"}


@pytest.mark.parametrize(
    "outcome", [AGAIN, UNAUTHORIZED, REFUSED, TOO_LARGE, ValueError("private"), KeyError("private")]
)
@pytest.mark.parametrize("place", range(12))
def test_deliver_poison_does_not_hold_up_others(outcome, place):
    """A line that the sink always answers with 500 or 403 ended the delivery for all other lines."""

    class Poisoned(ScriptedSink):
        def send(self, chunk, timeout):
            self.script.append(outcome if str(place) in [str(int(name)) for name in chunk.content] else ACCEPTED)
            return super().send(chunk, timeout)

    clock = Clock(100.0)
    sink = Poisoned(clock, size=1, secrets=1)
    sending = Delivery(sink, clock)
    with mock.patch.object(delivery.time, "sleep", clock.sleep):
        left = [list(unsent.batch.numbers) for unsent in sending.deliver(batch_of(*"x" * 12))]
    assert left == [[place]]
    assert sorted(map(int, sink.accepted)) == [number for number in range(12) if number != place]


@given(st.sets(st.integers(0, 199), max_size=MAX_ISOLATED), st.integers(1, 200))
def test_deliver_events_that_break_the_sinks_code_are_isolated(poison, size):
    """One line for which the sink's code failed ended the delivery."""
    scripted = Scripted(count=200, size=size, breaking=poison)
    assert scripted.accepted == [number for number in range(200) if number not in poison]
    left = [(numbers, reason) for numbers, reason, _attempts in scripted.left]
    assert left == ([(sorted(poison), "the sink's code failed (RecursionError)")] if poison else [])


def test_deliver_sinks_code_that_always_fails_ends():
    scripted = Scripted(count=5000, size=10, breaking=range(5000))
    assert sum(len(numbers) for numbers, _reason, _attempts in scripted.left) == 5000
    assert len(scripted.left) < 30
    assert scripted.sink.cut < 2000


def test_deliver_many_refused_chunks_cost_linear_time():
    """Each refused chunk computed the request ids of the whole batch: 4,000 took 47 CPU-seconds."""
    started = time.process_time()
    assert len(Scripted(after=REFUSED, count=8000, size=1).left) == 8000
    assert time.process_time() - started < 10


# --- a sink that is down for a while ---


class Process:
    """Invocations of one process, each with one chunk."""

    def __init__(self):
        self.now = 1000.0
        self.breaker = Breaker(lambda: self.now)

    def invoke(self, *script, count=1, **sink):
        """Return the number of requests, and the reasons."""
        scripted = Scripted(*script, count=count, breaker=self.breaker, **sink)
        self.now += 100.0 - scripted.clock.left
        return scripted.delivery.sent.requests, {reason for _numbers, reason, _attempts in scripted.left}

    def fail(self, times):
        for _unused in range(times):
            requests, reasons = self.invoke(after=AGAIN)
            assert requests > 1
            assert reasons == {"busy"}


PAUSED = "busy, and deliveries to it pause"


def test_breaker_skips_sink_after_three_failed_invocations():
    process = Process()
    process.fail(FAILED_INVOCATIONS)
    for _unused in range(100):
        assert process.invoke(count=50) == (0, {PAUSED})


def test_breaker_closes_after_a_successful_probe():
    process = Process()
    process.fail(FAILED_INVOCATIONS)
    process.now += PAUSE_SECONDS[1]
    assert process.invoke(count=50) == (25, set())
    process.fail(FAILED_INVOCATIONS)
    assert process.invoke() == (0, {PAUSED})


def test_breaker_failed_probe_is_one_request():
    process = Process()
    process.fail(FAILED_INVOCATIONS)
    for _unused in range(3):
        process.now += PAUSE_SECONDS[1]
        assert process.invoke(after=AGAIN, count=50) == (1, {"busy"})
        assert process.invoke(count=50) == (0, {PAUSED})


def test_breaker_pauses_within_its_bounds():
    process = Process()
    for _unused in range(FAILED_INVOCATIONS):
        process.breaker.fail("busy")
    process.now += PAUSE_SECONDS[0] - 0.1
    assert process.breaker.pause_reason == PAUSED
    process.now += PAUSE_SECONDS[1] - PAUSE_SECONDS[0] + 0.2
    assert process.breaker.pause_reason == ""


@pytest.mark.parametrize("outcome", [ACCEPTED, REFUSED, TOO_LARGE])
def test_breaker_answer_between_failures_keeps_it_closed(outcome):
    process = Process()
    for _unused in range(5):
        process.fail(FAILED_INVOCATIONS - 1)
        assert process.invoke(outcome)[0] == 1
    process.fail(1)


def test_breaker_invocation_that_delivered_something_does_not_count():
    process = Process()
    for _unused in range(9):
        requests, reasons = process.invoke(ACCEPTED, after=AGAIN, count=50)
        assert requests > 3
        assert reasons == {"busy"}


def test_breaker_clock_set_back_does_not_prolong_the_pause():
    process = Process()
    process.fail(FAILED_INVOCATIONS)
    process.now -= 100_000
    assert process.invoke() == (1, set())


# --- bugs in a sink ---


@pytest.mark.parametrize("error", [ValueError("private"), TypeError("private"), RuntimeError()])
def test_deliver_bug_in_send_hands_back_events(error):
    scripted = Scripted(ACCEPTED, error, count=6)
    assert scripted.left == [([2, 3], f"the sink's code failed ({type(error).__name__})", 1)]
    assert scripted.accepted == [0, 1, 4, 5]


def test_deliver_events_left_out_by_sink_are_handed_back():
    scripted = Scripted(count=0)
    scripted.sink.chunks = lambda batch: iter([Chunk([1], ["1"])])
    (unsent,) = scripted.delivery.deliver(batch_of("a", "b", "c"))
    assert (list(unsent.batch.numbers), unsent.reason) == ([0, 2], "the sink's code left it out")
    assert scripted.sink.accepted == ["1"]


def test_deliver_interrupt_is_raised():
    with pytest.raises(KeyboardInterrupt):
        Scripted(mock.Mock(side_effect=KeyboardInterrupt))


@st.composite
def partly(draw):
    shares = draw(st.lists(st.sampled_from(["sent", "retry", "bad", "worse"]), min_size=1, max_size=6))

    def outcome(count):
        verdicts = [shares[place % len(shares)] for place in range(count)]
        return Outcome(
            "partial",
            "busy",
            retry=[place for place, verdict in enumerate(verdicts) if verdict == "retry"],
            refused={place: verdict for place, verdict in enumerate(verdicts) if verdict in ("bad", "worse")},
        )

    return outcome


outcomes = st.one_of(
    st.sampled_from([ACCEPTED, ACCEPTED, AGAIN, TOO_LARGE, UNAUTHORIZED, REFUSED, ValueError("private")]),
    st.builds(Outcome, st.just("retry"), st.just("busy"), st.sampled_from([0.0, 1.0, 30.0, 1000.0])),
    partly(),
)


@given(
    st.lists(outcomes, max_size=25),
    st.integers(0, 12),
    st.integers(1, 12),
    st.floats(0, 60),
    st.sets(st.integers(0, 11), max_size=2),
    st.sets(st.integers(0, 11), max_size=3),
    st.integers(0, 2),
    st.sampled_from([ACCEPTED, AGAIN, TOO_LARGE, UNAUTHORIZED]),
)
@example([TOO_LARGE, TOO_LARGE, ValueError()], 8, 8, 60.0, set(), set(), 0, AGAIN)
def test_deliver_accounts_for_every_event(script, count, size, seconds, refusing, breaking, secrets, after):
    scripted = Scripted(
        *script,
        after=after,
        count=count,
        seconds=seconds,
        size=size,
        refusing=refusing,
        breaking=breaking,
        secrets=secrets,
    )
    left = [number for numbers, _reason, _attempts in scripted.left for number in numbers]
    assert Counter(scripted.accepted) + Counter(left) == Counter(range(count))
    assert scripted.delivery.sent.events == len(scripted.accepted)
    assert scripted.delivery.sent.requests == len(scripted.sink.seen)
    assert all(reason and "private" not in reason for _numbers, reason, _attempts in scripted.left)
    assert scripted.sink.renewals <= 2
    # A second batch with the same sink, after any result of the first.
    before = len(scripted.sink.accepted)
    second = [number for unsent in scripted.more(3) for number in unsent.batch.numbers]
    accepted = [100 + int(name) for name in scripted.sink.accepted[before:]]
    assert sorted(second + accepted) == [100, 101, 102]


def test_backoff_stays_within_bound():
    backoff = Backoff(base=0.5, cap=20)
    for attempt, bound in [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 20), (5000, 20)]:
        waits = [backoff.seconds(attempt) for _unused in range(200)]
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound
