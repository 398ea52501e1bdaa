# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of events in words: two lines for the terminal, and its figures for tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .flow import FleetFlow, Flow, Part, Station

FACTS: Mapping[str, str] = {
    "Invocations": "Invocations of the reflector",
    "Errors": "Failed invocations",
    "Throttles": "Throttled invocations",
    "ConcurrentExecutions": "Executions at once, at most",
    "AsyncEventsReceived": "Payloads in Lambda's queue",
    "AsyncEventsDropped": "Payloads that Lambda gave up",
    "AsyncEventAge": "Age of a payload, in ms, at most",
    "DestinationDeliveryFailures": "Given up and not put into the dead-letter queue",
    "DeadLetterErrors": "The same, with the function's own queue",
    "UndecodablePayloads": "Undecodable payloads",
    "FailedAttempts": "Invocations that Lambda tried again",
    "Retries": "Requests to sinks that were repeated",
    "BackfilledEvents": "Events of backfills",
    "ReplayedEvents": "Events of replays",
    "NumberOfMessagesSent": "Messages sent to the dead-letter queue",
    "NumberOfMessagesDeleted": "Messages deleted from it",
    "MessagesInQueue": "Messages in it now",
    "OldestMessageSeconds": "Age of the oldest that was read, in seconds",
    "LastTestLineMilliseconds": "Delay of a target's last test line, in ms, at most",
    "FailedRuleInvocations": "Failed invocations of the subscriber's rules",
}
"""The facts beside the events, in the order of a reader."""

Row = tuple[str, str, int | None]
"""Station, way out of it, and events; None if it was not read."""


def rows(stations: Sequence[Station]) -> Iterator[Row]:
    """Yield the figures of every station. The way "" is the station's total."""
    for station in stations:
        yield station.name, "", station.total
        for part in station.parts:
            yield station.name, part.name, part.count
        yield station.name, "Unexplained", station.unexplained


def sentences(flow: FleetFlow, title: str = "Events") -> Iterator[str]:
    """Yield a line with the way of the events, and one with the differences and the price of reading them."""
    yield f"{title}: {_way(flow.flow)}."
    parts = [differences(flow.flow.stations())]
    if flow.left_out:
        targets = "target is" if len(flow.left_out) == 1 else "targets are"
        parts.append(f"{len(flow.left_out):,} {targets} not in these sums, because not every count was read.")
    yield " ".join([*parts, price(flow.dollars)])


def price(dollars: float) -> str:
    """Return the price of reading the events."""
    return f"Reading this cost {dollars:.4f} USD at list prices."


def _way(flow: Flow) -> str:
    delivered = None if flow.sinks is None else sum(flow.sinks.values())
    dropped = None if flow.dropped is None else sum(flow.dropped.values())
    named = (
        (flow.written, "written"),
        (flow.forwarded, "forwarded"),
        (flow.received, "received"),
        (delivered, "delivered"),
        (dropped, "dropped by rule"),
        (flow.dead_lettered, "in the dead-letter queue"),
    )
    return ", ".join(f"{name} unknown" if count is None else f"{count:,} {name}" for count, name in named)


def differences(stations: Sequence[Station]) -> str:
    """Return what did not reach a sink, by its names, and what is unexplained or unknown."""
    known = [f"{part.count:,} {_lower(part)}" for station in stations for part in station.parts if _is_loss(part)]
    unknown = [station.name.lower() for station in stations if station.unexplained is None]
    unexplained = [f"{rest:,} after {station.name.lower()}" for station in stations if (rest := _rest(station))]
    text = f"Not delivered: {', '.join(known)}. " if known else ""
    if unexplained:
        text += f"UNEXPLAINED: {', '.join(unexplained)}."
    elif not unknown:
        text += "Every event is explained."
    if unknown:
        text = f"{text.rstrip()} Unknown: the differences after {', '.join(unknown)}.".lstrip()
    return text


def _is_loss(part: Part) -> bool:
    return part.fate in ("lost", "waiting") and bool(part.count)


def _rest(station: Station) -> int:
    return station.unexplained or 0


def _lower(part: Part) -> str:
    return part.name[0].lower() + part.name[1:]
