# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice as one JSON document. Its schema is docs/advise.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .decide import OuAdvice, WayAdvice
from .fleet import AdvisedTarget, FleetAdvice

VERSION = 1
FILE = "advice.json"


def document(fleet: FleetAdvice) -> Iterator[str]:
    """Yield the document in pieces, a line for each target."""
    made_at = datetime.fromtimestamp(fleet.made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"version": VERSION, "made_at": fleet.made_at, "made_at_text": made_at, **summary(fleet)}
    yield f'{_text(head)[:-1]}, "targets": ['
    for number, target in enumerate(fleet.targets):
        yield ",\n" if number else "\n"
        yield _text(_target(target))
    yield "\n]}\n"


def summary(fleet: FleetAdvice) -> dict[str, Any]:
    """Return the numbers and the advice for the OUs, without the targets."""
    return {
        "targets_read": len(fleet.targets) - len(fleet.unread),
        "targets_unread": len(fleet.unread),
        "ous": [_ou(ou) for ou in fleet.ous],
    }


def _ou(ou: OuAdvice) -> dict[str, Any]:
    ways = {way: {"fit": each.fit, "cost": each.cost.plain() if each.cost else None} for way, each in ou.ways.items()}
    return {
        "path": ou.path,
        "targets": ou.targets,
        "targets_unread": ou.unread,
        "way": ou.way,
        "because": ou.because,
        "ways": ways,
        "counts": dict(ou.counts),
    }


def _target(target: AdvisedTarget) -> dict[str, Any]:
    read, facts, advice = target.read, target.facts, target.advice
    return {
        "host": read.host,
        "account": read.account,
        "region": read.region,
        "ou": read.ou,
        "error": read.error,
        "mode": facts.mode,
        "deployed": facts.deployed,
        "way": advice.way if advice else "",
        "because": advice.because if advice else "",
        "changes": advice.changes if advice else [],
        "ways": {way: _way(each) for way, each in advice.ways.items()} if advice else {},
        "problems": read.problems,
        "notes": read.notes,
    }


def _way(way: WayAdvice) -> dict[str, Any]:
    cost = way.cost.plain() if way.cost else None
    return {"fit": way.fit, "cost": cost, "points": [point.plain() for point in way.points]}


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
