"""What became of an invocation's events: one line on stdout, whatever happens (but for the own log group's, see `accounted`).

The line is in CloudWatch's embedded metric format (AWS page "Specification: Embedded metric format"), so that CloudWatch makes
metrics of it in the namespace `LogReflector`, by function. It holds counts and names, never anything of a message.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from .decode import Payload
from .delivery import Sent, Unsent
from .rules import OWN_LOG_GROUP

NAMESPACE = "LogReflector"

_dumps = json.JSONEncoder(separators=(",", ":")).encode
_UNITS = {"ReceivedBytes": "Bytes", "DurationMs": "Milliseconds"}


class AccountsError(Exception):
    """Events that a sink was given are neither there nor handed back: a mistake in this program. The invocation fails, so that Lambda tries it again."""


@dataclass(slots=True)
class SinkTally:
    """What became of the events that were meant for one sink."""

    given: int = 0
    dead_lettered: int = 0
    failed: int = 0
    sent: Sent = field(default_factory=Sent)

    @property
    def settled(self) -> bool:
        """Whether every event is accounted for."""
        return self.given == self.sent.events + self.dead_lettered + self.failed


@dataclass(slots=True)
class Tally:
    """The running counts of one invocation. Sinks may be counted from several threads."""

    received_events: int = 0
    received_bytes: int = 0
    undecodable: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    sinks: dict[str, SinkTally] = field(default_factory=dict)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    error: str | None = None
    duration_ms: int = 0
    _dead_lettered: set[tuple[int, int]] = field(default_factory=set)
    _failed: set[tuple[int, int]] = field(default_factory=set)
    _payload: Payload | None = None
    _payloads: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def only_payload(self) -> Payload | None:
        """The payload, if there was one and no other: a replay has several."""
        return self._payload if self._payloads == 1 else None

    def receive(self, payload: Payload) -> None:
        """A payload has come in."""
        self._payload = payload
        self.received_events += payload.count
        self.received_bytes += payload.size
        self._payloads += 1

    def unsent(self, sink: str, unsent: Unsent, *, queued: bool) -> None:
        """Events that are not at the sink: in the queue, or not even there."""
        numbers = {(self._payloads, number) for number in unsent.batch.numbers}
        with self._lock:
            self.reasons[sink, unsent.reason] += len(numbers)
            if queued:
                self.sinks[sink].dead_lettered += len(numbers)
                self._dead_lettered |= numbers
            else:
                self.sinks[sink].failed += len(numbers)
                self._failed |= numbers

    @property
    def failed(self) -> int:
        """Events that are neither delivered nor in the queue."""
        return len(self._failed)

    @property
    def delivered(self) -> int:
        """Events that sinks accepted; one that went to two of them counts twice."""
        return sum(tally.sent.events for tally in self.sinks.values())

    def check(self) -> None:
        """Raises AccountsError unless every sink has taken or handed back what it was given."""
        if unsettled := [name for name, sink in self.sinks.items() if not sink.settled]:
            raise AccountsError(
                f"The accounts of {', '.join(unsettled)} do not add up: events are neither delivered nor handed back."
            )

    def counts(self) -> dict[str, int]:
        """The metrics by name; bytes are those of the decompressed payload.

        Each received event is dropped, delivered (to every sink that it is for), dead-lettered or failed: the four always
        add up. Where a mistake in this program leaves events out of the accounts, they are failed.
        """
        meant = self.received_events - self.dropped.total()
        sinks = self.sinks.values()
        if sinks and all(tally.settled for tally in sinks):
            delivered = meant - len(self._dead_lettered | self._failed)
        else:
            delivered = min((tally.sent.events for tally in sinks), default=0)
        dead_lettered = min(len(self._dead_lettered - self._failed), meant - delivered)
        return {
            "ReceivedEvents": self.received_events,
            "ReceivedBytes": self.received_bytes,
            "DroppedEvents": self.dropped.total(),
            "DeliveredEvents": delivered,
            "DeadLetteredEvents": dead_lettered,
            "FailedEvents": meant - delivered - dead_lettered,
            "UndecodablePayloads": self.undecodable,
            "Requests": sum(tally.sent.requests for tally in sinks),
            "Retries": sum(tally.sent.retries for tally in sinks),
            "DurationMs": self.duration_ms,
        }


@contextmanager
def accounted() -> Iterator[Tally]:
    """A tally for what happens inside; its line is printed at the end, with the error's name if there was one.

    Of the own log group's events nothing is printed: the line would be the next of them.
    """
    tally = Tally()
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
    """The tally as one line in the embedded metric format."""
    counts = tally.counts()
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in counts],
    }
    payload = tally.only_payload
    line: dict[str, Any] = {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        "logGroup": payload.log_group if payload else "",
        "logStream": payload.log_stream if payload else "",
        "owner": payload.owner if payload else "",
        **counts,
    }
    if tally.dropped:
        line["droppedBy"] = dict(tally.dropped)
    if len(tally.sinks) > 1 or tally.reasons:
        line["sinks"] = {
            name: {"delivered": sink.sent.events, "deadLettered": sink.dead_lettered, "failed": sink.failed}
            for name, sink in tally.sinks.items()
        }
    if tally.reasons:
        line["reasons"] = [
            {"sink": sink, "reason": reason, "events": events} for (sink, reason), events in tally.reasons.items()
        ]
    if tally.error:
        line["error"] = tally.error
    return _dumps(line)
