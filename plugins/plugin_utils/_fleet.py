# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a run over many targets: events in; numbers, texts and a report out. It uses no display and no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from ._failures import is_hidden
from ._outcomes import OUTCOMES, Outcome, summary, word
from ._waves import wave_sizes

FORMAT = 1  # of the report; docs/WATCHING.md

_CHANGES = 100  # lines of changes kept for a target: a catch-up may have thousands
_SLOWEST = 5  # tasks reported for a target


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a target failed: one sentence, and the task that failed."""

    sentence: str
    task: str


@dataclass(slots=True)
class Target:
    """One inventory host.

    wave         its number in the first play with several waves, 1 if there is no such play, None if it was in none so far
    left_out     a play ended before the target's wave
    stopped      the play ended for the target because others failed
    rescued      the last failure that was rescued; `down` until a task of the rescue has ended
    stored       whether a rescue stored the failure, to fail the target with it at the end
    """

    wave: int | None = None
    left_out: bool = False
    stopped: bool = False
    changed: bool = False
    changes: list[str] = field(default_factory=list)
    changes_total: int = 0
    rescued: Failure | None = None
    down: bool = False
    failure: Failure | None = None
    stored: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Wave:
    """A batch of a play's `serial`. A play without `serial` is one wave.

    known     estimate of the tasks of a target
    results   task results so far, of all targets
    tasks     tasks that have started; `in_task` of the results belong to the last one
    spent     seconds by task, of all targets
    expected  seconds of a target by task, measured in the waves before; `work` is the part that is done, of all targets
    """

    play: str
    number: int
    of: int
    hosts: frozenset[str]
    known: int
    lockstep: bool
    began: float
    seconds: float | None = None
    results: int = 0
    tasks: int = 0
    in_task: int = 0
    failed: int = 0
    current: str = ""

    task_began: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    work: float = 0.0

    def share(self) -> float:
        """Return how much of the wave is done, 0 to 1. It is an estimate: tasks differ, and included tasks are not known before."""
        size = max(len(self.hosts), 1)
        if self.expected:
            return min(1.0, self.work / (size * sum(self.expected.values())))
        # In lockstep all tasks before the one that runs have ended, on whichever hosts they ran.
        units = (self.tasks - 1) * size + min(self.in_task, size) if self.lockstep and self.tasks else self.results
        return min(1.0, units / (max(self.known, self.tasks, 1) * size))

    def left(self, now: float) -> float | None:
        """Return the seconds left: of the wave if earlier waves were measured, otherwise of the task that runs. None: unknown."""
        share, since = self.share(), self.began
        if not self.expected:
            share, since = (self.in_task / max(len(self.hosts), 1) if self.lockstep else 0.0), self.task_began
        elapsed = now - since
        return elapsed * (1 - share) / share if 0.02 < share < 1 and elapsed > 2 else None


@dataclass(frozen=True, slots=True)
class Progress:
    """The running wave in numbers.

    share      of the wave's tasks; if `measured`, weighted by how long each took in the waves before
    rate       task results per second
    left       seconds, None if unknown; of the wave if `measured`, otherwise of the task that runs
    """

    play: str
    number: int
    of: int
    task: str
    share: float
    done: int
    targets: int
    changed: int
    failed: int
    rate: float
    left: float | None
    measured: bool

    def left_words(self) -> str:
        """Return the time left as text, "" if it is unknown."""
        if self.left is None:
            return ""
        return f"about {duration(self.left)} left in this {'wave' if self.measured else 'task'}"

    def share_words(self) -> str:
        """Return the share as text."""
        return f"{self.share:.0%} of the wave's {'work' if self.measured else 'tasks'}"


@dataclass(frozen=True, slots=True)
class Place:
    """Account and region of a target, "" where the inventory does not set them."""

    account: str = ""
    account_name: str = ""
    region: str = ""


class Fleet:
    """The state of a run. A method for each event; `now` is in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.playbooks: list[str] = []
        self.targets: dict[str, Target] = {}
        self.waves: list[Wave] = []
        self.complete = False
        self._names: dict[str, str] = {}
        self._begun: dict[str, tuple[str, float]] = {}
        self._play = ""
        self._waved = False
        self._waiting: set[str] = set()
        self._of_play = 0
        self._earlier = 0

    @property
    def wave(self) -> Wave | None:
        """Return the wave that runs, None between waves."""
        return self.waves[-1] if self.waves and self.waves[-1].seconds is None else None

    def begin_playbook(self, name: str) -> None:
        """Start the next playbook of the command."""
        self.playbooks.append(name)
        self.complete = False

    def begin_wave(
        self,
        play: str,
        name: str,
        hosts: Sequence[str],
        batch: Iterable[str],
        *,
        serial: Sequence[int | str],
        known: int,
        lockstep: bool,
        now: float,
    ) -> None:
        """Start a play, or its next batch.

        play     id of the play, the same for each batch
        hosts    all hosts of the play; `batch` those of this batch
        serial   keyword of the play
        known    tasks of the play that can be counted before it runs
        """
        self.end_wave(now)
        if play != self._play:
            self._end_play()
            self._play, self._waiting, self._of_play, self._earlier = play, set(hosts), len(hosts), 0
            number, of = 1, max(1, len(wave_sizes(serial, len(hosts))))
            expected: dict[str, float] = {}
        else:
            before = self.waves[-1]
            number, of = before.number + 1, max(before.of, before.number + 1)
            expected = _per_target(self.waves[-before.number :])
            self._earlier += len(before.hosts)
        for host in hosts:
            if host not in self.targets:
                self.targets[host] = Target()
        if of > 1 and not self._waved:
            # An earlier play over all targets at once does not decide about waves.
            self._waved = True
            for host in hosts:
                self.targets[host].wave = None
        members = frozenset(batch)
        self.waves.append(Wave(name, number, of, members, known, lockstep, now, expected=expected))
        for host in members:
            target = self.targets.setdefault(host, Target())
            if target.wave is None and not target.left_out:
                target.wave = number
        self._waiting -= members

    def begin_task(self, task: str, name: str, now: float) -> None:
        """Start a task: in lockstep on all hosts of the wave, otherwise on the first of them."""
        self._names[task] = name
        if wave := self.wave:
            wave.tasks += 1
            wave.in_task = 0
            wave.task_began = now
            wave.current = name

    def begin(self, host: str, task: str, now: float) -> None:
        """Note that a worker got a task for a host."""
        self._begun[host] = task, now

    def result(self, host: str, task: str, now: float, *, changed: bool = False, changes: Sequence[str] = ()) -> None:
        """Note the result of a task on a host, whether it failed or not."""
        target = self.targets.get(host)
        if target is None:
            target = self.targets[host] = Target()
        target.down = False
        name = self._names.get(task, "")
        begun = self._begun.pop(host, None)
        seconds = now - begun[1] if begun is not None and begun[0] == task else 0.0
        target.seconds[name] = target.seconds.get(name, 0.0) + seconds
        if wave := self.wave:
            wave.results += 1
            wave.in_task += 1
            wave.spent[name] = wave.spent.get(name, 0.0) + seconds
            wave.work += wave.expected.get(name, 0.0)
        if changed:
            target.changed = True
        if changes:
            target.changes_total += len(changes)
            target.changes += changes[: max(0, _CHANGES - len(target.changes))]

    def fail(self, host: str, task: str, sentence: str, *, final: bool) -> bool:
        """Note a failure, after its `result`. Return whether it is new.

        final   whether nothing rescued it
        """
        target = self.targets.setdefault(host, Target())
        known = target.failure or target.rescued
        is_known = target.stored or (known is not None and known.sentence == sentence)
        # A repeated failure belongs to the task that failed first.
        failure = known if is_known and known else Failure(sentence, self._names.get(task, ""))
        if not final:
            target.rescued, target.down = failure, True
        elif target.failure is None:
            self._set_failure(target, failure)
        return not is_known and not target.left_out

    def store_failure(self, host: str, sentence: str) -> None:
        """Note that a rescue stored a failure. The target counts as failed from now on."""
        target = self.targets.setdefault(host, Target())
        target.stored = True
        if target.failure is None:
            known = target.rescued
            self._set_failure(target, Failure(sentence, known.task if known else ""))

    def stop(self, hosts: Iterable[str] | None = None) -> None:
        """Note that the play continues without these hosts because others failed; None: without its whole wave."""
        if wave := self.wave:
            for host in wave.hosts if hosts is None else wave.hosts.intersection(hosts):
                self.targets[host].stopped = True

    def end_wave(self, now: float) -> None:
        """End the running wave."""
        if wave := self.wave:
            wave.seconds = now - wave.began

    def end(self, failures: Mapping[str, int], now: float) -> None:
        """End the playbook. `failures` are Ansible's counts by host: a host counted there failed even without an event of it."""
        self.end_wave(now)
        self._end_play()
        self._play = ""
        self.complete = True
        for host, count in failures.items():
            target = self.targets.setdefault(host, Target())
            if count and target.failure is None:
                target.failure = target.rescued or Failure(
                    "The target failed. The output of Ansible shows the task.", ""
                )

    def outcome(self, host: str) -> Outcome:
        """Return the outcome of a target. `not_started` comes first: a later play fails the target for that reason."""
        target = self.targets[host]
        if target.left_out or target.wave is None:
            return "not_started"
        if target.failure:
            return "failed"
        if target.stopped or (not self.complete and self.wave is not None and host in self.wave.hosts):
            return "unfinished"
        return "changed" if target.changed else "ok"

    def counts(self) -> dict[Outcome, int]:
        """Return the number of targets by outcome."""
        found = Counter(map(self.outcome, self.targets))
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def progress(self, now: float) -> Progress | None:
        """Return the progress of the running wave, None between waves."""
        wave = self.wave
        if wave is None:
            return None
        targets = list(self.targets.values())
        share, elapsed = wave.share(), now - wave.began
        return Progress(
            play=wave.play,
            number=wave.number,
            of=wave.of,
            task=wave.current,
            share=share,
            done=self._done(wave, share),
            targets=self._of_play,
            changed=sum(target.changed for target in targets),
            failed=sum((target.down or target.failure is not None) and not target.left_out for target in targets),
            rate=wave.results / elapsed if elapsed > 0 else 0.0,
            left=wave.left(now),
            measured=bool(wave.expected),
        )

    def _done(self, wave: Wave, share: float) -> int:
        """Return how many targets are done. A play after the one with waves starts no target again."""
        if self._waved and wave.of == 1:
            return sum(target.wave is not None for target in self.targets.values())
        return self._earlier + (wave.failed if share < 1 else len(wave.hosts))

    def interrupt(self) -> None:
        """End the run early: the remaining waves of the play are not started, and no other failure is rescued."""
        self._end_play()
        for target in self.targets.values():
            if target.down:
                target.failure = target.failure or target.rescued

    def report(self, places: Mapping[str, Place]) -> dict[str, Any]:
        """Return counts, waves and targets as docs/WATCHING.md describes them."""
        return {
            "counts": self.counts(),
            "waves": [
                {
                    "play": wave.play,
                    "number": wave.number,
                    "of": wave.of,
                    "targets": len(wave.hosts),
                    "failed": wave.failed,
                    "seconds": None if wave.seconds is None else round(wave.seconds, 3),
                }
                for wave in self.waves
            ],
            "targets": {host: self._target_report(host, places.get(host, Place())) for host in sorted(self.targets)},
        }

    def _target_report(self, host: str, place: Place) -> dict[str, Any]:
        target = self.targets[host]
        slowest = nlargest(_SLOWEST, target.seconds.items(), key=lambda item: item[1])
        return {
            "account": place.account,
            "account_name": place.account_name,
            "region": place.region,
            "outcome": self.outcome(host),
            "wave": target.wave,
            "changes": target.changes,
            "changes_total": target.changes_total,
            "failure": target.failure.sentence if target.failure else None,
            "failed_task": target.failure.task if target.failure else None,
            "seconds": round(sum(target.seconds.values()), 3),
            "slowest_tasks": {name: round(seconds, 3) for name, seconds in slowest},
        }

    def _set_failure(self, target: Target, failure: Failure) -> None:
        target.failure = failure
        if self.wave and not target.left_out:
            self.wave.failed += 1

    def _end_play(self) -> None:
        # A target that failed before is not in Ansible's play any more, but it is known.
        for host in self._waiting:
            self.targets[host].left_out = True
        self._waiting = set()


def _per_target(waves: Sequence[Wave]) -> dict[str, float]:
    """Return the seconds that a target took for each task in these waves."""
    targets = sum(len(wave.hosts) for wave in waves)
    spent: Counter[str] = Counter()
    for wave in waves:
        spent.update(wave.spent)  # type: ignore[arg-type] # a Counter adds seconds as well
    return {name: seconds / targets for name, seconds in spent.items() if seconds > 0} if targets else {}


def change_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines in `changes` of a result and of the items of a loop."""
    if is_hidden(result):
        return []
    lines = result.get("changes")
    found = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    items = result.get("results")
    if isinstance(items, list):
        found += [line for item in items if isinstance(item, dict) for line in change_lines(item)]
    return found


def duration(seconds: float) -> str:
    """Return the duration as text: 14 s, 2 min 5 s, 1 h 4 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_line(progress: Progress) -> str:
    """Return the progress as a line of a log."""
    wave = f", wave {progress.number} of {progress.of}" if progress.of > 1 else ""
    left = progress.left_words()
    return (
        f"{progress.play}{wave}: {progress.share_words()}, {progress.done:,} of {progress.targets:,} targets done, "
        f"{progress.changed:,} changed, {progress.failed:,} failed; {progress.rate:.1f} tasks/s{left and ', '}{left}"
    )


def summary_line(counts: Mapping[Outcome, int], seconds: float, *, check_mode: bool, interrupted: bool) -> str:
    """Return the last line of a run."""
    if not sum(counts.values()):
        return "Nothing was done: the run had no targets."
    checked = "; check mode, nothing was changed" if check_mode else ""
    again = " Run the same command again to continue." if interrupted else ""
    return f"{'Interrupted. ' if interrupted else ''}{summary(counts, check_mode=check_mode)} in {duration(seconds)}{checked}.{again}"


def table(
    outcomes: Mapping[str, Outcome], places: Mapping[str, Place], *, rows: int, check_mode: bool = False
) -> list[str]:
    """Return the targets' outcomes by account and region, as aligned lines.

    Up to `rows` accounts in a few regions have an outcome in each field. More are counted by region; then accounts with a target
    that failed or was left follow, up to `rows` of them.
    """
    words = {outcome: word(outcome, check_mode=check_mode) for outcome in OUTCOMES}
    where = {host: places.get(host, Place()) for host in outcomes}
    accounts: dict[str, dict[str, Outcome]] = {}
    regions: dict[str, list[Outcome]] = {}
    for host, outcome in outcomes.items():
        place = where[host]
        # A host without an account has its own row.
        accounts.setdefault(place.account_name or place.account or host, {})[
            place.region if place.account or place.account_name else ""
        ] = outcome
        regions.setdefault(place.region, []).append(outcome)
    columns = sorted({region for fields in accounts.values() for region in fields})
    if len(accounts) <= rows and len(columns) <= 6 and sum(map(len, accounts.values())) == len(outcomes):
        return _aligned(
            [("account", *(column or "outcome" for column in columns))]
            + [
                (name, *(words[fields[column]] if column in fields else "" for column in columns))
                for name, fields in sorted(accounts.items())
            ]
        )
    head = list(words.values())
    lines = _aligned([("region", *head)] + [(name or "-", *_counted(found)) for name, found in sorted(regions.items())])
    by_account: dict[str, list[Outcome]] = {}
    for host, outcome in outcomes.items():
        by_account.setdefault(where[host].account_name or where[host].account or host, []).append(outcome)
    with_problems = [
        (name, *_counted(found))
        for name, found in sorted(by_account.items())
        if not {"ok", "changed"}.issuperset(found)
    ]
    if with_problems:
        lines += ["", *_aligned([("account", *head), *with_problems[:rows]])]
    if len(with_problems) > rows:
        lines.append(f"... and {len(with_problems) - rows:,} more accounts")
    return lines


def _counted(outcomes: Sequence[Outcome]) -> list[str]:
    found = Counter(outcomes)
    return [f"{found[outcome]:,}" if found[outcome] else "." for outcome in OUTCOMES]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
