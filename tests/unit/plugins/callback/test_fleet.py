# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a run in the fleet callback: events in, outcomes and texts out."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._fleet import (
    Fleet,
    Place,
    change_lines,
    duration,
    progress_line,
    summary_line,
    table,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._waves import wave_sizes
from hypothesis import given
from hypothesis import strategies as st

SECRET = "hunter2"


def fleet_of(*hosts: str, batch: tuple[str, ...] | None = None, serial: tuple[Any, ...] = (), known: int = 1) -> Fleet:
    fleet = Fleet()
    fleet.begin_playbook("deploy.yml")
    begin(fleet, "deploy", hosts, hosts if batch is None else batch, serial=serial, known=known)
    return fleet


def begin(fleet: Fleet, play: str, hosts: Any, batch: Any, *, serial: Any = (), known: int = 1, now: float = 0) -> None:
    fleet.begin_wave(play, play, hosts, batch, serial=serial, known=known, lockstep=True, now=now)


ROLES = {  # a target's behaviour in a run -> its outcome
    "ok": "ok",
    "changed": "changed",
    "rescued": "ok",
    "rescued and changed": "changed",
    "failed": "failed",
    "changed, then failed": "failed",
    "stored": "failed",
}


def events(host: str, role: str) -> list[tuple[str, str]]:
    """Return the events of one target in order."""
    steps = [("begin", host), ("changed" if "changed" in role else "unchanged", host)]
    if "rescued" in role or role == "stored":
        steps.append(("rescue", host))
    if role == "stored":
        steps.append(("store", host))
    if "failed" in role:
        steps.append(("fail", host))
    return steps


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[list[tuple[str, str]]], dict[str, str], int]:
    """Return waves of events (mixed, but in order for each target), the targets' behaviours, and the number of waves that run."""
    roles = draw(st.lists(st.sampled_from(sorted(ROLES)), min_size=1, max_size=12))
    names = {f"h{number}": role for number, role in enumerate(roles)}
    hosts = list(names)
    size = draw(st.integers(1, len(hosts)))
    waves = []
    for start in range(0, len(hosts), size):
        queues = [events(host, names[host]) for host in hosts[start : start + size]]
        mixed = []
        while any(queues):
            queue = draw(st.sampled_from([queue for queue in queues if queue]))
            mixed.append(queue.pop(0))
        waves.append(mixed)
    return waves, names, draw(st.integers(0, len(waves)))


def send_event(fleet: Fleet, kind: str, host: str, now: float) -> bool:
    """Tell the fleet of one event. Return whether it is the first trouble of the target, which gets a line."""
    if kind == "begin":
        fleet.begin(host, "t", now)
    elif kind in ("changed", "unchanged"):
        fleet.result(host, "t", now, changed=kind == "changed", changes=["c"] * (kind == "changed"))
    elif kind == "store":
        fleet.store_failure(host, f"{host} is broken")
    else:
        return bool(fleet.fail(host, "t", f"{host} is broken", final=kind == "fail"))
    return False


@given(runs())
def test_fleet_any_order_of_events_gives_every_target_one_outcome(
    run: tuple[list[list[tuple[str, str]]], dict[str, str], int],
) -> None:
    waves, roles, run_waves = run
    fleet = Fleet()
    fleet.begin_playbook("p.yml")
    now = 0.0
    told = []
    begun: set[str] = set()
    size = len({host for _unused, host in waves[0]})
    for wave in waves[:run_waves]:
        batch = sorted({host for _unused, host in wave})
        begun.update(batch)
        begin(fleet, "p", list(roles), batch, serial=[size], now=now)
        fleet.begin_task("t", "Task", 0)
        for kind, host in wave:
            now += 1
            if send_event(fleet, kind, host, now):
                told.append(host)
            progress = fleet.progress(now)
            assert progress is not None
            assert 0 <= progress.share <= 1
            assert progress.done <= progress.targets == len(roles)
    if run_waves:
        # The last play fails a rescued target with the sentence that is known already.
        begin(fleet, "outcome", list(roles), list(roles), now=now)
        for host in roles:
            if roles[host] == "stored" or host not in begun:
                fleet.result(host, "t", now)
                assert not fleet.fail(host, "t", f"{host} is broken", final=True)
    fleet.end({}, now)

    outcomes = {host: fleet.outcome(host) for host in fleet.targets}
    assert outcomes == {
        host: ROLES[role] if host in begun else "not_started" for host, role in roles.items() if run_waves
    }
    assert sum(fleet.counts().values()) == len(outcomes)
    troubled = [host for host in roles if host in begun and roles[host] not in ("ok", "changed")]
    assert sorted(told) == sorted(troubled)  # one line for each target that failed, never two
    report = json.loads(json.dumps(fleet.report({})))
    assert [wave["number"] for wave in report["waves"][:run_waves]] == list(range(1, run_waves + 1))
    assert sum(wave["failed"] for wave in report["waves"]) == Counter(outcomes.values())["failed"]
    for host, target in report["targets"].items():
        assert (target["failure"] is not None) == (host not in begun or ROLES[roles[host]] == "failed")
        assert target["changes"] == ["c"] * (host in begun and "changed" in roles[host])


def test_fail_repeated_sentence_keeps_the_first_task() -> None:
    fleet = fleet_of("a")
    fleet.begin_task("1", "Function", 0)
    fleet.result("a", "1", 1)
    assert fleet.fail("a", "1", "denied", final=False)
    fleet.begin_task("2", "Outcome of the target", 0)
    fleet.result("a", "2", 2)
    assert not fleet.fail("a", "2", "denied", final=True)
    fleet.end({"a": 1}, 3)
    told = fleet.report({})["targets"]["a"]
    assert (told["failure"], told["failed_task"]) == ("denied", "Function")


def test_end_counts_failures_without_an_event() -> None:
    fleet = fleet_of("a", "b")
    fleet.end({"a": 1, "b": 0}, 1)
    assert (fleet.outcome("a"), fleet.outcome("b")) == ("failed", "ok")


def test_stop_makes_targets_unfinished() -> None:
    fleet = fleet_of("a", "b", "c")
    fleet.fail("a", "t", "broken", final=True)
    fleet.stop(["a", "b"])
    fleet.end({"a": 1}, 1)
    assert [fleet.outcome(host) for host in "abc"] == ["failed", "unfinished", "ok"]
    begin(fleet, "next", "abc", "bc")
    fleet.stop()
    assert [fleet.outcome(host) for host in "abc"] == ["failed", "unfinished", "unfinished"]


def test_interrupt_leaves_wave_unfinished_and_later_waves_not_started() -> None:
    fleet = fleet_of("a", "b", "c", batch=("a",), serial=(1,))
    begin(fleet, "deploy", ["a", "b", "c"], ["b"], serial=[1], now=1)
    fleet.interrupt()
    assert [fleet.outcome(host) for host in "abc"] == ["ok", "unfinished", "not_started"]


def test_progress_counts_done_changed_and_failed_targets() -> None:
    hosts = list("dcba")  # two waves of two, then the play that fails the targets that are known to have failed
    fleet = fleet_of(*hosts, batch=("d", "c"), serial=(2,))
    assert fleet.progress(0) is not None  # less than a second has passed
    fleet.begin_task("1", "Function", 0)
    fleet.result("d", "1", 1, changed=True)
    fleet.result("c", "1", 2)
    fleet.fail("c", "1", "denied", final=False)
    progress = fleet.progress(4)
    assert progress is not None
    assert (progress.play, progress.number, progress.of, progress.task) == ("deploy", 1, 2, "Function")
    # A failed target counts as failed until its rescue ends. All tasks of the wave are done.
    assert (progress.done, progress.targets, progress.changed, progress.failed) == (2, 4, 1, 1)
    assert (progress.share, progress.rate) == (1, 0.5)
    fleet.result("c", "2", 4)
    progress = fleet.progress(4)
    assert progress is not None
    assert progress.failed == 0
    fleet.store_failure("c", "denied")

    begin(fleet, "deploy", hosts, ["b", "a"], serial=(2,), known=2, now=5)
    fleet.begin_task("3", "Function", 5)
    fleet.result("b", "3", 6)
    fleet.fail("b", "3", "broken", final=True)
    assert not fleet.fail("b", "3", "broken", final=True)
    progress = fleet.progress(6)
    assert progress is not None
    # In the running wave only the failed target is done.
    assert (progress.number, progress.done, progress.failed, progress.share) == (2, 3, 2, 0.25)

    begin(fleet, "outcome", hosts, hosts, now=8)
    progress = fleet.progress(8)
    assert progress is not None
    assert (progress.number, progress.of, progress.done, progress.rate) == (1, 1, 4, 0)
    assert [fleet.outcome(host) for host in hosts] == ["unfinished", "failed", "failed", "unfinished"]
    fleet.end({}, 8.5)
    assert fleet.progress(9) is None
    report = fleet.report({})
    assert list(report["targets"]) == sorted(hosts)
    assert [(wave["seconds"], wave["failed"]) for wave in report["waves"]] == [(5, 1), (3, 1), (0.5, 0)]
    assert [fleet.outcome(host) for host in hosts] == ["changed", "failed", "failed", "ok"]


def test_end_counted_failure_uses_the_rescued_sentence() -> None:
    fleet = fleet_of("a", "b")
    fleet.result("a", "t", 1)
    fleet.fail("a", "t", "denied", final=False)
    fleet.end({"a": 1, "b": 1}, 2)
    told = fleet.report({})["targets"]
    assert (told["a"]["failure"], told["b"]["failure"]) == (
        "denied",
        "The target failed. The output of Ansible shows the task.",
    )


def test_fail_second_sentence_keeps_the_first_reason() -> None:
    fleet = fleet_of("a", "b", "c", batch=("a",), serial=(1,))
    for sentence_told in ("first", "second"):
        assert fleet.fail("a", "t", sentence_told, final=True)
    fleet.end({}, 1)
    assert fleet.targets["a"].failure is not None
    assert fleet.targets["a"].failure.sentence == "first"
    assert [fleet.outcome(host) for host in "abc"] == ["failed", "not_started", "not_started"]
    # Another playbook fails the targets that the first did not start: they count as not started, and in no wave as failed.
    fleet.begin_playbook("verify.yml")
    begin(fleet, "verify", "abc", "abc", now=2)
    assert not fleet.fail("b", "t", "never begun", final=True)
    assert fleet.counts()["not_started"] == 2
    progress = fleet.progress(3)
    assert progress is not None
    assert progress.failed == 1
    assert [wave["failed"] for wave in fleet.report({})["waves"]] == [1, 0]


def test_begin_wave_ignores_plays_before_the_waves() -> None:
    fleet = fleet_of("a", "b", "c")
    begin(fleet, "waves", ["a", "b", "c"], ["a"], serial=[1], now=1)
    begin(fleet, "waves", ["a", "b", "c"], ["b"], serial=[1], now=2)
    begin(fleet, "outcome", ["a", "b", "c"], ["a", "b", "c"], now=3)
    fleet.end({}, 4)
    assert [fleet.targets[host].wave for host in "abc"] == [1, 2, None]
    assert [fleet.outcome(host) for host in "abc"] == ["ok", "ok", "not_started"]


def test_report_has_seconds_and_slowest_tasks_of_each_target() -> None:
    fleet = fleet_of("a")
    for number in range(8):
        fleet.begin_task(str(number), f"task {number}", 0)
        fleet.begin("a", str(number), 100 * number)
        fleet.result("a", str(number), 100 * number + number)
    told = fleet.report({})["targets"]["a"]
    assert told["seconds"] == 28
    assert told["slowest_tasks"] == {f"task {number}": number for number in (7, 6, 5, 4, 3)}


def test_report_cuts_and_counts_many_changes() -> None:
    fleet = fleet_of("a")
    fleet.result("a", "t", 1, changed=True, changes=[f"create {number}" for number in range(90)])
    fleet.result("a", "t", 1, changed=True, changes=["update"] * 60)
    told = fleet.report({})["targets"]["a"]
    assert (len(told["changes"]), told["changes_total"]) == (100, 150)


def test_progress_line_first_wave_counts_tasks() -> None:
    fleet = fleet_of("a", "b", "c", "d", known=4)
    fleet.begin_task("0", "Wave", 0)
    fleet.result("a", "0", 1)  # run_once
    fleet.begin_task("1", "Converge", 10)
    for host in "ab":
        fleet.begin(host, "1", 10)
        fleet.result(host, "1", 16)
    progress = fleet.progress(16)
    assert progress is not None
    assert (progress.share, progress.left, progress.measured) == (6 / 16, 6.0, False)
    assert progress_line(progress) == (
        "deploy: 38% of the wave's tasks, 0 of 4 targets done, 0 changed, 0 failed; 0.2 tasks/s, about 6 s left in this task"
    )


def test_progress_line_later_wave_weighs_tasks_by_seconds() -> None:
    fleet = fleet_of("a", "b", "c", "d", "e", batch=("a",), serial=(1, "100%"), known=2)
    for task, name, seconds in (("0", "Variables", 0.5), ("1", "Converge", 9.5)):
        fleet.begin_task(task, name, 0)
        fleet.begin("a", task, 0)
        fleet.result("a", task, seconds)
    begin(fleet, "deploy", list("abcde"), list("bcde"), serial=[1, "100%"], known=2, now=10)
    for task, name, hosts in (("0", "Variables", "bcde"), ("1", "Converge", "bc")):
        fleet.begin_task(task, name, 10)
        for host in hosts:
            fleet.begin(host, task, 10)
            fleet.result(host, task, 14)
    progress = fleet.progress(22)
    assert progress is not None
    assert (progress.number, progress.of, progress.done, progress.targets) == (2, 2, 1, 5)
    assert progress.share == pytest.approx((4 * 0.5 + 2 * 9.5) / (4 * 10))
    assert progress.left == pytest.approx(12 * 19 / 21)
    assert progress_line(progress) == (
        "deploy, wave 2 of 2: 52% of the wave's work, 1 of 5 targets done, 0 changed, 0 failed; "
        "0.5 tasks/s, about 11 s left in this wave"
    )


def test_progress_failed_target_counts_until_its_rescue() -> None:
    fleet = fleet_of("a")
    fleet.result("a", "t", 1)
    fleet.fail("a", "t", "broken", final=False)
    assert fleet.progress(1).failed == 1  # type: ignore[union-attr]
    fleet.result("a", "rescue", 2)
    assert fleet.progress(2).failed == 0  # type: ignore[union-attr]
    fleet.fail("a", "t", "broken again", final=False)
    fleet.interrupt()
    assert (fleet.outcome("a"), fleet.report({})["targets"]["a"]["failure"]) == ("failed", "broken again")


@given(
    st.lists(st.integers(1, 20) | st.integers(1, 100).map(lambda share: f"{share}%"), min_size=1), st.integers(0, 300)
)
def test_wave_sizes_hold_every_host_once(serial: list[int | str], hosts: int) -> None:
    sizes = wave_sizes(serial, hosts)
    assert sum(sizes) == hosts
    assert all(size > 0 for size in sizes)


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [(["1", "5%", "25%", "100%"], [1, 50, 250, 699]), ([], [1000]), ([0], [1000]), ([400], [400, 400, 200])],
)
def test_wave_sizes_are_those_of_ansible(serial: list[int | str], sizes: list[int]) -> None:
    assert wave_sizes(serial, 1000) == sizes


def test_change_lines_skip_hidden_results() -> None:
    assert change_lines({"changes": ["create a", 5, {"b": 1}], "results": [{"changes": ["update c"]}]}) == [
        "create a",
        "update c",
    ]
    assert change_lines({"changes": "text"}) == []
    assert change_lines({"changes": [SECRET], "_ansible_no_log": True}) == []
    assert change_lines({"results": [{"changes": [SECRET], "censored": "x"}]}) == []


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3840, "1 h 4 min")]
)
def test_duration_returns_text(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_summary_line_leaves_out_zero_counts() -> None:
    counts = {"changed": 0, "ok": 1200, "failed": 1, "unfinished": 0, "not_started": 0}
    assert summary_line(counts, 61, check_mode=True, interrupted=False) == (  # type: ignore[arg-type]
        "1,201 targets: 1,200 ok, 1 failed in 1 min 1 s; check mode, nothing was changed."
    )


def test_summary_line_without_targets_says_that_nothing_was_done() -> None:
    assert (
        summary_line({"ok": 0}, 0, check_mode=False, interrupted=False) == "Nothing was done: the run had no targets."
    )


def test_summary_line_check_mode_says_would_change() -> None:
    line = summary_line({"changed": 2}, 5, check_mode=True, interrupted=False)
    assert line == "2 targets: 2 would change in 5 s; check mode, nothing was changed."


def test_summary_line_interrupted_names_the_next_command() -> None:
    line = summary_line({"unfinished": 1}, 5, check_mode=False, interrupted=True)
    assert line == "Interrupted. 1 target: 1 unfinished in 5 s. Run the same command again to continue."


def test_fail_stored_failure_is_reported_once() -> None:
    """The last task of a playbook fails the target with another text than the stored one."""
    fleet = fleet_of("a")
    fleet.begin_task("1", "Deploy everything", 0)
    assert fleet.fail("a", "1", "denied", final=False)
    fleet.store_failure("a", "denied")
    assert not fleet.fail("a", "2", "See the recap above.", final=True)
    fleet.end({"a": 1}, 3)
    reported = fleet.report({})["targets"]["a"]
    assert (reported["failure"], reported["failed_task"]) == ("denied", "Deploy everything")


PLACES = {
    "shop.eu": Place("222222222222", "shop", "eu-west-1"),
    "shop.us": Place("222222222222", "shop", "us-east-1"),
    "main.eu": Place("111111111111", "", "eu-west-1"),
    "plain": Place(),
}


def test_table_has_a_field_for_each_account_and_region() -> None:
    assert table({"shop.eu": "ok", "shop.us": "failed", "main.eu": "not_started"}, PLACES, rows=30) == [
        "account       eu-west-1    us-east-1",
        "111111111111  not started",
        "shop          ok           failed",
    ]


def test_table_host_without_account_has_its_own_row() -> None:
    assert table({"plain": "changed"}, PLACES, rows=30) == ["account  outcome", "plain    changed"]


def test_table_two_targets_in_one_place_are_counted() -> None:
    places = {"a": PLACES["shop.eu"], "b": PLACES["shop.eu"]}
    assert table({"a": "ok", "b": "failed"}, places, rows=30) == [
        "region     changed  ok  failed  unfinished  not started",
        "eu-west-1  .        1   1       .           .",
        "",
        "account  changed  ok  failed  unfinished  not started",
        "shop     .        1   1       .           .",
    ]


def test_table_many_accounts_lists_only_those_with_failures() -> None:
    places = {f"h{number}": Place(str(number), f"a{number}", "eu-west-1") for number in range(50)}
    lines = table({host: "failed" if host in ("h3", "h4", "h5") else "ok" for host in places}, places, rows=2)
    assert lines == [
        "region     changed  ok  failed  unfinished  not started",
        "eu-west-1  .        47  3       .           .",
        "",
        "account  changed  ok  failed  unfinished  not started",
        "a3       .        .   1       .           .",
        "a4       .        .   1       .           .",
        "... and 1 more accounts",
    ]
