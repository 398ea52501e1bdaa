# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accounting line: one line on stdout for each invocation, with what happened to its events.

The line is in CloudWatch's embedded metric format (AWS page "Specification: Embedded metric format"). CloudWatch makes metrics
of failed events in the namespace `LogReflector`, by function. Other counts are fields without a metric: each custom metric
costs money in every hour in which it is sent. The line holds counts and names, nothing of a message. The module
delivery_check searches for this line, by the names in `delivery_line`.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from .decode import Payload
from .delivery import Sent, Undelivered
from .delivery_line import (
    BACKFILL,
    DEAD_LETTERED_EVENTS,
    DELAY,
    DELIVERED_EVENTS,
    DROPPED_BY,
    DROPPED_EVENTS,
    ERROR,
    FAILED_EVENTS,
    GIVEN_UP,
    LOG_GROUP,
    ORIGIN,
    OWNER,
    REASONS,
    RECEIVED_EVENTS,
    REQUEST_ID,
    RESENT,
    ROUTE_NUMBER,
    SENT_TO,
    SOURCE_REGION,
    UNDECODABLE_PAYLOADS,
)
from .rules import OWN_LOG_GROUP

NAMESPACE = "LogReflector"

METRICS = (DEAD_LETTERED_EVENTS, FAILED_EVENTS, UNDECODABLE_PAYLOADS)
"""Counts that are worth an alarm. They are sent as metrics when they are not 0."""

_dumps = json.JSONEncoder(separators=(",", ":")).encode


class AccountsError(Exception):
    """A bug in this program lost events of a sink: they are neither delivered nor handed back. Lambda retries the invocation."""


@dataclass(slots=True)
class SinkTally:
    """Counts of the events for one sink."""

    given: int = 0
    dead_lettered: int = 0
    failed: int = 0
    sent: Sent = field(default_factory=Sent)

    @property
    def is_balanced(self) -> bool:
        """Whether each event is delivered, dead-lettered or failed."""
        return self.given == self.sent.events + self.dead_lettered + self.failed


@dataclass(slots=True)
class Tally:
    """Counts of one invocation. Several threads may count sinks.

    `given_up`: the events of each payload that Lambda had given up and that a replay sent. `resent`: the events of each
    message of a replay that sinks accepted. `route`: the number of the route that dropped events. `first_at`: the time of the
    first event, in ms since the epoch. `request_id`: Lambda's, the same for each attempt.
    """

    received_events: int = 0
    received_bytes: int = 0
    undecodable: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    sinks: dict[str, SinkTally] = field(default_factory=dict)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    request_id: str = ""
    error: str | None = None
    origin: str = ""
    given_up: list[int] = field(default_factory=list)
    resent: list[dict[str, Any]] = field(default_factory=list)
    route: int | None = None
    first_at: int | None = None
    duration_ms: int = 0
    _dead_lettered: set[tuple[int, int]] = field(default_factory=set)
    _failed: set[tuple[int, int]] = field(default_factory=set)
    _payload: Payload | None = None
    _payloads: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def only_payload(self) -> Payload | None:
        """The payload, if there was exactly one: a replay has several."""
        return self._payload if self._payloads == 1 else None

    def receive(self, payload: Payload) -> None:
        """Count a payload that the invocation received."""
        self._payload = payload
        self.origin = self.origin or (BACKFILL if payload.backfill else "")
        self.received_events += payload.count
        self.received_bytes += payload.size
        self._payloads += 1

    def rename(self, payload: Payload) -> None:
        """Use the names of this payload, which is the received one with the names of its origin."""
        self._payload = payload

    def add_resent(self, payload: Payload, events: int) -> None:
        """Count events of a replay's message that sinks accepted."""
        if events:
            region = {SOURCE_REGION: payload.region} if payload.region else {}
            self.resent.append({LOG_GROUP: payload.log_group, OWNER: payload.owner, **region, "events": events})

    def add_undelivered(self, sink: str, undelivered: Undelivered, *, queued: bool) -> None:
        """Count events that the sink did not accept, either as dead-lettered or as failed."""
        numbers = {(self._payloads, number) for number in undelivered.batch.numbers}
        with self._lock:
            self.reasons[sink, undelivered.reason] += len(numbers)
            if queued:
                self.sinks[sink].dead_lettered += len(numbers)
                self._dead_lettered |= numbers
            else:
                self.sinks[sink].failed += len(numbers)
                self._failed |= numbers

    @property
    def failed(self) -> int:
        """The number of events that are neither delivered nor in the queue."""
        return len(self._failed)

    @property
    def delivered(self) -> int:
        """The number of events that sinks accepted. An event for two sinks counts twice."""
        return sum(tally.sent.events for tally in self.sinks.values())

    def check(self) -> None:
        """Raise AccountsError if a sink neither accepted nor handed back an event."""
        if unbalanced := [name for name, sink in self.sinks.items() if not sink.is_balanced]:
            raise AccountsError(
                f"The accounts of {', '.join(unbalanced)} do not add up: events are neither delivered nor handed back."
            )

    def counts(self) -> dict[str, int]:
        """Return the counts by name. Bytes are those of the decompressed payload.

        Each received event counts as dropped, delivered (to all sinks of its route), dead-lettered or failed, so the four add
        up. Events that a bug left out of the accounts count as failed.
        """
        to_deliver = self.received_events - self.dropped.total()
        sinks = self.sinks.values()
        if sinks and all(tally.is_balanced for tally in sinks):
            delivered = to_deliver - len(self._dead_lettered | self._failed)
        else:
            delivered = min((tally.sent.events for tally in sinks), default=0)
        dead_lettered = min(len(self._dead_lettered - self._failed), to_deliver - delivered)
        return {
            RECEIVED_EVENTS: self.received_events,
            "ReceivedBytes": self.received_bytes,
            DROPPED_EVENTS: self.dropped.total(),
            DELIVERED_EVENTS: delivered,
            DEAD_LETTERED_EVENTS: dead_lettered,
            FAILED_EVENTS: to_deliver - delivered - dead_lettered,
            UNDECODABLE_PAYLOADS: self.undecodable,
            "Requests": sum(tally.sent.requests for tally in sinks),
            "Retries": sum(tally.sent.retries for tally in sinks),
            "DurationMs": self.duration_ms,
        }


@contextmanager
def accounted(request_id: str = "") -> Iterator[Tally]:
    """Yield a tally, and print its line at the end, with the name of an error if there was one.

    For events of the reflector's own log group nothing is printed: the line would be the next such event.
    """
    tally = Tally(request_id=request_id)
    started = time.monotonic()
    try:
        yield tally
        tally.check()
    except BaseException as error:
        tally.error = type(error).__name__
        raise
    finally:
        tally.duration_ms = round((time.monotonic() - started) * 1000)
        if OWN_LOG_GROUP not in tally.dropped:
            print(metric_line(tally), flush=True)


def metric_line(tally: Tally) -> str:
    """Return the tally as one line, in the embedded metric format."""
    counts = tally.counts()
    payload = tally.only_payload
    now = time.time_ns() // 1_000_000
    line: dict[str, Any] = {
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": _directives([name for name in METRICS if counts[name]]),
        },
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        LOG_GROUP: payload.log_group if payload else "",
        "logStream": payload.log_stream if payload else "",
        OWNER: payload.owner if payload else "",
        **counts,
    }
    if tally.request_id:
        line[REQUEST_ID] = tally.request_id
    if payload and payload.region:
        line[SOURCE_REGION] = payload.region
    if tally.origin:
        line[ORIGIN] = tally.origin
    if tally.first_at is not None and payload and counts[DELIVERED_EVENTS]:
        line[DELAY] = max(0, now - tally.first_at)
    if tally.given_up:
        line[GIVEN_UP] = {"events": sum(tally.given_up), "payloads": len(tally.given_up)}
    if tally.resent:
        line[RESENT] = tally.resent
    if tally.sinks:
        line[SENT_TO] = ",".join(sorted(tally.sinks))
    if tally.dropped:
        line[DROPPED_BY] = dict(tally.dropped)
        if tally.route is not None and tally.only_payload:
            line[ROUTE_NUMBER] = tally.route
    if len(tally.sinks) > 1 or tally.reasons:
        line["sinks"] = {
            name: {"delivered": sink.sent.events, "deadLettered": sink.dead_lettered, "failed": sink.failed}
            for name, sink in tally.sinks.items()
        }
    if tally.reasons:
        line[REASONS] = [
            {"sink": sink, "reason": reason, "events": events} for (sink, reason), events in tally.reasons.items()
        ]
    if tally.error:
        line[ERROR] = tally.error
    return _dumps(line)


def _directives(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the directives that make these counts metrics."""
    if not names:
        return []
    metrics = [{"Name": name, "Unit": "Count"} for name in names]
    return [{"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}]
