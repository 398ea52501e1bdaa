# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery of a payload: its route, its batches, and all sinks of the route at the same time.

A slow or broken sink does not delay the others, and its retries send nothing twice to them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .accounting import SinkTally, Tally
from .config import Config
from .decode import Payload
from .delivery import Delivery, Undelivered
from .records import pick, with_request_ids
from .retries import Breaker, RetryBudget
from .rules import ROUTE, Route, not_selected
from .sinks import Batch

OnUndelivered = Callable[[str, Undelivered], bool]
"""Stores events that a sink did not accept: the sink's name, and the events. Returns False to stop the delivery to that sink.

Called from several threads when there are several sinks.
"""

REDACTION_SECONDS = 5.0
"""After the time for sinks is over, events are redacted for the dead-letter queue for this long, at most a tenth of that time."""


class Flow:
    """The deliveries of one invocation.

    `breakers`: those of this process, by sink. A sink without one is never skipped.
    """

    def __init__(
        self,
        config: Config,
        seconds_left: Callable[[], float],
        tally: Tally,
        breakers: Mapping[str, Breaker] | None = None,
    ) -> None:
        self._config = config
        self._seconds_left = seconds_left
        self._tally = tally
        self._breakers = breakers or {}
        self._budgets: dict[str, RetryBudget] = {}
        self._deliveries: dict[str, Delivery] = {}
        end = -min(REDACTION_SECONDS, seconds_left() / 10)
        self._can_redact = lambda: seconds_left() > end

    def begin_message(self) -> None:
        """Begin new deliveries, so that a failed message of a replay does not stop the next one."""
        self._deliveries.clear()

    def reflect(self, payload: Payload, on_undelivered: OnUndelivered) -> None:
        """Send the payload's events to the sinks of its route."""
        if reason := not_selected(payload, self._config.log_stream_prefixes):
            self._tally.dropped[reason] += payload.count
            return
        self._tally.first_at = _first_time(payload)
        route = self._config.route(payload.log_group)
        selected = self._send(payload, route, on_undelivered)
        if selected is not None and selected < payload.count:
            self._tally.dropped[ROUTE] += payload.count - selected
            self._tally.route = self._config.routes.index(route)

    def resend(self, payload: Payload, sink: str, on_undelivered: OnUndelivered) -> None:
        """Send events that a route selected before to one sink. Today's redactions apply."""
        route = self._config.route(payload.log_group)
        self._send(payload, Route(route.log_groups, (sink,), redact=route.redact), on_undelivered)

    def _send(self, payload: Payload, route: Route, on_undelivered: OnUndelivered) -> int | None:
        """Send to the route's sinks. Return how many events it selects, None if the delivery to a sink was stopped."""
        names = route.sinks
        if not names:
            return 0
        for name in names:
            if name not in self._deliveries:
                self._deliveries[name] = self._delivery(name)
        # Nearly every payload has one page: then the sinks share one list of batches, routed and redacted once.
        shared = list(_batches(payload, route, self._can_redact)) if payload.page_count == 1 else None

        def send_to(name: str) -> int | None:
            batches = _batches(payload, route, self._can_redact) if shared is None else shared
            return self._send_to(name, batches, payload.count, on_undelivered)

        if len(names) == 1:
            return send_to(names[0])
        with ThreadPoolExecutor(len(names)) as threads:
            # Not `map`: an exception of one would cancel those that have not begun.
            futures = [threads.submit(send_to, name) for name in names]
        selected = [future.result() for future in futures]
        return None if None in selected else selected[0]

    def _delivery(self, name: str) -> Delivery:
        return Delivery(
            self._config.sinks[name],
            self._seconds_left,
            budget=self._budgets.setdefault(name, RetryBudget(self._config.retry_seconds)),
            breaker=self._breakers.get(name),
            sent=self._tally.sinks.setdefault(name, SinkTally()).sent,
        )

    def _send_to(self, name: str, batches: Iterable[Batch], count: int, on_undelivered: OnUndelivered) -> int | None:
        tally = self._tally.sinks[name]
        # Corrected at the end: if the delivery stops early, the remainder must not count as delivered.
        tally.given += count
        selected = 0
        for batch in batches:
            selected += len(batch.events)
            for undelivered in self._deliveries[name].deliver(batch):
                if not on_undelivered(name, undelivered):
                    return None
        tally.given -= count - selected
        return selected


def _first_time(payload: Payload) -> int | None:
    """Return the time of the first event. None for a payload of several pages, because it would decode one more often."""
    if payload.page_count != 1:
        return None
    return next((max(0, event["timestamp"]) for page in payload.pages() for event in page), None)


def _batches(payload: Payload, route: Route, can_redact: Callable[[], bool]) -> Iterator[Batch]:
    first = 0
    request_id = ""
    for page in payload.pages():
        events = page
        selected = route.select(page)
        is_subset = len(selected) < len(page)
        # The event with the request id may be in an earlier page or not be selected, or a redaction may remove the id.
        if page and (payload.page_count > 1 or (selected and (is_subset or route.redact))):
            events = with_request_ids(page, request_id)
            request_id = events[-1].get("requestID", "")
        numbers = range(first, first + len(page))
        first += len(page)
        if not selected:
            continue
        batch = Batch(payload.owner, payload.log_group, payload.log_stream, payload.filters, events, numbers)
        if is_subset:
            batch = pick(batch, selected)
        yield replace(batch, events=route.redacted(batch.events, can_redact))
