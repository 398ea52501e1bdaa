# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume and cost as a section of the report in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .._cost.fleet import FleetCost
from .._cost.terminal import deployed, headline, reading, targets, unknown
from .._cost.text import NAMES, dollars, volume
from .markdown import code, table

_LARGEST = 20


def section(fleet: FleetCost) -> Iterator[str]:
    """Yield the section: the volume, what the deployed functions cost, the largest log groups, and what is unknown."""
    yield f"\n## Volume and cost\n\n{headline(fleet)}\n"
    title = f"Cost a month on {targets(len(fleet.deployed_targets))} with a reflector: {dollars(fleet.deployed_cost)}"
    rows = [(NAMES[line.name], dollars(line.cost), line.basis) for line in fleet.deployed_lines()]
    yield from table(title, ("Item", "Dollars", "Quantity"), rows)
    groups = fleet.largest()[:_LARGEST]
    places = [(code(each.account), code(each.region), code(each.name), volume(each.bytes)) for each in groups]
    yield from table("The largest log groups", ("Account", "Region", "Log group", "A month"), places)
    for line in (*deployed(fleet), *unknown(fleet), *reading(fleet)):
        yield f"\n{code(line.strip())}\n"
