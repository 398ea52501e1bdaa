# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as CSV (RFC 4180): a row for each log group, never capped, and a row for each target that was not read to its end."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ...module_utils._subscriptions.coverage import CoverageRow
from .drift import Drift
from .fleet import FleetReport, TargetReport, iso
from .text import visible

COLUMNS = (
    "account",
    "region",
    "host",
    "target_status",
    "log_group",
    "state",
    "cause",
    "reason",
    "means",
    "known_by",
    "since",
    "created",
    "others",
    "checked_at",
)
"""The row of a target that was not read to its end has no log group, the state not_checked, and the error as its reason.

others  destinations of the filters of others, with a space between; "none" if there are none, "" if they were not read
"""

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Echo:
    """A file for the writer of the standard library, which returns each line."""

    def write(self, line: str) -> str:
        return line


def table(report: FleetReport, _drift: Drift | None) -> Iterator[str]:
    """Yield the lines."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    for cells in _rows(report):
        yield str(writer.writerow([_cell(each) for each in cells]))


def _rows(report: FleetReport) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for target in report.targets:
        begin = (target.account, target.region, target.host, target.status)
        checked_at = iso(target.checked_at) if target.checked_at else ""
        if target.status != "read":
            yield (*begin, "", "not_checked", "", _unread(target), "", "", "", "", "", checked_at)
        for row in target.log_groups:
            yield (*begin, *_of_row(row), checked_at)


def _unread(target: TargetReport) -> str:
    what = "the target was not read" if target.status == "not_checked" else "the target was not read to its end"
    return f"{what}: {target.error}" if target.error else what


def _of_row(row: CoverageRow) -> tuple[str, ...]:
    others = "" if row.others is None else " ".join(row.others) or "none"
    times = (iso(value / 1000) if value else "" for value in (row.since, row.created))
    return (row.log_group, row.state, row.cause, row.reason, row.means, row.known_by, *times, others)


def _cell(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if text.startswith(_FORMULA) else shown
