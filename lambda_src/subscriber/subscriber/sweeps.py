# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep: every group of the target, in slices that fit into an invocation and hand over to each other."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from logreflector._errors import ReflectorError
from logreflector._subscriptions.sweep import Outcome, Sweep
from logreflector._subscriptions.tally import FAILURES, Tally

from .events import SWEEP_CONTINUED, Subscribed, SweepSlice
from .groups import NEW_MS, Groups
from .metrics import metric_line
from .worker import Deadline, Worker, now

_LEAST_SECONDS = 15.0
_STALE_SECONDS = 900.0  # longer than an invocation can take: a sweep of which nothing was heard for so long has died
_AT_ONCE = 50
_MOST_ENTRIES = 50
_DAY_MS = 24 * 3600 * 1000


class SweepError(ReflectorError):
    """A slice that did not move on."""


class Sweeps:
    """Remembers which sweeps are under way: one that begins meanwhile ends again, and the older one goes on. Were it the
    other way round, a sweep that takes longer than the schedule's period would never end."""

    def __init__(self, worker: Worker, groups: Groups) -> None:
        self._worker, self._groups = worker, groups
        self._seen: dict[str, float] = {}

    def slice(self, work: SweepSlice, deadline: Deadline) -> dict[str, Any]:
        """Do a slice and hand over the next, or end the sweep with its metrics. Answers a report. SweepError, and what calls raise."""
        report: dict[str, Any] = {"sweep": work.started, "slice": work.number}
        if self._is_overtaken(work):
            return {**report, "outcome": "given up: an older sweep is under way"}
        place = str(self._worker.place)
        if deadline.left() < _LEAST_SECONDS:
            raise SweepError(f"go on with the sweep of {work.started}", "this invocation has no time left", where=place)
        api = self._worker.api(deadline)
        if self._worker.is_left_to_policy(api, deadline):
            return {**report, "outcome": "given up: the account policy serves the target"}
        sweep = self._worker.sweep(
            api,
            purge=bool(self._worker.settings.tag_keys),
            audit=self._audited(work),
            mark_new=not self._worker.settles,
            since=work.started_ms,
            ends=self._timer(deadline),
        )
        tally = self._swept(sweep, work)
        counts = _added(
            work.counts, {**tally.counts(), **{f"not_possible_{message}": n for message, n in tally.causes.items()}}
        )
        report.update(counts=counts, not_subscribed=_entries(tally))
        if sweep.notes:
            report["note"] = f"{sweep.notes[0]} (one of {len(sweep.notes)} notes)"
        if sweep.stopped is None:
            self._seen.pop(work.started, None)
            print(metric_line(counts, self._worker.place.function, now()))
            return {**report, "outcome": "ended"}
        if (work.position and sweep.stopped.after <= work.position.after) or not sweep.stopped.after:
            raise SweepError(
                f"go on with the sweep of {work.started}", "its last slice got to no log group", where=place
            )
        following = SweepSlice(work.started, work.number + 1, sweep.stopped, counts)
        self._worker.publish(SWEEP_CONTINUED, following.detail())
        return {**report, "outcome": "continued"}

    def _is_overtaken(self, work: SweepSlice) -> bool:
        at = time.monotonic()
        self._seen = {name: seen for name, seen in self._seen.items() if at - seen < _STALE_SECONDS}
        if any(SweepSlice(name).started_ms < work.started_ms for name in self._seen):
            return True
        self._seen[work.started] = at
        return False

    def _audited(self, work: SweepSlice) -> Callable[[str], bool]:
        """Each day another part of the groups, all of them in each period of `audit_days`. The parts' order moves on from
        period to period: a sweep that comes once a week would meet the same part for ever."""
        days = self._worker.settings.options.audit_days
        period, day = divmod(work.started_ms // _DAY_MS, days)
        return lambda name: (zlib.crc32(name.encode()) - period) % days == day

    def _timer(self, deadline: Deadline) -> Callable[[], bool]:
        """Half of the time is for what a slice has begun. It starts with the first group: the marks were listed before."""
        end: list[float] = []

        def ends() -> bool:
            if not end:
                end.append(time.monotonic() + min(self._worker.settings.options.slice_seconds, deadline.left() / 2))
            return time.monotonic() >= end[0]

        return ends

    def _swept(self, sweep: Sweep, work: SweepSlice) -> Tally:
        tally = Tally(_MOST_ENTRIES)
        new: list[Outcome] = []
        unmarked: list[Outcome] = []
        pending: list[Future[None]] = []
        # Beside the sweep, which goes on at the pace of other calls meanwhile.
        with ThreadPoolExecutor(1) as pool:
            try:
                for outcome in sweep.outcomes(write=True, position=work.position):
                    tally.add(outcome)
                    if self._is_new(outcome, work):
                        new.append(outcome)
                    elif outcome.kind == "created":
                        unmarked.append(outcome)
                    if len(new) + len(unmarked) >= _AT_ONCE:
                        pending.append(pool.submit(self._finish, sweep, new, unmarked))
                        new, unmarked = [], []
            finally:  # also where the listing broke off
                pending.append(pool.submit(self._finish, sweep, new, unmarked))
        for future in pending:
            future.result()
        return tally

    def _is_new(self, outcome: Outcome, work: SweepSlice) -> bool:
        """Also one that this slice subscribed before, when it ended without a word: its mark is missing. Without marks that is
        not known, and rather twice than never."""
        before = outcome.plan.before
        unmarked = outcome.mark == "set" or not self._worker.settings.options.tag_log_groups
        again = outcome.kind == "subscribed" and unmarked and before and before.created >= work.started_ms
        is_ours = outcome.kind == "created" or bool(again)
        return self._worker.settles and is_ours and outcome.created >= work.started_ms - NEW_MS

    def _finish(self, sweep: Sweep, new: Sequence[Outcome], unmarked: Sequence[Outcome]) -> None:
        """Announced first: a group whose mark is missing is announced again, if this function dies in between."""
        self._groups.announce([Subscribed(outcome.log_group) for outcome in new])
        if self._worker.settles:
            for outcome in (*new, *unmarked):
                sweep.marked(outcome)


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(before) + Counter(more)).items()))


def _entries(tally: Tally) -> list[dict[str, str]]:
    """The groups of this slice that somebody should know of, not those that the rules leave out."""
    told = (*FAILURES, "not_possible", "in_deletion")
    return [entry for entry in tally.summary()["not_subscribed"] if entry["outcome"] in told]
