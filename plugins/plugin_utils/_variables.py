# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options from the variables of the roles: those of a task's own target, and those of the other targets of its account."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..module_utils._errors import InvalidInputError
from ..module_utils._module import CONNECTION, CONNECTION_VARIABLES, Spec
from ..module_utils._options.centralization import ADMINISTRATOR_VARIABLE, RULES_VARIABLE
from ..module_utils._options.functions import REFLECTOR, SUBSCRIBER
from ..module_utils._options.option import Option
from ..module_utils._parts import reflector_code
from ..module_utils._resources.centralization.loops import DeliveryPath
from ..module_utils._resources.centralization.rules import DERIVED, destination_defaults, parse_rules
from ..module_utils._subscriptions.choice import default_log_group
from ._plain import place_of, plain, read_variable

_ACCOUNT = "target_account_id"
_REGION = "target_region"


def from_variables(spec: Spec, task_vars: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    """Return the options whose variables are set, with their templated values, and those that follow from other variables."""
    variables = spec.variables()
    found = {option: templar.template(task_vars[name]) for option, name in variables.items() if name in task_vars}
    given = values_set(spec.options(), plain(found))
    derived = {option: name for option, name in variables.items() if name in DERIVED and option not in given}
    if derived:
        defaults = derived_defaults(task_vars, templar.template)
        given |= {option: defaults[name] for option, name in derived.items() if name in defaults}
    return given


def derived_defaults(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, str]:
    """Return the defaults of role variables that follow from the centralization rules for the host that has these variables."""
    if not variables.get(RULES_VARIABLE):
        return {}
    names = (RULES_VARIABLE, _ACCOUNT, _REGION)
    rules, account, region = (plain(template(variables.get(name) or "")) for name in names)
    return destination_defaults(parse_rules(rules), str(account), str(region))


def values_set(options: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set. An empty text is a value of a text only; elsewhere it is what a template has for "not set"."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and (value != "" or (name in options and options[name].type == "str"))
    }


def account_targets(spec: Spec, task_vars: Mapping[str, Any], account: str | None) -> list[dict[str, Any]]:
    """Return region and options of the other targets of the account, by the module's names.

    A variable that cannot be templated is left out: its target fails by itself, and not all targets of the account.
    """
    if not account:
        message = "it is not set, and the execution roles serve all targets of the account. Set it in the inventory"
        raise InvalidInputError(_ACCOUNT, message, kind="variable")
    hostvars, groups = task_vars["hostvars"], task_vars["groups"]
    group = groups.get(f"account_{account}")
    if group is None:
        group = [name for name in groups["all"] if str(read_variable(hostvars[name], _ACCOUNT)) == str(account)]
    options = spec.options()
    variables = {name: variable for name, variable in spec.variables().items() if name in options}
    variables["region"] = _REGION
    others = [hostvars[name] for name in group if name != task_vars["inventory_hostname"]]
    return [values_set(options, _options(each, variables)) for each in others]


def centralization_places(spec: Spec, task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the module's option `centralization`: the rules' administrator, and the destinations that are hosts of the inventory."""
    rules = parse_rules(plain(template(task_vars.get(RULES_VARIABLE) or "")))
    administrator = str(template(task_vars.get(ADMINISTRATOR_VARIABLE) or ""))
    hostvars = task_vars["hostvars"]
    wanted = {(rule.destination_account, rule.destination_region) for rule in rules if rule.present}
    found = {place: host for place in sorted(wanted) for host in _hosts_of(task_vars, *place)[:1]}
    return {
        "administrator": _place(spec, administrator, hostvars) if administrator in hostvars else None,
        "destinations": [
            {**_place(spec, host, hostvars), "account": account, "region": region}
            for (account, region), host in found.items()
        ],
    }


def delivery_paths(task_vars: Mapping[str, Any]) -> Iterator[DeliveryPath]:
    """Yield the log groups that the delivery of each host writes to, of hosts whose log groups AWS does not copy.

    A variable that cannot be templated is left out: its host fails by itself.
    """
    hostvars = task_vars["hostvars"]
    for host in task_vars["groups"]["all"]:
        account, region = place_of(hostvars[host])
        if account and region and read_variable(hostvars[host], "log_groups_mode") != "centralized":
            yield DeliveryPath(host, account, region, _own_log_groups(hostvars[host]))


def _own_log_groups(variables: Mapping[str, Any]) -> tuple[str, ...]:
    names = {"reflector_function_name": REFLECTOR, "subscriber_function_name": SUBSCRIBER}
    functions = (str(read_variable(variables, name) or default) for name, default in names.items())
    sinks, own = (read_variable(variables, name) for name in ("reflector_sinks", "log_groups_own_log_groups"))
    found = [*map(default_log_group, functions), *(own if isinstance(own, list) else ())]
    if isinstance(sinks, Mapping):
        with contextlib.suppress(AttributeError, TypeError, ValueError):  # wrong sinks: their host fails by itself
            found += reflector_code.sink_log_groups(sinks)
    return tuple(dict.fromkeys(map(str, found)))


def _hosts_of(task_vars: Mapping[str, Any], account: str, region: str) -> list[str]:
    """Return the hosts of an account and region."""
    hostvars, groups = task_vars["hostvars"], task_vars["groups"]
    names = groups.get(f"account_{account}", groups["all"])
    return [name for name in names if place_of(hostvars[name]) == (account, region)]


def _place(spec: Spec, host: str, hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a host is reached, and the options of its reflector."""
    own = {option: name for option, name in spec.variables().items() if name.startswith(_REFLECTOR)}
    options = values_set(spec.options(), _options(hostvars[host], {**CONNECTION_VARIABLES, **own}))
    defaults = {name: argument.get("default") for name, argument in CONNECTION.items() if name in CONNECTION_VARIABLES}
    defaults |= {option: spec.options()[option].default for option in own}
    # The address of an emulated AWS may come from the environment, which is the same for all hosts.
    del defaults["endpoint_url"]
    return {"host": host, "options": {**defaults, **options}}


_REFLECTOR = "reflector_"


def _options(variables_of_host: Any, variables: Mapping[str, str]) -> dict[str, Any]:
    return {
        option: read_variable(variables_of_host, name)
        for option, name in variables.items()
        if name in variables_of_host
    }
