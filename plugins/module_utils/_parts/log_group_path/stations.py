# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stations of the path of an event, and the verdict on them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..._errors import AccessDeniedError, ReflectorError

Status = Literal["ok", "problem", "not_checked"]
Outcome = Literal["delivered", "no_problem", "unknown", "broken"]
"""The verdict.

delivered   no station has a problem, and events of the log group arrived
no_problem  no station has a problem, and no event was seen
unknown     no station has a problem, but one without which nothing arrives could not be read
broken      a station has a problem
"""

TITLES = {
    "log_group": "log group",
    "rules": "rules",
    "centralization": "copy rule",
    "copy": "copy",
    "subscription": "subscription",
    "permission": "permission",
    "function": "reflector",
    "route": "route",
    "sink": "sink",
    "dead_letters": "dead letters",
    "delivery": "last delivery",
}
"""The stations in the order of the path, with their names for people."""

ORDER = tuple(TITLES)
BEFORE_THE_SINK = ORDER[: ORDER.index("sink")]
"""The stations without which nothing arrives."""

_DEFECTS = ("outdated", "duplicate", "delivered", "dead_letters", "no_queue")
"""Causes with which later events still arrive."""


@dataclass(frozen=True, slots=True)
class Station:
    """One station.

    fact     what was found, as a text for people
    cause    a key for machines: why there is a problem, or why the station was not checked
    advice   what to do
    command  the playbook that does it, with its options
    host     the inventory's host that the playbook is for, "" for that of the log group
    """

    name: str
    status: Status
    fact: str
    cause: str = ""
    advice: str = ""
    command: str = ""
    host: str = ""

    @property
    def blocks(self) -> bool:
        """Whether nothing arrives because of this station."""
        return self.status == "problem" and self.cause not in _DEFECTS

    def plain(self) -> dict[str, Any]:
        """Return the station for a result."""
        return asdict(self)


def ok(name: str, fact: str) -> Station:
    """Return a station without a problem."""
    return Station(name, "ok", fact)


def problem(name: str, cause: str, fact: str, *, advice: str = "", command: str = "", host: str = "") -> Station:
    """Return a station that needs work."""
    return Station(name, "problem", fact, cause, advice, command, host)


def unread(name: str, error: ReflectorError) -> Station:
    """Return a station that could not be read."""
    return Station(name, "not_checked", str(error), "denied" if isinstance(error, AccessDeniedError) else "failed")


def unknown(name: str, cause: str, fact: str) -> Station:
    """Return a station about which nothing can be said, although nothing failed."""
    return Station(name, "not_checked", fact, cause)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of the stations together.

    station      the first one with a problem, "" if there is none
    also         the others with a problem
    not_checked  those that were not checked
    to_do        advice, command and host for each problem, in order, without repetitions
    """

    outcome: Outcome
    sentence: str
    station: str = ""
    also: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    to_do: tuple[tuple[str, str, str], ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the verdict for a result."""
        to_do = [
            {"advice": advice, "command": command, **({"host": host} if host else {})}
            for advice, command, host in self.to_do
        ]
        names = {"also": list(self.also), "not_checked": list(self.not_checked)}
        return {"outcome": self.outcome, "sentence": self.sentence, "station": self.station, **names, "to_do": to_do}


def verdict(log_group: str, stations: Iterable[Station]) -> Verdict:
    """Return the verdict on the stations, which may come in any order."""
    ordered = sorted(stations, key=lambda each: ORDER.index(each.name))
    problems = [each for each in ordered if each.status == "problem"]
    skipped = tuple(each.name for each in ordered if each.status == "not_checked")
    unread_text = f" Not checked: {_names(skipped)}." if skipped else ""
    if not problems:
        outcome, sentence = _without_problem(log_group, ordered, skipped)
        return Verdict(outcome, sentence + unread_text, not_checked=skipped)
    first, *others = problems
    how = "do not arrive" if any(each.blocks for each in problems) else "do not arrive as they should"
    also = tuple(each.name for each in others)
    return Verdict(
        "broken",
        f"Events of {log_group} {how}. The first problem is the {TITLES[first.name]}: {first.fact}."
        f"{f' There are also problems with: {_names(also)}.' if also else ''}{unread_text}",
        first.name,
        also,
        skipped,
        tuple(
            dict.fromkeys((each.advice, each.command, each.host) for each in problems if each.advice or each.command)
        ),
    )


def _without_problem(log_group: str, ordered: Sequence[Station], skipped: Sequence[str]) -> tuple[Outcome, str]:
    if arrived := [each.fact for each in ordered if each.name == "delivery" and each.status == "ok"]:
        return "delivered", f"Events of {log_group} arrive: {arrived[0]}."
    if missing := [name for name in BEFORE_THE_SINK if name in skipped]:
        return "unknown", f"Whether events of {log_group} arrive is unknown: the {TITLES[missing[0]]} was not checked."
    return "no_problem", f"No problem was found, but no event of {log_group} was seen. Send one: -e send=true."


def _names(names: Iterable[str]) -> str:
    return ", ".join(TITLES[name] for name in names)
