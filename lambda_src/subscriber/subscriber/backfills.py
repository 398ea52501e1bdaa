# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The follow-up for a new group after its filter: send its earlier events, set its retention."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from logreflector._errors import NotFoundError, ReflectorError
from logreflector._subscriptions.backfill import Backfill
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.filters import SubscriptionFilter

from .events import GroupsSubscribed, Subscribed
from .groups import Groups, find_group
from .worker import WORKERS, Deadline, Worker, now

_LEAST_SECONDS = 5.0
_MOST_REMEMBERED = 20_000


class BackfillError(ReflectorError):
    """The follow-up of some groups failed."""


@dataclass(frozen=True, slots=True)
class _Done:
    """The result for a group: complete, or `remainder` to continue with, or `error`."""

    events: int = 0
    remainder: Subscribed | None = None
    error: ReflectorError | None = None


class Backfills:
    """Remembers the progress with each filter, so that a repeated message sends nothing twice."""

    def __init__(self, worker: Worker, groups: Groups) -> None:
        self._worker, self._groups = worker, groups
        self._progress: dict[str, tuple[int, str | None]] = {}
        """By group: creation time of the filter, and the token of the next page, None if all is done."""

    def run(self, work: GroupsSubscribed, deadline: Deadline) -> dict[str, Any]:
        """Follow up each group, several at once, and hand over what there is no time for. Return a report.

        BackfillError if a group failed, or if there is no time for any.
        """
        time.sleep(min(max(work.not_before - now(), 0) / 1000, deadline.left()))
        place = str(self._worker.place)
        if deadline.left() < _LEAST_SECONDS:  # handing over the same work might never end
            raise BackfillError("follow up new log groups", "this invocation has no time left", where=place)
        api = self._worker.api(deadline)
        backfill = Backfill(
            api,
            self._worker.client("lambda"),
            self._worker.destination,
            owner=self._worker.place.account,
            retry_policy=deadline.retry_policy(),
            where=place,
        )
        with ThreadPoolExecutor(WORKERS) as pool:
            found = list(pool.map(lambda group: self._follow_up(group, api, backfill, deadline), work.groups))
        self._forget()
        if errors := [done.error for done in found if done.error]:
            operation = f"follow up {len(errors)} of {len(found)} new log groups"
            raise BackfillError(operation, f"the first reason is: {errors[0]}", where=place)
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
        except ReflectorError as error:
            return _Done(error=error)

    def _backfill(self, group: Subscribed, api: LogsApi, backfill: Backfill, deadline: Deadline) -> _Done:
        name, settings = group.log_group, self._worker.settings
        current = self._first_of_ours(api, name)
        if current is None:
            return _Done()
        filter_created, token = self._progress.get(name, (0, ""))
        if filter_created != current.created:
            token = group.token
        if token is None:
            return _Done()
        if settings.retention_days:
            found = find_group(api, name)
            if found and found.retention is None:
                api.put_retention(name, settings.retention_days)
        events = 0
        since = current.created - settings.backfill_seconds * 1000
        for sent in backfill.send(current, since=since, token=token) if settings.backfill_seconds else ():
            events += sent.events
            self._progress[name] = (current.created, sent.token or None)
            if sent.token and deadline.left() < _LEAST_SECONDS:
                return _Done(events, Subscribed(name, sent.token))
        self._progress[name] = (current.created, None)
        return _Done(events)

    def _first_of_ours(self, api: LogsApi, name: str) -> SubscriptionFilter | None:
        """Return the oldest of our filters, as AWS returns it."""
        ours = [item for item in api.filters(name) if self._worker.desired.owns(item)]
        return min(ours, key=lambda item: item.created, default=None)

    def _forget(self) -> None:
        for old in list(islice(self._progress, max(len(self._progress) - _MOST_REMEMBERED, 0))):
            del self._progress[old]
