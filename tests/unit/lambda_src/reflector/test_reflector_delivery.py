# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery to a scripted sink. test_reflector_http.py tests it over sockets."""

from collections import Counter
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reflector import delivery
from reflector.delivery import MIN_ATTEMPT_SECONDS, TIME_IS_OVER, Backoff, Delivery, Sent
from reflector.sinks import ACCEPTED, Chunk, Outcome
from scripted_sink import AGAIN, REFUSED, TOO_LARGE, UNAUTHORIZED, Clock, ScriptedSink, batch_of

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"


class Scripted:
    """A delivery of `count` events to a scripted sink."""

    def __init__(self, *script, count=4, seconds=100.0, messages=None, **sink):
        self.clock = Clock(seconds)
        self.sink = ScriptedSink(self.clock, script, **sink)
        self.delivery = Delivery(self.sink, self.clock, Backoff(0.1, 1.0))
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
    scripted = Scripted(AGAIN, count=2, seconds=31.0)
    assert scripted.sink.timeouts[0] == 30.0
    assert scripted.sink.timeouts[1] <= 31.0
    assert Scripted(count=2, seconds=3.0).sink.timeouts == [3.0]


def test_deliver_wait_beyond_time_closes_delivery():
    scripted = Scripted(ACCEPTED, Outcome("retry", "busy", 1000.0), count=6)
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
    assert scripted.accepted == [0, 1]
    assert scripted.left == [([2, 3], "no", 1), ([4, 5], "no", 0)]
    assert len(scripted.more(2)) == 1
    assert scripted.delivery.sent.requests == 3


def test_deliver_unauthorized_without_renewal_closes_delivery():
    scripted = Scripted(UNAUTHORIZED, count=4)
    assert scripted.left == [([0, 1], "no", 1), ([2, 3], "no", 0)]
    assert (scripted.sink.renewals, scripted.delivery.sent.requests) == (1, 1)


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
    assert (numbers, reason) == ([0, 1, 2, 3], f"busy, and {TIME_IS_OVER}")
    assert attempts == scripted.delivery.sent.requests > 3


def test_deliver_partial_is_retried_for_minutes():
    """A stream may be throttled for minutes. Only the end of time may end the delivery."""
    scripted = Scripted(after=lambda count: Outcome("partial", "busy", 2.0, retry=range(count)), count=1, seconds=850.0)
    ((numbers, reason, attempts),) = scripted.left
    assert (numbers, reason) == ([0], f"busy, and {TIME_IS_OVER}")
    assert attempts > 400


@pytest.mark.parametrize("error", [ValueError("private"), TypeError("private"), RuntimeError()])
def test_deliver_bug_in_send_hands_back_events(error):
    scripted = Scripted(ACCEPTED, error, count=6)
    assert scripted.left == [([2, 3], f"the sink's code failed ({type(error).__name__})", 1)]
    assert scripted.accepted == [0, 1, 4, 5]


@pytest.mark.parametrize("made", [0, 1, 2])
def test_deliver_bug_in_chunks_hands_back_events(made):
    scripted = Scripted(count=6, breaks_after=made)
    assert scripted.accepted == list(range(2 * made))
    assert scripted.left == [(list(range(2 * made, 6)), "the sink's code failed (KeyError)", 0)]


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
    st.one_of(st.none(), st.integers(0, 4)),
    st.integers(0, 2),
    st.sampled_from([ACCEPTED, AGAIN, TOO_LARGE, UNAUTHORIZED]),
)
@example([TOO_LARGE, TOO_LARGE, ValueError()], 8, 8, 60.0, set(), None, 0, AGAIN)
def test_deliver_accounts_for_every_event(script, count, size, seconds, refusing, breaks_after, secrets, after):
    scripted = Scripted(
        *script,
        after=after,
        count=count,
        seconds=seconds,
        size=size,
        refusing=refusing,
        breaks_after=breaks_after,
        secrets=secrets,
    )
    left = [number for numbers, _reason, _attempts in scripted.left for number in numbers]
    assert Counter(scripted.accepted) + Counter(left) == Counter(range(count))
    assert scripted.delivery.sent.events == len(scripted.accepted)
    assert scripted.delivery.sent.requests == len(scripted.sink.seen)
    assert all(reason and "private" not in reason for _numbers, reason, _attempts in scripted.left)
    assert scripted.sink.renewals <= 2
    # And a second batch on the same scripted, whatever became of the first.
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
