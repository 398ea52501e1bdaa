# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a centralization: its administrator, and the destinations of its rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._errors import InvalidInputError
from ..module_utils._options.centralization import ADMINISTRATOR_VARIABLE, RULES_VARIABLE
from ..module_utils._resources.centralization.rules import parse_rules
from ._plain import place_of, plain, read_variable


def administrator(hostvars: Mapping[str, Any], hosts: Iterable[str]) -> str:
    """Return the host that manages the rules: the value of the variable on the first host that has it. Raises InvalidInputError."""
    known = list(hosts)
    name = next((found for host in known if (found := read_variable(hostvars[host], ADMINISTRATOR_VARIABLE))), None)
    if name is None:
        message = "it is not set. Set it for all hosts to the host that is the management account or a delegated administrator"
        raise InvalidInputError(ADMINISTRATOR_VARIABLE, message, kind="variable")
    if name not in known:
        raise InvalidInputError(ADMINISTRATOR_VARIABLE, f"{name!r} is no host of the inventory", kind="variable")
    return str(name)


def destinations(hostvars: Mapping[str, Any], groups: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the hosts that are the destinations of the administrator's rules, in the order of the rules. Raises InvalidInputError."""
    every = list(groups["all"])
    variables = hostvars[administrator(hostvars, every)]
    rules = parse_rules(plain(variables[RULES_VARIABLE]) if RULES_VARIABLE in variables else None)
    if not rules:
        raise InvalidInputError(
            RULES_VARIABLE, "it is not set. It lists what AWS copies, for all hosts", kind="variable"
        )
    found: dict[str, None] = {}
    for rule in rules:
        place = (rule.destination_account, rule.destination_region)
        if not rule.present or place == ("", ""):
            continue
        host = next(
            (name for name in groups.get(f"account_{place[0]}", every) if place_of(hostvars[name]) == place), None
        )
        if host is None:
            message = f"rule {rule.name!r}: no host of the inventory has the account and region of its destination {'/'.join(place)}"
            raise InvalidInputError(RULES_VARIABLE, message, kind="variable")
        found[host] = None
    return list(found)
