# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model from the variables that the tasks of a run registered."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...module_utils._errors import error_sentence
from ...module_utils._options.centralization import RULES_VARIABLE
from .._failures import LOST
from .._plain import place_of, read_variable
from .fleet import Choices, FleetCost, TargetCost, sort_targets, target_cost

VARIABLE = "volume_info_result"
"""The variable that the playbooks register the result of volume_info in."""

_SILENT = "Its volume was not read in this run."


def fleet_of(task_vars: Mapping[str, Any], choices: Choices, failure: str) -> FleetCost:
    """Return the cost of all targets of the play.

    failure     the variable that has the error of a target whose volume could not be read
    """
    hosts = task_vars["ansible_play_hosts_all"]
    copies = max((_further_copies(task_vars["hostvars"][host]) for host in hosts), default=0)
    choices = replace(choices, targets=max(1, len(hosts)), further_copies=copies)
    targets = [_target(host, task_vars, choices, failure) for host in hosts]
    return FleetCost(int(time.time()), sort_targets(targets), choices)


def choices_of(options: Mapping[str, Any]) -> Choices:
    """Return what the options say."""
    return Choices(options["log_service_price"], options["egress"] == "internet")


def _further_copies(variables: Mapping[str, Any]) -> int:
    """Return how many copies beside the first one the variable centralization_rules asks for."""
    rules = read_variable(variables, RULES_VARIABLE)
    found = rules if isinstance(rules, list) else []
    return int(any(isinstance(rule, dict) and rule.get("backup_region") for rule in found))


def _target(host: str, task_vars: Mapping[str, Any], choices: Choices, failure: str) -> TargetCost:
    variables = task_vars["hostvars"][host]
    volume = (read_variable(variables, VARIABLE) or {}).get("volume")
    if volume:
        return target_cost(host, volume, choices, _rows(volume["rows_file"]))
    error = read_variable(variables, failure)
    silent = _SILENT if host in task_vars["ansible_play_hosts"] else LOST
    return TargetCost(
        host,
        *place_of(variables),
        error=error_sentence(error) if error else silent,
    )


def _rows(path: str | None) -> list[Mapping[str, Any]] | None:
    """Return the lines that volume_info wrote; None if they cannot be read."""
    if path is None:
        return None
    try:
        with Path(path).open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, ValueError):
        return None
