# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notifications of sweeps: events on what changed since the sweep before, and silence where nothing did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from subscriber_support import SUBSCRIBER, THEIRS, Aws, Clock, Context, batch, failures, schedule

DAYS = [f"2026-11-{day}T10:00:00Z" for day in range(22, 30)]
ROOT = Path(__file__).resolve().parents[4]
OWN_LOG = f"/aws/lambda/{SUBSCRIBER}"
LETTERS = "log-reflector-dead-letters"
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "notify.schema.json").read_text(encoding="utf-8")))
HOUR, DAY = 3600, 24 * 3600
Sweep = Callable[..., dict[str, dict[str, Any]]]


def envelope(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the event that EventBridge makes of an entry."""
    place = {"account": "222222222222", "region": "eu-west-1", "time": DAYS[0]}
    detail = json.loads(entry["Detail"])
    return {**place, "source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}


def groups(number: int) -> list[str]:
    return [f"/app/{index:03}" for index in range(number)]


@pytest.fixture
def server() -> Aws:
    server = Aws(*groups(4), OWN_LOG)
    server.queue_lengths[LETTERS] = 0
    return server


@pytest.fixture
def sweep(start: Any, server: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sweep:
    """Return a function that runs all slices of a sweep and returns the details of its events by detail-type."""

    def run(at: str, *, on: bool = True, **settings: Any) -> dict[str, dict[str, Any]]:
        if on:
            monkeypatch.setenv("NOTIFICATIONS", json.dumps({"queues": [LETTERS], "notify": True}))
        event, found = schedule(at), {}
        for _number in range(50):
            server.others.clear()
            assert failures(start(server, **settings).handler(batch(event), Context())) == []
            for request in server.asked("PutEvents"):
                found.update({entry["DetailType"]: json.loads(entry["Detail"]) for entry in request["Entries"]})
                for entry in request["Entries"]:
                    SCHEMA.validate(envelope(entry))
                assert {entry["Source"] for entry in request["Entries"]} == {"logreflector.aws"}
            following = server.handed_over("Sweep continued")
            if not following:
                return found
            (event,) = following
        raise AssertionError("it does not end")

    run.output = lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]  # type: ignore[attr-defined]
    return run


def report_of(sweep: Any) -> dict[str, Any]:
    """Return what the last sweep reported about its notifications."""
    found: dict[str, Any] = [line["notifications"] for line in sweep.output() if "notifications" in line][-1]
    return found


def fill(server: Aws, *names: str) -> None:
    for name in names:
        server.groups[name] = {}
        for number in range(server.slots):
            server.add_filter(name, f"theirs-{number}", THEIRS)


def names_in(listed: dict[str, Any]) -> list[str]:
    return [example["log_group"] for example in listed["examples"]]


def test_sweep_without_the_variable_makes_no_call_for_notifications(sweep: Sweep, server: Aws) -> None:
    for at in DAYS[:2]:
        assert sweep(at, on=False) == {}
    operations = {name for name, _request in server.others} | set(server.operations())
    assert operations.isdisjoint(
        {"PutEvents", "ListMetrics", "GetMetricData", "GetQueueAttributes", "GetLogEvents", "PutLogEvents"}
    )
    lines = sweep.output()  # type: ignore[attr-defined]
    assert not any("notifications" in line or "CoverageChanges" in line for line in lines)


def test_first_sweep_is_the_baseline_and_unchanged_sweeps_send_nothing(sweep: Sweep, server: Aws) -> None:
    fill(server, "/full")
    assert sweep(DAYS[0]) == {}
    assert report_of(sweep)["since"] is None
    assert sweep(DAYS[1]) == {}
    assert report_of(sweep) == {"events": [], "since": DAYS[0], "unchecked_log_groups": 0, "failures": []}


def test_each_sweep_writes_the_metrics_of_the_alarms(sweep: Sweep, server: Aws) -> None:
    sweep(DAYS[0])
    fill(server, "/full")
    sweep(DAYS[1])
    (line,) = [line for line in sweep.output() if "CoverageChanges" in line][-1:]  # type: ignore[attr-defined]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("LogReflector", [["FunctionName"]])
    assert {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]} == {
        "CoverageChanges": 1,
        "SilentSources": 0,
        "DeadLettersAdded": 0,
        "NotificationFailures": 0,
    }


def test_metric_of_silence_that_was_not_read_is_left_out(sweep: Sweep, server: Aws) -> None:
    server.refusals["ListMetrics"] = "AccessDeniedException"
    sweep(DAYS[0])
    (line,) = [line for line in sweep.output() if "CoverageChanges" in line]  # type: ignore[attr-defined]
    assert "SilentSources" not in line
    assert line["NotificationFailures"] == 1


def test_newly_uncovered_covered_and_repaired_groups_are_one_event(sweep: Sweep, server: Aws) -> None:
    fill(server, "/full/a", "/full/b")
    sweep(DAYS[0])
    server.groups["/full/a"].clear()
    server.groups["/app/002"].clear()
    fill(server, "/full/c")
    server.classes["/full/cold"] = "INFREQUENT_ACCESS"
    server.groups["/full/cold"] = {}
    (kind, detail), *rest = sweep(DAYS[1]).items()
    assert (kind, rest) == ("Log Coverage Changed", [])
    assert detail["uncovered"] == {
        "count": 2,
        "examples": [{"log_group": "/full/c", "cause": "slots"}, {"log_group": "/full/cold", "cause": "class"}],
    }
    assert (detail["covered"]["count"], names_in(detail["covered"])) == (1, ["/full/a"])
    assert (detail["repaired"]["count"], names_in(detail["repaired"])) == (1, ["/app/002"])
    assert (detail["version"], detail["function"]) == (1, SUBSCRIBER)
    assert (detail["since"], detail["sweep"]) == (DAYS[0], DAYS[1])
    assert detail["coverage"] == {"before": 66.67, "now": 62.5}
    assert detail["log_groups"] == {"chosen": 8, "covered": 5}
    assert sweep(DAYS[2]) == {}


def test_new_group_that_the_sweep_subscribes_is_no_change(sweep: Sweep, server: Aws) -> None:
    sweep(DAYS[0])
    server.groups["/new"] = {}
    server.created["/new"] = Clock.read() // 1_000_000
    assert sweep(DAYS[1]) == {}
    assert server.groups["/new"]


def test_thousands_of_uncovered_groups_in_slices_are_counted_with_few_examples(sweep: Sweep, server: Aws) -> None:
    """A state of more than 8 KB, which no SSM parameter holds."""
    server.groups.update({name: {} for name in groups(60)})
    sweep(DAYS[0])
    cold = sorted(f"/app/{number % 60:03}/{'x' * 400}/{number:04}" for number in range(2_500))
    server.classes.update(dict.fromkeys(cold, "INFREQUENT_ACCESS"))
    # AWS lists log groups sorted by name.
    server.groups = {name: server.groups.get(name, {}) for name in sorted([*server.groups, *cold])}
    server.page_of_stream = 3
    sweep.output()  # type: ignore[attr-defined]
    detail = sweep(DAYS[1], slice_seconds=10)["Log Coverage Changed"]
    slices = [line["counts"]["groups"] for line in sweep.output() if "slice" in line]  # type: ignore[attr-defined]
    assert len(slices) > 2
    assert slices[-1] == len(server.groups)
    assert (detail["uncovered"]["count"], len(detail["uncovered"]["examples"])) == (2_500, 20)
    assert len(json.dumps(detail)) < 100_000
    for name in cold[:7]:
        del server.classes[name]
    detail = sweep(DAYS[2], slice_seconds=10)["Log Coverage Changed"]
    assert (detail["uncovered"]["count"], detail["covered"]["count"]) == (0, 7)
    assert names_in(detail["covered"]) == cold[:7]


def test_refused_event_is_visible_and_sent_by_the_next_sweep(sweep: Sweep, server: Aws) -> None:
    sweep(DAYS[0])
    fill(server, "/full")
    server.groups["/app/new"] = {}
    server.event_errors = ["InternalFailure"]
    sweep(DAYS[1])
    assert server.groups["/app/new"]
    (metrics,) = [line for line in sweep.output() if "NotificationFailures" in line][-1:]  # type: ignore[attr-defined]
    assert (metrics["NotificationFailures"], metrics["CoverageChanges"]) == (1, 2)
    detail = sweep(DAYS[2])["Log Coverage Changed"]
    assert (detail["since"], names_in(detail["uncovered"])) == (DAYS[0], ["/full"])
    assert report_of(sweep)["failures"] == []
    assert sweep(DAYS[3]) == {}


def test_repeated_slice_compares_with_the_sweep_before_and_not_with_itself(sweep: Sweep, server: Aws) -> None:
    """SQS delivers a message again if the function is killed after its work."""
    sweep(DAYS[0])
    fill(server, "/full")
    first = sweep(DAYS[1])
    assert first == sweep(DAYS[1])
    assert names_in(first["Log Coverage Changed"]["uncovered"]) == ["/full"]
    assert sweep(DAYS[2]) == {}


@pytest.mark.parametrize("operation", ["PutEvents", "ListMetrics", "GetQueueAttributes"])
def test_denied_call_is_visible_and_subscribing_goes_on(sweep: Sweep, server: Aws, operation: str) -> None:
    sweep(DAYS[0])
    fill(server, "/full")
    server.groups["/app/new"] = {}
    server.refusals[operation] = "AccessDeniedException"
    found = sweep(DAYS[1])
    assert server.groups["/app/new"]
    (failure,) = report_of(sweep)["failures"]
    assert "AccessDeniedException" in failure
    assert "Log Coverage Changed" in found  # it was sent, or at least tried


def test_state_that_cannot_be_read_is_no_empty_state(sweep: Sweep, server: Aws) -> None:
    """Without a state every uncovered log group looked new."""
    fill(server, "/full")
    sweep(DAYS[0])

    def deny(operation: str, _request: dict[str, Any]) -> tuple[str, str] | None:
        return ("AccessDeniedException", "not authorized") if operation == "GetLogEvents" else None

    server.spoil = deny
    assert sweep(DAYS[1]) == {}
    assert "read the state of the sweep before" in report_of(sweep)["failures"][0]


def test_state_behind_too_many_lines_is_a_failure_and_not_an_empty_state(sweep: Sweep, server: Aws) -> None:
    fill(server, "/full")
    sweep(DAYS[0])
    (stream,) = server.streams.values()
    stream += [{"timestamp": 1, "message": "{}"}] * 12
    server.page_of_stream = 1
    assert sweep(DAYS[1]) == {}
    (failure,) = report_of(sweep)["failures"]
    assert "it is not within the last 10 MB" in failure
    assert sweep(DAYS[2]) == {}
    assert report_of(sweep) == {"events": [], "since": DAYS[1], "unchecked_log_groups": 0, "failures": []}


def test_lines_of_others_in_the_state_are_ignored(sweep: Sweep, server: Aws) -> None:
    fill(server, "/full")
    sweep(DAYS[0])
    (stream,) = server.streams.values()
    wrong = {"sweep": DAYS[0], "slice": 1, "run": 9e15, "chunk": 0, "chunks": 2, "uncovered": []}
    stream += [{"timestamp": 1, "message": text} for text in ("", "[", "[]", "{}", "null", json.dumps({"sweep": 1}))]
    stream += [{"timestamp": 1, "message": json.dumps({**wrong, "sweep": "2026-11-22T11:00:00Z"})}]
    assert sweep(DAYS[1]) == {}


def test_growing_dead_letters_are_an_event_with_numbers(sweep: Sweep, server: Aws) -> None:
    server.queue_lengths[LETTERS] = 5
    sweep(DAYS[0])
    server.queue_lengths[LETTERS] = 12
    detail = sweep(DAYS[1])["Log Dead Letters Growing"]
    assert (detail["count"], detail["queues"]) == (7, [{"queue": LETTERS, "before": 5, "now": 12}])
    server.queue_lengths[LETTERS] = 3
    assert sweep(DAYS[2]) == {}
    server.queue_lengths[LETTERS] = 4
    assert sweep(DAYS[3])["Log Dead Letters Growing"]["count"] == 1


def log_hourly(server: Aws, name: str, *, until: int, days: int = 8, every: int = HOUR) -> None:
    server.logged[name] = list(range(until - days * DAY, until, every))


def test_source_that_fell_silent_is_reported_once_and_again_after_it_logged(sweep: Sweep, server: Aws) -> None:
    sweep(DAYS[0])
    now = Clock.read() // 1_000_000_000
    log_hourly(server, "/app/001", until=now + DAY - 7 * HOUR)
    log_hourly(server, "/app/002", until=now + DAY)
    detail = sweep(DAYS[1])["Log Sources Silent"]
    assert detail["silent"] == {
        "count": 1,
        "examples": [{"log_group": "/app/001", "silent_since": "2026-11-23T03:00:00Z", "silent_hours": 7}],
    }
    assert (detail["rule"], detail["unchecked"]) == ({"days": 7, "hours": 6}, 0)
    log_hourly(server, "/app/002", until=now + 3 * DAY)
    assert sweep(DAYS[2]) == {}
    log_hourly(server, "/app/001", until=now + 3 * DAY)
    assert sweep(DAYS[3]) == {}
    log_hourly(server, "/app/002", until=now + 4 * DAY)
    log_hourly(server, "/app/001", until=now + 4 * DAY - 8 * HOUR)
    assert names_in(sweep(DAYS[4])["Log Sources Silent"]["silent"]) == ["/app/001"]


def test_silent_groups_that_are_gone_uncovered_or_own_are_not_reported(sweep: Sweep, server: Aws) -> None:
    fill(server, "/full")
    sweep(DAYS[0])
    now = Clock.read() // 1_000_000_000
    for name in ("/deleted", "/full", OWN_LOG):
        log_hourly(server, name, until=now + DAY - 8 * HOUR)
    assert sweep(DAYS[1]) == {}
    assert report_of(sweep)["failures"] == []


def test_more_silent_groups_than_are_checked_are_counted(sweep: Sweep, server: Aws) -> None:
    names = [f"/busy/{number:03}" for number in range(130)]
    server.groups.update({name: {} for name in names})
    sweep(DAYS[0])
    now = Clock.read() // 1_000_000_000
    for name in names:
        log_hourly(server, name, until=now + DAY - 8 * HOUR)
    detail = sweep(DAYS[1])["Log Sources Silent"]
    assert (detail["silent"]["count"], len(detail["silent"]["examples"]), detail["unchecked"]) == (100, 20, 30)
    assert sweep(DAYS[2])["Log Sources Silent"]["silent"]["count"] == 30


def test_notifications_hold_no_log_content(sweep: Sweep, server: Aws) -> None:
    server.log("/app/001", "password=hunter2")
    sweep(DAYS[0])
    fill(server, "/app/001")
    found = sweep(DAYS[1])
    assert names_in(found["Log Coverage Changed"]["uncovered"]) == ["/app/001"]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize(
    "news",
    [
        [],
        {"uncovered": 1},
        {"uncovered": {"count": -1}},
        {"uncovered": {"count": 1, "examples": [{"log_group": "a b"}]}},
        {"uncovered": {"count": 1, "examples": [{"log_group": "/a"}] * 21}},
        {"failures": "x"},
    ],
)
def test_message_with_wrong_news_is_refused(start: Any, server: Aws, news: Any) -> None:
    event = schedule()
    detail = {"started": event["time"], "slice": 2, "position": {}, "counts": {}, "news": news}
    message = {"source": "logreflector.subscriber", "detail-type": "Sweep continued", "detail": detail}
    answer = start(server).handler(batch(message), Context())
    assert failures(answer) == (["message-0"] if news else [])
