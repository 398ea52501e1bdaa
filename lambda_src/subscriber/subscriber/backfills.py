# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The follow-up for a new group after its filter: send its earlier events, set its retention."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from logreflector._errors import NotFoundError, ReflectorError
from logreflector._subscriptions.backfill import OVERLAP_MS, READABLE_MS, Backfill
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.filters import SubscriptionFilter

from .events import GroupsSubscribed, Subscribed
from .groups import NEW_MS, Groups, find_group
from .worker import WORKERS, Deadline, Worker, forget_oldest, now, reason_of

_LEAST_SECONDS = 5.0


class BackfillError(ReflectorError):
    """The follow-up of some groups failed."""


@dataclass(frozen=True, slots=True)
class _Done:
    """The result for a group: complete, or `remainder` to continue with, or `error`.

    second      the time of the second pass, in ms since 1970, and the group for its message; None if none is needed
    """

    events: int = 0
    remainder: Subscribed | None = None
    error: Exception | None = None
    second: tuple[int, Subscribed] | None = None


@dataclass(frozen=True, slots=True)
class _Progress:
    """The position up to which the events of a group were sent.

    created     creation time of the filter
    token       of the next page, None if all pages were sent
    cut         see `Subscribed`
    """

    created: int
    token: str | None
    cut: int


class Backfills:
    """Remembers the progress with each filter, so that a repeated message sends nothing twice."""

    def __init__(self, worker: Worker, groups: Groups) -> None:
        self._worker, self._groups = worker, groups
        self._progress: dict[tuple[str, bool], _Progress] = {}
        """By group, for the first pass and the second."""

    def run(self, work: GroupsSubscribed, deadline: Deadline) -> dict[str, Any]:
        """Follow up the groups, several at once, and hand over those for which no time is left. Return a report.

        BackfillError if a group failed, or if no time is left for the first.
        """
        time.sleep(min(max(work.not_before - now(), 0) / 1000, deadline.left()))
        place = self._worker.own.where
        if deadline.left() < _LEAST_SECONDS:  # handing over the same work might never end
            raise BackfillError("follow up new log groups", "this invocation has no time left", where=place)
        api = self._worker.api(deadline)
        backfill = Backfill(
            api,
            self._worker.client("lambda"),
            self._worker.destination,
            owner=self._worker.own.account,
            retry_policy=deadline.retry_policy(),
            where=place,
        )
        with ThreadPoolExecutor(WORKERS) as pool:
            found = list(pool.map(lambda group: self._follow_up(group, api, backfill, deadline), work.groups))
        forget_oldest(self._progress)
        if second := [done.second for done in found if done.second]:
            self._groups.announce([group for _at, group in second], max(at for at, _group in second))
        if errors := [done.error for done in found if done.error]:
            operation = f"follow up {len(errors)} of {len(found)} new log groups"
            raise BackfillError(operation, f"the first reason is: {reason_of(errors[0])}", where=place)
        remainders = [done.remainder for done in found if done.remainder]
        self._groups.announce(remainders)
        events = sum(done.events for done in found)
        return {
            "followed_up": len(found) - len(remainders),
            "handed_over": len(remainders),
            "backfilled_events": events,
        }

    def _follow_up(self, group: Subscribed, api: LogsApi, backfill: Backfill, deadline: Deadline) -> _Done:
        if deadline.left() < _LEAST_SECONDS:
            return _Done(remainder=group)
        try:
            return self._backfill(group, api, backfill, deadline)
        except NotFoundError:
            return _Done()  # the group was deleted
        except Exception as error:  # noqa: BLE001 - the other groups are followed up nevertheless
            return _Done(error=error)

    def _backfill(self, group: Subscribed, api: LogsApi, backfill: Backfill, deadline: Deadline) -> _Done:
        current = self._oldest_filter(api, group.log_group)
        found = find_group(api, group.log_group) if current else None
        # Only for groups that were new when they got their filter: all events of an old group are not wanted.
        if current is None or found is None or found.created < current.created - NEW_MS:
            return _Done()
        if self._worker.settings.retention_days and found.retention is None:
            api.put_retention(found.name, self._worker.settings.retention_days)
        return self._send(group, current, backfill, deadline) if self._worker.settings.backfill_seconds else _Done()

    def _send(self, group: Subscribed, current: SubscriptionFilter, backfill: Backfill, deadline: Deadline) -> _Done:
        """Send events: in the first pass those that can be read by now, in the second pass the rest of the overlap."""
        key = group.log_group, group.is_second
        end = current.created + OVERLAP_MS
        progress = self._progress.get(key)
        if progress is None or progress.created != current.created:
            progress = _Progress(current.created, group.token, group.cut or min(end, now() - READABLE_MS))
        events = 0
        if progress.token is not None:
            ingested = (progress.cut, end) if group.is_second else (0, progress.cut)
            since = current.created - self._worker.settings.backfill_seconds * 1000
            for sent in backfill.send(current, since=since, token=progress.token, ingested=ingested):
                events += sent.events
                self._progress[key] = replace(progress, token=sent.token or None)
                if sent.token and deadline.left() < _LEAST_SECONDS:
                    return _Done(events, replace(group, token=sent.token, cut=progress.cut))
        if group.is_second or progress.cut >= end:
            return _Done(events)
        second = Subscribed(group.log_group, cut=progress.cut, is_second=True)
        return _Done(events, second=(end + READABLE_MS, second))

    def _oldest_filter(self, api: LogsApi, name: str) -> SubscriptionFilter | None:
        """Return the oldest of our filters in the group, as AWS returns it."""
        owned = filter(self._worker.desired.owns, api.filters(name))
        return min(owned, key=lambda item: item.created, default=None)
