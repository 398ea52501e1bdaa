# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed since the report before, and the trend of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ....module_utils._subscriptions.coverage import State
from ..drift import WORSE, Drift
from ..fleet import FleetReport, percentage
from .markup import Markup, join, number, tag
from .summary import moment, plural, view_link
from .words import CHANGES

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 16, 24
SHOWN_GONE = 200
"""Log groups that are gone are in no row of the table. So many are listed, and the number of the others is named."""


@dataclass(frozen=True, slots=True)
class Point:
    """An earlier report, for the trend. `is_complete` is false if a target or a log group was not read."""

    made_at: int
    counts: Mapping[State, int]
    is_complete: bool = True

    @classmethod
    def of(cls, report: FleetReport) -> Point:
        """Return the point of a report."""
        return cls(report.made_at, report.counts, report.is_complete)


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
    points = sorted({point.made_at: point for point in (*history, Point.of(report))}.items())
    known = [(made_at, part, point) for made_at, point in points if (part := percentage(point.counts)) is not None]
    title = tag("h2", "Trend", id="trend-title")
    if not history:
        body = tag("p", "No history was read, so the trend is unknown.", class_="note")
    elif len(known) < 2:
        body = tag("p", "Too few reports name a percentage for a curve.", class_="note")
    else:
        body = join(_curve(known), _figures(known))
    return tag("section", title, body, id="trend", class_="card", aria_labelledby="trend-title")


def _curve(points: list[tuple[int, float, Point]]) -> Markup:
    first, last = points[0][0], points[-1][0]
    low = min(part for _, part, _ in points)
    floor = max(0.0, (low - (100 - low) * 0.2) // 1)
    place = [
        (
            LEFT + (made_at - first) / max(1, last - first) * (WIDTH - LEFT - RIGHT),
            TOP + (100 - part) / max(1.0, 100 - floor) * (HEIGHT - TOP - BOTTOM),
        )
        for made_at, part, _ in points
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
    base = HEIGHT - BOTTOM
    area = f"{place[0][0]:.1f},{base} {line} {place[-1][0]:.1f},{base}"
    dots = [
        tag(
            "circle",
            tag("title", f"{_day(made_at)}: {part:g} %" + ("" if point.is_complete else ", of what was read")),
            cx=f"{x:.1f}",
            cy=f"{y:.1f}",
            r=3 if point.is_complete else 4,
            class_="dot" if point.is_complete else "dot partial",
        )
        for (x, y), (made_at, part, point) in zip(place, points, strict=True)
    ]
    label = f"Coverage from {points[0][1]:g} % on {_day(first)} to {points[-1][1]:g} % on {_day(last)}"
    return tag(
        "svg",
        *(_level(value, floor) for value in (100.0, (100 + floor) / 2, floor)),
        tag("polygon", points=area, class_="area"),
        tag("polyline", points=line, class_="line"),
        *dots,
        tag("text", _day(first), x=LEFT, y=HEIGHT - 6, class_="axis"),
        tag("text", _day(last), x=WIDTH - RIGHT, y=HEIGHT - 6, class_="axis end"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="trend",
        role="img",
        aria_label=label,
    )


def _level(value: float, floor: float) -> Markup:
    y = f"{TOP + (100 - value) / max(1.0, 100 - floor) * (HEIGHT - TOP - BOTTOM):.1f}"
    return join(
        tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="level"),
        tag("text", f"{value:g} %", x=LEFT - 6, y=y, class_="axis end middle"),
    )


def _figures(points: list[tuple[int, float, Point]]) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", moment(made_at), scope="row"),
            tag("td", f"{part:g} %" + ("" if point.is_complete else ", of what was read")),
            *(
                tag("td", number(point.counts[state]))
                for state in ("covered", "missing", "broken", "impossible", "not_checked")
            ),
        )
        for made_at, part, point in reversed(points)
    ]
    names = ("Report", "Coverage", "Covered", "Missing", "Broken", "Impossible", "Not checked")
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("details", tag("summary", "Figures"), tag("div", table, class_="scroll"))


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
