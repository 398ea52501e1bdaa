# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The estimate as one JSON document. Its schema is docs/cost.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ...module_utils._parts.volume.figures import METRICS, STATES, Range
from .fleet import FleetCost, Group, TargetCost
from .modes import WAYS

VERSION = 1
FILE = "cost.json"


def document(fleet: FleetCost) -> Iterator[str]:
    """Yield the document in pieces: a line for each target and each log group."""
    yield f'{_open(summary(fleet))}"targets": ['
    for number, target in enumerate(fleet.targets):
        yield ",\n" if number else "\n"
        yield from _target(target)
    yield "\n]}\n"


def summary(fleet: FleetCost) -> dict[str, Any]:
    """Return the sums of the fleet, without its targets."""
    made_at = datetime.fromtimestamp(fleet.made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "version": VERSION,
        "made_at": fleet.made_at,
        "made_at_text": made_at,
        "targets_read": len(fleet.read_targets),
        "targets_unread": len(fleet.unread_targets),
        "written": {
            state: {
                "log_groups": fleet.count("log_groups", state),
                "unknown": fleet.count("unknown", state),
                **{metric: fleet.written(metric, state).plain() for metric in METRICS},
                "functions": {metric: fleet.functions(metric, state).plain() for metric in METRICS},
            }
            for state in STATES
        },
        "unknown_share": fleet.unknown_share,
        "unattributed_share": fleet.unattributed_share,
        "configured_cost": fleet.configured_cost.plain(),
        "cost": {mode: fleet.cost(mode).plain() for mode in WAYS},
        "log_service": {mode: _plain(fleet.log_service(mode)) for mode in WAYS},
        "log_service_price": fleet.choices.vendor,
        "deployed": {
            "targets": len(fleet.deployed_targets),
            "unknown": len(fleet.unread_usage),
            "cost": _plain(fleet.deployed_cost),
        },
        "largest": [_group(group) for group in fleet.largest()],
        "reading": {"calls": fleet.calls, "cost": _plain(fleet.reading_cost)},
        "unconfirmed_prices": [asdict(price) for price in fleet.unconfirmed],
        "unpriced_regions": fleet.unpriced_regions,
    }


def brief(fleet: FleetCost) -> dict[str, Any]:
    """Return the sums that the report on coverage has. The file of the whole estimate is beside it."""
    whole = summary(fleet)
    names = ("targets_read", "targets_unread", "unknown_share", "cost", "deployed")
    return {"file": FILE, "written_bytes": fleet.written("bytes").plain(), **{name: whole[name] for name in names}}


def _target(target: TargetCost) -> Iterator[str]:
    yield f'{_open(_record(target))}"log_groups": '
    if target.log_groups is None:
        yield "null}"
        return
    yield "["
    for number, row in enumerate(target.log_groups):
        yield f"{',' if number else ''}\n{_text(row)}"
    yield "]}"


def _record(target: TargetCost) -> dict[str, Any]:
    volume = target.volume
    return {
        "host": target.host,
        "account": target.account,
        "region": target.region,
        "error": target.error,
        "mode": target.mode,
        "days": volume and volume["days"],
        "total": volume and volume["total"],
        "written": volume and volume["log_groups"],
        "notes": list(target.notes),
        "estimates": {name: estimate.plain() for name, estimate in target.estimates.items()},
        "deployed": target.deployed.plain() if target.deployed else None,
    }


def _group(group: Group) -> dict[str, Any]:
    figures = {metric: _plain(getattr(group, metric)) for metric in METRICS}
    place = {"host": group.target, "account": group.account, "region": group.region}
    return {**place, "log_group": group.name, "state": group.state, **figures}


def _plain(found: Range | None) -> dict[str, float | None] | None:
    return found.plain() if found else None


def _open(values: dict[str, Any]) -> str:
    """Return an object that more members can follow."""
    return f"{_text(values)[:-1]}, "


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
