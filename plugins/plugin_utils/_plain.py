# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of variables, without Ansible's own kinds of text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError


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
