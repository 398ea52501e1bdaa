# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from string import Template

from ..drift import Drift
from ..fleet import FleetReport
from ..points import Point
from .changes import drift_section, trend_section
from .columns import columns, packed
from .copies import copies_section
from .cost import cost_section
from .grid import grid
from .markup import join
from .sankey import flow_section
from .summary import hero, notes, tiles, unread_targets

_DATA = "${data}"


def render(report: FleetReport, drift: Drift | None = None, history: Sequence[Point] = ()) -> Iterator[str]:
    """Yield the parts of the page. The page says that something is unknown if it is None or empty.

    history   earlier reports, for the trend
    """
    script = _file("logic.js") + _file("page.js")
    style = _file("page.css")
    policy = (
        f"default-src 'none'; script-src '{source_hash(script)}'; style-src '{source_hash(style)}'; base-uri 'none';"
        " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    values = {
        "policy": policy,
        "style": style,
        "script": script,
        "summary": join(hero(report), tiles(report)),
        "unread": join(unread_targets(report), notes(report)),
        "grid": grid(report),
        "cost": cost_section(report.cost),
        "drift": drift_section(drift),
        "trend": trend_section(history, report),
        "flow": join(flow_section(report), copies_section(report)),
    }
    before, after = _file("page.html").split(_DATA)
    yield Template(before).substitute(values)
    yield packed(columns(report, drift))
    yield Template(after).substitute(values)


def source_hash(content: str) -> str:
    """Return the source expression of a Content-Security-Policy that permits this content of a script or style element."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")


@cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
