# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one JSON document. Its schema is docs/report.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, get_args

from .._cost.as_json import brief
from .copies import COUNTS, FleetCopies
from .drift import Change, Drift
from .fleet import FleetReport, TargetReport, iso
from .flow import FleetFlow
from .records import VERSION, target_record


def document(report: FleetReport, drift: Drift | None) -> Iterator[str]:
    """Yield the document in pieces: a line for each target and each log group."""
    head = {
        "version": VERSION,
        "made_at": report.made_at,
        "made_at_text": report.made_at_text,
        "percentage": report.percentage,
        "is_complete": report.is_complete,
        "cost": brief(report.cost) if report.cost else None,
        "counts": report.counts,
        "causes": [asdict(cause) for cause in report.causes],
        "drift": _drift(drift) if drift else None,
        "flow": _flow(report.flow) if report.flow else None,
        "copies": _copies(report.copies) if report.copies else None,
    }
    yield f'{_open(head)}"targets": ['
    for number, target in enumerate(report.targets):
        yield ",\n" if number else "\n"
        yield from _target(target)
    yield "\n]}\n"


def _target(target: TargetReport) -> Iterator[str]:
    yield f'{_open(target_record(target))}"log_groups": ['
    for number, row in enumerate(target.log_groups):
        yield f"{',' if number else ''}\n{_text(row.plain())}"
    yield "]}"


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "since": drift.since,
        "since_text": iso(drift.since),
        "is_worse": drift.is_worse,
        "counts": {change: drift.count(change) for change in get_args(Change)},
        "lost_targets": list(drift.lost_targets),
        "differences": [difference.plain() for difference in drift.differences],
    }


def _flow(flow: FleetFlow) -> dict[str, Any]:
    values = asdict(flow)
    return {**values.pop("flow"), **values, "left_out": list(flow.left_out), "facts": dict(flow.facts)}


def _copies(copies: FleetCopies) -> dict[str, Any]:
    counts = {name: getattr(copies.flow, name) for name in ("begin", "end", *COUNTS)}
    return {**counts, "summed": copies.summed, "left_out": list(copies.left_out), "dollars": copies.dollars}


def _open(values: dict[str, Any]) -> str:
    """Return an object that more members can follow."""
    return f"{_text(values)[:-1]}, "


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
