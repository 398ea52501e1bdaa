# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done for a new group after its filter: what it held before is sent, and its retention set."""

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
from .groups import Groups, exactly
from .worker import WORKERS, Deadline, Worker, now

_LEAST_SECONDS = 5.0
_MOST_REMEMBERED = 20_000


class SettlingError(ReflectorError):
    """Of some of the groups the rest could not be done."""


@dataclass(frozen=True, slots=True)
class _Done:
    """How it ended with a group: to the end, or `left` to go on with; or `error`."""

    events: int = 0
    left: Subscribed | None = None
    error: ReflectorError | None = None


class Settling:
    """Remembers how far it came with each filter, so that a message that comes again sends nothing twice."""

    def __init__(self, worker: Worker, groups: Groups) -> None:
        self._worker, self._groups = worker, groups
        self._reached: dict[str, tuple[int, str | None]] = {}
        """By group: the creation of the filter, and the token of the page to go on with, None where all is done."""

    def settle(self, work: GroupsSubscribed, deadline: Deadline) -> dict[str, Any]:
        """Do it for each group, several at once; what there is no time for is handed over. Answers a report.

        SettlingError if a group failed, or if there is no time for any.
        """
        time.sleep(min(max(work.not_before - now(), 0) / 1000, deadline.left()))
        place = str(self._worker.place)
        if deadline.left() < _LEAST_SECONDS:  # to hand over the same again might never end
            raise SettlingError("see to new log groups", "this invocation has no time left", where=place)
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
            found = list(pool.map(lambda group: self._settled(group, api, backfill, deadline), work.groups))
        self._forget()
        if errors := [done.error for done in found if done.error]:
            operation = f"see to {len(errors)} of {len(found)} new log groups"
            raise SettlingError(operation, f"the first of the reasons is: {errors[0]}", where=place)
        left = [done.left for done in found if done.left]
        self._groups.announce(left)
        events = sum(done.events for done in found)
        return {"settled": len(found) - len(left), "handed_over": len(left), "backfilled_events": events}

    def _settled(self, group: Subscribed, api: LogsApi, backfill: Backfill, deadline: Deadline) -> _Done:
        if deadline.left() < _LEAST_SECONDS:
            return _Done(left=group)
        try:
            return self._filled(group, api, backfill, deadline)
        except NotFoundError:
            return _Done()  # gone again
        except ReflectorError as error:
            return _Done(error=error)

    def _filled(self, group: Subscribed, api: LogsApi, backfill: Backfill, deadline: Deadline) -> _Done:
        name, settings = group.log_group, self._worker.settings.options
        standing = self._first_of_ours(api, name)
        if standing is None:
            return _Done()
        of_filter, token = self._reached.get(name, (0, ""))
        if of_filter != standing.created:
            token = group.token
        if token is None:
            return _Done()
        if settings.retention_days:
            found = exactly(api, name)
            if found and found.retention is None:
                api.put_retention(name, settings.retention_days)
        events = 0
        since = standing.created - settings.backfill_seconds * 1000
        for sent in backfill.send(standing, since=since, token=token) if settings.backfill_seconds else ():
            events += sent.events
            self._reached[name] = (standing.created, sent.token or None)
            if sent.token and deadline.left() < _LEAST_SECONDS:
                return _Done(events, Subscribed(name, sent.token))
        self._reached[name] = (standing.created, None)
        return _Done(events)

    def _first_of_ours(self, api: LogsApi, name: str) -> SubscriptionFilter | None:
        """The filter that delivers the longest: its creation as AWS says it."""
        ours = [item for item in api.filters(name) if self._worker.wanted.owns(item)]
        return min(ours, key=lambda item: item.created, default=None)

    def _forget(self) -> None:
        for old in list(islice(self._reached, max(len(self._reached) - _MOST_REMEMBERED, 0))):
            del self._reached[old]
