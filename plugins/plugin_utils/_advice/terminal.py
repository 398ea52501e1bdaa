# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._cost.terminal import table
from .._cost.text import UNKNOWN, dollars
from .._failures import printable
from .._outcomes import some
from .decide import Advice, Fit, WayAdvice
from .fleet import AdvisedTarget, FleetAdvice
from .points import WAYS

_SHOWN = 40  # targets in the table
_NAMES = 5

_FITS: dict[Fit, str] = {"fits": "", "after_changes": "*", "unknown": "?", "does_not_fit": "-"}
_LEGEND = "  * after changes   ? something was not read   - does not fit   Dollars: AWS, a month."
_NO_WAY = "none"


def lines(fleet: FleetAdvice) -> Iterator[str]:
    """Yield the text, each line without line breaks and control characters: others choose names in it."""
    yield from map(printable, _lines(fleet))


def _lines(fleet: FleetAdvice) -> Iterator[str]:
    """Yield the advice for OUs and targets, the reasons by number of targets, and what was not read."""
    yield from _table("OU", [_ou_row(ou.path or "(unknown)", ou.targets, ou.way, ou.ways) for ou in fleet.ous])
    advised = [target for target in fleet.targets if target.advice]
    rows = [_target_row(target, target.advice) for target in advised[:_SHOWN] if target.advice]
    yield from _table("Target", rows)
    if len(advised) > _SHOWN:
        yield f"  and {len(advised) - _SHOWN:,} more targets"
    if advised:
        yield _LEGEND
    yield from _reasons(fleet)
    for target in fleet.targets:
        if target.read.error:
            word = "was read in part" if target.advice else "was not read"
            yield f"{target.read.host}: {word}. {target.read.error}"


def _table(first: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield from table([(first, "Targets" if first == "OU" else "Now", "Advice", *WAYS), *rows])


def _ou_row(path: str, targets: int, way: str, ways: object) -> tuple[str, ...]:
    found = ways if isinstance(ways, dict) else {}
    return (path, f"{targets:,}", way or "see targets", *(_cell(found.get(each)) for each in WAYS))


def _target_row(target: AdvisedTarget, advice: Advice) -> tuple[str, ...]:
    deployed = target.facts.deployed
    now = UNKNOWN if deployed is None else target.facts.mode if deployed else "nothing"
    return (target.read.host, now, advice.way or _NO_WAY, *(_cell(advice.ways[way]) for way in WAYS))


def _cell(way: WayAdvice | None) -> str:
    if way is None:
        return UNKNOWN
    return f"{dollars(way.cost)}{_FITS[way.fit]}"


def _reasons(fleet: FleetAdvice) -> Iterator[str]:
    """Yield each reason once, with the targets that have it: first why a way is advised, then what has to change or is not known."""
    for title, found in (
        ("Advised because", _because(fleet)),
        ("To change", _changes(fleet)),
        ("Why not", _against(fleet)),
    ):
        if found:
            yield f"{title}:"
            ordered = sorted(found.items(), key=lambda item: -len(item[1]))
            yield from (f"  {text} ({some(hosts, _NAMES)})" for text, hosts in ordered)


def _because(fleet: FleetAdvice) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for target in fleet.targets:
        if target.advice:
            found.setdefault(f"{target.advice.way or _NO_WAY}: {target.advice.because}", []).append(target.read.host)
    return found


def _changes(fleet: FleetAdvice) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for target in fleet.targets:
        for change in target.advice.changes if target.advice else ():
            found.setdefault(f"{target.advice.way if target.advice else ''}: {change}", []).append(target.read.host)
    return found


def _against(fleet: FleetAdvice) -> dict[str, list[str]]:
    """Return what speaks against ways that are not advised, and what was not read."""
    found: dict[str, list[str]] = {}
    for target in fleet.targets:
        for way, advice in target.advice.ways.items() if target.advice else ():
            for point in advice.points:
                if way != (target.advice and target.advice.way) and point.effect in ("against", "change", "unknown"):
                    found.setdefault(f"{way}: {point.sentence}", []).append(target.read.host)
    return found
