# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.accounting import AccountsError, SinkTally, Tally, accounted, metric_line
from reflector.decode import decode
from reflector.delivery import Sent, Undelivered
from reflector.records import pick
from reflector_support import payload, subscription_event
from scripted_sink import batch_of

COUNTS = (
    "ReceivedEvents",
    "ReceivedBytes",
    "DroppedEvents",
    "DeliveredEvents",
    "DeadLetteredEvents",
    "FailedEvents",
    "UndecodablePayloads",
    "Requests",
    "Retries",
    "DurationMs",
)


def received(count, *, text="private"):
    return decode(subscription_event(payload([text] * count)))


def some(numbers, reason="busy"):
    batch = batch_of(*["private"] * 20)
    return Undelivered(pick(batch, sorted(numbers)), reason, 1)


def tally_of(count, dropped=0, **sinks):
    """Return a tally. Each sink was given all events that were not dropped. `sinks`: (sent, queued, failed) by name."""
    tally = Tally()
    tally.receive(received(count))
    if dropped:
        tally.dropped["route"] += dropped
    for name, (sent, queued, failed) in sinks.items():
        tally.sinks[name] = SinkTally(given=count - dropped, sent=Sent(sent, 1, 0))
        if queued:
            tally.add_undelivered(name, some(queued), queued=True)
        if failed:
            tally.add_undelivered(name, some(failed, "refused"), queued=False)
    return tally


def four(tally):
    counts = tally.counts()
    return tuple(counts[f"{name}Events"] for name in ("Dropped", "Delivered", "DeadLettered", "Failed"))


# --- the fates of events ---


def test_counts_without_payload():
    assert set(Tally().counts().values()) == {0}


def test_counts_without_sink_all_failed():
    tally = Tally()
    tally.receive(received(3))
    assert four(tally) == (0, 0, 0, 3)


def test_counts_of_one_sink():
    assert four(tally_of(6, 1, a=(2, {2, 3}, {4}))) == (1, 2, 2, 1)


def test_counts_of_several_sinks():
    assert four(tally_of(6, a=(6, (), ()), b=(6, (), ()))) == (0, 6, 0, 0)
    assert four(tally_of(6, a=(6, (), ()), b=(4, {1, 2}, ()))) == (0, 4, 2, 0)
    assert four(tally_of(6, a=(4, {1, 2}, ()), b=(4, {2, 3}, ()))) == (0, 3, 3, 0)
    assert four(tally_of(6, a=(4, {1, 2}, ()), b=(4, (), {2, 3}))) == (0, 3, 1, 2)


def test_counts_of_several_payloads():
    tally = Tally()
    tally.sinks["a"] = SinkTally(given=4, sent=Sent(2, 2, 0))
    for _unused in range(2):
        tally.receive(received(2))
        tally.add_undelivered("a", some({0}), queued=True)
    assert four(tally) == (0, 2, 2, 0)
    assert tally.counts()["ReceivedEvents"] == 4


def test_counts_events_left_out_are_failed():
    tally = tally_of(6, a=(2, {2}, ()))
    assert four(tally) == (0, 2, 1, 3)
    with pytest.raises(AccountsError, match=r"^The accounts of a do not add up: "):
        tally.check()


@given(
    st.integers(0, 20),
    st.data(),
)
def test_counts_add_up(count, data):
    dropped = data.draw(st.integers(0, count))
    meant = range(dropped, count)
    fates = {}
    for name in data.draw(st.sets(st.sampled_from("abc"), min_size=1)):
        fates[name] = [data.draw(st.sampled_from(["sent", "queued", "failed"])) for _number in meant]
    sinks = {
        name: (
            fate.count("sent"),
            {number for number, what in zip(meant, fate, strict=True) if what == "queued"},
            {number for number, what in zip(meant, fate, strict=True) if what == "failed"},
        )
        for name, fate in fates.items()
    }
    tally = tally_of(count, dropped, **sinks)
    worst = Counter(max(column, key=("sent", "queued", "failed").index) for column in zip(*fates.values(), strict=True))
    assert four(tally) == (dropped, worst["sent"], worst["queued"], worst["failed"])
    assert sum(four(tally)) == count
    assert tally.delivered == sum(fate.count("sent") for fate in fates.values())
    assert tally.failed == worst["failed"]
    tally.check()


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.sets(st.integers(0, 11)))
def test_counts_add_up_with_unbalanced_sinks(count, dropped, sent, other, queued):
    tally = tally_of(
        count, min(dropped, count), a=(min(sent, count), queued & set(range(count)), ()), b=(other, (), ())
    )
    assert sum(four(tally)) == count


# --- the line ---


def line_of(tally):
    return json.loads(metric_line(tally))


def test_metric_line_with_failures_is_in_embedded_metric_format(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reflector")
    line = line_of(tally_of(6, a=(3, {3, 4}, {5})))
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "LogReflector"
    assert directive["Metrics"] == [{"Name": f"{name}Events", "Unit": "Count"} for name in ("DeadLettered", "Failed")]
    assert directive["Dimensions"] == [["FunctionName"]]
    assert line["FunctionName"] == "reflector"
    assert (line["DeadLetteredEvents"], line["FailedEvents"]) == (2, 1)


def test_metric_line_of_a_copy_has_the_region_of_its_origin():
    tally = tally_of(3, a=(3, (), ()))
    assert "sourceRegion" not in line_of(tally)
    tally.rename(replace(tally.only_payload, region="eu-central-1"))
    assert line_of(tally)["sourceRegion"] == "eu-central-1"


def test_metric_line_of_undecodable_payload_has_its_metric():
    ((metric,),) = [one["Metrics"] for one in line_of(Tally(undecodable=1))["_aws"]["CloudWatchMetrics"]]
    assert metric["Name"] == "UndecodablePayloads"


def test_metric_line_without_failures_makes_no_metric():
    """Ten custom metrics, most of them 0, cost 3 dollars for each target and month."""
    line = line_of(tally_of(3, a=(3, (), ())))
    assert line["_aws"]["CloudWatchMetrics"] == []
    assert {name: line[name] for name in COUNTS} == tally_of(3, a=(3, (), ())).counts()
    assert all(isinstance(line[name], int) for name in COUNTS)
    assert (line["logGroup"], line["logStream"], line["owner"]) == ("/app/orders", "web/1", "222222222222")


def test_metric_line_without_problems_has_counts_only():
    line = line_of(tally_of(3, a=(3, (), ())))
    assert not {"droppedBy", "sinks", "reasons", "error", "origin"} & set(line)
    assert line["sentTo"] == "a"


def test_metric_line_names_the_sinks_and_the_origin():
    """The report sums the lines of subscriptions by these members."""
    line = line_of(tally_of(6, 2, b=(4, (), ()), a=(4, (), ())))
    assert line["sentTo"] == "a,b"
    line = line_of(replace(tally_of(6, 2, a=(4, (), ())), route=1))
    assert line["route"] == 1
    replay = line_of(Tally(origin="replay", given_up=[2, 3]))
    assert (replay["origin"], replay["givenUp"]) == ("replay", {"events": 5, "payloads": 2})
    assert "givenUp" not in line
    assert "sentTo" not in line_of(Tally(received_events=1))


def test_metric_line_has_the_age_of_the_first_event():
    first_at = time.time_ns() // 1_000_000 - 60_000
    line = line_of(replace(tally_of(6, 2, a=(4, (), ())), first_at=first_at))
    assert line["delayMs"] == line["_aws"]["Timestamp"] - first_at >= 60_000
    early = line_of(replace(tally_of(6, 2, a=(4, (), ())), first_at=line["_aws"]["Timestamp"] + 3_600_000))
    assert early["delayMs"] == 0, "a clock ahead of the function's"
    assert "delayMs" not in line_of(replace(tally_of(3, 3, a=(0, (), ())), first_at=first_at)), "nothing was delivered"
    assert "delayMs" not in line_of(tally_of(3, a=(3, (), ())))


def test_metric_line_lists_sinks_and_reasons():
    line = line_of(tally_of(6, 2, a=(4, (), ()), b=(1, {2, 3}, {4})))
    assert line["sinks"] == {
        "a": {"delivered": 4, "deadLettered": 0, "failed": 0},
        "b": {"delivered": 1, "deadLettered": 2, "failed": 1},
    }
    reasons = {(reason["sink"], reason["reason"]): reason["events"] for reason in line["reasons"]}
    assert reasons == {("b", "busy"): 2, ("b", "refused"): 1}
    assert line["droppedBy"] == {"route": 2}
    assert (line["Requests"], line["Retries"]) == (2, 0)


def test_metric_line_is_one_line_of_ascii():
    tally = Tally()
    tally.receive(decode(subscription_event(payload(["private"], 'g"\n', "s\u2028\ud800é"))))
    text = metric_line(tally)
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["logStream"] == "s\u2028\ud800é"
    assert "private" not in text


# --- around an invocation ---


def test_accounted_line_has_the_request(capsys):
    with accounted("8a4f"):
        pass
    assert json.loads(capsys.readouterr().out)["requestId"] == "8a4f"


def test_accounted_prints_one_line(capsys):
    with accounted() as tally:
        tally.receive(received(2))
        tally.dropped["log stream prefix"] += 2
        assert capsys.readouterr().out == ""
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["droppedBy"] == {"log stream prefix": 2}


@pytest.mark.parametrize("error", [ValueError("private"), KeyboardInterrupt("private"), SystemExit("private")])
def test_accounted_names_and_raises_error(capsys, error):
    with pytest.raises(type(error)) as caught, accounted():
        raise error
    assert caught.value is error
    text = capsys.readouterr().out
    assert json.loads(text)["error"] == type(error).__name__
    assert "private" not in text


def test_accounted_unbalanced_sinks_raise(capsys):
    def lose_one():
        with accounted() as tally:
            tally.receive(received(2))
            tally.sinks["a"] = SinkTally(given=2, sent=Sent(1, 1, 0))

    with pytest.raises(AccountsError):
        lose_one()
    line = json.loads(capsys.readouterr().out)
    assert (line["error"], line["DeliveredEvents"], line["FailedEvents"]) == ("AccountsError", 1, 1)


def test_accounted_own_log_group_prints_nothing(capsys):
    with accounted() as tally:
        tally.receive(received(2))
        tally.dropped["own log group"] += 2
    assert capsys.readouterr().out == ""
