# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice for a target and for an OU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...module_utils._parts.volume.figures import Range, total
from .facts import Context, Facts
from .points import WAYS, Effect, Point, points_of

Fit = Literal["fits", "after_changes", "unknown", "does_not_fit"]
FITS: tuple[Fit, ...] = get_args(Fit)
"""How a way fits, the best first. What was not read is worse than what can be changed."""

_WORST: Mapping[Effect, Fit] = {
    "for": "fits",
    "note": "fits",
    "change": "after_changes",
    "unknown": "unknown",
    "against": "does_not_fit",
}

MANY_ACCOUNTS = 5
"""With fewer accounts AWS's centralization saves little: a destination is one more thing to run."""


@dataclass(frozen=True, slots=True)
class WayAdvice:
    """How one way fits. `cost` is AWS's bill for a month; None if it was not estimated."""

    fit: Fit
    points: tuple[Point, ...] = ()
    cost: Range | None = None


Ways = Mapping[str, WayAdvice]


@dataclass(frozen=True, slots=True)
class Advice:
    """The way that is advised, "" if none can be, and why; and how each way fits."""

    way: str
    because: str
    ways: Ways = field(default_factory=dict)

    @property
    def changes(self) -> list[str]:
        """What has to change for the advised way."""
        points = self.ways[self.way].points if self.way else ()
        return [point.change for point in points if point.effect == "change"]


def advise(facts: Facts, context: Context, costs: Mapping[str, Range]) -> Advice:
    """Return the advice for a target.

    costs   by way, as far as they were estimated
    """
    ways = {way: _way(points_of(way, facts, context), costs.get(way)) for way in WAYS}
    return choose(ways, context.accounts, current=facts.mode if facts.deployed else "")


def _way(points: tuple[Point, ...], cost: Range | None) -> WayAdvice:
    return WayAdvice(_worst([_WORST[point.effect] for point in points]), points, cost)


def _worst(fits: Sequence[Fit]) -> Fit:
    return max(fits, key=FITS.index)


def choose(ways: Ways, accounts: int, *, current: str) -> Advice:
    """Return the way that fits best. Among ways that fit alike what is deployed stays, unless another one is certainly cheaper.

    current     the mode that is deployed, "" if nothing is
    """
    best = min((each.fit for each in ways.values()), key=FITS.index)
    if best in ("unknown", "does_not_fit"):
        word = "Too little was read to advise a way" if best == "unknown" else "No way fits"
        return Advice("", f"{word}. Each way has its reason.", ways)
    alike = [way for way in _preferred(accounts) if ways[way].fit == best]
    chosen = current if current in alike else alike[0]
    cheaper = [way for way in alike if _is_cheaper(ways[way], ways[chosen])]
    if cheaper:
        return Advice(cheaper[0], f"It fits as well as {chosen}, and is cheaper at both ends of the estimate.", ways)
    return Advice(chosen, _because(ways[chosen], chosen == current, len(alike)), ways)


def _preferred(accounts: int) -> tuple[str, ...]:
    """Return the ways in the order of what they ask to run: nothing, one destination, one policy a target, a filter a log group."""
    if accounts >= MANY_ACCOUNTS:
        return ("firehose", "centralized", "account_policy", "filters")
    return ("firehose", "account_policy", "filters", "centralized")


def _is_cheaper(one: WayAdvice, other: WayAdvice) -> bool:
    """Return whether the whole range of one is below that of the other. An unknown cost is neither."""
    if one.cost is None or other.cost is None or one.cost.high is None:
        return False
    return one.cost.high < other.cost.low


def _because(chosen: WayAdvice, is_current: bool, alike: int) -> str:
    if chosen.fit == "after_changes":
        first = "It fits after changes, and nothing fits without."
    else:
        first = "It fits." if alike == 1 else "It fits, and asks for the least."
    if is_current:
        first = "It is deployed, and nothing fits better."
    reason = next((point.sentence for point in chosen.points if point.effect == "for"), "")
    return f"{first} {reason}".strip()


@dataclass(frozen=True, slots=True)
class OuAdvice:
    """An OU: the way that is advised for all its targets, "" if they differ, and how often each way is advised.

    unread  number of targets that were not read
    """

    path: str
    targets: int
    unread: int
    way: str
    because: str
    ways: Ways
    counts: Mapping[str, int]


def advise_ou(path: str, found: Sequence[Advice], unread: int, accounts: int) -> OuAdvice:
    """Return the advice for an OU from that for its targets. One way for all is advised if it fits each as well as its own does.

    unread  number of targets that were not read, which are in no sum
    """
    counts = Counter(each.way for each in found if each.way)
    if not found:
        return OuAdvice(path, unread, unread, "", "No target was read.", {}, {})
    ways = {way: _together([each.ways[way] for each in found]) for way in WAYS}
    way, because = _common(found, accounts)
    return OuAdvice(path, len(found) + unread, unread, way, because, ways, dict(sorted(counts.items())))


def _together(ways: Sequence[WayAdvice]) -> WayAdvice:
    """Return how a way fits all targets: as it fits the one that it fits worst."""
    costs = [each.cost for each in ways]
    cost = None if None in costs else total(each for each in costs if each is not None)
    return WayAdvice(_worst([each.fit for each in ways]), cost=cost)


def _common(found: Sequence[Advice], accounts: int) -> tuple[str, str]:
    """Return the way that fits every target as well as the one advised for it, "" if there is none, and why."""
    if not all(each.way for each in found):
        return "", "For some targets no way can be advised."
    if len({each.way for each in found}) == 1:
        return found[0].way, "It is advised for all targets."
    for way in _preferred(accounts):
        if all(each.ways[way].fit == each.ways[each.way].fit for each in found):
            return way, "It fits each target as well as any other way."
    return "", "The targets differ, and no single way fits them all as well."
