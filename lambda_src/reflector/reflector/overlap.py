# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removal of events that the subscriber sends although the subscription filter has delivered them.

When a log group is subscribed, the subscriber reads the events that the new filter does not deliver, and sends them itself, with
`"backfill": true`. Events from the seconds in which the filter may already have been active have `"backfill": "overlap"`. Of
these the reflector drops those that this worker has received from the filter. An event in the dead-letter queue counts as
delivered: it is replayed from there.
"""

import time
from collections.abc import Collection, Iterator
from itertools import chain, islice

from .decode import LogEvent, Payload
from .records import with_request_ids

SECONDS = 120.0
"""How long a log group is new to a worker, from its first payload.

The subscriber sends the overlap a few seconds after it creates the filter."""

MAX_IDS_PER_GROUP = 2_000
MAX_IDS = 20_000
MAX_GROUPS = 10_000
"""A worker that has seen this many log groups treats them as new again. That costs memory for ids, never an event."""


class Memory:
    """The ids of the first events that filters delivered to this worker, by log group: for new groups only, and bounded."""

    def __init__(self) -> None:
        self._new: dict[str, tuple[float, set[str]]] = {}  # with the time until which a group is new, in that order
        self._old: set[str] = set()
        self._count = 0

    def remember(self, payload: Payload) -> None:
        """Add the ids of a payload that a filter delivered."""
        log_group = payload.log_group
        if log_group in self._old:  # nearly always
            return
        now = time.monotonic()
        _end, ids = self._new.setdefault(log_group, (now + SECONDS, set()))
        if room := MAX_IDS_PER_GROUP - len(ids):
            before = len(ids)
            ids.update(islice(_ids(payload), room))
            self._count += len(ids) - before
        self._forget(now)

    def delivered_ids(self, log_group: str) -> Collection[str]:
        """Return the ids of the group's events that a filter delivered to this worker."""
        return self._new[log_group][1] if log_group in self._new else ()

    def _forget(self, now: float) -> None:
        """Forget groups that are no longer new and, when there are too many ids, the oldest ones."""
        while self._new:
            log_group, (end, ids) = next(iter(self._new.items()))
            if now < end and self._count <= MAX_IDS:
                return
            del self._new[log_group]
            self._count -= len(ids)
            if len(self._old) >= MAX_GROUPS:
                self._old.clear()
            self._old.add(log_group)


def without_delivered(payload: Payload, delivered_ids: Collection[str]) -> Payload:
    """Return the payload without the events of these ids. The remaining events carry the request ids that they inherit."""
    if not delivered_ids:
        return payload
    remaining: list[LogEvent] = []
    request_id = ""
    for page in payload.pages():
        events = with_request_ids(page, request_id)
        request_id = events[-1].get("requestID", "") if events else request_id
        remaining += [event for event in events if str(event.get("id", "")) not in delivered_ids]
    return payload if len(remaining) == payload.count else payload.with_events(remaining)


def _ids(payload: Payload) -> Iterator[str]:
    events = chain.from_iterable(payload.pages())
    return (event["id"] for event in events if isinstance(event.get("id"), str))
