# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of measurements: their verdicts, the table and the JSON file."""

from __future__ import annotations

import dataclasses
import enum
import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lab import Lab

WIDTHS = (44, 44, 22)
"""Columns of the table: assumption, measurement, verdict."""

ALLOW = "Give the caller the policy that `python tools/check_aws --policy` prints."


class Verdict(enum.StrEnum):
    """Whether AWS behaves as the project assumes."""

    AS_ASSUMED = "as assumed"
    DIFFERS = "differs"
    NOT_MEASURED = "could not be measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one measurement.

    advice     what to do, "" for nothing
    figures    the numbers, for the JSON file
    """

    text: str
    verdict: Verdict
    advice: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement, with the assumption that it tests. `run` may raise anything."""

    name: str
    assumption: str
    run: Callable[[Lab], Finding]


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    name: str
    assumption: str
    finding: Finding


def measurement(name: str, assumption: str) -> Callable[[Callable[[Lab], Finding]], Measurement]:
    """Return the decorator that makes a measurement of a function."""
    return lambda run: Measurement(name, assumption, run)


def as_assumed(text: str, **figures: Any) -> Finding:
    """Return the finding of an assumption that holds."""
    return Finding(text, Verdict.AS_ASSUMED, figures=figures)


def differs(text: str, advice: str, **figures: Any) -> Finding:
    """Return the finding of an assumption that does not hold."""
    return Finding(text, Verdict.DIFFERS, advice, figures)


def not_measured(reason: str, advice: str, **figures: Any) -> Finding:
    """Return the finding of a measurement that decides nothing."""
    return Finding(reason, Verdict.NOT_MEASURED, advice, figures)


def judge_delay(what: str, found: Sequence[float], limit: float, waited: float, advice: str) -> Finding:
    """Compare measured seconds with the longest that is assumed.

    found    the delays, [] if nothing happened in `waited` seconds
    """
    figures = {"seconds": [round(each, 2) for each in found], "assumed_seconds": limit}
    if not found and waited < limit:
        reason = f"{what}: not within {waited:g} s"
        return not_measured(reason, f"Wait longer than {limit:g} s: --wait-seconds.", **figures)
    if not found:
        return differs(f"{what}: not within {waited:g} s", advice, **figures)
    text = f"{what} after {span(found)}"
    return as_assumed(text, **figures) if max(found) <= limit else differs(text, advice, **figures)


def judge_rate(operation: str, assumed: float, calls: int, seconds: float, *, throttled: bool) -> Finding:
    """Compare the calls that AWS accepted with the rate that is assumed.

    calls      accepted calls, until the first throttled one if `throttled`
    seconds    from the start of the first call to the start of the last
    """
    rate = calls / max(seconds, 1.0)  # AWS's bucket holds a second of calls
    figures = {"calls": calls, "seconds": round(seconds, 2), "throttled": throttled, "assumed_rate": assumed}
    text = f"{calls} calls in {seconds:.1f} s, {'then throttled' if throttled else 'never throttled'}"
    if rate >= assumed:
        return as_assumed(text, **figures)
    if throttled:
        advice = (
            f"If no other tool called {operation} at the same time, AWS's rate is lower here. The rate limiter slows down"
            " by itself; set log_groups_rate_share lower if other tools are throttled."
        )
        return differs(text, advice, **figures)
    return not_measured(
        text, f"The calls were slower than {assumed:g} a second. Run it closer to the region.", **figures
    )


def span(seconds: Sequence[float]) -> str:
    """Return "2.5 s", or "2.5 s to 31.0 s"."""
    low, high = f"{min(seconds):.1f} s", f"{max(seconds):.1f} s"
    return low if low == high else f"{low} to {high}"


def table(results: Iterable[Result]) -> str:
    """Return the table, with the advice below its row."""
    lines = [_row(("ASSUMPTION", "MEASUREMENT", "VERDICT")), _row(tuple("-" * width for width in WIDTHS))]
    for each in results:
        finding = each.finding
        cells = (f"{each.name}: {each.assumption}", finding.text, finding.verdict.value)
        wrapped = [textwrap.wrap(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
        height = max(map(len, wrapped))
        lines += [_row(tuple(cell[n] if n < len(cell) else "" for cell in wrapped)) for n in range(height)]
        if finding.advice:
            lines += textwrap.wrap(finding.advice, sum(WIDTHS) + 2, initial_indent="  -> ", subsequent_indent="     ")
        lines.append("")
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def write_json(path: Path, place: dict[str, str], results: Iterable[Result]) -> None:
    """Write the results for programs, and for a report to the project."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [dataclasses.asdict(each) for each in results]
    path.write_text(json.dumps({**place, "results": rows}, indent=2) + "\n", encoding="utf-8")
