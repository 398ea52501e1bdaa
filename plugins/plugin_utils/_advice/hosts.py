# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice from the variables that the tasks of a run registered."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail

from ...module_utils._errors import InvalidInputError, error_sentence
from ...module_utils._options.centralization import ADMINISTRATOR_VARIABLE, RULES_VARIABLE
from ...module_utils._resources.centralization.rules import destination_rules, parse_rules
from ...module_utils._resources.centralization.settings import RuleSettings
from .._cost.fleet import FleetCost
from .._failures import LOST
from .._plain import place_of, read_variable
from .fleet import FleetAdvice, ReadTarget, advise_fleet
from .variables import AdvisedDestination

PREFLIGHT = "preflight_info_result"
VOLUME = "volume_info_result"
"""The variables that the playbook registers the results of preflight_info and volume_info in."""


def advice_of(
    task_vars: Mapping[str, Any], costs: FleetCost, failure: str, destination: AdvisedDestination | None
) -> FleetAdvice:
    """Return the advice for all targets of the play.

    costs       the estimate for the same targets
    failure     the variable that has the error of a target that could not be read
    """
    hosts = task_vars["ansible_play_hosts_all"]
    rules = _rules(task_vars)
    estimates = {
        target.host: {way: estimate.cost for way, estimate in target.estimates.items()} for target in costs.targets
    }
    given: dict[str, Any] = {"failure": failure, "rules": rules, "destination": destination}
    targets = [_target(host, task_vars, estimates.get(host, {}), **given) for host in hosts]
    return advise_fleet(
        int(time.time()),
        targets,
        has_administrator=any(read_variable(task_vars["hostvars"][host], ADMINISTRATOR_VARIABLE) for host in hosts),
        has_destination=bool(rules) or destination is not None,
    )


def destination_of(task_vars: Mapping[str, Any], host: str | None) -> AdvisedDestination | None:
    """Return the account and region of the host that copies are to go to. Raises AnsibleActionFail if it has none."""
    if not host:
        return None
    if host not in task_vars["hostvars"]:
        raise AnsibleActionFail(f"Could not use {host} as the destination: the inventory has no such host.")
    account, region = place_of(task_vars["hostvars"][host])
    if not (account and region):
        message = "its variables target_account_id and target_region are not both set"
        raise AnsibleActionFail(f"Could not use {host} as the destination: {message}.")
    return AdvisedDestination(account, region)


def rule_options(task_vars: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Any] | None:
    """Return the names of log groups that a rule for these hosts has; None if the hosts have different ones."""
    found: list[dict[str, Any]] = []
    for host in hosts:
        variables = task_vars["hostvars"][host]
        include = read_variable(variables, "log_groups_include") or []
        exclude = read_variable(variables, "log_groups_exclude") or []
        names = {"include": [] if include == ["*"] else include, "exclude": exclude}
        found.append({key: value for key, value in names.items() if value})
    return (found[0] if found else {}) if all(each == found[0] for each in found) else None


def _rules(task_vars: Mapping[str, Any]) -> tuple[RuleSettings, ...]:
    """Return the centralization rules of the inventory. Raises AnsibleActionFail for wrong ones."""
    for host in task_vars["ansible_play_hosts_all"]:
        if found := read_variable(task_vars["hostvars"][host], RULES_VARIABLE):
            try:
                return parse_rules(found)
            except InvalidInputError as error:
                raise AnsibleActionFail(str(error)) from error
    return ()


def _target(
    host: str,
    task_vars: Mapping[str, Any],
    costs: Mapping[str, Any],
    *,
    failure: str,
    rules: tuple[RuleSettings, ...],
    destination: AdvisedDestination | None,
) -> ReadTarget:
    variables = task_vars["hostvars"][host]
    preflight = (read_variable(variables, PREFLIGHT) or {}).get("preflight")
    read_volume = (read_variable(variables, VOLUME) or {}).get("volume")
    account, region = place_of(variables)
    given = preflight or read_volume or {}
    place = str(given.get("account_id") or account), str(given.get("region") or region)
    is_named = destination is not None and place == (destination.account, destination.region)
    return ReadTarget(
        host,
        *place,
        ou=str(read_variable(variables, "target_ou_path") or ""),
        error=_error(preflight, read_volume, read_variable(variables, failure)),
        preflight=preflight,
        volume=read_volume,
        costs=costs,
        is_destination=is_named or bool(destination_rules(rules, *place)),
    )


def _error(preflight: Mapping[str, Any] | None, volume: Mapping[str, Any] | None, failure: Any) -> str:
    """Return why a target was not read, or only in part; "" if it was."""
    if failure:
        return error_sentence(failure)
    if preflight and preflight["facts"] is None:
        return next((str(each["sentence"]) for each in preflight["findings"] if each["level"] == "problem"), LOST)
    return "" if preflight and volume else LOST
