# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Estimate what forwarding costs. Runs on the control node only: plugins/modules/cost.py is its documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils._cost import as_json, terminal
from ..plugin_utils._cost.hosts import COST_OPTIONS, choices_of, fleet_of
from ..plugin_utils._failures import printable
from ..plugin_utils._files import replace_file
from ..plugin_utils._output import print_lines

OPTIONS: dict[str, Any] = {
    "directory": {"type": "path", "default": "log-reflector-preview"},
    **COST_OPTIONS,
    "failure": {"type": "str", "default": "recap_failure"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Ansible's entry point."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            return {**result, **_make(options, task_vars or {})}
        except OSError as error:
            raise AnsibleActionFail(f"Could not write the estimate: {error}") from error


def _make(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Make the estimate, write its file and print its summary."""
    fleet = fleet_of(task_vars, choices_of(options), options["failure"])
    path = Path(options["directory"]).expanduser() / as_json.FILE
    replace_file(path, as_json.document(fleet))
    lines = _printable(terminal.summary(fleet))
    print_lines([*lines, f"Estimate: {path}"])
    return {"changed": False, "lines": lines, "file": str(path), "summary": as_json.summary(fleet)}


def _printable(lines: Iterable[str]) -> list[str]:
    return [printable(line) for text in lines for line in text.splitlines()]
