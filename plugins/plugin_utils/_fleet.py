# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run over many targets has come to: events in, numbers, words and a report out. Knows no display and no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any, Literal

from ansible.utils.helpers import pct_to_int

Outcome = Literal["ok", "changed", "failed", "unfinished", "not_begun"]
OUTCOMES: tuple[Outcome, ...] = ("changed", "ok", "failed", "unfinished", "not_begun")
FORMAT = 1  # of the report; docs/WATCHING.md

_CHANGES = 100  # lines of changes kept for a target: a catch-up may have thousands
_SLOWEST = 5  # tasks told of a target
_SENTENCE = 1000  # characters
_HIDDEN = "It failed; its output is hidden by no_log."


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a target failed: one sentence, and the task."""

    sentence: str
    task: str


@dataclass(slots=True)
class Target:
    """One inventory host.

    wave         its place in the first play with several waves (with one, if there is no such play); None: in none so far
    left_out     a play ended before the target's wave
    stopped      the play ended for it because of others
    trouble      its last failure that was rescued; `down` until a task of the rescue is over
    """

    wave: int | None = None
    left_out: bool = False
    stopped: bool = False
    changed: bool = False
    changes: list[str] = field(default_factory=list)
    changes_total: int = 0
    trouble: Failure | None = None
    down: bool = False
    failure: Failure | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Wave:
    """One batch of a play's `serial`; a play without it is one wave.

    size      targets
    known     estimate of the tasks of a target
    results   task results so far, of all targets
    spent     seconds by task, of all targets
    expected  seconds of a target by task, from the waves before; `work` the part of it that is done, of all targets
    task      tasks begun; `in_task` of the results belong to the last
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
        """How much of the wave is done, 0 to 1. An estimate: tasks differ, and included ones are not known before."""
        size = max(len(self.hosts), 1)
        if self.expected:
            return min(1.0, self.work / (size * sum(self.expected.values())))
        # In lockstep a task that is begun tells that the ones before it are over, whichever hosts they ran on.
        units = (self.tasks - 1) * size + min(self.in_task, size) if self.lockstep and self.tasks else self.results
        return min(1.0, units / (max(self.known, self.tasks, 1) * size))

    def left(self, now: float) -> float | None:
        """Seconds: of the wave, if earlier waves told what its tasks take; of the task that runs on all targets otherwise."""
        share, since = self.share(), self.began
        if not self.expected:
            share, since = (self.in_task / max(len(self.hosts), 1) if self.lockstep else 0.0), self.task_began
        elapsed = now - since
        return elapsed * (1 - share) / share if 0.02 < share < 1 and elapsed > 2 else None


@dataclass(frozen=True, slots=True)
class Progress:
    """The running wave in numbers.

    share      of the wave's tasks; if `measured`, weighed with the time that they took in the waves before
    rate       task results a second
    left       seconds, None: too early to tell; of the wave if `measured`, otherwise of the task that runs
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
        """The time left, "" if there is none to tell."""
        if self.left is None:
            return ""
        return f"about {duration(self.left)} left in this {'wave' if self.measured else 'task'}"

    def share_words(self) -> str:
        """The share, and what it is a share of."""
        return f"{self.share:.0%} of the wave's {'work' if self.measured else 'tasks'}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is; "" where the inventory does not say."""

    account: str = ""
    account_name: str = ""
    region: str = ""


class Fleet:
    """The state. Every method is one event; `now` is a monotonic clock's seconds."""

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
        """The wave that runs."""
        return self.waves[-1] if self.waves and self.waves[-1].seconds is None else None

    def begin_playbook(self, name: str) -> None:
        """The next playbook of the command."""
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
        """A play begins, or its next batch does.

        play     its id, the same for each batch
        hosts    all of the play's hosts; `batch` those of this batch
        serial   as the play has it
        known    tasks of the play, as far as they can be counted
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
            # A play before it over all targets at once says nothing of who is in which wave.
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
        """A task begins (in lockstep: on all hosts of the wave; otherwise on the first of them)."""
        self._names[task] = name
        if wave := self.wave:
            wave.tasks += 1
            wave.in_task = 0
            wave.task_began = now
            wave.current = name

    def begin(self, host: str, task: str, now: float) -> None:
        """A task is handed to a worker for a host."""
        self._begun[host] = task, now

    def result(self, host: str, task: str, now: float, *, changed: bool = False, changes: Sequence[str] = ()) -> None:
        """What came of a task on a host, well or not."""
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
        """A failure after its `result`; `final` if nothing rescued it. True when it tells something new."""
        target = self.targets.setdefault(host, Target())
        known = target.failure or target.trouble
        told = known is not None and known.sentence == sentence
        # The same sentence again: the task that failed first is the one to look at.
        failure = known if told and known else Failure(sentence, self._names.get(task, ""))
        if not final:
            target.trouble, target.down = failure, True
        elif target.failure is None:
            self._failed(target, failure)
        return not told and not target.left_out

    def remember(self, host: str, sentence: str) -> None:
        """A rescue keeps the sentence to fail the target with at the end: failed from now on."""
        target = self.targets.setdefault(host, Target())
        if target.failure is None:
            known = target.trouble
            self._failed(target, Failure(sentence, known.task if known else ""))

    def stop(self, hosts: Iterable[str] | None = None) -> None:
        """The play goes on without these hosts, because others failed; None: without all of its wave."""
        if wave := self.wave:
            for host in wave.hosts if hosts is None else wave.hosts.intersection(hosts):
                self.targets[host].stopped = True

    def end_wave(self, now: float) -> None:
        """The running wave is over."""
        if wave := self.wave:
            wave.seconds = now - wave.began

    def end(self, failures: Mapping[str, int], now: float) -> None:
        """A playbook is over. `failures` are Ansible's own counts by host: what they know and no event told is failed."""
        self.end_wave(now)
        self._end_play()
        self._play = ""
        self.complete = True
        for host, count in failures.items():
            target = self.targets.setdefault(host, Target())
            if count and target.failure is None:
                target.failure = target.trouble or Failure("It failed; Ansible's output says where.", "")

    def outcome(self, host: str) -> Outcome:
        """What became of a target. Not begun wins: a later play may fail it for that very reason."""
        target = self.targets[host]
        if target.left_out or target.wave is None:
            return "not_begun"
        if target.failure:
            return "failed"
        if target.stopped or (not self.complete and self.wave is not None and host in self.wave.hosts):
            return "unfinished"
        return "changed" if target.changed else "ok"

    def counts(self) -> dict[Outcome, int]:
        """Targets by outcome."""
        found = Counter(map(self.outcome, self.targets))
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def progress(self, now: float) -> Progress | None:
        """Where the running wave stands."""
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
            done=self._earlier + wave.failed if share < 1 else self._earlier + len(wave.hosts),
            targets=self._of_play,
            changed=sum(target.changed for target in targets),
            failed=sum((target.down or target.failure is not None) and not target.left_out for target in targets),
            rate=wave.results / elapsed if elapsed > 0 else 0.0,
            left=wave.left(now),
            measured=bool(wave.expected),
        )

    def interrupt(self) -> None:
        """The run ends before its time: of the play that runs, the waves to come are not begun, and nothing else is rescued."""
        self._end_play()
        for target in self.targets.values():
            if target.down:
                target.failure = target.failure or target.trouble

    def report(self, places: Mapping[str, Place]) -> dict[str, Any]:
        """Counts, waves and targets as docs/WATCHING.md describes them; seconds to the millisecond."""
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
            "targets": {host: self._told(host, places.get(host, Place())) for host in sorted(self.targets)},
        }

    def _told(self, host: str, place: Place) -> dict[str, Any]:
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

    def _failed(self, target: Target, failure: Failure) -> None:
        target.failure = failure
        if self.wave and not target.left_out:
            self.wave.failed += 1

    def _end_play(self) -> None:
        # Those that failed before are out of Ansible's play, but not unknown.
        for host in self._waiting:
            self.targets[host].left_out = True
        self._waiting = set()


def wave_sizes(serial: Sequence[int | str], hosts: int) -> list[int]:
    """How many hosts each batch has: the last entry of `serial` is used again until none is left."""
    sizes: list[int] = []
    left = hosts
    while left > 0:
        size = pct_to_int(serial[min(len(sizes), len(serial) - 1)], hosts) if serial else 0
        sizes.append(min(size, left) if size > 0 else left)
        left -= sizes[-1]
    return sizes


def _per_target(waves: Sequence[Wave]) -> dict[str, float]:
    """Seconds that a target took for each task, in the waves that are over."""
    targets = sum(len(wave.hosts) for wave in waves)
    spent: Counter[str] = Counter()
    for wave in waves:
        spent.update(wave.spent)  # type: ignore[arg-type] # a Counter adds seconds as well
    return {name: seconds / targets for name, seconds in spent.items() if seconds > 0} if targets else {}


def sentence(result: Mapping[str, Any]) -> str:
    """Why a task failed, in one line: its message, of a loop those of its failed items. A hidden result is not read."""
    if hidden(result):
        return _HIDDEN
    items = result.get("results")
    failed = (
        [item for item in items if isinstance(item, dict) and item.get("failed")] if isinstance(items, list) else []
    )
    if failed:
        return _line(" ".join(dict.fromkeys(_HIDDEN if hidden(item) else _text(item.get("msg")) for item in failed)))
    return _line(_text(result.get("msg")))


def hidden(result: Mapping[str, Any]) -> bool:
    """Whether no_log forbids to look into a result."""
    return bool(result.get("_ansible_no_log") or "censored" in result)


def change_lines(result: Mapping[str, Any]) -> list[str]:
    """The `changes` of a result, and of a loop's items, where they are lines of text."""
    if hidden(result):
        return []
    lines = result.get("changes")
    found = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    items = result.get("results")
    if isinstance(items, list):
        found += [line for item in items if isinstance(item, dict) for line in change_lines(item)]
    return found


def duration(seconds: float) -> str:
    """As people say it: 14 s, 2 min 5 s, 1 h 4 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_line(progress: Progress) -> str:
    """Where the wave stands, for a log."""
    wave = f", wave {progress.number} of {progress.of}" if progress.of > 1 else ""
    left = progress.left_words()
    return (
        f"{progress.play}{wave}: {progress.share_words()}, {progress.done:,} of {progress.targets:,} targets done, "
        f"{progress.changed:,} changed, {progress.failed:,} failed; {progress.rate:.1f} tasks/s{left and ', '}{left}"
    )


def summary_line(counts: Mapping[Outcome, int], seconds: float, *, check_mode: bool, interrupted: bool) -> str:
    """The last word on the targets."""
    parts = ", ".join(f"{count:,} {_word(outcome)}" for outcome, count in counts.items() if count)
    total = sum(counts.values())
    checked = "; check mode, nothing was changed" if check_mode else ""
    return (
        f"{'Interrupted. ' if interrupted else ''}{total:,} target{'' if total == 1 else 's'}: {parts or 'none'}"
        f" in {duration(seconds)}{checked}."
    )


def table(outcomes: Mapping[str, Outcome], places: Mapping[str, Place], *, rows: int) -> list[str]:
    """The targets' outcomes by account and region, as aligned lines.

    Up to `rows` accounts in a few regions: an outcome in each field. Otherwise: counts by region, then by account for those accounts
    where a target failed or was left, up to `rows` of them.
    """
    where = {host: places.get(host, Place()) for host in outcomes}
    accounts: dict[str, dict[str, Outcome]] = {}
    regions: dict[str, list[Outcome]] = {}
    for host, outcome in outcomes.items():
        place = where[host]
        # Without an account the host's own name is what tells it apart.
        accounts.setdefault(place.account_name or place.account or host, {})[
            place.region if place.account or place.account_name else ""
        ] = outcome
        regions.setdefault(place.region, []).append(outcome)
    columns = sorted({region for fields in accounts.values() for region in fields})
    if len(accounts) <= rows and len(columns) <= 6 and sum(map(len, accounts.values())) == len(outcomes):
        return _aligned(
            [("account", *(column or "outcome" for column in columns))]
            + [
                (name, *(_word(fields[column]) if column in fields else "" for column in columns))
                for name, fields in sorted(accounts.items())
            ]
        )
    head = [_word(outcome) for outcome in OUTCOMES]
    lines = _aligned([("region", *head)] + [(name or "-", *_counted(found)) for name, found in sorted(regions.items())])
    by_account: dict[str, list[Outcome]] = {}
    for host, outcome in outcomes.items():
        by_account.setdefault(where[host].account_name or where[host].account or host, []).append(outcome)
    troubled = [
        (name, *_counted(found))
        for name, found in sorted(by_account.items())
        if not {"ok", "changed"}.issuperset(found)
    ]
    if troubled:
        lines += ["", *_aligned([("account", *head), *troubled[:rows]])]
    if len(troubled) > rows:
        lines.append(f"... and {len(troubled) - rows:,} more accounts")
    return lines


def _counted(outcomes: Sequence[Outcome]) -> list[str]:
    found = Counter(outcomes)
    return [f"{found[outcome]:,}" if found[outcome] else "." for outcome in OUTCOMES]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _word(outcome: Outcome) -> str:
    return outcome.replace("_", " ")


def _text(message: Any) -> str:
    if isinstance(message, list):
        return " ".join(map(str, message))
    return str(message) if message else "It failed without a message."


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SENTENCE else f"{line[: _SENTENCE - 3]}..."
