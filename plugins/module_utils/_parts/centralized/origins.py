# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origin of copies, from the names of their log groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._resources.reflector_ready import find_reflector
from ..._session import Target
from ..event_flow.dead_letters import Origin
from ..reflector_code import module

_VARIABLE = "CENTRALIZED_NAME_PATTERN"
"""Variable of the reflector's function with the name pattern of copies."""


def origin_of(pattern: str) -> Origin:
    """Return a function that names the origin of a payload, or of what has a log group, as ACCOUNT/REGION; "" for no copy."""
    code = module("origin")
    try:
        match = code.name_pattern(pattern).match
    except ValueError:
        return lambda _payload: ""

    def origin(payload: Any) -> str:
        found = match.fullmatch(payload.log_group)
        return f"{found['account']}/{found['region']}" if found else ""

    return origin


def read_pattern(target: Target, reflector: str) -> str:
    """Return the name pattern of copies that the deployed reflector has, "" without one. NotFoundError without a reflector."""
    environment: Mapping[str, Any] = find_reflector(target, reflector).get("Environment") or {}
    return str((environment.get("Variables") or {}).get(_VARIABLE) or "")


class Named:
    """What has a log group, as `origin_of` takes it."""

    def __init__(self, log_group: str) -> None:
        self.log_group = log_group
