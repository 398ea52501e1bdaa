"""The seam between what a new log group's subscription filter delivers and what the subscriber sends after it.

Of a new group the subscriber reads the events that no filter will deliver, and sends them in messages with a member more:
`"backfill": true`, or `"seam"` where the filter may have delivered them, too. Of those a worker drops what it has had.
"""

import time
from collections.abc import Collection, Iterator
from itertools import chain, islice

from .decode import LogEvent, Payload
from .records import with_request_ids

HAD_BEFORE = "delivered by the filter already"
"""Why an event of the seam is dropped. One that went to the dead-letter queue counts: it is sent again from there."""

SECONDS = 120.0
"""How long a group is new to a worker, from its first payload: the subscriber sends the seam some seconds after the filter."""

IDS_OF_A_GROUP = 2_000
IDS = 20_000
GROUPS = 10_000
"""A worker that has had to do with so many groups takes them for new again: that costs memory for ids, never an event."""


class Memory:
    """The ids of the first events that filters have delivered to this worker, by log group. Bounded, and of new groups only."""

    def __init__(self) -> None:
        self._new: dict[str, tuple[float, set[str]]] = {}  # with when they end to be new, in that order
        self._old: set[str] = set()
        self._count = 0

    def remember(self, payload: Payload) -> None:
        """Events that a filter has delivered."""
        log_group = payload.log_group
        if log_group in self._old:  # nearly always
            return
        now = time.monotonic()
        _end, ids = self._new.setdefault(log_group, (now + SECONDS, set()))
        if room := IDS_OF_A_GROUP - len(ids):
            before = len(ids)
            ids.update(islice(_ids(payload), room))
            self._count += len(ids) - before
        self._forget(now)

    def had(self, log_group: str) -> Collection[str]:
        """The ids of that group's events that a filter has delivered to this worker."""
        return self._new[log_group][1] if log_group in self._new else ()

    def _forget(self, now: float) -> None:
        """Groups that are not new any more, and those that have been new for longest when there are too many ids."""
        while self._new:
            log_group, (end, ids) = next(iter(self._new.items()))
            if now < end and self._count <= IDS:
                return
            del self._new[log_group]
            self._count -= len(ids)
            if len(self._old) >= GROUPS:
                self._old.clear()
            self._old.add(log_group)


def without(payload: Payload, had: Collection[str]) -> Payload:
    """The payload without the events of these ids. What the others owe to them, their request id, is written into them."""
    if not had:
        return payload
    kept: list[LogEvent] = []
    request_id = ""
    for slab in payload.slabs():
        events = with_request_ids(slab, request_id)
        request_id = events[-1].get("requestID", "") if events else request_id
        kept += [event for event in events if str(event.get("id", "")) not in had]
    return payload if len(kept) == payload.count else payload.of(kept)


def _ids(payload: Payload) -> Iterator[str]:
    events = chain.from_iterable(payload.slabs())
    return (event["id"] for event in events if isinstance(event.get("id"), str))
