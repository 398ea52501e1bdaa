# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what would make a deployment fail. Runs on the control node only: plugins/modules/preflight.py is its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils._output import print_lines
from ..plugin_utils._plain import place_of, read_variable
from ..plugin_utils._preflight import CheckedTarget, Preflight


class ActionModule(ActionBase):  # type: ignore[misc]
    """Ansible's entry point."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        variables = task_vars or {}
        preflight = Preflight([_target(host, variables) for host in variables["ansible_play_hosts_all"]])
        lines = preflight.lines()
        print_lines(lines)
        return {**result, "changed": False, "lines": lines, "left": preflight.left()}


def _target(host: str, task_vars: Mapping[str, Any]) -> CheckedTarget:
    """Return what the run found out about a target, from the variables that its tasks registered."""
    variables = task_vars["hostvars"][host]
    found = read_variable(variables, "preflight_info_result") or {}
    return CheckedTarget(
        host,
        *place_of(variables),
        found.get("preflight"),
        read_variable(variables, "recap_failure"),
    )
