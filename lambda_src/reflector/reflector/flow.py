"""A payload's way: guards, route, and every sink of the route at the same time.

A sink that is slow or down holds none of the others up, and none is sent to twice because of another.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .accounting import SinkTally, Tally
from .config import Config
from .decode import Payload
from .delivery import Delivery, Unsent
from .records import with_request_ids
from .rules import Route, not_selected
from .sinks import Batch

Keep = Callable[[str, Unsent], None]
"""Takes what a sink did not: the sink's name, and the events. Called from several threads when there are several sinks."""


class Flow:
    """What is sent in one invocation."""

    def __init__(self, config: Config, seconds_left: Callable[[], float], tally: Tally) -> None:
        self._config = config
        self._seconds_left = seconds_left
        self._tally = tally
        self._deliveries: dict[str, Delivery] = {}

    def reflect(self, payload: Payload, keep: Keep) -> None:
        """Send the payload's events where the configuration says, and hand what is not delivered to `keep`.

        What `keep` raises ends the way to that sink, and is raised when the others are through.
        """
        if reason := not_selected(payload, self._config.log_stream_prefixes):
            self._tally.dropped[reason] += payload.count
            return
        route = self._config.route(payload.log_group)
        given = self._send(payload, route, route.sinks, keep)
        if given < payload.count:
            self._tally.dropped["route"] += payload.count - given

    def resend(self, payload: Payload, sink: str, keep: Keep) -> None:
        """Send to that sink what routes have let pass before. What they redact today is redacted."""
        route = self._config.route(payload.log_group)
        self._send(payload, Route(route.log_groups, (sink,), redact=route.redact), [sink], keep)

    def _send(self, payload: Payload, route: Route, sinks: Iterable[str], keep: Keep) -> int:
        """How many events each of the sinks was given."""
        names = list(sinks)
        for name in names:
            if name not in self._deliveries:
                self._deliveries[name] = Delivery(self._config.sinks[name], self._seconds_left)
                self._tally.sinks[name] = SinkTally(sent=self._deliveries[name].sent)
        if not names:
            return 0
        if payload.slab_count == 1:  # nearly every one: cut and redacted once for all sinks
            shared = list(_batches(payload, route))

            def batches() -> Iterable[Batch]:
                return shared
        else:

            def batches() -> Iterable[Batch]:
                return _batches(payload, route)

        if len(names) == 1:
            return self._send_to(names[0], batches(), payload.count, keep)
        with ThreadPoolExecutor(len(names)) as threads:
            # Not `map`: what one raises would cancel those that are not begun.
            ways = [threads.submit(self._send_to, name, batches(), payload.count, keep) for name in names]
        given = [way.result() for way in ways]
        return given[0]

    def _send_to(self, name: str, batches: Iterable[Batch], count: int, keep: Keep) -> int:
        tally = self._tally.sinks[name]
        tally.given += count  # all of them, until the way's end: what ends it early must not pass for delivered
        given = 0
        for batch in batches:
            given += len(batch.events)
            for unsent in self._deliveries[name].deliver(batch):
                keep(name, unsent)
        tally.given -= count - given
        return given


def _batches(payload: Payload, route: Route) -> Iterator[Batch]:
    first = 0
    request_id = ""
    for slab in payload.slabs():
        events = slab
        # Of a later slab the request id may be in an earlier one, and a redaction may take it away.
        if slab and (payload.slab_count > 1 or route.redact):
            events = with_request_ids(slab, request_id)
            request_id = events[-1].get("requestID", "")
        numbers = range(first, first + len(events))
        first += len(events)
        batch = Batch(payload.owner, payload.log_group, payload.log_stream, payload.filters, events, numbers)
        selected = route.select(events)
        if len(selected) < len(events):
            batch = batch.only(selected)
        if batch.events:
            yield replace(batch, events=route.redacted(batch.events))
