# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subscribes new groups and groups whose tags changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from logreflector._errors import ReflectorError
from logreflector._subscriptions.backfill import READABLE_MS
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import LogGroup
from logreflector._subscriptions.outcome import Outcome
from logreflector._subscriptions.planning import SweepSettings
from logreflector._subscriptions.sweep import Sweep
from logreflector._subscriptions.tally import FAILURES

from .events import GROUPS_SUBSCRIBED, MAX_GROUPS, NewGroup, Subscribed, TagsChanged
from .worker import WORKERS, Deadline, Worker, forget_oldest, now, reason_of

NEW_MS = 2 * 24 * 3600 * 1000
"""A younger group counts as new, whether an event or a sweep found it."""

_YOUNG_FILTER_MS = 6 * 3600 * 1000
"""The follow-up of a younger filter may be missing: this function was killed, or the catch-up was faster than the event."""

_FOLLOW_UP, _SECOND_PASS = "follow-up", "second-pass"
"""Message groups of their own: follow-ups wait until events can be read, and new groups do not wait with them."""

_SKEW_MS = 5_000  # between AWS's clock and this one


@dataclass(frozen=True, slots=True)
class Processed:
    """The outcome of a group, and why a retry is needed ("" if none is)."""

    outcome: Outcome
    failure: str = ""


class Groups:
    """Remembers the announced groups, so that a repeated event is announced once."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._announced: dict[str, int] = {}

    def process(self, works: Mapping[str, NewGroup | TagsChanged], deadline: Deadline) -> dict[str, Processed]:
        """Subscribe groups, or unsubscribe them by their tags, several at once. Raises only errors that concern all of them."""
        api = self._worker.api(deadline)
        if self._worker.is_left_to_policy(api, deadline):
            return {name: Processed(Outcome(name, "excluded", "the account policy serves it")) for name in works}
        sweep = self._worker.sweep(api, SweepSettings())
        purging = self._worker.sweep(api, SweepSettings(purge=True))

        def process(work: NewGroup | TagsChanged) -> tuple[Outcome, bool]:
            try:
                return self._new(work, sweep) if isinstance(work, NewGroup) else self._changed(work, api, purging)
            except Exception as error:  # noqa: BLE001 - fails this group and no other
                return Outcome(work.log_group, "failed", reason_of(error)), False

        with ThreadPoolExecutor(WORKERS) as pool:
            found = dict(zip(works, pool.map(process, works.values()), strict=True))
        new = [Subscribed(name) for name, (_unused, is_new) in found.items() if is_new]
        unannounced = ""
        try:
            self.announce(new)
        except ReflectorError as error:
            unannounced = str(error)
        return {
            name: Processed(outcome, _failure(outcome) or (unannounced if is_new else ""))
            for name, (outcome, is_new) in found.items()
        }

    def announce(self, groups: Sequence[Subscribed], not_before: int = 0) -> None:
        """Hand over the follow-up of groups: backfill, retention.

        not_before  ms since 1970, 0 for as soon as events can be read
        """
        if not self._worker.has_follow_up:
            return
        for chunk in _chunks(groups):
            at = now()
            detail = {"groups": [group.plain() for group in chunk], "not_before": not_before or at + READABLE_MS}
            self._worker.hand_over(GROUPS_SUBSCRIBED, detail, _SECOND_PASS if not_before else _FOLLOW_UP)
            self._announced.update((group.log_group, at) for group in chunk)
        forget_oldest(self._announced)

    def _new(self, work: NewGroup, sweep: Sweep) -> tuple[Outcome, bool]:
        outcome = sweep.process(LogGroup(work.log_group, work.log_class, created=work.created), write=True)
        return outcome, self._is_unannounced(outcome)

    def _changed(self, work: TagsChanged, api: LogsApi, sweep: Sweep) -> tuple[Outcome, bool]:
        group = find_group(api, work.log_group)
        if group is None:
            return Outcome(work.log_group, "gone", "the log group was deleted meanwhile"), False
        outcome = sweep.process(group, write=True)
        return outcome, self._is_unannounced(outcome) and group.created >= now() - NEW_MS

    def _is_unannounced(self, outcome: Outcome) -> bool:
        """Whether the group's follow-up is missing, as far as this process knows. A group of the class DELIVERY has none."""
        if outcome.is_delivery:
            return False
        if outcome.kind == "created":
            return True
        before = outcome.plan.before
        if outcome.kind not in ("subscribed", "updated") or before is None or before.created < now() - _YOUNG_FILTER_MS:
            return False
        # A filter created after we announced this name means the group was deleted and created again.
        return before.created > self._announced.get(outcome.log_group, 0) + _SKEW_MS


def find_group(api: LogsApi, name: str) -> LogGroup | None:
    """Return the group of that name. AWS lists it first of all names with that prefix."""
    group = next(api.groups(prefix=name), None)
    return group if group and group.name == name else None


def _failure(outcome: Outcome) -> str:
    return outcome.reason if outcome.kind in FAILURES else ""


def _chunks(groups: Sequence[Subscribed]) -> Iterator[Sequence[Subscribed]]:
    for start in range(0, len(groups), MAX_GROUPS):
        yield groups[start : start + MAX_GROUPS]
