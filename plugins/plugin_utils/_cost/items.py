# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line of an estimate, and the sum of an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ...module_utils._parts.volume.figures import Range, total
from ...module_utils._parts.volume.prices import PRODUCTS
from .assumptions import ALWAYS, Assumption, Ends
from .prices import Price, Prices

Basis = Literal["estimated", "measured"]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the bill of a month.

    quantity    None if it is unknown
    unit        of the quantity and the price, in the singular
    price       None if it is unknown
    ends        when each end is true
    """

    name: str
    quantity: Range | None
    unit: str
    price: Price | None
    ends: Ends = ALWAYS
    basis: Basis = "estimated"

    @property
    def cost(self) -> Range | None:
        """Dollars a month; None if they are unknown. Nothing of it costs nothing at any price."""
        if self.quantity is None:
            return None
        if self.quantity.high == 0:
            return Range(0.0, 0.0)
        return None if self.price is None else self.quantity.times(self.price.usd)

    @property
    def unknown(self) -> str:
        """The reason why the cost is unknown, or has no upper end; "" if it is known."""
        if self.quantity is None:
            return "the quantity is unknown"
        if self.cost is None:
            return "the price is unknown"
        return "" if self.quantity.high is not None else "no upper end is known"

    def plain(self) -> dict[str, Any]:
        """Return the item for JSON."""
        price = self.price
        return {
            "name": self.name,
            "basis": self.basis,
            "quantity": self.quantity.plain() if self.quantity else None,
            "unit": self.unit,
            "price": price
            and {"usd": price.usd, "source": price.source, "date": price.date, "is_confirmed": price.is_confirmed},
            "cost": self.cost.plain() if self.cost else None,
            "unknown": self.unknown,
            "low_when": self.ends.low_when,
            "high_when": self.ends.high_when,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a target in one mode.

    items           what AWS bills
    log_service     what the log service bills
    """

    items: tuple[Item, ...]
    log_service: Item

    @property
    def cost(self) -> Range:
        """The sum of what AWS bills, as far as it is known. It has no upper end if one of the items has none, or is unknown."""
        return sum_of(self.items)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of the items whose cost is unknown, or has no upper end."""
        return tuple(item.name for item in self.items if item.unknown)

    def plain(self) -> dict[str, Any]:
        """Return the estimate for JSON."""
        return {
            "cost": self.cost.plain(),
            "unknown": list(self.unknown),
            "items": [item.plain() for item in self.items],
            "log_service": self.log_service.plain(),
        }


def sum_of(items: Iterable[Item]) -> Range:
    """Return the sum of the known costs, without an upper end if a cost is unknown."""
    costs = [each.cost for each in items]
    known = total(cost for cost in costs if cost is not None)
    return Range(known.low, None) if None in costs else known


def because(*reasons: Ends | Assumption) -> Ends:
    """Return when the lower and the upper end are true, if several reasons make them."""
    low, high = (
        "; ".join(filter(None, texts)) for texts in zip(*((e.low_when, e.high_when) for e in reasons), strict=True)
    )
    return Ends(low, high)


def item(name: str, quantity: Range | None, price: str, prices: Prices, *reasons: Ends | Assumption) -> Item:
    """Return an item with the price of that name."""
    ends = because(*reasons) if reasons else ALWAYS
    return Item(name, quantity, PRODUCTS[price].unit, prices.get(price), ends)


def unconfirmed(items: Iterable[Item]) -> list[Price]:
    """Return the prices of these items that nobody has confirmed, each once."""
    found = {item.price.name: item.price for item in items if item.price and not item.price.is_confirmed}
    return [found[name] for name in sorted(found)]
