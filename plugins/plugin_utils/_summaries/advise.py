# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print which mode fits which target, and write it as JSON and as an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._advice import as_json, terminal, variables
from .._advice.fleet import FleetAdvice
from .._advice.hosts import advice_of, destination_of, rule_options
from .._cost.hosts import choices_of, fleet_of
from .._failures import printable
from .._files import describe_files, replace_file
from .._output import print_lines


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Make the advice, write its files and print it."""
    destination = destination_of(task_vars, options["destination"])
    costs = fleet_of(task_vars, choices_of(options), options["failure"])
    fleet = advice_of(task_vars, costs, options["failure"], destination)
    inventory, notes = _inventory(fleet, task_vars, destination)
    directory = Path(options["directory"]).expanduser()
    files = [directory / as_json.FILE, directory / variables.FILE]
    with describe_files("write the advice"):
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
    fleet: FleetAdvice, task_vars: Mapping[str, Any], destination: variables.AdvisedDestination | None
) -> tuple[dict[str, Any], list[str]]:
    """Return the inventory of the advice, and notes on what it leaves out."""
    hosts = [target.read.host for target in fleet.targets if target.advice and target.advice.way == "centralized"]
    names = rule_options(task_vars, hosts)
    if destination and names is None:
        note = f"{variables.FILE} has no centralization_rules: the hosts have different log_groups_include or log_groups_exclude."
        return variables.inventory(fleet, None, {}), [note]
    return variables.inventory(fleet, destination, names or {}), []
