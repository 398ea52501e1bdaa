# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log groups by column: each text once, and a code for each log group. page/logic.js reads this."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from ....module_utils._subscriptions.coverage import CoverageRow
from ..drift import Drift
from ..fleet import FleetReport, TargetReport
from ..text import visible
from ..words import CHANGES, STATES, STATUSES


def packed(values: dict[str, Any]) -> str:
    """Return values as compressed JSON in base64."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("ascii"), mtime=0)).decode("ascii")


def columns(report: FleetReport, drift: Drift | None) -> dict[str, Any]:
    """Return targets and log groups by column, and the words for states. Times are in seconds since 1970, 0 is unknown."""
    rows = [row for target in report.targets for row in target.log_groups]
    return {
        "made_at": report.made_at,
        "words": {"state": STATES, "status": STATUSES, "change": CHANGES},
        "targets": _targets(report.targets),
        "rows": {
            "log_group": [visible(row.log_group) for row in rows],
            "state": _coded((row.state for row in rows), STATES),
            "cause": _coded(visible(row.cause) for row in rows),
            "reason": _coded(visible(row.reason) for row in rows),
            "means": _coded(visible(row.means) for row in rows),
            "known_by": _coded(visible(row.known_by) for row in rows),
            "others": _others(rows),
            "since": [row.since // 1000 for row in rows],
            "created": [row.created // 1000 for row in rows],
            "change": _coded(_changes(report, drift)) if drift else None,
        },
    }


def _targets(targets: Iterable[TargetReport]) -> dict[str, list[Any]]:
    found = list(targets)
    return {
        "account": [visible(target.account) for target in found],
        "region": [visible(target.region) for target in found],
        "host": [visible(target.host) for target in found],
        "status": [target.status for target in found],
        "error": [visible(target.error) for target in found],
        "checked_at": [target.checked_at for target in found],
        "rows": [len(target.log_groups) for target in found],
    }


def _coded(values: Iterable[Hashable], first: Iterable[Hashable] = ()) -> dict[str, list[Any]]:
    """Return the distinct values, those of `first` before others, and the index of each value in them."""
    index: dict[Hashable, int] = {value: code for code, value in enumerate(first)}
    codes = [index.setdefault(value, len(index)) for value in values]
    return {"values": list(index), "codes": codes}


def _others(rows: Iterable[CoverageRow]) -> dict[str, list[Any]]:
    coded = _coded(None if row.others is None else tuple(map(visible, row.others)) for row in rows)
    return {"values": [None if value is None else list(value) for value in coded["values"]], "codes": coded["codes"]}


def _changes(report: FleetReport, drift: Drift) -> Iterator[str]:
    found = {(item.account, item.region, item.log_group): item.change for item in drift.differences}
    for target in report.targets:
        for row in target.log_groups:
            yield found.get((target.account, target.region, row.log_group), "")
