# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes since the report before, and the trend of all reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..._outcomes import plural
from ..drift import WORSE, Drift
from ..fleet import FleetReport, percentage
from ..points import Point
from ..words import CHANGES, STATES
from .markup import Markup, join, number, tag
from .summary import moment, view_link

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 16, 24
SHOWN_GONE = 200
"""Log groups that are gone are in no row of the table. So many are listed, and the number of the others is named."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A report that has a percentage."""

    point: Point
    part: float

    @property
    def text(self) -> str:
        """The percentage for a reader."""
        return f"{self.part:g} %" + ("" if self.point.is_complete else ", of what was read")


def drift_section(drift: Drift | None) -> Markup:
    """Return the changes by kind. Each one filters the table."""
    title = tag("h2", "Since the report before", id="drift-title")
    if drift is None:
        body = tag("p", "No earlier report was read, so changes are unknown.", class_="note")
    else:
        body = join(
            tag("p", "Compared with ", moment(drift.since), ".", class_="note"),
            _changes(drift),
            _gone(drift),
            _lost(drift),
        )
    return tag("section", title, body, id="drift", class_="card", aria_labelledby="drift-title")


def _changes(drift: Drift) -> Markup:
    items = []
    for change, label in CHANGES.items():
        count = drift.count(change)
        is_link = count and change != "gone"
        name = tag("a", label, href=view_link(change=change)) if is_link else tag("span", label)
        tone = " worse" if count and change in WORSE else ""
        items.append(
            tag(
                "li",
                tag("span", number(count), class_="count"),
                name,
                class_="change" + ("" if count else " zero") + tone,
            )
        )
    return tag("ul", *items, class_="changes")


def _gone(drift: Drift) -> Markup:
    gone = [item for item in drift.differences if item.change == "gone"]
    if not gone:
        return Markup("")
    items = [tag("li", f"{item.account} {item.region} ", tag("bdi", item.log_group)) for item in gone[:SHOWN_GONE]]
    more = len(gone) - len(items)
    rest = tag("p", f"{plural(more, 'more log group')} are gone.", class_="note") if more else Markup("")
    return tag("details", tag("summary", "Log groups that are gone"), tag("ul", *items), rest)


def _lost(drift: Drift) -> Markup:
    if not drift.lost_targets:
        return Markup("")
    names = [tag("li", tag("bdi", host)) for host in drift.lost_targets]
    return tag("details", tag("summary", f"{plural(len(names), 'target')} read then and not now"), tag("ul", *names))


def trend_section(history: Sequence[Point], report: FleetReport) -> Markup:
    """Return the percentage of this report and the earlier ones as a curve, and as a table."""
    by_time = {point.made_at: point for point in (*history, Point.of(report))}
    points = [by_time[made_at] for made_at in sorted(by_time)]
    marks = [_Mark(point, part) for point in points if point.counts and (part := percentage(point.counts)) is not None]
    title = tag("h2", "Trend", id="trend-title")
    if not history:
        body = tag("p", "No history was read, so the trend is unknown.", class_="note")
    elif len(marks) < 2:
        body = tag("p", "Too few reports have a percentage for a curve.", class_="note")
    else:
        body = join(_curve(marks), _figures(marks))
    unread = sum(point.counts is None for point in points)
    lost = tag("p", f"{plural(unread, 'earlier report')} could not be read.", class_="note") if unread else Markup("")
    return tag("section", title, body, lost, id="trend", class_="card", aria_labelledby="trend-title")


def _curve(marks: list[_Mark]) -> Markup:
    first, last = marks[0].point.made_at, marks[-1].point.made_at
    low = min(mark.part for mark in marks)
    floor = max(0.0, (low - (100 - low) * 0.2) // 1)
    place = [
        (
            LEFT + (mark.point.made_at - first) / max(1, last - first) * (WIDTH - LEFT - RIGHT),
            TOP + (100 - mark.part) / max(1.0, 100 - floor) * (HEIGHT - TOP - BOTTOM),
        )
        for mark in marks
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
    base = HEIGHT - BOTTOM
    label = f"Coverage from {marks[0].part:g} % on {_day(first)} to {marks[-1].part:g} % on {_day(last)}"
    return tag(
        "svg",
        *(_level(value, floor) for value in (100.0, (100 + floor) / 2, floor)),
        tag("polygon", points=f"{place[0][0]:.1f},{base} {line} {place[-1][0]:.1f},{base}", class_="area"),
        tag("polyline", points=line, class_="line"),
        *(_dot(mark, x, y) for mark, (x, y) in zip(marks, place, strict=True)),
        tag("text", _day(first), x=LEFT, y=HEIGHT - 6, class_="axis"),
        tag("text", _day(last), x=WIDTH - RIGHT, y=HEIGHT - 6, class_="axis end"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="trend",
        role="img",
        aria_label=label,
    )


def _dot(mark: _Mark, x: float, y: float) -> Markup:
    is_complete = mark.point.is_complete
    title = tag("title", f"{_day(mark.point.made_at)}: {mark.text}")
    size, kind = (3, "dot") if is_complete else (4, "dot partial")
    return tag("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=size, class_=kind)


def _level(value: float, floor: float) -> Markup:
    y = f"{TOP + (100 - value) / max(1.0, 100 - floor) * (HEIGHT - TOP - BOTTOM):.1f}"
    return join(
        tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="level"),
        tag("text", f"{value:g} %", x=LEFT - 6, y=y, class_="axis end middle"),
    )


def _figures(marks: list[_Mark]) -> Markup:
    head = (tag("th", name, scope="col") for name in ("Report", "Coverage", *(STATES[state][0] for state in STATES)))
    rows = (
        tag(
            "tr",
            tag("th", moment(mark.point.made_at), scope="row"),
            tag("td", mark.text),
            *(tag("td", number((mark.point.counts or {}).get(state))) for state in STATES),
        )
        for mark in reversed(marks)
    )
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows))
    return tag("details", tag("summary", "Figures"), tag("div", table, class_="scroll"))


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
