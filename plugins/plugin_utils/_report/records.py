# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as NDJSON, and back: one line for the report, one for each target, one for each of its log groups.

The report file, the history and the input of a merge have this form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from math import inf
from typing import Any, get_args

from ...module_utils._subscriptions.coverage import STATES, CoverageRow
from .copies import CopyFlow
from .fleet import FleetReport, Status, TargetReport, iso, sort_targets
from .flow import TargetFlow

VERSION = 1
"""Version of the format. Readers refuse other versions."""


class NotAReportError(ValueError):
    """The text is no report in this form."""


def lines(report: FleetReport) -> Iterator[str]:
    """Yield the lines of a report, without line ends."""
    times = {"made_at": report.made_at, "made_at_text": report.made_at_text}
    yield _line({"kind": "report", "version": VERSION, **times, "targets": len(report.targets)})
    for target in report.targets:
        yield _line({"kind": "target", **target_record(target)})
        for row in target.log_groups:
            yield _line({"kind": "log_group", "account": target.account, "region": target.region, **row.plain()})


def target_record(target: TargetReport) -> dict[str, Any]:
    """Return a target for JSON, without its log groups, with their counts."""
    values = asdict(replace(target, log_groups=(), flow=None, copy_flows=None))
    del values["log_groups"]
    values["flow"] = target.flow.plain() if target.flow else None
    values["copy_flows"] = None if target.copy_flows is None else [flow.plain() for flow in target.copy_flows]
    checked = {"checked_at_text": iso(target.checked_at)} if target.checked_at else {}
    return {**values, "notes": list(target.notes), **checked, "counts": target.counts()}


def report_of(text: Iterable[str]) -> FleetReport:
    """Return the report that these lines are. Raises NotAReportError, which names the line, or what is missing at the end."""
    reader = _Reader()
    _each(text, reader.add)
    return reader.report()


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
        self._head: dict[str, Any] | None = None
        self._targets: list[tuple[TargetReport, list[CoverageRow], Any]] = []

    def add(self, record: dict[str, Any]) -> None:
        """Add the record of one line."""
        kind = record["kind"]
        if kind == "report":
            self._begin(record)
        elif kind == "target":
            self._targets.append((_target(record), [], record["counts"]))
        elif kind == "log_group" and self._targets:
            self._targets[-1][1].append(_row(record))
        else:
            raise ValueError(f"the kind {kind!r} is unknown or comes too early")

    def _begin(self, record: dict[str, Any]) -> None:
        if self._head is not None:
            raise ValueError("it is a second line of the kind report")
        if record["version"] != VERSION:
            raise ValueError(f"version {record['version']} is unknown, this collection reads {VERSION}")
        _check(record, {"made_at": _is_time, "targets": _is_count})
        self._head = {"made_at": record["made_at"], "targets": record["targets"]}

    def report(self) -> FleetReport:
        """Return the report. Raises NotAReportError if lines are missing, so that a file that was cut off is no smaller fleet."""
        if self._head is None:
            raise NotAReportError("it has no line of the kind report")
        if self._head["targets"] != len(self._targets):
            raise NotAReportError(f"it has {len(self._targets)} of {self._head['targets']} targets")
        return FleetReport(self._head["made_at"], sort_targets(self._complete_targets()))

    def _complete_targets(self) -> Iterator[TargetReport]:
        for target, rows, counts in self._targets:
            whole = replace(target, log_groups=tuple(sorted(rows, key=lambda row: row.log_group)))
            if whole.counts() != counts:
                raise NotAReportError(f"log groups of the target {target.host} are missing or in it twice")
            yield whole


def _target(record: dict[str, Any]) -> TargetReport:
    _check(record, _TARGET)
    values = {key: record[key] for key in _TARGET if key in record}
    # Reports of earlier versions have no flow and no copies.
    flow = TargetFlow.from_plain(record["flow"]) if record.get("flow") is not None else None
    copies = record.get("copy_flows")
    copy_flows = None if copies is None else tuple(map(CopyFlow.from_plain, copies))
    return TargetReport(**{**values, "notes": tuple(values.get("notes", ())), "flow": flow, "copy_flows": copy_flows})


def _row(record: dict[str, Any]) -> CoverageRow:
    if not isinstance(record["log_group"], str) or not record["log_group"]:
        raise ValueError("log_group has no name")
    _check({"state": "", **record}, _ROW)
    return CoverageRow.from_plain(record)


def _check(record: dict[str, Any], checks: Mapping[str, Callable[[Any], bool]]) -> None:
    for name, is_valid in checks.items():
        if name in record and not is_valid(record[name]):
            raise ValueError(f"{name} has a wrong value: {str(record[name])[:_LONGEST]!r}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_time(value: Any) -> bool:
    return _is_count(value) and value <= _LATEST


def _is_time_in_ms(value: Any) -> bool:
    return _is_count(value) and value <= _LATEST * 1000


_LATEST = int(datetime.max.replace(tzinfo=UTC).timestamp()) - 1
_LONGEST = 100  # characters of a wrong value in an error
_TARGET: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("host", "account", "region", "error", "mode"), _is_text),
    "status": lambda value: value in get_args(Status),
    "checked_at": _is_time,
    "seconds": lambda value: isinstance(value, (int, float)) and 0 <= value < inf,
    "notes": _is_texts,
    "calls": lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
}
_ROW: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("cause", "reason", "means", "known_by"), _is_text),
    "state": lambda value: value in STATES,
    **dict.fromkeys(("since", "created"), _is_time_in_ms),
    "others": lambda value: value is None or _is_texts(value),
}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True)
