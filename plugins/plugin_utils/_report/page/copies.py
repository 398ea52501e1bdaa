# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that AWS's centralization copies: their sums, and each target's way to its destinations."""

from __future__ import annotations

from collections.abc import Iterator

from ..._outcomes import plural
from ..copies import CopyFlow
from ..fleet import FleetReport
from ..flow_text import differences, price
from .markup import Markup, number, tag
from .sankey import figures, target_table
from .summary import moment

_COLUMNS = ("Target", "Destination", "Written", "Copied", "Received", "Delivered", "Differences", "Notes")


def copies_section(report: FleetReport) -> Markup:
    """Return the section of copied events; nothing if no target is centralized."""
    if (copies := report.copies) is None:
        return Markup("")
    flow = copies.flow
    stations = flow.stations()
    left_out = [tag("li", f"Not in these sums: {plural(len(copies.left_out), 'target')}.", class_="unknown")]
    return tag(
        "section",
        tag("h2", "Copies of AWS's centralization", id="copies-title"),
        tag("p", "From ", moment(flow.begin), " to ", moment(flow.end), ". ", price(copies.dollars), class_="note"),
        tag("ul", tag("li", differences(stations)), *(left_out if copies.left_out else []), class_="remarks"),
        figures(stations),
        _targets(report),
        id="copies",
        class_="card",
        aria_labelledby="copies-title",
    )


def _targets(report: FleetReport) -> Markup:
    found = [(target.host, flow) for target in report.targets for flow in target.copy_flows or ()]
    found.sort(key=lambda item: -_trouble(item[1]))
    return target_table(_COLUMNS, [(host, _cells(flow)) for host, flow in found])


def _trouble(flow: CopyFlow) -> float:
    """Return how many events are not at the next station for a known reason or none; unread counts are the worst."""
    if not flow.is_read:
        return float("inf")
    return sum((station.total or 0) - (station.parts[0].count or 0) for station in flow.stations()[:2])


def _cells(flow: CopyFlow) -> Iterator[Markup]:
    yield tag("td", f"{flow.account} {flow.region}")
    for count in (flow.written, flow.copied, flow.received, flow.delivered):
        yield tag("td", number(count))
    yield tag("td", differences(flow.stations()))
    yield tag("td", "; ".join(flow.notes))
