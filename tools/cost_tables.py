# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of docs/COST.md and docs/PREVIEW.md: the estimate of example volumes, and the shipped prices."""

from __future__ import annotations

from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.facts import facts_of
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Range
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.prices import PRODUCTS
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.modes import MODES, WAYS, Plan
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.prices import Price, known_regions, shipped
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.text import NAMES, WITHOUT_US, dollars

_REGION = "us-east-1"
_VOLUMES = {"idle": 0.0, "1 TB": 1e12, "30 TB": 30e12}
_FUNCTIONS = "1 TB of Lambda functions"
_LINE = 500  # bytes
_LOG_GROUPS = 200
_FLEET = 2000


def estimates() -> str:
    """Return the items of the mode filters for example volumes, with the defaults of all options."""
    params = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}
    facts = facts_of(params, "filters", _LOG_GROUPS)
    plans = {name: Plan(Range(size, size), None, facts, shipped(_REGION)) for name, size in _VOLUMES.items()}
    whole, lines = Range(1e12, 1e12), Range(1e12 / _LINE, 1e12 / _LINE)
    plans[_FUNCTIONS] = Plan(whole, lines, facts, shipped(_REGION), functions=(whole, lines))
    found = {name: MODES["filters"](plan) for name, plan in plans.items()}
    rows = [f"| what, a month | {' | '.join(found)} |", f"|---|{'---:|' * len(found)}"]
    for column, item in enumerate(next(iter(found.values())).items):
        costs = [dollars(estimate.items[column].cost) for estimate in found.values()]
        rows.append(f"| {NAMES[item.name]} | {' | '.join(costs)} |")
    sums = [f"**{dollars(estimate.cost)}**" for estimate in found.values()]
    return "\n".join([*rows, f"| **Sum** | {' | '.join(sums)} |"])


def ends() -> str:
    """Return when the lower and the upper end of each item are true."""
    facts = {**facts_of({"reflector_sumo_endpoint": "secretsmanager:x"}, "filters", _LOG_GROUPS), "in_vpc": True}
    items = MODES["filters"](Plan(Range(1, 1), None, facts, shipped(_REGION))).items
    rows = [
        f"| {NAMES[item.name]} | {item.ends.low_when} | {item.ends.high_when} |"
        for item in items
        if item.ends.low_when or item.ends.high_when
    ]
    return "\n".join(["| what | low end | high end |", "|---|---|---|", *rows])


def prices() -> str:
    """Return the shipped prices: a row for each price, a column for each region."""
    regions = known_regions()
    rows = [f"| price | for a | {' | '.join(regions)} |", f"|---|---|{'---:|' * len(regions)}"]
    for name, product in PRODUCTS.items():
        cells = [_price(shipped(region).get(name)) for region in regions]
        rows.append(f"| `{name}` | {product.unit} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _price(price: Price | None) -> str:
    """Return the cell of a price."""
    if price is None:
        return "unknown"
    return f"{price.usd:.10f}".rstrip("0") + ("" if price.is_confirmed else " ?")


def ways() -> str:
    """Return the sums of all modes, and of Firehose directly to S3, for a target and for a fleet with the same volume."""
    plans = {}
    for targets in (1, _FLEET):
        for volume, size in list(_VOLUMES.items())[1:]:
            part = Range(size / targets, size / targets)
            facts = facts_of({"reflector_sumo_endpoint": "secretsmanager:x"}, "filters", _LOG_GROUPS)
            where = "1 target" if targets == 1 else f"{targets:,} targets"
            plans[f"{volume}, {where}"] = targets, Plan(part, None, facts, shipped(_REGION), targets=targets)
    rows = [f"| AWS, a month | {' | '.join(plans)} |", f"|---|{'---:|' * len(plans)}"]
    for way, estimate in WAYS.items():
        costs = [dollars(estimate(plan).cost.times(float(targets))) for targets, plan in plans.values()]
        rows.append(f"| {WITHOUT_US.get(way, f'`{way}`')} | {' | '.join(costs)} |")
    return "\n".join(rows)


TABLES = {"estimates": estimates, "ends": ends, "prices": prices, "ways": ways}
