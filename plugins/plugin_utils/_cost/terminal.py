# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The estimate as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .fleet import FleetCost, Line, TargetCost
from .modes import MODES, WAYS
from .text import NAMES, UNKNOWN, WITHOUT_US, count, dollars, share, volume

_SHOWN = 30  # targets in the table
_CENT = 0.01


def summary(fleet: FleetCost) -> Iterator[str]:
    """Yield the lines: the volume, a table of targets, the cost of each mode, the largest log groups, and what is unknown."""
    yield headline(fleet)
    yield from _targets(fleet)
    for mode in MODES:
        yield from _mode(fleet, mode)
    yield from _others(fleet)
    yield from deployed(fleet)
    yield from _largest(fleet)
    yield from unknown(fleet)
    yield from reading(fleet)
    yield from prices(fleet)


def report_lines(fleet: FleetCost) -> Iterator[str]:
    """Yield the lines of a report on coverage: the volume, what it costs, and what is unknown."""
    yield f"Volume: {headline(fleet)}"
    yield from deployed(fleet)
    yield from unknown(fleet)
    yield from reading(fleet)


def headline(fleet: FleetCost) -> str:
    """Return the volume of the fleet in a sentence."""
    groups, read = fleet.count("log_groups"), len(fleet.read_targets)
    return (
        f"{volume(fleet.written('bytes'))} and {count(fleet.written('events'))} events a month in {groups:,} chosen"
        f" log groups of {targets(read)}."
    )


def _targets(fleet: FleetCost) -> Iterator[str]:
    found = sorted(fleet.read_targets, key=_by_volume)
    rows = [("Account", "Region", "Chosen", "Unknown", "Month", "AWS, a month")]
    rows += [
        (
            target.account,
            target.region,
            f"{target.count('log_groups'):,}",
            f"{target.count('unknown'):,}",
            volume(target.written("bytes")),
            dollars(target.estimates[target.mode].cost),
        )
        for target in found[:_SHOWN]
    ]
    if found:
        sums = fleet.count("log_groups"), fleet.count("unknown")
        whole = volume(fleet.written("bytes")), dollars(fleet.configured_cost)
        yield from table([*rows, ("All", "", *(f"{number:,}" for number in sums), *whole)])
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN:,} more targets"


def _mode(fleet: FleetCost, mode: str) -> Iterator[str]:
    if not fleet.read_targets:
        return
    of = [target for target in fleet.read_targets if target.mode == mode]
    service = fleet.log_service(mode)
    charged = dollars(service) if service else f"{UNKNOWN} (set cost_log_service_price)"
    yield f"Mode {mode}, used by {len(of):,} of these targets: {dollars(fleet.cost(mode))} a month for AWS, log service {charged}."
    if of:
        lines = fleet.lines(mode)
        yield from table([(NAMES[line.name], dollars(line.cost)) for line in lines])
        yield from ends(lines)


def _others(fleet: FleetCost) -> Iterator[str]:
    """Yield what serves without a deployment of ours would cost."""
    for way in WAYS:
        if way not in MODES and fleet.read_targets:
            yield f"{WITHOUT_US[way]}: {dollars(fleet.cost(way))} a month for AWS."


def ends(lines: Iterable[Line]) -> Iterator[str]:
    """Yield what makes the two ends of the sum: of the items whose ends differ by a cent or more."""
    ranges = [line.ends for line in lines if line.cost.high is None or line.cost.high - line.cost.low >= _CENT]
    for word, whens in (("Low", [each.low_when for each in ranges]), ("High", [each.high_when for each in ranges])):
        reasons = dict.fromkeys(reason for when in whens for reason in when.split("; ") if reason)
        if reasons:
            yield f"  {word} end: {'; '.join(reasons)}."


def targets(number: int) -> str:
    """Return the number with its noun."""
    return f"{number:,} target" + ("" if number == 1 else "s")


def deployed(fleet: FleetCost) -> Iterator[str]:
    """Yield what the deployed functions cost by their own figures."""
    if found := fleet.deployed_targets:
        yield f"Deployed on {targets(len(found))}: {dollars(fleet.deployed_cost)} a month for AWS, from actual usage."
    if unread := fleet.unread_usage:
        yield f"What is deployed on {targets(len(unread))} is unknown, and so is its cost."


def _largest(fleet: FleetCost) -> Iterator[str]:
    groups = fleet.largest()
    if groups:
        yield "The largest log groups:"
        yield from table(
            [
                (
                    f"{group.account} {group.region}",
                    group.name,
                    volume(group.bytes),
                    "" if group.state == "chosen" else group.state,
                )
                for group in groups
            ]
        )


def unknown(fleet: FleetCost) -> Iterator[str]:
    """Yield what is unknown."""
    if fleet.count("unknown"):
        part, rest = share(fleet.unknown_share), share(fleet.unattributed_share)
        yield (
            f"Unknown: {fleet.count('unknown'):,} chosen log groups ({part}) have no data points. {rest} of the"
            " volume belongs to no log group that was read."
        )
    for target in fleet.unread_targets:
        yield f"  {target.host}: was not read. {target.error}"
    for target in fleet.read_targets:
        for note in target.notes:
            yield f"  {target.host}: {note}"
    if regions := fleet.unpriced_regions:
        yield f"  Prices are unknown in {', '.join(regions)}. Set volume_prices: true to read AWS's price list."


def reading(fleet: FleetCost) -> Iterator[str]:
    """Yield what reading the metrics cost."""
    if fleet.calls:
        calls = ", ".join(f"{number:,} {operation}" for operation, number in fleet.calls.items())
        yield f"Reading the metrics took {calls}: {dollars(fleet.reading_cost)}."


def prices(fleet: FleetCost) -> Iterator[str]:
    """Yield where the prices are from."""
    if found := fleet.unconfirmed:
        names = ", ".join(sorted({price.name for price in found}))
        yield f"List prices without free tier and discounts, in US dollars. Not confirmed: {names}."


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _by_volume(target: TargetCost) -> tuple[float, str]:
    written = target.written("bytes")
    return -(written.low if written else 0.0), target.host
