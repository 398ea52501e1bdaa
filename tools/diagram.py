# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a diagram of boxes on a grid as SVG, from a YAML file. Pure; tools/generate.py writes the file.

The picture has a background of its own and follows the reader's light or dark mode, so it is readable on every page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

WIDTH, HEIGHT = 200, 62  # of a box
COLUMN, ROW = 300, 136  # from one box to the next
LEFT, TOP = 40, 30
ABOVE_FRAMES = 34  # moves the rows of frames down, for the frame's label
PADDING = 24
STYLE = """
    svg { color-scheme: light dark; font: 14px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
    .page { fill: #ffffff; } .frame { fill: #f4f7fb; stroke: #9db2cc; stroke-dasharray: 5 4; }
    .own { fill: #dcebff; stroke: #2f6fbf; } .outside { fill: #ffffff; stroke: #7c8896; }
    .line { stroke: #46525f; stroke-width: 1.5; fill: none; } .head { fill: #46525f; }
    text { fill: #1b2530; text-anchor: middle; } .title { font-weight: 600; } .text, .label { fill: #46525f; font-size: 12.5px; }
    .name { text-anchor: start; fill: #46525f; font-weight: 600; font-size: 13px; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; } .frame { fill: #131b26; stroke: #46566b; }
      .own { fill: #12305a; stroke: #58a0f5; } .outside { fill: #161d27; stroke: #8b98a8; }
      .line { stroke: #a9b6c5; } .head { fill: #a9b6c5; }
      text { fill: #e8eef5; } .text, .label, .name { fill: #b9c5d3; }
    }
"""
ARROW = (
    '  <defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path class="head" d="M0 0L10 5L0 10z"/></marker></defs>'
)


class Area(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    def side(self, name: str) -> tuple[float, float]:
        """Return the middle of a side."""
        middle = (self.left + self.width / 2, self.top + self.height / 2)
        return {
            "left": (self.left, middle[1]),
            "right": (self.left + self.width, middle[1]),
            "top": (middle[0], self.top),
            "bottom": (middle[0], self.top + self.height),
        }[name]


def draw(source: Mapping[str, Any]) -> str:
    """Return the SVG of a diagram: `title`, `frames`, `boxes` by name, `edges`."""
    frames = [_frame(each["from"], each["to"]) for each in source["frames"]]
    boxes = {name: _box(*each["at"]) for name, each in source["boxes"].items()}
    places = {**boxes, "frame": frames[0]}
    areas = [*frames, *boxes.values()]
    width = max(area.left + area.width for area in areas) + LEFT
    height = max(area.top + area.height for area in areas) + TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">',
        f"  <title>{escape(source['title'].strip())}</title>",
        f"  <style>{STYLE}  </style>",
        ARROW,
        f'  <rect class="page" width="{width:g}" height="{height:g}" rx="10"/>',
        *(
            line
            for frame, each in zip(frames, source["frames"], strict=True)
            for line in _drawn_frame(frame, each["label"])
        ),
        *(line for name, each in source["boxes"].items() for line in _drawn_box(boxes[name], each)),
        *(line for each in source["edges"] for line in _drawn_edge(places, each)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(column: int, row: int) -> Area:
    return Area(LEFT + column * COLUMN, TOP + row * ROW + (ABOVE_FRAMES if row else 0), WIDTH, HEIGHT)


def _frame(first: tuple[int, int], last: tuple[int, int]) -> Area:
    """Return the frame around the boxes from the first to the last one, with room for its label."""
    begin, end = _box(*first), _box(*last)
    left, top = begin.left - PADDING, begin.top - PADDING - 16
    return Area(left, top, end.left + end.width + PADDING - left, end.top + end.height + PADDING - top)


def _rectangle(area: Area, style: str) -> str:
    return f'  <rect class="{style}" x="{area.left:g}" y="{area.top:g}" width="{area.width:g}" height="{area.height:g}" rx="8"/>'


def _drawn_frame(area: Area, label: str) -> Iterator[str]:
    yield _rectangle(area, "frame")
    yield f'  <text class="name" x="{area.left + 12:g}" y="{area.top + 22:g}">{escape(label)}</text>'


def _drawn_box(area: Area, box: Mapping[str, Any]) -> Iterator[str]:
    middle = area.left + area.width / 2
    yield _rectangle(area, box["kind"])
    yield f'  <text class="title" x="{middle:g}" y="{area.top + 26:g}">{escape(box["title"])}</text>'
    yield f'  <text class="text" x="{middle:g}" y="{area.top + 46:g}">{escape(box["text"])}</text>'


def _drawn_edge(places: Mapping[str, Area], edge: Mapping[str, Any]) -> Iterator[str]:
    (x, y), (to_x, to_y) = (_end(places, edge[end]) for end in ("from", "to"))
    if edge["to"] == "frame.top":  # straight down to the frame, wherever its middle is
        to_x = x
    start = ' marker-start="url(#arrow)"' if edge.get("both") else ""
    yield f'  <path class="line" d="M{x:g} {y:g}L{to_x:g} {to_y:g}" marker-end="url(#arrow)"{start}/>'
    if x == to_x:
        yield f'  <text class="label" style="text-anchor: start" x="{x + 10:g}" y="{(y + to_y) / 2 + 4:g}">{escape(edge["label"])}</text>'
    else:
        yield f'  <text class="label" x="{(x + to_x) / 2:g}" y="{y - 8:g}">{escape(edge["label"])}</text>'


def _end(places: Mapping[str, Area], name: str) -> tuple[float, float]:
    box, _dot, side = name.partition(".")
    return places[box].side(side)
