# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as NDJSON, and back: one line for the report, one for each target, one for each of its log groups.

The report file, the history and the input of a merge have this form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from ...module_utils._subscriptions.coverage import STATES, CoverageRow
from .fleet import FleetReport, TargetReport, iso, sort_targets

VERSION = 1
"""Of the form. A reader refuses others."""


class NotAReportError(ValueError):
    """The text is no report in this form."""


def lines(report: FleetReport) -> Iterator[str]:
    """Yield the lines of a report, without line ends."""
    yield _line({"kind": "report", "version": VERSION, "made_at": report.made_at, "made_at_text": report.made_at_text})
    for target in report.targets:
        yield _line({"kind": "target", **target_record(target)})
        for row in target.log_groups:
            yield _line({"kind": "log_group", "account": target.account, "region": target.region, **row.plain()})


def target_record(target: TargetReport) -> dict[str, Any]:
    """Return a target for JSON, without its log groups, with their counts."""
    values = asdict(replace(target, log_groups=()))
    del values["log_groups"]
    checked = {"checked_at_text": iso(target.checked_at)} if target.checked_at else {}
    return {**values, "notes": list(target.notes), **checked, "counts": target.counts()}


def report_of(text: Iterable[str]) -> FleetReport:
    """Return the report that these lines are. Raises NotAReportError, which names the line."""
    reader = _Reader()
    _each(text, reader.add)
    if reader.made_at is None:
        raise NotAReportError("it has no line of the kind report")
    return FleetReport(reader.made_at, sort_targets(reader.targets()))


def rows_of(text: Iterable[str]) -> tuple[CoverageRow, ...]:
    """Return the rows that coverage_info wrote, sorted by name. The last line of a log group counts. Raises NotAReportError."""
    found: dict[str, CoverageRow] = {}

    def add(record: Any) -> None:
        row = _row(record)
        found[row.log_group] = row

    _each(text, add)
    return tuple(found[name] for name in sorted(found))


def _each(text: Iterable[str], add: Callable[[Any], None]) -> None:
    for number, line in enumerate(text, start=1):
        try:
            add(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
            raise NotAReportError(f"line {number} is not one of a report: {reason}") from error


class _Reader:
    """Collects the records of a report. The log groups of a target follow it."""

    def __init__(self) -> None:
        self.made_at: int | None = None
        self._targets: list[tuple[TargetReport, list[CoverageRow]]] = []

    def add(self, record: dict[str, Any]) -> None:
        """Add the record of one line."""
        kind = record["kind"]
        if kind == "report":
            self._begin(record)
        elif kind == "target":
            self._targets.append((_target(record), []))
        elif kind == "log_group" and self._targets:
            self._targets[-1][1].append(_row(record))
        else:
            raise ValueError(f"the kind {kind!r} is unknown or comes too early")

    def _begin(self, record: dict[str, Any]) -> None:
        if self.made_at is not None:
            raise ValueError("it is a second line of the kind report")
        if record["version"] != VERSION:
            raise ValueError(f"version {record['version']} is unknown, this collection reads {VERSION}")
        self.made_at = int(record["made_at"])

    def targets(self) -> Iterator[TargetReport]:
        """Yield the targets with their log groups."""
        for target, rows in self._targets:
            yield replace(target, log_groups=tuple(sorted(rows, key=lambda row: row.log_group)))


def _target(record: dict[str, Any]) -> TargetReport:
    known = {each.name for each in fields(TargetReport)} - {"log_groups"}
    values = {key: value for key, value in record.items() if key in known}
    target = TargetReport(**{**values, "notes": tuple(values.get("notes", ()))})
    if target.status not in ("read", "partly_read", "not_checked"):
        raise ValueError(f"{target.status!r} is no status of a target")
    return target


def _row(record: dict[str, Any]) -> CoverageRow:
    row = CoverageRow.from_plain(record)
    if row.state not in STATES:
        raise ValueError(f"{row.state!r} is no state of a log group")
    return row


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True)
