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
from .._plain import read_targets


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Print the explanation, and write it as JSON if that is asked for."""
    targets = read_targets(ExplainedTarget, task_vars, "log_group_path_result", "log_group_path")
    explanation = Explanation(options["log_group"], targets)
    lines = explanation.lines()
    if options["file"]:
        with describe_files("write the explanation"):
            replace_file(Path(options["file"]), [json.dumps(explanation.plain(), indent=2), "\n"])
    print_lines(lines)
    return {"changed": False, "lines": lines, "left": explanation.left()}
