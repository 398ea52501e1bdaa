# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print, write, keep, compare and publish the report on the coverage of all targets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...module_utils._errors import ReflectorError, error_sentence
from .._cost import as_json as cost_json
from .._cost.hosts import choices_of, fleet_of
from .._cost.terminal import report_lines as cost_lines
from .._failures import LOST, printable
from .._files import describe_files, replace_file
from .._output import print_lines
from .._plain import place_of, read_variable
from .._report import history, sns
from .._report.copies import CopyFlow
from .._report.drift import Drift, drift
from .._report.fleet import FleetReport, TargetReport, merged, unique_targets, with_copies
from .._report.flow import TargetFlow
from .._report.formats import FORMATS
from .._report.page import document
from .._report.points import points
from .._report.records import NotAReportError, rows_of
from .._report.terminal import summary

_SILENT = "Its coverage was not read in this run."


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Make the report, write its files, print its summary and publish it. In check mode nothing is published."""
    try:
        with describe_files("make the report"):
            return _summarize(options, task_vars, check_mode)
    except history.HistoryError as error:
        raise ReflectorError("make the report", str(error)) from error


def _summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    if topic := options["sns_topic"]:
        sns.region_of(topic)  # before anything is written
    directory = Path(options["directory"]).expanduser()
    past = Path(options["history"]).expanduser() if options["history"] else None
    report, is_new = _report(options, task_vars, past)
    earlier = history.latest(past, report.made_at - 1) if past else None
    change = drift(history.read(earlier), report) if earlier else None
    files = _write(directory, report, change, options["formats"], past)
    if past and is_new:
        files.append(str(history.add(past, report)))
    if report.cost:
        replace_file(directory / cost_json.FILE, cost_json.document(report.cost))
        files.append(str(directory / cost_json.FILE))
    texts = [*summary(report, change), *(cost_lines(report.cost) if report.cost else ())]
    lines = [printable(line) for text in texts for line in text.splitlines()]
    print_lines([*lines, f"Report: {', '.join(files)}"])
    text = "".join(FORMATS["markdown"].text(report, change)) if topic and not check_mode else ""
    profile, endpoint_url = options["sns_profile"], options["sns_endpoint_url"]
    message = sns.publish(topic, report, text, profile=profile, endpoint_url=endpoint_url) if text else None
    result = {
        "changed": False,
        "lines": lines,
        "files": files,
        "percentage": report.percentage,
        "counts": report.counts,
        "complete": report.is_complete,
        "worse": change.is_worse if change else False,
        "sns_message_id": message,
    }
    if result["worse"] and options["fail_if_worse"]:
        worse = "Log groups or targets are worse off than in the report before. See the summary above."
        return {**result, "failed": True, "msg": worse}
    return result


def _report(options: Mapping[str, Any], task_vars: Mapping[str, Any], past: Path | None) -> tuple[FleetReport, bool]:
    """Return the report that the options ask for, and whether it is new: not one of the history."""
    if options["at"]:
        return _of_history(past, options["at"]), False
    if options["merge"]:
        return merged(history.read(Path(path).expanduser()) for path in options["merge"]), True
    hosts = task_vars["ansible_play_hosts_all"]
    targets = with_copies(_target(host, task_vars) for host in hosts)
    cost = fleet_of(task_vars, choices_of(options), "volume_failure") if options["cost"] else None
    return FleetReport(int(time.time()), unique_targets(targets), cost), True


def _of_history(past: Path | None, moment: str) -> FleetReport:
    """Return the last report of the history until that moment."""
    if past is None:
        raise history.HistoryError("report_at needs report_history, the directory with the earlier reports")
    try:
        until = history.end_of(moment)
    except ValueError as error:
        message = f"{moment!r} is not a date or a time in ISO 8601, such as 2026-11-20 or 2026-11-20T14:30"
        raise history.HistoryError(message) from error
    if (path := history.latest(past, until)) is None:
        raise history.HistoryError(f"{past} has no report from {moment} or before")
    return history.read(path)


def _target(host: str, task_vars: Mapping[str, Any]) -> TargetReport:
    """Return what the run found out about a target, from the variables that its tasks registered."""
    variables = task_vars["hostvars"][host]
    found = read_variable(variables, "coverage_info_result") or {}
    failure = read_variable(variables, "recap_failure")
    coverage = found.get("coverage")
    error = error_sentence(failure) if failure else ""
    if not coverage:
        is_lost = host not in task_vars["ansible_play_hosts"]
        return TargetReport(
            host,
            *place_of(variables),
            error=error or (LOST if is_lost else _SILENT),
        )
    try:
        with Path(coverage["rows_file"]).open(encoding="utf-8") as file:
            rows = rows_of(file)
        is_complete = bool(coverage["complete"])
    except (OSError, NotAReportError) as problem:
        rows, is_complete, error = (), False, f"{coverage['rows_file']} cannot be read: {problem}"
    return TargetReport(
        host,
        coverage["account_id"],
        coverage["region"],
        "read" if is_complete else "partly_read",
        error,
        coverage["checked_at"],
        coverage["seconds"],
        coverage["mode"],
        tuple(coverage["notes"]),
        coverage["calls"],
        rows,
        TargetFlow.of_result(coverage["flow"], coverage["region"]) if coverage.get("flow") else None,
        _copy_flows(coverage),
    )


def _copy_flows(coverage: Mapping[str, Any]) -> tuple[CopyFlow, ...] | None:
    found = coverage.get("copy_flows")
    return None if found is None else tuple(CopyFlow.of_result(flow, coverage["region"]) for flow in found)


def _write(
    directory: Path, report: FleetReport, change: Drift | None, names: Sequence[str], past: Path | None
) -> list[str]:
    """Write the report in these formats; return the files. A reader of a file never sees half of it."""
    written = []
    for name in names:
        path = directory / FORMATS[name].file
        replace_file(path, _text(name, report, change, past))
        written.append(str(path))
    return written


def _text(name: str, report: FleetReport, change: Drift | None, past: Path | None) -> Iterable[str]:
    if name == "html":
        return document.render(report, change, points(past, report.made_at) if past else ())
    return FORMATS[name].text(report, change)
