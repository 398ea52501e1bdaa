# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model: targets with their volume and cost, and the sums of the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...module_utils._parts.volume.figures import METRICS, Range, total
from .assumptions import Ends
from .items import Estimate, Item, sum_of, unconfirmed
from .modes import WAYS, Plan, deployed
from .prices import Price, Prices, prices_of

SHOWN = 20
"""Number of the largest log groups."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The figures that only the user knows.

    vendor  dollars for each GB that the log service takes in; None if the user gave none
    egress  whether the data that leaves the functions is billed as transfer to the internet
    targets number of targets of the run, which share a destination in the mode centralized
    further_copies  see Plan
    """

    vendor: float | None = None
    egress: bool = True
    targets: int = 1
    further_copies: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A log group with the bytes and events of a month; None if they are unknown."""

    target: str
    account: str
    region: str
    name: str
    state: str
    bytes: Range | None
    events: Range | None


@dataclass(frozen=True)
class TargetCost:
    """A target.

    host        its name in the inventory
    error       why it was not read; then nothing else is known
    volume      what the module volume_info read; None for a target that was not read
    estimates   the cost by mode, see WAYS
    deployed    the cost of what is deployed, from its own figures; None if nothing is
    log_groups  the lines of the module's file, or None if it cannot be read
    """

    host: str
    account: str = ""
    region: str = ""
    error: str = ""
    volume: Mapping[str, Any] | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    deployed: Estimate | None = None
    prices: Prices = field(default_factory=dict)
    log_groups: tuple[Mapping[str, Any], ...] | None = None

    @property
    def mode(self) -> str:
        """The mode that the variables ask for, "" if the target was not read."""
        return str(self.volume["facts"]["mode"]) if self.volume else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The readings that failed."""
        return tuple(self.volume["notes"]) if self.volume else ()

    def written(self, metric: str, state: str = "chosen") -> Range | None:
        """Return bytes or events a month of the log groups in that state; None if the target was not read."""
        return Range.from_plain(self.volume["log_groups"][state][metric]) if self.volume else None

    def count(self, name: str, state: str = "chosen") -> int:
        """Return the number of `log_groups` in that state, or of those with an `unknown` volume."""
        return int(self.volume["log_groups"][state][name]) if self.volume else 0

    def largest(self) -> list[Group]:
        """Return the log groups with the largest volume."""
        place = self.host, self.account, self.region
        return [
            Group(*place, row["log_group"], row["state"], *(_range(row[metric]) for metric in METRICS))
            for row in (self.volume or {}).get("largest", ())
        ]

    @property
    def reading_cost(self) -> Range | None:
        """The price of reading the metrics, in dollars; None if the price is unknown.

        At the lower end the account has free calls of GetMetricStatistics left.
        """
        if not self.volume:
            return Range(0.0, 0.0)
        reading = self.volume["reading"]
        metrics, requests = reading["metrics"], reading["calls"].get("GetMetricStatistics", 0)
        try:
            a_metric, a_request = self.prices["metric_data"].usd, self.prices["metric_request"].usd
        except KeyError:
            return None
        return Range(metrics * a_metric, metrics * a_metric + requests * a_request)


def target_cost(
    host: str, volume: Mapping[str, Any], choices: Choices, log_groups: Iterable[Mapping[str, Any]] | None = ()
) -> TargetCost:
    """Return the cost of a target whose volume was read."""
    prices = prices_of(volume["region"], volume["prices"])
    written = {metric: Range.from_plain(volume["log_groups"]["chosen"][metric]) for metric in METRICS}
    functions = [Range.from_plain(volume["log_groups"]["chosen"]["functions"][metric]) for metric in METRICS]
    plan = Plan(
        written["bytes"],
        written["events"],
        volume["facts"],
        prices,
        choices.vendor,
        choices.egress,
        (functions[0], functions[1]),
        choices.targets,
        choices.further_copies,
    )
    return TargetCost(
        host,
        volume["account_id"],
        volume["region"],
        volume=volume,
        estimates={name: estimate(plan) for name, estimate in WAYS.items()},
        deployed=deployed(plan, volume["usage"]),
        prices=prices,
        log_groups=None if log_groups is None else tuple(log_groups),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """AWS's bill for one item in all targets.

    ends    when each end is true
    basis   estimated, measured, or partly measured
    """

    name: str
    cost: Range
    ends: Ends
    basis: str

    @classmethod
    def of(cls, name: str, items: Sequence[Item]) -> Line:
        """Return the sum of the items of that name."""
        bases = sorted({each.basis for each in items})
        ends = Ends(*("; ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*_whens(items), strict=True)))
        return cls(name, sum_of(items), ends, bases[0] if len(bases) == 1 else "partly measured")


@dataclass(frozen=True)
class FleetCost:
    """All targets, sorted by account and region. `made_at` is in seconds since 1970."""

    made_at: int
    targets: tuple[TargetCost, ...]
    choices: Choices = field(default_factory=Choices)

    @property
    def read_targets(self) -> tuple[TargetCost, ...]:
        """The targets that were read."""
        return tuple(target for target in self.targets if target.volume)

    @property
    def unread_targets(self) -> tuple[TargetCost, ...]:
        """The targets that were not read: their volume and cost are unknown."""
        return tuple(target for target in self.targets if not target.volume)

    def written(self, metric: str, state: str = "chosen") -> Range:
        """Return bytes or events a month of all targets that were read."""
        return total(found for target in self.read_targets if (found := target.written(metric, state)))

    def functions(self, metric: str, state: str) -> Range:
        """Return the part of it that log groups of Lambda functions have."""
        volumes = [target.volume["log_groups"][state]["functions"] for target in self.read_targets if target.volume]
        return total(Range.from_plain(volume[metric]) for volume in volumes)

    def count(self, name: str, state: str = "chosen") -> int:
        """Return a number of log groups, see TargetCost."""
        return sum(target.count(name, state) for target in self.targets)

    @property
    def unknown_share(self) -> float | None:
        """Share of the chosen log groups with an unknown volume; None if no log group is chosen."""
        chosen = self.count("log_groups")
        return self.count("unknown") / chosen if chosen else None

    @property
    def unattributed_share(self) -> float | None:
        """Share of the volume of the targets that no read log group explains; None if it is unknown."""
        parts = [_shares(target.volume) for target in self.read_targets if target.volume]
        if None in parts or not parts:
            return None
        left, whole = (sum(values) for values in zip(*filter(None, parts), strict=True))
        return left / whole if whole else None

    def cost(self, mode: str) -> Range:
        """Return what AWS bills for all targets that were read, if all had that mode."""
        return total(target.estimates[mode].cost for target in self.read_targets)

    @property
    def configured_cost(self) -> Range:
        """AWS's bill for all targets that were read, each with the mode that its variables ask for."""
        return total(target.estimates[target.mode].cost for target in self.read_targets)

    def lines(self, mode: str) -> list[Line]:
        """Return the items of all targets, added by name."""
        return _lines(target.estimates[mode] for target in self.read_targets)

    def deployed_lines(self) -> list[Line]:
        """Return the items of what is deployed, added by name."""
        return _lines(target.deployed for target in self.targets if target.deployed)

    def log_service(self, mode: str) -> Range | None:
        """Return what the log service bills; None if its price is unknown."""
        found = [target.estimates[mode].log_service.cost for target in self.read_targets]
        return None if None in found else total(cost for cost in found if cost is not None)

    @property
    def deployed_targets(self) -> tuple[TargetCost, ...]:
        """The targets with a reflector."""
        return tuple(target for target in self.targets if target.deployed)

    @property
    def unread_usage(self) -> tuple[TargetCost, ...]:
        """The targets of which nobody knows what is deployed, or what it used."""
        return tuple(target for target in self.targets if not target.volume or target.volume["usage"] is None)

    @property
    def deployed_cost(self) -> Range | None:
        """AWS's bill for the deployed functions; None if there is none."""
        found = [target.deployed.cost for target in self.targets if target.deployed]
        return total(found) if found else None

    def largest(self) -> list[Group]:
        """Return the log groups of the fleet with the largest volume."""
        found = [group for target in self.targets for group in target.largest()]
        return sorted(found, key=_by_volume)[:SHOWN]

    @property
    def reading_cost(self) -> Range | None:
        """The price of reading the metrics of all targets; None if a price is unknown."""
        found = [target.reading_cost for target in self.targets]
        return None if None in found else total(each for each in found if each is not None)

    @property
    def calls(self) -> dict[str, int]:
        """The number of calls to CloudWatch's metrics by operation."""
        found: dict[str, int] = {}
        for target in self.read_targets:
            for operation, count in (target.volume or {})["reading"]["calls"].items():
                found[operation] = found.get(operation, 0) + count
        return dict(sorted(found.items()))

    @property
    def unconfirmed(self) -> list[Price]:
        """The prices in use that nobody has confirmed."""
        found: dict[tuple[str, float], Price] = {}
        for target in self.read_targets:
            items = [each for estimate in target.estimates.values() for each in estimate.items]
            found.update({(price.name, price.usd): price for price in unconfirmed(items)})
        return [found[key] for key in sorted(found)]

    @property
    def unpriced_regions(self) -> list[str]:
        """The regions of targets without any price."""
        return sorted({target.region for target in self.read_targets if not target.prices})


def sort_targets(targets: Iterable[TargetCost]) -> tuple[TargetCost, ...]:
    """Return the targets in the order of a report."""
    return tuple(sorted(targets, key=lambda target: (target.account, target.region, target.host)))


def _lines(estimates: Iterable[Estimate]) -> list[Line]:
    found: dict[str, list[Item]] = {}
    for estimate in estimates:
        for each in estimate.items:
            found.setdefault(each.name, []).append(each)
    return [Line.of(name, items) for name, items in found.items()]


def _whens(items: Sequence[Item]) -> list[tuple[str, str]]:
    return [(each.ends.low_when, each.ends.high_when) for each in items]


def _shares(volume: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the bytes that no read log group explains, and all bytes, of the period; None if they are unknown."""
    left, whole = volume["remainder"]["bytes"], volume["total"]["bytes"]
    return None if left is None or whole is None else (left["measured"], whole["measured"])


def _range(measured: Mapping[str, Any] | None) -> Range | None:
    return Range(measured["low"], measured["high"]) if measured else None


def _by_volume(group: Group) -> tuple[float, str, str, str]:
    size = group.bytes.low if group.bytes else 0.0
    return -size, group.account, group.region, group.name
