# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event flow as a Sankey diagram: stations from left to right, and beside each next one where the other events went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from ..._outcomes import plural
from ..fleet import FleetReport, TargetReport
from ..flow import Fate, FleetFlow, Flow, Part, Station, TargetFlow
from ..flow_text import FACTS, price
from ..text import more
from .markup import Markup, join, number, tag
from .summary import moment

WIDTH, NODE, TOP, GAP = 1160, 12, 34, 26
LABEL = 270
"""Room for the names of the last column."""
BODY = 220
"""Height of the column with most events, without gaps."""
TARGETS = 500
"""So many targets are in the table."""
SHOWN = 6
"""So many sinks and so many rules are in the diagram, the largest ones. The table below it has all."""

_NOUNS: dict[Fate, str] = {"delivered": "sinks", "dropped": "rules"}


@dataclass(frozen=True, slots=True)
class Node:
    """A bar of the diagram."""

    name: str
    kind: str
    count: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """A band of the diagram, from the right side of a node to the left side of one in the next column."""

    kind: str
    x: float
    y: float
    to_x: float
    to_y: float
    height: float
    text: str


def flow_section(report: FleetReport) -> Markup:
    """Return the section of the event flow."""
    title = tag("h2", "Events", id="flow-title")
    if (fleet := report.flow) is None:
        body = tag("p", "No counts of events were read, so nothing is known about delivery.", class_="note")
    else:
        flow = fleet.flow
        stations = flow.stations()
        period = ("From ", moment(flow.begin), " to ", moment(flow.end), ". ", price(fleet.dollars))
        body = join(
            tag("p", *period, class_="note"),
            _diagram(stations),
            tag("ul", *_remarks(flow, stations), *_left_out(fleet), class_="remarks"),
            figures(stations),
            _facts(fleet.facts),
            _targets(report.targets),
        )
    return tag("section", title, body, id="flow", class_="card", aria_labelledby="flow-title")


def _remarks(flow: Flow, stations: tuple[Station, ...]) -> Iterator[Markup]:
    for station in stations:
        unread = [part.name for part in station.parts if part.count is None]
        rest = station.unexplained
        if station.total is None:
            yield tag("li", f"{station.name}: not read.", class_="unknown")
        elif rest is None:
            yield tag(
                "li",
                f"{station.name}: the difference is unknown, because these were not read: {', '.join(unread)}.",
                class_="unknown",
            )
        elif rest > 0:
            yield tag("li", f"{station.name}: {rest:,} events are unexplained.", class_="bad")
        elif rest < 0:
            yield tag(
                "li",
                f"{station.name}: {-rest:,} more events left than came in, such as repeated deliveries.",
                class_="unknown",
            )
        else:
            yield tag("li", f"{station.name}: every event is explained.", class_="good")
    if flow.extra_copies:
        yield tag("li", f"Received includes {flow.extra_copies:,} copies of events whose route has several sinks.")


def _left_out(fleet: FleetFlow) -> Iterator[Markup]:
    if fleet.left_out:
        names = ", ".join(fleet.left_out[:SHOWN]) + (", ..." if len(fleet.left_out) > SHOWN else "")
        what = plural(len(fleet.left_out), "target")
        yield tag("li", f"Not in these sums, because not every count was read: {what} ({names}).", class_="unknown")


def _facts(facts: Mapping[str, int]) -> Markup:
    """Return the table of what was counted in payloads, requests and messages."""
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", number(facts.get(key)))) for key, name in FACTS.items()]
    table = tag("div", tag("table", tag("tbody", *rows)), class_="scroll")
    return tag("details", tag("summary", "Payloads, requests and dead letters"), table, class_="by-target")


_COLUMNS = (
    "Target",
    "Written",
    "Forwarded",
    "Received",
    "Delivered",
    "Dropped",
    "Dead-lettered",
    "Unexplained",
    "Last test line",
    "Notes",
)


def _targets(targets: Sequence[TargetReport]) -> Markup:
    """Return the table of targets; those with unread or unexplained events come first."""
    found = [(target.host, target.flow) for target in targets if target.flow]
    found.sort(key=lambda item: -_trouble(item[1].flow))
    return target_table(_COLUMNS, [(host, _cells(each)) for host, each in found])


def target_table(columns: Sequence[str], found: Sequence[tuple[str, Iterator[Markup]]]) -> Markup:
    """Return the table of the first targets: each has its host and its other cells."""
    rows = [tag("tr", tag("th", host, scope="row"), *cells) for host, cells in found[:TARGETS]]
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    table = tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll")
    left = [tag("p", line, class_="note") for line in more(len(found), len(rows))]
    return tag("details", tag("summary", "Targets"), table, *left, class_="by-target")


def _trouble(flow: Flow) -> float:
    """Return how much of the flow is unexplained; unread counts are the worst."""
    rests = [station.unexplained for station in flow.stations()]
    return inf if None in rests else sum(abs(rest or 0) for rest in rests)


def _cells(target: TargetFlow) -> Iterator[Markup]:
    flow = target.flow
    delivered = None if flow.sinks is None else sum(flow.sinks.values())
    dropped = None if flow.dropped is None else sum(flow.dropped.values())
    for count in (flow.written, flow.forwarded, flow.received, delivered, dropped, flow.dead_lettered):
        yield tag("td", number(count))
    trouble = _trouble(flow)
    yield tag("td", "unknown" if trouble == inf else f"{trouble:,}")
    yield tag("td", *_test_line(target.facts))
    yield tag("td", "; ".join(target.notes))


def _test_line(facts: Mapping[str, int]) -> Iterator[str]:
    """Return when the last test line was delivered, and how long that took."""
    tested, milliseconds = facts.get("LastTestLine"), facts.get("LastTestLineMilliseconds")
    yield "none in the period" if tested is None else moment(tested)
    if tested is not None and milliseconds is not None:
        yield f", after {milliseconds / 1000:.1f} s"


def figures(stations: tuple[Station, ...]) -> Markup:
    """Return the table of all stations and the ways out of them."""
    rows = []
    for station in stations:
        rows.append(tag("tr", tag("th", station.name, scope="row"), tag("td"), tag("td", number(station.total))))
        rows += [tag("tr", tag("td"), tag("td", part.name), tag("td", number(part.count))) for part in station.parts]
        rest = station.unexplained
        unexplained = "unknown" if rest is None else number(max(0, rest))
        rows.append(tag("tr", tag("td"), tag("td", "Unexplained"), tag("td", unexplained)))
    head = tag("tr", *(tag("th", name, scope="col") for name in ("Station", "Then", "Events")))
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("details", tag("summary", "Figures"), tag("div", table, class_="scroll"))


def _diagram(stations: tuple[Station, ...]) -> Markup:
    if not any(station.total for station in stations):
        return Markup("")
    nodes, links = layout(stations)
    height = max(node.y + node.height for node in nodes) + GAP
    label = "; ".join(f"{node.name} {node.count:,}" for node in nodes)
    return tag(
        "div",
        tag(
            "svg",
            *(_band(link) for link in links),
            *(_bar(node) for node in nodes),
            viewBox=f"0 0 {WIDTH} {height:.0f}",
            class_="sankey",
            role="img",
            aria_label=f"Event flow: {label}",
        ),
        class_="scroll",
    )


def layout(stations: tuple[Station, ...]) -> tuple[list[Node], list[Link]]:
    """Return the bars and bands. A station or a way out that was not read has none."""
    columns: list[list[Part]] = [[] for _unused in range(len(stations) + 1)]
    for index, station in enumerate(stations):
        if station.total:
            columns[index].insert(0, Part(station.name, "onward", station.total))
        columns[index + 1] += [part for part in _ways(station) if part.fate != "onward"]
    largest = max(sum(part.count or 0 for part in column) for column in columns)
    step = (WIDTH - LABEL - NODE) / len(stations)
    nodes: list[list[Node]] = []
    for index, column in enumerate(columns):
        nodes.append([])
        y = float(TOP)
        for part in column:
            high = _high(part.count or 0, largest)
            nodes[-1].append(
                Node(
                    part.name, "station" if part.fate == "onward" else part.fate, part.count or 0, index * step, y, high
                )
            )
            y += high + GAP
    links = [
        link
        for index, station in enumerate(stations)
        for link in _links(station, nodes[index], nodes[index + 1], largest)
    ]
    return [node for column in nodes for node in column], links


def _high(count: int, largest: int) -> float:
    """Return the height of so many events. Few events stay visible."""
    return max(1.5, count / largest * BODY)


def _ways(station: Station) -> list[Part]:
    """Return the ways out of a station that have events, and its unexplained events."""
    if not station.total:
        return []
    rest = max(0, station.unexplained or 0)
    ways = [part for part in station.parts if part.count]
    shown = []
    for fate in dict.fromkeys(part.fate for part in ways):
        same = sorted((part for part in ways if part.fate == fate), key=lambda part: -(part.count or 0))
        shown += same[:SHOWN]
        if rest_of_fate := same[SHOWN:]:
            name = f"{len(rest_of_fate)} other {_NOUNS.get(fate, 'ways')}"
            shown.append(Part(name, fate, sum(part.count or 0 for part in rest_of_fate)))
    return shown + ([Part("Unexplained", "unexplained", rest)] if rest else [])


def _links(station: Station, column: list[Node], after: list[Node], largest: int) -> Iterator[Link]:
    if not station.total:
        return
    node = column[0]
    y = node.y
    ends = iter([item for item in after if item.kind != "station"])
    onward = next((item for item in after if item.kind == "station"), None)
    for part in _ways(station):
        end = onward if part.fate == "onward" else next(ends, None)
        high = _high(part.count or 0, largest)
        if end:
            text = f"{station.name} → {part.name}: {part.count:,}"
            yield Link(end.kind, node.x + NODE, y, end.x, end.y, high, text)
        y += high


def _band(link: Link) -> Markup:
    middle = (link.x + link.to_x) / 2
    top, bottom = link.y + link.height, link.to_y + link.height
    path = (
        f"M{link.x:.1f},{link.y:.1f}C{middle:.1f},{link.y:.1f} {middle:.1f},{link.to_y:.1f} {link.to_x:.1f},{link.to_y:.1f}"
        f"V{bottom:.1f}C{middle:.1f},{bottom:.1f} {middle:.1f},{top:.1f} {link.x:.1f},{top:.1f}Z"
    )
    return tag("path", tag("title", link.text), d=path, class_=f"band {link.kind}")


def _bar(node: Node) -> Markup:
    """Return the bar with its label: above a station, on the right of an end."""
    rect = tag(
        "rect",
        x=f"{node.x:.1f}",
        y=f"{node.y:.1f}",
        width=NODE,
        height=f"{node.height:.1f}",
        rx=2,
        class_=f"node {node.kind}",
    )
    if node.kind == "station":
        label = tag(
            "text",
            tag("tspan", node.name, class_="name"),
            tag("tspan", f" {node.count:,}", class_="figure"),
            x=f"{node.x:.1f}",
            y=f"{node.y - 10:.1f}",
        )
    else:
        label = tag(
            "text",
            tag("tspan", _short(node.name), class_="name"),
            tag("tspan", f" {node.count:,}", class_="figure"),
            tag("title", node.name),
            x=f"{node.x + NODE + 8:.1f}",
            y=f"{node.y + node.height / 2 + 4:.1f}",
        )
    return join(rect, label)


def _short(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"
