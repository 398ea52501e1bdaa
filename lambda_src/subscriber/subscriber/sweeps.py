# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep: every group of the target, in slices that each fit into an invocation and start the next one."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from logreflector._errors import ReflectorError
from logreflector._subscriptions.outcome import Outcome
from logreflector._subscriptions.planning import SweepSettings
from logreflector._subscriptions.settings import deciding_tag_keys
from logreflector._subscriptions.sweep import Sweep
from logreflector._subscriptions.tally import FAILURES, Tally

from .events import SWEEP_CONTINUED, Subscribed, SweepSlice
from .groups import NEW_MS, Groups
from .metrics import metric_line
from .news import News
from .notifications import Notifications
from .settings import read_notifications
from .worker import Deadline, Worker, now

_LEAST_SECONDS = 15.0
_STALE_SECONDS = 900.0  # the longest invocation: a sweep without a slice for so long was aborted
_AT_ONCE = 50
_MOST_ENTRIES = 50
_DAY_MS = 24 * 3600 * 1000


class SweepError(ReflectorError):
    """A slice that made no progress."""


class Sweeps:
    """Remembers which sweeps are in progress. A younger sweep ends and the older one continues: otherwise a sweep that takes
    longer than the schedule's period would never end."""

    def __init__(self, worker: Worker, groups: Groups) -> None:
        self._worker, self._groups = worker, groups
        self._seen: dict[str, float] = {}

    def run_slice(self, work: SweepSlice, deadline: Deadline) -> dict[str, Any]:
        """Run a slice, then start the next one or write the metrics of the whole sweep. Return a report. ReflectorError."""
        report: dict[str, Any] = {"sweep": work.started, "slice": work.number}
        if self._is_overtaken(work):
            return {**report, "outcome": "given up: an older sweep is in progress"}
        place = self._worker.own.where
        if deadline.left() < _LEAST_SECONDS:
            raise SweepError(f"continue the sweep of {work.started}", "this invocation has no time left", where=place)
        api = self._worker.api(deadline, in_background=True)
        if self._worker.is_left_to_policy(api, deadline):
            return {**report, "outcome": "given up: the account policy serves the target"}
        options = SweepSettings(
            purge=bool(deciding_tag_keys(self._worker.settings)),
            audit=self._audit(work),
            tag_new=not self._worker.has_follow_up,
            started_ms=work.started_ms,
            is_time_up=self._timer(deadline),
        )
        sweep = self._worker.sweep(api, options)
        settings = read_notifications()
        notifications = Notifications(self._worker, settings, api, work, deadline) if settings else None
        tally = self._run_sweep(sweep, work, notifications)
        counts = _added(
            work.counts, {**tally.counts(), **{f"not_possible_{cause}": n for cause, n in tally.causes.items()}}
        )
        report.update(counts=counts, not_subscribed=_entries(tally))
        if sweep.notes:
            report["note"] = f"{sweep.notes[0]} (one of {len(sweep.notes)} notes)"
        if sweep.stopped is None:
            self._seen.pop(work.started, None)
            print(metric_line(counts, self._worker.own.function, now()))
            if notifications:
                report["notifications"] = notifications.end_sweep(counts, sweep)
            return {**report, "outcome": "ended"}
        if sweep.stopped.after <= work.position.after:
            raise SweepError(
                f"continue the sweep of {work.started}", "its last slice reached no log group", where=place
            )
        news = notifications.end_slice() if notifications else News()
        following = SweepSlice(work.started, work.number + 1, sweep.stopped, counts, news)
        self._worker.hand_over(SWEEP_CONTINUED, following.detail(), "subscriber")
        return {**report, "outcome": "continued"}

    def _is_overtaken(self, work: SweepSlice) -> bool:
        at = time.monotonic()
        self._seen = {name: seen for name, seen in self._seen.items() if at - seen < _STALE_SECONDS}
        if any(SweepSlice(name).started_ms < work.started_ms for name in self._seen):
            return True
        self._seen[work.started] = at
        return False

    def _audit(self, work: SweepSlice) -> Callable[[str], bool]:
        """Return the function that tells which groups this sweep audits: each day another part, all of them in `audit_days`.

        The order of the parts shifts with each period, or a weekly sweep would audit the same part for ever.
        """
        days = self._worker.settings.audit_days
        period, day = divmod(work.started_ms // _DAY_MS, days)
        return lambda name: (zlib.crc32(name.encode()) - period) % days == day

    def _timer(self, deadline: Deadline) -> Callable[[], bool]:
        """Return the function that tells whether the slice has to end. The time starts with the first group, after the listing
        of tags, and leaves half of the remaining time for the groups in progress."""
        end: list[float] = []

        def ends() -> bool:
            if not end:
                end.append(time.monotonic() + min(self._worker.settings.slice_seconds, deadline.left() / 2))
            return time.monotonic() >= end[0]

        return ends

    def _run_sweep(self, sweep: Sweep, work: SweepSlice, notifications: Notifications | None) -> Tally:
        tally = Tally(_MOST_ENTRIES)
        new: list[Outcome] = []
        untagged: list[Outcome] = []
        pending: list[Future[None]] = []
        # In another thread, because these calls do not use the sweep's rates.
        with ThreadPoolExecutor(1) as pool:
            try:
                for outcome in sweep.run(write=True, position=work.position):
                    tally.add(outcome)
                    if notifications:
                        notifications.add(outcome)
                    if self._is_new(outcome, work):
                        new.append(outcome)
                    elif outcome.tag == "later":
                        untagged.append(outcome)
                    if len(new) + len(untagged) >= _AT_ONCE:
                        pending.append(pool.submit(self._finish, sweep, new, untagged))
                        new, untagged = [], []
            finally:  # also where the listing broke off
                pending.append(pool.submit(self._finish, sweep, new, untagged))
        for future in pending:
            future.result()
        return tally

    def _is_new(self, outcome: Outcome, work: SweepSlice) -> bool:
        """Whether to announce the group. Groups that a killed run of this slice subscribed but did not tag are announced, too.
        Without tags the sweep cannot tell them from others, so it announces them again."""
        before = outcome.plan.before
        is_untagged = outcome.tag == "later" or not self._worker.settings.tag_log_groups
        again = outcome.kind == "subscribed" and is_untagged and before and before.created >= work.started_ms
        by_this_sweep = outcome.kind == "created" or bool(again)
        follows = self._worker.has_follow_up and not outcome.is_delivery
        return follows and by_this_sweep and outcome.created >= work.started_ms - NEW_MS

    def _finish(self, sweep: Sweep, new: Sequence[Outcome], untagged: Sequence[Outcome]) -> None:
        """Announce and then tag groups. If this function is killed in between, untagged groups are announced again."""
        self._groups.announce([Subscribed(outcome.log_group) for outcome in new])
        for outcome in (*new, *untagged):
            if outcome.tag == "later":
                sweep.tag(outcome)


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(before) + Counter(more)).items()))


def _entries(tally: Tally) -> list[dict[str, str]]:
    """Return the entries of groups that need attention, not those of excluded groups."""
    kinds = (*FAILURES, "not_possible", "in_deletion")
    entries = (entry for entry in tally.summary()["not_subscribed"] if entry["outcome"] in kinds)
    return [{name: entry[name] for name in ("log_group", "outcome", "reason")} for entry in entries]
