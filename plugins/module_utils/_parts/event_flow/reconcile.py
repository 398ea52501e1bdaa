# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counts of the stations, and a name for each difference that the figures explain. Pure.

CloudWatch Logs counts events, Lambda counts payloads. A difference in events gets the name of the one cause for which payloads
were counted. With several such causes it stays unexplained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .dead_letters import DeadLetters
from .lines import Lines
from .metrics import Forwarding


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of a target. A part that could not be read is None.

    failed_rules    invocations of targets that the subscriber's rules could not make
    filter_pattern  of our filters, "" if they forward every event
    """

    forwarding: Forwarding | None = None
    function: Mapping[str, int] | None = None
    queue: Mapping[str, int] | None = None
    lines: Lines | None = None
    failed_rules: int | None = None
    letters: DeadLetters | None = None
    filter_pattern: str = ""


@dataclass(slots=True)
class Counts:
    """Events by station, as the report's Flow has them. None is unknown."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def reconcile(readings: Readings) -> Counts:
    """Return the counts of the flow."""
    found = Counts()
    _written(found, readings)
    _forwarded(found, readings)
    _received(found, readings)
    return found


def _written(found: Counts, readings: Readings) -> None:
    names = ("written", "unsubscribed", "delivery_errors", "delivery_throttles", "forwarded")
    found.values.update(dict.fromkeys((*names, "unmatched")))
    if (counted := readings.forwarding) is None:
        return
    written, forwarded = counted.written.total(), counted.forwarded.total()
    found.values.update(written=written, forwarded=forwarded)
    # CloudWatch Logs tries throttled and some refused deliveries again for a day: only what was not forwarded in the end is missing.
    left = max(0, written - forwarded)
    if readings.filter_pattern:
        # Metrics do not tell whether an event did not match or was lost.
        found.values["delivery_errors"] = min(counted.errors.total(), left)
        return
    unsubscribed = counted.unsubscribed
    errors = min(counted.errors.total(), max(0, left - unsubscribed))
    throttles = min(counted.throttles.total(), max(0, left - unsubscribed - errors))
    found.values.update(unsubscribed=unsubscribed, unmatched=0, delivery_errors=errors, delivery_throttles=throttles)


def _forwarded(found: Counts, readings: Readings) -> None:
    values, lines, letters, function = found.values, readings.lines, readings.letters, readings.function
    values["received"] = lines.received if lines else None
    values.update(dict.fromkeys(("given_up", "given_up_replayed", "expired", "waiting", "undecodable")))
    if letters is None or function is None or lines is None:
        return
    dropped = function["AsyncEventsDropped"]
    if letters.is_complete or not dropped:
        values["given_up"] = letters.given_up
    if values["forwarded"] is None or values["given_up"] is None:
        return
    left = values["forwarded"] - lines.received - letters.given_up
    # A replay may also have sent payloads from before the period.
    values["given_up_replayed"] = min(lines.given_up, max(0, left))
    left -= values["given_up_replayed"]
    causes = dict(payload_causes(lines, letters, function))
    values.update(expired=0, waiting=0, undecodable=0)
    if left <= 0 or not causes:
        return
    if len(causes) == 1:
        values[next(iter(causes))] = left
        return
    names = {"expired": "given up and gone", "waiting": "waiting or tried again"}
    text = ", ".join(f"{number:,} {names[cause]}" for cause, number in causes.items())
    found.notes.append(f"{left:,} events were forwarded and not received. Payloads that can hold them: {text}")


def payload_causes(lines: Lines, letters: DeadLetters, function: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield each cause for which payloads were counted that the reflector did not handle.

    Payloads of CloudWatch Logs can be decoded: an undecodable one usually comes from elsewhere, so it is a cause only without others.
    """
    dropped = function["AsyncEventsDropped"]
    gone = dropped - letters.given_up_payloads - lines.given_up_payloads
    waiting = 0 if lines.backfilled else function["AsyncEventsReceived"] - dropped - lines.lines
    if gone > 0:
        yield "expired", gone
    if waiting > 0:
        yield "waiting", waiting
    if lines.undecodable and gone <= 0 and waiting <= 0:
        yield "undecodable", lines.undecodable


def _received(found: Counts, readings: Readings) -> None:
    values, lines, letters = found.values, readings.lines, readings.letters
    values.update(dict.fromkeys(("dropped", "sinks", "dead_lettered", "replayed", "purged", "extra_copies")))
    if lines is None:
        return
    values["dropped"] = {rule: number for rule, number in lines.dropped.items() if number}
    values["extra_copies"] = lines.copies
    values["sinks"] = dict(lines.sinks) if lines.sinks is not None else None
    sent_back = max(0, lines.replayed - lines.replay_dead_lettered - lines.given_up)
    if not lines.dead_lettered:
        values.update(dead_lettered=0, replayed=0, purged=0)
    elif letters is not None and letters.is_complete:
        # A replay may also have sent events from before the period.
        replayed = min(sent_back, max(0, lines.dead_lettered - letters.events))
        purged = max(0, lines.dead_lettered - letters.events - replayed)
        values.update(dead_lettered=lines.dead_lettered - replayed - purged, replayed=replayed, purged=purged)
    elif letters is not None and readings.queue is not None and _none_is_missing(readings.queue, letters):
        replayed = min(sent_back, lines.dead_lettered)
        values.update(dead_lettered=lines.dead_lettered - replayed, replayed=replayed, purged=0)
    else:
        found.notes.append("how many dead letters are still in the queue is unknown: not all of its messages were read")


def _none_is_missing(queue: Mapping[str, int], letters: DeadLetters) -> bool:
    """Return whether the queue has every message that was sent to it and not deleted."""
    return queue["NumberOfMessagesSent"] - queue["NumberOfMessagesDeleted"] <= letters.messages
