# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of modules that follow events through AWS's centralization: where else they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .option import option

_NO_PLACES: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class PlacesOption:
    """The administrator of the rules, and the destinations of the copies."""

    centralization: Mapping[str, Any] = option(
        _NO_PLACES,
        "Where centralization rules and copies are read. A target with the mode C(centralized) depends on them. With another mode the"
        " rules show which log groups are delivered twice.",
        "It has C(administrator), a dictionary with the"
        " connection options of this module, and C(destinations), a list of dictionaries with C(account), C(region), C(options)"
        " (connection options and those whose names begin with C(reflector_)).",
        "With O(role_variables) they are read from the inventory: the host that C(centralization_administrator) names, and the"
        " hosts that are destinations of C(centralization_rules).",
        is_hidden=True,
    )


@dataclass(frozen=True, kw_only=True)
class CopiesOption:
    """The names of copies, which are no log groups of the target's own."""

    centralized_name_pattern: str = option(
        "",
        "Name pattern of log groups with copies of AWS's centralization. They belong to the targets that they are copied from,"
        " and are not listed here.",
    )


@dataclass(frozen=True, kw_only=True)
class SwitchOptions:
    """Whether a switch to AWS's centralization may leave log groups without service."""

    allow_unserved: bool = option(
        False,
        "Whether a switch to O(log_groups_mode=centralized) also takes the service from log groups that no centralization rule"
        " copies. Their events are no longer forwarded.",
        "Without it the switch stops before it removes anything, and names them.",
    )
