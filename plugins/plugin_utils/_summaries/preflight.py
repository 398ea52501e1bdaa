# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the problems that would make a deployment fail, grouped by reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._output import print_lines
from .._plain import read_targets
from .._preflight import CheckedTarget, Preflight


def summarize(_options: Mapping[str, Any], task_vars: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Print the findings of all targets."""
    preflight = Preflight(read_targets(CheckedTarget, task_vars, "preflight_info_result", "preflight"))
    lines = preflight.lines()
    print_lines(lines)
    return {"changed": False, "lines": lines, "left": preflight.left()}
