# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host "Ansible worker": a module's work done in the process that Ansible forked anyway, without starting Python again."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ..module_utils._module import Spec, perform
from ..module_utils._session import SDK_ERROR, read_models
from ._plain import plain

SERVICES = ("events", "iam", "lambda", "logs", "sqs", "ssm", "sts")
# Read when Ansible imports an action, which is before it forks: workers inherit them.
MODELS = None if SDK_ERROR else read_models(SERVICES)


def perform_in_process(spec: Spec, arguments: Mapping[str, Any], *, check_mode: bool, name: str = "") -> dict[str, Any]:
    """The result that the module `name` would give: options validated, defaults filled in, secrets taken out."""
    validated = validate(spec.arguments(), arguments)
    if refused := refusal(validated, name):
        result: dict[str, Any] = {"failed": True, "msg": refused}
    else:
        result = perform(spec, validated.validated_parameters, check_mode=check_mode, models=MODELS)
    return cleaned({**result, "invocation": {"module_args": validated.validated_parameters}}, validated)


def validate(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> ValidationResult:
    """What AnsibleModule makes of the options that are given, when it is constructed with these arguments."""
    return ArgumentSpecValidator(**arguments).validate(dict(given))


def refusal(validated: ValidationResult, name: str) -> str:
    """The first mistake as the module `name` words it; "" where there is none."""
    if not validated.error_messages:
        return ""
    message = str(validated.errors.msg)
    unknown = isinstance(validated.errors[0], UnsupportedError)
    return f"Unsupported parameters for ({name}) module: {message}" if unknown else message


def cleaned(result: dict[str, Any], validated: ValidationResult) -> dict[str, Any]:
    """The result without the values of options that are secret, and with the warnings that AnsibleModule gives."""
    if validated._warnings:
        result["warnings"] = [
            f"Both option {warning['option']} and its alias {warning['alias']} are set."
            for warning in validated._warnings
        ]
    clean: dict[str, Any] = remove_values(result, validated._no_log_values)
    return clean


class WorkerAction(ActionBase):  # type: ignore[misc]
    """Base of every action plugin: the same core as the module, or the module itself where a worker cannot serve."""

    spec: ClassVar[Spec]

    def __init_subclass__(cls) -> None:
        """What an action's file has loaded stays for good: collections in the workers need not look at it, and so copy its pages."""
        super().__init_subclass__()
        gc.freeze()

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        self._supports_async = True
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        return {**result, **(self.as_module(task_vars) if self._needs_module() else self.in_worker())}

    def in_worker(self) -> dict[str, Any]:
        """The task's result, made in this process."""
        task = self._task
        return perform_in_process(self.spec, self.arguments(), check_mode=task.check_mode, name=task.action)

    def arguments(self) -> dict[str, Any]:
        """The task's options, as plain as a module would get them."""
        arguments: dict[str, Any] = plain(self._task.args)
        return arguments

    def as_module(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The task's result, made by the module wherever Ansible runs it."""
        result: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        return result

    def _needs_module(self) -> bool:
        """Whether the work belongs elsewhere: another machine or user, in the background, in another environment, or
        to another Python that has the SDK when the controller's has not."""
        return bool(
            self._connection.transport not in ("local", "ansible.builtin.local")
            or self._task.async_val
            or self._connection.become  # which ansible_become decides as well, not the task alone
            or any(self._task.environment or [])
            or (self.spec.connects and SDK_ERROR)
        )
