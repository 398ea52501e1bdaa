# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print whether the events of a log group arrive, and if not, why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._explanation import ExplainedTarget, Explanation
from .._files import describe_files, replace_file
from .._output import print_lines
from .._plain import place_of, read_variable


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Print the explanation, and write it as JSON if that is asked for."""
    targets = [_target(host, task_vars) for host in task_vars["ansible_play_hosts_all"]]
    explanation = Explanation(options["log_group"], targets)
    lines = explanation.lines()
    if options["file"]:
        with describe_files("write the explanation"):
            replace_file(Path(options["file"]), [json.dumps(explanation.plain(), indent=2), "\n"])
    print_lines(lines)
    return {"changed": False, "lines": lines, "left": explanation.left()}


def _target(host: str, task_vars: Mapping[str, Any]) -> ExplainedTarget:
    """Return what the run found out about a target, from the variables that its tasks registered."""
    variables = task_vars["hostvars"][host]
    found = read_variable(variables, "log_group_path_result") or {}
    return ExplainedTarget(
        host,
        *place_of(variables),
        found.get("log_group_path"),
        read_variable(variables, "recap_failure"),
    )
