# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print why the events of a log group do not arrive. Runs on the control node only: plugins/modules/explain.py is its documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils._explanation import ExplainedTarget, Explanation
from ..plugin_utils._files import replace_file
from ..plugin_utils._output import print_lines
from ..plugin_utils._plain import place_of, read_variable


class ActionModule(ActionBase):  # type: ignore[misc]
    """Ansible's entry point."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={"log_group": {"type": "str", "required": True}, "file": {"type": "path"}}
        )
        variables = task_vars or {}
        targets = [_target(host, variables) for host in variables["ansible_play_hosts_all"]]
        explanation = Explanation(options["log_group"], targets)
        lines = explanation.lines()
        if options["file"]:
            replace_file(Path(options["file"]), [json.dumps(explanation.plain(), indent=2), "\n"])
        print_lines(lines)
        return {**result, "changed": False, "lines": lines, "left": explanation.left()}


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
