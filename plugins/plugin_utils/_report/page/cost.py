# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume and cost on the page."""

from __future__ import annotations

from collections.abc import Sequence

from ..._cost.fleet import FleetCost, Group, Line
from ..._cost.modes import MODES
from ..._cost.terminal import deployed, headline, prices, reading, targets, unknown
from ..._cost.text import NAMES, dollars, volume
from .markup import Markup, tag


def cost_section(fleet: FleetCost | None) -> Markup:
    """Return the section: what is written, what that costs, by item and log group, and what is unknown."""
    title = tag("h2", "Volume and cost", id="cost-title")
    if fleet is None:
        body = [tag("p", "Volume and cost were not read. Set report_cost: true to read them.", class_="note")]
    else:
        lines = [*deployed(fleet), *unknown(fleet), *reading(fleet), *prices(fleet)]
        body = [
            tag("p", headline(fleet), class_="what"),
            _figures(fleet),
            _items(fleet),
            _largest(fleet.largest()),
            *(tag("p", tag("bdi", line.strip()), class_="note") for line in lines),
        ]
    return tag("section", title, *body, id="cost", class_="card", aria_labelledby="cost-title")


def _figures(fleet: FleetCost) -> Markup:
    """Return the sums: of what is deployed, and of each mode for all targets."""
    found = [
        (
            "AWS, as deployed",
            dollars(fleet.deployed_cost),
            f"{targets(len(fleet.deployed_targets))}, from actual usage",
        )
    ]
    if fleet.read_targets:
        found += [(f"AWS, mode {mode}", dollars(fleet.cost(mode)), "an estimate for all targets") for mode in MODES]
        found += [("Log service", dollars(fleet.log_service("filters")), "at the price of cost_log_service_price")]
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag("span", name, class_="label"),
                tag("span", value, class_="count"),
                tag("span", f"a month, {meaning}", class_="meaning"),
                class_="tile",
            )
            for name, value, meaning in found
        ),
        class_="tiles",
    )


def _items(fleet: FleetCost) -> Markup:
    """Return the items of what is deployed; without a deployment those of the mode filters."""
    lines, what = fleet.deployed_lines(), "what is deployed"
    if not lines:
        lines, what = fleet.lines("filters"), "the mode filters"
    if not lines:
        return Markup("")
    head = ("Item", "Dollars a month", "Quantity", "Low end", "High end")
    return _table(f"Items of {what}", head, [_row(line) for line in lines])


def _row(line: Line) -> tuple[str, ...]:
    return NAMES[line.name], dollars(line.cost), line.basis, line.ends.low_when, line.ends.high_when


def _largest(groups: list[Group]) -> Markup:
    if not groups:
        return Markup("")
    rows = [(each.name, each.account, each.region, each.state, volume(each.bytes)) for each in groups]
    return _table("The largest log groups", ("Log group", "Account", "Region", "State", "A month"), rows)


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Markup:
    body = (tag("tr", *(tag("th" if not i else "td", tag("bdi", cell)) for i, cell in enumerate(row))) for row in rows)
    table = tag("table", tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))), tag("tbody", *body))
    return tag("details", tag("summary", title), tag("div", table, class_="scroll"))
