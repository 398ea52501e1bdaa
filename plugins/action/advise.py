# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print and write which mode fits which target. Runs on the control node only: plugins/modules/advise.py is its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils._advice import as_json, terminal, variables
from ..plugin_utils._advice.fleet import FleetAdvice
from ..plugin_utils._advice.hosts import advice_of, destination_of, rule_options
from ..plugin_utils._cost.hosts import COST_OPTIONS, choices_of, fleet_of
from ..plugin_utils._failures import printable
from ..plugin_utils._files import replace_file
from ..plugin_utils._output import print_lines

OPTIONS: dict[str, Any] = {
    "directory": {"type": "path", "default": "log-reflector-advice"},
    "destination": {"type": "str"},
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
            raise AnsibleActionFail(f"Could not write the advice: {error}") from error


def _make(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Make the advice, write its files and print it."""
    destination = destination_of(task_vars, options["destination"])
    costs = fleet_of(task_vars, choices_of(options), options["failure"])
    fleet = advice_of(task_vars, costs, options["failure"], destination)
    inventory, notes = _inventory(fleet, task_vars, destination)
    directory = Path(options["directory"]).expanduser()
    files = [directory / as_json.FILE, directory / variables.FILE]
    replace_file(files[0], as_json.document(fleet))
    replace_file(files[1], [variables.text(inventory)])
    lines = [*terminal.lines(fleet), *map(printable, notes), *(f"Advice: {path}" for path in files)]
    print_lines(lines)
    return {
        "changed": False,
        "lines": lines,
        "files": [str(path) for path in files],
        "summary": as_json.summary(fleet),
        "inventory": inventory,
        "left": [target.read.host for target in fleet.unread],
    }


def _inventory(
    fleet: FleetAdvice, task_vars: Mapping[str, Any], destination: variables.Destination | None
) -> tuple[dict[str, Any], list[str]]:
    """Return the inventory of the advice, and notes on what it leaves out."""
    hosts = [target.read.host for target in fleet.targets if target.advice and target.advice.way == "centralized"]
    names = rule_options(task_vars, hosts)
    if destination and names is None:
        note = f"{variables.FILE} has no centralization_rules: the hosts have different log_groups_include or log_groups_exclude."
        return variables.inventory(fleet, None, {}), [note]
    return variables.inventory(fleet, destination, names or {}), []
