# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of earlier reports, for a trend. Their log groups are not parsed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...module_utils._subscriptions.coverage import STATES, State
from .fleet import FleetReport
from .history import files

SHOWN = 60
"""A trend has at most this many reports. It takes them from a longer history at even distances."""


@dataclass(frozen=True, slots=True)
class Point:
    """A report. `counts` is None if its file cannot be read; `is_complete` is false if a target or a log group was not read."""

    made_at: int
    counts: Mapping[State, int] | None
    is_complete: bool = True

    @classmethod
    def of(cls, report: FleetReport) -> Point:
        """Return the point of a report."""
        return cls(report.made_at, report.counts, report.is_complete)


def points(directory: Path, before: int) -> tuple[Point, ...]:
    """Return points of the reports in a history that were made before that time, the first one first."""
    found = [item for item in files(directory) if item[0] < before]
    last = len(found) - 1
    chosen = {round(number * last / (SHOWN - 1)) for number in range(SHOWN)} if last >= SHOWN else range(len(found))
    return tuple(_point(*found[index]) for index in sorted(chosen))


def _point(made_at: int, path: Path) -> Point:
    counts: Counter[State] = Counter()
    is_complete, is_report = True, False
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                is_report |= line.startswith('{"kind": "report"')
                # The writer puts the kind first: this leaves out the many lines of log groups.
                if line.startswith('{"kind": "target"'):
                    record = json.loads(line)
                    counts.update({state: record["counts"][state] for state in STATES})
                    is_complete &= record["status"] == "read"
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        is_report = False
    if not is_report:
        return Point(made_at, None, is_complete=False)
    return Point(made_at, {state: counts[state] for state in STATES}, is_complete and not counts["not_checked"])
