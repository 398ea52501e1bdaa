# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to report.json. Its form is published: docs/report.schema.json."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VERSION = 1
PAGE, WORST = 100, 20
_TEXT = 500
"""Characters of a text that an answer has at most: others write these texts."""
_GAPS = ("missing", "broken", "not_checked")
_COMMAND = "ansible-playbook -i INVENTORY logreflector.aws.report"

Record = Mapping[str, Any]


class NoReportError(Exception):
    """There is no report to read."""


class ReportFile:
    """The report, read again when the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._report: Record = {}

    def summary(self) -> dict[str, Any]:
        """Return what a person on call wants to know first."""
        report = self._read()
        targets = report["targets"]
        unread = [each for each in targets if each["status"] != "read"]
        worst = sorted((each for each in targets if _gaps(each)), key=lambda each: -_gaps(each))
        return {
            **self._age(report),
            "percentage_covered": report["percentage"],
            "is_complete": report["is_complete"],
            "log_groups_by_state": report["counts"],
            "causes": [_short(cause) for cause in report["causes"][:WORST]],
            "events": _short(report["flow"] or {}),
            "changes_since_the_report_before": _short(report["drift"] or {}),
            "targets": len(targets),
            "targets_not_read": [_short({key: each[key] for key in ("host", "error")}) for each in unread[:WORST]],
            "targets_not_read_count": len(unread),
            "targets_with_most_gaps": [
                _short({"host": each["host"], "counts": each["counts"]}) for each in worst[:WORST]
            ],
        }

    def log_groups(self, *, name: str, state: str, target: str, cause: str, first: int) -> dict[str, Any]:
        """Return a page of the log groups that fit all conditions; an empty condition fits each."""
        report = self._read()
        fitting = [
            {"target": each["host"], **row}
            for each in report["targets"]
            if not target or target in (each["host"], each["account"], each["region"])
            for row in each["log_groups"]
            if name in row["log_group"] and state in ("", row["state"]) and cause in ("", row.get("cause"))
        ]
        begin = max(0, first)
        return {
            **self._age(report),
            "is_complete": report["is_complete"],
            "found": len(fitting),
            "first": begin,
            "log_groups": [_short(row) for row in fitting[begin : begin + PAGE]],
        }

    def _age(self, report: Record) -> dict[str, Any]:
        hours = (time.time() - report["made_at"]) / 3600
        return {"made_at": report["made_at_text"], "age_hours": round(hours, 1), "to_renew_it": _COMMAND}

    def _read(self) -> Record:
        try:
            status = self._path.stat()
            if (stamp := (status.st_mtime_ns, status.st_size)) != self._stamp:
                self._report = _checked(json.loads(self._path.read_text(encoding="utf-8")))
                self._stamp = stamp
        except (OSError, ValueError, RecursionError) as error:
            raise NoReportError(
                f"{self._path} is no report that can be read: {error}. A person makes one: {_COMMAND}"
            ) from None
        return self._report


def _checked(report: Any) -> Record:
    if not isinstance(report, dict) or report.get("version") != VERSION or not isinstance(report.get("targets"), list):
        raise ValueError(f"it is not a report of version {VERSION}")
    return report


def _gaps(target: Record) -> int:
    counts: Mapping[str, int] = target["counts"]
    return sum(counts.get(state, 0) for state in _GAPS)


def _short(value: Any) -> Any:
    """Return the value with its texts shortened, and lists of more than a page cut."""
    if isinstance(value, str):
        return value if len(value) <= _TEXT else f"{value[: _TEXT - 3]}..."
    if isinstance(value, Mapping):
        return dict(_short_items(value))
    if isinstance(value, list):
        return [_short(each) for each in value[:PAGE]]
    return value


def _short_items(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for number, (key, item) in enumerate(value.items()):
        if number < PAGE:
            yield _short(key), _short(item)
