# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice as an inventory file, whose variables can be pasted or used as they are (a second -i)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .._cost.modes import MODES
from .fleet import FleetAdvice

FILE = "advice.yml"

_HEAD = """\
# The advice of logreflector.aws.advise, as an inventory. Use it beside your own one:
#     ansible-playbook -i YOUR_INVENTORY -i {file} logreflector.aws.deploy --check --diff
# or copy its variables. Read the reasons and changes in advice.json first.
"""
ACCOUNTS_OF_A_RULE = 100
"""A rule's scope has up to 2,000 characters, of which an account takes 15."""


@dataclass(frozen=True, slots=True)
class AdvisedDestination:
    """The account and region that copies go to."""

    account: str
    region: str


def inventory(fleet: FleetAdvice, destination: AdvisedDestination | None, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inventory: the advised mode of each host, and with a destination the centralization rules for these.

    A host that is advised to be centralized without a destination has no mode here: its logs would go nowhere.

    rule    more options of each rule
    """
    modes = {target.read.host: target.advice.way for target in fleet.targets if target.advice}
    can_centralize = fleet.context.has_destination
    hosts = {
        host: {"log_groups_mode": mode}
        for host, mode in modes.items()
        if mode in MODES and (mode != "centralized" or can_centralize)
    }
    if destination is None:
        return {"all": {"hosts": hosts}}
    rules = centralization_rules(fleet, destination, rule)
    return {"all": {"hosts": hosts, **({"vars": {"centralization_rules": rules}} if rules else {})}}


def centralization_rules(
    fleet: FleetAdvice, destination: AdvisedDestination, rule: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the rules that copy from exactly the accounts and regions that are advised to be centralized."""
    regions: dict[str, set[str]] = {}
    for target in fleet.targets:
        if target.advice and target.advice.way == "centralized":
            regions.setdefault(target.read.account, set()).add(target.read.region)
    accounts: dict[tuple[str, ...], list[str]] = {}
    for account, found in sorted(regions.items()):
        accounts.setdefault(tuple(sorted(found)), []).append(account)
    scopes = [
        (each[start : start + ACCOUNTS_OF_A_RULE], from_regions)
        for from_regions, each in sorted(accounts.items())
        for start in range(0, len(each), ACCOUNTS_OF_A_RULE)
    ]
    return [
        _rule(number, scope, from_regions, destination, rule) for number, (scope, from_regions) in enumerate(scopes, 1)
    ]


def _rule(
    number: int,
    accounts: Sequence[str],
    regions: Sequence[str],
    destination: AdvisedDestination,
    rule: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "name": f"log-reflector-{number}",
        "accounts": list(accounts),
        "source_regions": list(regions),
        "destination_account": destination.account,
        "destination_region": destination.region,
        **rule,
    }


def text(found: Mapping[str, Any]) -> str:
    """Return the inventory as YAML. Names that others chose are quoted where YAML needs it."""
    return _HEAD.format(file=FILE) + yaml.safe_dump(dict(found), sort_keys=True, allow_unicode=False)
