# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host "Ansible worker": a module's work done in the process that Ansible forked anyway, without starting Python again."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ..module_utils._errors import InvalidInputError, ReflectorError
from ..module_utils._module import HIDDEN, NO_INVOCATION, Spec, perform
from ..module_utils._options.centralization import ADMINISTRATOR_VARIABLE, RULES_VARIABLE
from ..module_utils._options.option import Option
from ..module_utils._parts import reflector_code
from ..module_utils._parts.once import Shared, shared
from ..module_utils._resources.centralization.loops import refuse_loops
from ..module_utils._resources.centralization.rules import parse_rules
from ..module_utils._session import SDK_ERROR, read_models
from ._plain import plain
from ._playbook_options import GROUPS as PLAYBOOK_GROUPS
from ._playbook_variables import PLAYBOOK_VARIABLES
from ._summaries.options import GROUPS, summary_variables
from ._unknown_variables import check_names
from ._variables import account_targets, centralization_places, delivery_paths, from_variables, values_set

_MODULES = f"{__name__.partition('.plugin_utils.')[0]}.modules"


def specs() -> dict[str, Spec]:
    """Return the specs of all modules by name: the files in plugins/modules. One without a spec documents an action plugin."""
    folder = Path(__file__).resolve().parents[1] / "modules"
    found = {
        module.name: importlib.import_module(f"{_MODULES}.{module.name}")
        for module in pkgutil.iter_modules([str(folder)])
    }
    return {name: module.SPEC for name, module in found.items() if hasattr(module, "SPEC")}


# Read when Ansible imports an action plugin, which is before it forks: the workers inherit it.
SPECS = specs()
SERVICES = (
    *(
        "cloudtrail",
        "cloudwatch",
        "events",
        "iam",
        "kms",
        "lambda",
        "logs",
        "observabilityadmin",
        "organizations",
        "pricing",
    ),
    *("secretsmanager", "sqs", "ssm", "sts"),
)
"""The services whose models are read before the fork: all that the modules call (a test compares), but those of RARELY_CALLED."""
RARELY_CALLED = ("account", "ec2")
"""Called only to explain an error, and only for a function in a VPC. The model of EC2 is the largest of all."""
KNOWN_VARIABLES = PLAYBOOK_VARIABLES.union(
    {RULES_VARIABLE, ADMINISTRATOR_VARIABLE},
    *(spec.variables().values() for spec in SPECS.values()),
    *(group.by_variable() for groups in (*GROUPS.values(), PLAYBOOK_GROUPS) for group in groups),
)
MODELS = None if SDK_ERROR else read_models(SERVICES)
reflector_code.load()


def perform_in_process(
    spec: Spec,
    arguments: Mapping[str, Any],
    *,
    check_mode: bool,
    name: str = "",
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the result that the module `name` would give: options validated, defaults filled in, secrets removed.

    names   what messages call the options, where these come from variables: by option
    """
    names = names or {}
    given = {names.get(key, key): value for key, value in arguments.items()}
    validated = validate(spec.arguments(names=names), given)
    option_of = {shown: option for option, shown in names.items()}
    params = {option_of.get(key, key): value for key, value in validated.validated_parameters.items()}
    if refused := refusal(validated, name):
        result: dict[str, Any] = {"failed": True, "msg": spec.masked(refused, arguments), "invocation": NO_INVOCATION}
    else:
        result = perform(spec, params, check_mode=check_mode, models=MODELS, names=names)
        result["invocation"] = spec.invocation(params)
    return cleaned(result, validated)


def validate(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> ValidationResult:
    """Return what AnsibleModule makes of the given options if it is constructed with these arguments."""
    return ArgumentSpecValidator(**arguments).validate(dict(given))


def wrong_variables(options: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, InvalidInputError]:
    """Return the error of each variable that has a wrong type, choice or range."""
    found = {}
    for name, value in sorted(values.items()):
        validated = validate({"argument_spec": {name: options[name].argument()}}, {name: value})
        if refused := refusal(validated, ""):
            found[name] = InvalidInputError(name, refused, kind="variable")
            continue
        try:
            options[name].check_range(validated.validated_parameters[name], name)
        except InvalidInputError as error:
            found[name] = InvalidInputError(name, error.message, kind="variable")
    return found


def refusal(validated: ValidationResult, name: str) -> str:
    """Return the first mistake as the module `name` words it, "" without one."""
    if not validated.error_messages:
        return ""
    message = str(validated.errors.msg)
    unknown = isinstance(validated.errors[0], UnsupportedError)
    return f"Unsupported parameters for ({name}) module: {message}" if unknown else message


def cleaned(result: dict[str, Any], validated: ValidationResult) -> dict[str, Any]:
    """Return the result without the values of secret options, and with the warnings that AnsibleModule gives."""
    if validated._warnings:
        result["warnings"] = [
            f"Both option {warning['option']} and its alias {warning['alias']} are set."
            for warning in validated._warnings
        ]
    if not validated._no_log_values:  # copying a large result takes time
        return result
    clean: dict[str, Any] = without(result, sorted(map(str, validated._no_log_values), key=len, reverse=True))
    return clean


def without(value: Any, secrets: Collection[str]) -> Any:
    """Return the value without secrets, as AnsibleModule returns it.

    Ansible's own function for this, remove_values, is deprecated since ansible-core 2.22.

    secrets   the longest first, because one may contain another
    """
    if isinstance(value, Mapping):
        return {key: without(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without(each, secrets) for each in value]
    if not isinstance(value, str):
        return HIDDEN if any(secret in str(value) for secret in secrets) else value
    if value in secrets:
        return HIDDEN
    for secret in secrets:
        value = value.replace(secret, "********")
    return value


def injects_invocation(task_vars: Mapping[str, Any]) -> bool:
    """Return whether results are to have the field invocation. Before ansible-core 2.21 they always have it."""
    if "INJECT_INVOCATION" not in constants.config.get_configuration_definitions():
        return True
    return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=task_vars))


class WorkerAction(ActionBase):  # type: ignore[misc]
    """Base of every action plugin: the same core as the module of its name, or the module itself where a worker cannot serve."""

    module_name: ClassVar[str]
    spec: Spec

    def __init_subclass__(cls) -> None:
        """Find the spec of the module that the action plugin's file is named after."""
        super().__init_subclass__()
        cls.module_name = cls.__module__.rpartition(".")[2]
        if not cls.module_name.startswith("_"):  # the file of another base class
            cls.spec = cls.find_spec(cls.module_name)
        # What an action plugin has loaded stays for good: the garbage collector need not touch and so copy its pages.
        gc.freeze()

    @classmethod
    def find_spec(cls, name: str) -> Spec:
        """Return the spec of the module of that name."""
        return SPECS[name]

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task. Ansible's entry point."""
        self._supports_async = True
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            arguments, names = self._arguments(task_vars or {})
        except ReflectorError as error:
            return {**result, "failed": True, "changed": False, **error.as_result()}
        if self._needs_module():
            return {**result, **self._as_module(arguments, task_vars)}
        result.update(self._in_worker(arguments, names))
        if not injects_invocation(task_vars or {}):
            result.pop("invocation", None)
        return result

    def _arguments(self, task_vars: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the task's options as plain as a module would get them, and the variables that some of them come from."""
        given: dict[str, Any] = plain(self._task.args)
        variables = self.spec.variables()
        if not variables or given.get("role_variables") not in (True, "true", "yes"):
            return given, {}
        self._check_variables(task_vars)
        found = from_variables(self.spec, task_vars, self._templar)
        if (
            "account_targets" in self.spec.options()
            and given.get("state") != "absent"
            and "account_targets" not in given
        ):
            account = given.get("account_id") or found.get("account_id")
            found["account_targets"] = account_targets(self.spec, task_vars, account)
        if "centralization" in self.spec.options() and _reads_places({**found, **given}, task_vars):
            found["centralization"] = centralization_places(self.spec, task_vars, self._templar.template)
        # The module that writes the rules
        if "enable_trusted_access" in self.spec.options() and given.get("state") != "absent":
            refuse_loops(parse_rules({**found, **given}.get("rules")), delivery_paths(task_vars))
        names = {option: variable for option, variable in variables.items() if option not in given}
        return {**found, **given}, names

    def _check_variables(self, task_vars: Mapping[str, Any]) -> None:
        """Refuse misspelled variables, and wrong values of those that a summary reads: its own refusal would hide the results."""
        check_names(task_vars, KNOWN_VARIABLES)
        options = summary_variables(self.module_name)
        if wrong := wrong_variables(options, self._summary_values(options, task_vars)):
            raise next(iter(wrong.values()))

    def _summary_values(self, options: Mapping[str, Option], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variables that are set. One that cannot be templated yet, or on this host, is left to the summary."""
        found = {}
        for name in options.keys() & task_vars.keys():
            with contextlib.suppress(AnsibleError):
                found[name] = plain(self._templar.template(task_vars[name]))
        return values_set(options, found)

    def _in_worker(self, arguments: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        """Return the task's result, made in this process."""
        task = self._task
        token = shared.set(Shared(Path(constants.DEFAULT_LOCAL_TMP), str(task._uuid)))
        try:
            with _environment(self._environment()):
                return perform_in_process(
                    self.spec, arguments, check_mode=task.check_mode, name=task.action, names=names
                )
        finally:
            shared.reset(token)

    def _environment(self) -> dict[str, str]:
        """Return the environment variables that the task sets."""
        found: dict[str, str] = {}
        for each in self._task.environment or []:
            if each:
                found.update({str(key): str(value) for key, value in dict(self._templar.template(each)).items()})
        return found

    def _as_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Return the task's result, made by the module wherever Ansible runs it."""
        result: dict[str, Any] = self._execute_module(
            module_args=dict(arguments), task_vars=task_vars, wrap_async=self._task.async_val
        )
        return result

    def _needs_module(self) -> bool:
        """Return whether the work belongs elsewhere.

        That is another machine, user or environment, the background, or another Python that has the SDK if the
        controller's has not.
        """
        return bool(
            self._connection.transport not in ("local", "ansible.builtin.local")
            or self._task.async_val
            or self._connection.become  # which ansible_become decides as well, not the task alone
            or (any(self._task.environment or []) and not self.spec.needs_sources)
            or (self.spec.connects and SDK_ERROR)
        )


def _reads_places(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> bool:
    """Return whether a task may read rules and copies. A rule may also copy a target that has another mode."""
    if "centralized" in (options.get("mode"), options.get("log_groups_mode"), options.get("subscription")):
        return True
    return any(task_vars.get(name) for name in (RULES_VARIABLE, ADMINISTRATOR_VARIABLE))


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process, which belongs to one task."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
