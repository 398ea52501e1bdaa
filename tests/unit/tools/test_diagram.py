# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the architecture, from its source."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import diagram
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SOURCE = yaml.safe_load((ROOT / "docs" / "architecture.yml").read_text(encoding="utf-8"))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(source: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(diagram.draw(source))


def test_picture_has_every_box_frame_and_edge() -> None:
    texts = {"".join(text.itertext()) for text in drawn(SOURCE).iter(f"{SVG}text")}
    wanted = [each[key] for each in SOURCE["boxes"].values() for key in ("title", "text")]
    wanted += [each["label"] for each in (*SOURCE["edges"], *SOURCE["frames"])]
    assert [text for text in wanted if text not in texts] == []


def test_boxes_do_not_overlap_and_are_inside_the_picture() -> None:
    root = drawn(SOURCE)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    boxes = [
        [float(box.attrib[name]) for name in ("x", "y", "width", "height")]
        for box in root.iter(f"{SVG}rect")
        if box.attrib["class"] in ("own", "outside")
    ]
    assert len(boxes) == len(SOURCE["boxes"])
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    assert not [1 for a, b in combinations(boxes, 2) if abs(a[0] - b[0]) < a[2] and abs(a[1] - b[1]) < a[3]]


def test_edges_are_horizontal_or_vertical() -> None:
    lines = [path.attrib["d"] for path in drawn(SOURCE).iter(f"{SVG}path") if path.attrib["class"] == "line"]
    ends = [[float(number) for number in re.findall(r"[\d.]+", line)] for line in lines]
    assert len(ends) == len(SOURCE["edges"])
    assert [end for end in ends if end[0] != end[2] and end[1] != end[3]] == []


def test_text_of_the_source_is_no_markup() -> None:
    source = {
        "title": "<b>",
        "frames": SOURCE["frames"],
        "edges": [],
        "boxes": {"a": {"at": [0, 0], "title": "<script>", "text": "&", "kind": "own"}},
    }
    assert list(drawn(source).iter(f"{SVG}script")) == []


def test_edge_to_a_box_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        diagram.draw({**SOURCE, "edges": [{"from": "nobody.right", "to": "sinks.left", "label": "x"}]})
