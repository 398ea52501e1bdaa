# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prices of one region: those that the collection ships, or those of AWS's price list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...module_utils._parts.volume.prices import PRODUCTS

_FROM_AWS = "AWS's price list, read in this run"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit.

    is_confirmed    whether the price was read from AWS's price list, or a copy of it
    """

    name: str
    usd: float
    unit: str
    source: str
    date: str
    is_confirmed: bool


Prices = Mapping[str, Price]
"""The known prices of a region by name. A missing one is unknown."""


def shipped(region: str) -> dict[str, Price]:
    """Return the prices of the region that the collection ships; none for a region that it does not know."""
    document = _document()
    for group in document["groups"]:
        if region in group["regions"]:
            sources = document["sources"]
            return {
                name: Price(
                    name,
                    usd,
                    PRODUCTS[name].unit,
                    sources[source]["text"],
                    sources[source]["date"],
                    sources[source]["is_confirmed"],
                )
                for name, (usd, source) in group["prices"].items()
            }
    return {}


def prices_of(region: str, found: Mapping[str, Any] | None) -> dict[str, Price]:
    """Return the prices of a region; those that were read from AWS's price list replace shipped ones.

    found   what the module volume_info read
    """
    read = {
        name: Price(name, float(usd), PRODUCTS[name].unit, _FROM_AWS, str(found["date"]), True)
        for name, usd in ((found or {}).get("prices") or {}).items()
        if found and name in PRODUCTS
    }
    return {**shipped(region), **read}


def reading_dollars(region: str, reading: Mapping[str, int]) -> tuple[float, list[str]]:
    """Return the shipped price of what coverage_info read of the events, and a sentence if a price is unknown.

    reading   metrics of GetMetricData, list_calls of ListMetrics, and bytes_scanned by Logs Insights
    """
    prices = shipped(region)
    amounts = {
        "metric_data": float(reading["metrics"]),
        "metric_request": float(reading["list_calls"]),
        "log_query": reading["bytes_scanned"] / 10**9,
    }
    unknown = [name for name, amount in amounts.items() if amount and name not in prices]
    total = sum(prices[name].usd * amount for name, amount in amounts.items() if name in prices)
    return round(total, 6), [f"the price of reading the events is not known in {region}"] if unknown else []


def known_regions() -> list[str]:
    """Return the regions with shipped prices."""
    return sorted(region for group in _document()["groups"] for region in group["regions"])


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return document
