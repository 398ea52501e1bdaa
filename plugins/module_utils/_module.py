# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host "module process": translates parameters in and results out, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ._errors import InvalidInputError, ReflectorError
from ._options.connection import EXCLUSIVE, TOGETHER, Connection
from ._options.option import Option, options_of
from ._plan import Params, Result, Work
from ._session import SDK_ERROR, Target
from ._version import OLDEST_SDK

with contextlib.suppress(ImportError):  # `perform` says what to install
    import botocore

CONNECTION_VARIABLES = {
    "region": "target_region",
    "profile": "target_profile",
    "endpoint_url": "target_endpoint_url",
    "assume_role_arn": "target_role_arn",
    "assume_role_external_id": "target_external_id",
    "assume_role_duration": "target_session_duration",
}
"""The variables of an inventory that say where a target is and how it is reached, by option."""


HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""Ansible's text in place of a secret option."""

NO_INVOCATION: Result = {}
"""The field invocation in the result of refused options."""


@dataclass(frozen=True, slots=True)
class Group:
    """A dataclass of options as a module takes it.

    prefix      before the options' names in the module
    variables   before the options' names in the variables of the roles; None if they have none
    named       the variables of options whose variable has another name, "" for none
    """

    options: type
    prefix: str = ""
    variables: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    def by_name(self) -> dict[str, Option]:
        """Return the options by the module's names."""
        return {self.prefix + each.name: self._prefixed(each) for each in options_of(self.options)}

    def _prefixed(self, option: Option) -> Option:
        """Return an option whose aliases have the prefix too: two groups may have the same ones."""
        if not (self.prefix and option.aliases):
            return option
        return replace(option, aliases=tuple(self.prefix + alias for alias in option.aliases))

    def by_variable(self) -> dict[str, Option]:
        """Return the options that have a role variable, by that variable."""
        if self.variables is None:
            return {}
        named = {self.named.get(each.name, self.variables + each.name): each for each in options_of(self.options)}
        return {variable: each for variable, each in named.items() if variable}


@dataclass(frozen=True, slots=True)
class Spec:
    """A module.

    groups          its options
    work            what it does
    rules           between options, as AnsibleModule takes them: mutually_exclusive, required_together, required_by
    connects        False where AWS is not called
    needs_sources   whether it builds packages or reads the reflector's code, so that it can only run on the control node
    """

    groups: tuple[Group, ...]
    work: Work
    rules: dict[str, Any] = field(default_factory=dict)
    connects: bool = True
    needs_sources: bool = False

    def options(self) -> dict[str, Option]:
        """Return the module's own options by name."""
        return {name: each for group in self.groups for name, each in group.by_name().items()}

    def invocation(self, params: Params) -> dict[str, Any]:
        """Return the field invocation of a result: the options' values, without those that may hold secrets."""
        hidden = {name for name, each in self.options().items() if each.is_hidden and params.get(name)}
        return {"module_args": {**params, **dict.fromkeys(hidden, HIDDEN)}}

    def masked(self, message: str, given: Params) -> str:
        """Return a refusal of options without the values of secret options.

        given   the options as the task has them, by their names or aliases
        """
        connection = {each.name: each for each in options_of(Connection)} if self.connects else {}
        every = {**connection, **self.options()}
        names = [alias for name, each in every.items() if each.no_log for alias in (name, *each.aliases)]
        secrets = {str(given[name]) for name in names if given.get(name)}
        for secret in sorted(secrets, key=len, reverse=True):
            message = message.replace(secret, HIDDEN)
        return message

    def variables(self) -> dict[str, str]:
        """Return the role variable of each option that has one, by the option's name."""
        own = {
            group.prefix + each.name: variable
            for group in self.groups
            for variable, each in group.by_variable().items()
        }
        return {**CONNECTION_VARIABLES, **own} if own and self.connects else own

    def arguments(self, *, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the keyword arguments of AnsibleModule, and of an action's validation.

        names   other names for options, as messages are to have them
        """
        renamed = names or {}
        spec = {renamed.get(name, name): _argument(each) for name, each in self.options().items()}
        rules = {kind: _with_names(rule, renamed) for kind, rule in self.rules.items()}
        if not self.connects:
            return {"argument_spec": spec, **rules}
        connection = {renamed.get(name, name): argument for name, argument in CONNECTION.items()}
        return {
            "argument_spec": {**connection, **spec},
            "required_together": [*TOGETHER, *rules.pop("required_together", [])],
            "mutually_exclusive": [
                *([renamed.get(name, name) for name in pair] for pair in EXCLUSIVE),
                *rules.pop("mutually_exclusive", []),
            ],
            **rules,
        }


def _with_names(rule: Any, names: Mapping[str, str]) -> Any:
    """Return a rule between options, lists of names or names by name, with other names."""
    if isinstance(rule, Mapping):
        return {names.get(name, name): _with_names(each, names) for name, each in rule.items()}
    if isinstance(rule, (list, tuple)):
        return [_with_names(each, names) for each in rule]
    return names.get(rule, rule)


def _argument(each: Option) -> dict[str, Any]:
    argument = each.argument()
    return {**argument, "fallback": (env_fallback, list(each.env))} if each.env else argument


CONNECTION = {each.name: _argument(each) for each in options_of(Connection)}
"""The argument spec of the options that all modules that call AWS take."""


def perform(
    spec: Spec,
    params: Params,
    *,
    check_mode: bool,
    models: Any = None,
    names: Mapping[str, str] | None = None,
) -> Result:
    """Return the result of the work, or of its failure: the one place where our exceptions become a task's result.

    models   see `Target.from_params`
    names    what messages call the options, where that differs
    """
    if spec.connects and SDK_ERROR:
        return {"failed": True, "msg": missing_required_lib("boto3 and botocore")}
    target: Target | None = None
    try:
        for name, each in spec.options().items():
            each.check_range(params.get(name), name)
        if spec.connects:
            target = Target.from_params(params, models)
            _check_sdk(spec, target, params)
        return spec.work(target, params, check_mode)  # type: ignore[arg-type]
    except ReflectorError as failure:
        if isinstance(failure, InvalidInputError):
            failure = failure.renamed(names or {})
        error = target.explained(failure) if target else failure
        return {"failed": True, "changed": False, **failure.done, **error.as_result()}


def _check_sdk(spec: Spec, target: Target, params: Params) -> None:
    """Raise InvalidInputError for an option that the installed botocore cannot send. Makes no call."""
    for name, each in spec.options().items():
        if each.sdk is None or params.get(name) in (None, "", [], ()):
            continue
        service, operation, parameter = each.sdk
        shape = None
        if target.knows(service, operation):
            shape = target.client(service).meta.service_model.operation_model(operation).input_shape
        if shape is None or parameter not in shape.members:
            message = f"botocore {botocore.__version__} does not know {parameter} of {operation}. Install boto3 {OLDEST_SDK} or later"
            raise InvalidInputError(name, message)


class _Module(AnsibleModule):  # type: ignore[misc]
    """A module whose results, log lines and refusals of its options do not repeat values that may hold secrets."""

    params: dict[str, Any]

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._has_valid_options = False
        super().__init__(supports_check_mode=True, **spec.arguments())
        self._has_valid_options = True

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """See the base class, which calls this for wrong options too."""
        if self._has_valid_options:
            super().fail_json(msg, **kwargs, invocation=self._spec.invocation(self.params))
        # Ansible stops to collect the values to mask at the first wrong type: no value is safe to show.
        super().fail_json(self._spec.masked(msg, self.params), **kwargs, invocation=NO_INVOCATION)

    def exit_json(self, **kwargs: Any) -> None:
        """See the base class."""
        super().exit_json(**kwargs, invocation=self._spec.invocation(self.params))

    def _log_invocation(self) -> None:
        """Write the invocation to the system log, see the base class."""
        params = self.params
        self.params = self._spec.invocation(params)["module_args"]
        super()._log_invocation()
        self.params = params


def run(spec: Spec) -> None:
    """Body of every module's main()."""
    module = _Module(spec)
    result = perform(spec, module.params, check_mode=module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
