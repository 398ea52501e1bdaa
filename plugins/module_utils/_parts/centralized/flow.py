# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of one account and region on their way through AWS's centralization, with a name for each difference. Pure.

AWS counts copied events by account and region, errors only by type, and throttled copies only by region; Lambda counts payloads.
So a difference gets the name of a cause that does not count events of this origin only if it is the one cause that was counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LATE_SECONDS = 900
"""Events of the last so many seconds may be on their way. AWS names no delay of copies."""


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What the source counted in the period, for one destination.

    written     events of log groups that a rule selects
    before      of them, from before the rule was written
    around      of them, from the step of the metrics in which it was written: before or after
    recent      of them, from the last `LATE_SECONDS`
    too_long    of log groups whose copies would have too long names
    unfiltered  of log groups whose copies take no filter
    sent        OutgoingCopiedLogEvents to the destination's region
    throttled   CentralizationThrottled to the destination's region: AWS tries again
    errors      CentralizationError by type
    """

    written: int = 0
    before: int = 0
    around: int = 0
    recent: int = 0
    too_long: int = 0
    unfiltered: int = 0
    sent: int = 0
    throttled: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DestinationCounts:
    """What the destination counted of this origin. A part that was not read is None.

    copied      IncomingCopiedLogEvents
    errors      CentralizationError by type, of all origins
    lines       received, delivered, dead_lettered and dropped (by rule), of the reflector's accounting lines
    given_up    events that Lambda put into the dead-letter queue
    delivery    errors and throttles of the account policy, by that name, of this origin; None if AWS counts them for all origins
    others      causes of all origins, by name: what a difference may be
    """

    copied: int | None = None
    errors: Mapping[str, int] | None = None
    lines: Mapping[str, Any] | None = None
    given_up: int | None = None
    delivery: Mapping[str, int] | None = None
    others: Mapping[str, int] | None = None


WAYS = ("delivery_errors", "delivery_throttles", "waiting", "expired", "given_up_replayed", "undecodable", "no_policy")
"""The ways out between copy and reflector that AWS may count for all origins only."""

_TEXTS = {
    "delivery_errors": "delivery errors of the account policy",
    "delivery_throttles": "throttled deliveries of the account policy",
    "waiting": "payloads in Lambda's queue",
    "expired": "payloads that Lambda dropped",
    "given_up_replayed": "events that Lambda had given up and that were sent again",
    "undecodable": "undecodable payloads",
    "no_policy": "there is no account policy to the reflector",
}


def reconcile_copies(source: SourceCounts | None, destination: DestinationCounts) -> tuple[dict[str, Any], list[str]]:
    """Return the counts of the flow, as the report's CopyFlow has them, and notes. None is unknown."""
    values: dict[str, Any] = {}
    notes: list[str] = []
    _copied(values, notes, source, destination)
    _received(values, notes, source, destination)
    _outcomes(values, destination)
    return values, notes


def _copied(
    values: dict[str, Any], notes: list[str], source: SourceCounts | None, destination: DestinationCounts
) -> None:
    names = ("written", "sent", "before", "too_long", "underway", "errors", "throttled", "late")
    values.update(dict.fromkeys(names))
    values["copied"] = destination.copied
    if source is None:
        return
    values.update(written=source.written, sent=source.sent)
    if destination.copied is None or destination.errors is None:
        return
    left = max(0, source.written - destination.copied)
    for name, number in (
        ("too_long", source.too_long),
        ("before", source.before),
        ("underway", source.sent - destination.copied),
    ):
        values[name] = min(left, max(0, number))
        left -= values[name]
    values.update(errors={}, throttled=0, late=0)
    errors = {
        name: max(source.errors.get(name, 0), destination.errors.get(name, 0)) for name in _types(source, destination)
    }
    causes = {f"error {name}": number for name, number in errors.items() if number}
    causes |= {"throttled": source.throttled} if source.throttled else {}
    if not left:
        return
    if len(causes) > 1:
        text = ", ".join(f"{number:,} {name}" for name, number in sorted(causes.items()))
        notes.append(f"{left:,} events were written and not copied. AWS counted: {text}")
    elif "throttled" in causes:
        values["throttled"] = left
    elif causes:
        values["errors"] = {next(iter(causes)).removeprefix("error "): left}
    else:
        around = min(left, source.around)
        values["before"] += around
        values["late"] = min(left - around, source.recent)


def _types(source: SourceCounts, destination: DestinationCounts) -> list[str]:
    """Return the types of errors. Too long names are counted by log group already."""
    known = sorted({*source.errors, *(destination.errors or {})})
    return [name for name in known if not (source.too_long and name == "InvalidLogGroup")]


def _received(
    values: dict[str, Any], notes: list[str], source: SourceCounts | None, destination: DestinationCounts
) -> None:
    lines, others = destination.lines, destination.others
    values["received"] = lines["received"] if lines else None
    values.update(dict.fromkeys(("unfiltered", "given_up", *WAYS)))
    values["given_up"] = destination.given_up
    if source is None or lines is None or others is None or destination.given_up is None or destination.copied is None:
        return
    left = max(0, destination.copied - lines["received"] - destination.given_up)
    values["unfiltered"] = min(left, source.unfiltered)
    left -= values["unfiltered"]
    values.update(dict.fromkeys(WAYS, 0))
    for name, number in (destination.delivery or {}).items():
        values[name] = min(left, number)
        left -= values[name]
    known = {name: number for name, number in others.items() if number and name not in (destination.delivery or {})}
    if left and len(known) == 1:
        values[next(iter(known))] = left
    elif left and known:
        text = ", ".join(
            _TEXTS[name] if name == "no_policy" else f"{number:,} {_TEXTS[name]}" for name, number in known.items()
        )
        notes.append(f"{left:,} events were copied and not received. Their destination has, of all origins: {text}")


def _outcomes(values: dict[str, Any], destination: DestinationCounts) -> None:
    lines = destination.lines
    for name in ("delivered", "dead_lettered"):
        values[name] = lines[name] if lines else None
    values["dropped"] = {rule: number for rule, number in lines["dropped"].items() if number} if lines else None
