# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the cost of forwarding the logs of all targets, and write it as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .._cost import as_json, terminal
from .._cost.hosts import choices_of, fleet_of
from .._failures import printable
from .._files import describe_files, replace_file
from .._output import print_lines


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Make the estimate, write its file and print its summary."""
    fleet = fleet_of(task_vars, choices_of(options), options["failure"])
    path = Path(options["directory"]).expanduser() / as_json.FILE
    with describe_files("write the estimate"):
        replace_file(path, as_json.document(fleet))
    lines = _printable(terminal.summary(fleet))
    print_lines([*lines, f"Estimate: {path}"])
    return {"changed": False, "lines": lines, "file": str(path), "summary": as_json.summary(fleet)}


def _printable(lines: Iterable[str]) -> list[str]:
    return [printable(line) for text in lines for line in text.splitlines()]
