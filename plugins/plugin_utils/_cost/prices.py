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


def known_regions() -> list[str]:
    """Return the regions with shipped prices."""
    return sorted(region for group in _document()["groups"] for region in group["regions"])


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return document
