# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of variables, without Ansible's own kinds of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ansible.errors import AnsibleError

_Target = TypeVar("_Target")


def plain(value: Any) -> Any:
    """Return the value as JSON has it, YAML's dates as text.

    Ansible's own kinds of text are slow to copy, and validation copies deeply.
    """
    return json.loads(json.dumps(value, default=str))


def read_variable(variables: Mapping[str, Any], name: str) -> Any:
    """Return a variable of a host, None if it cannot be templated: its host reports that by itself."""
    try:
        return plain(variables[name])
    except (AnsibleError, KeyError, TypeError, ValueError):
        return None


def place_of(variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return a host's account and region as the inventory sets them, "" for one that it does not set."""
    account, region = (str(read_variable(variables, f"target_{name}") or "") for name in ("account_id", "region"))
    return account, region


def read_targets(
    make: Callable[[str, str, str, Any, Any], _Target], task_vars: Mapping[str, Any], result: str, part: str
) -> list[_Target]:
    """Return what the run found out about each target: make(host, account, region, part of the result, failure).

    result   the variable that the task registered; the part is None if the target has no result
    """
    targets = []
    for host in task_vars["ansible_play_hosts_all"]:
        variables = task_vars["hostvars"][host]
        found = (read_variable(variables, result) or {}).get(part)
        targets.append(make(host, *place_of(variables), found, read_variable(variables, "recap_failure")))
    return targets
