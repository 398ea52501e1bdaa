# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host "Ansible worker": a module's work done in the process that Ansible forked anyway, without starting Python again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import AnsibleValidationErrorMultiple, UnsupportedError
from ansible.plugins.action import ActionBase

from ..module_utils._module import Spec, perform
from ..module_utils._session import SDK_ERROR, read_models

# Read when Ansible imports an action, which is before it forks: workers inherit them.
_MODELS = None if SDK_ERROR else read_models()


def perform_in_process(spec: Spec, arguments: Mapping[str, Any], *, check_mode: bool, name: str = "") -> dict[str, Any]:
    """The result that the module `name` would give: options validated, defaults filled in, secrets taken out."""
    validated = ArgumentSpecValidator(**spec.arguments()).validate(dict(arguments))
    if validated.error_messages:
        result: dict[str, Any] = {"failed": True, "msg": _refusal(validated.errors, name)}
    else:
        result = perform(spec, validated.validated_parameters, check_mode=check_mode, models=_MODELS)
    if validated._warnings:
        result["warnings"] = [
            f"Both option {warning['option']} and its alias {warning['alias']} are set."
            for warning in validated._warnings
        ]
    result["invocation"] = {"module_args": validated.validated_parameters}
    clean: dict[str, Any] = remove_values(result, validated._no_log_values)
    return clean


def _refusal(errors: AnsibleValidationErrorMultiple, name: str) -> str:
    """The first error as AnsibleModule words it."""
    message = str(errors.msg)
    return (
        f"Unsupported parameters for ({name}) module: {message}" if isinstance(errors[0], UnsupportedError) else message
    )


class WorkerAction(ActionBase):  # type: ignore[misc]
    """Base of every action plugin: the same core as the module, or the module itself where a worker cannot serve."""

    spec: ClassVar[Spec]

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        self._supports_async = True
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        if self._needs_module():
            module: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
            return {**result, **module}
        task = self._task
        return {**result, **perform_in_process(self.spec, task.args, check_mode=task.check_mode, name=task.action)}

    def _needs_module(self) -> bool:
        """Whether the work belongs elsewhere: another machine or user, in the background, in another environment, or
        to another Python that has the SDK when the controller's has not."""
        return bool(
            self._connection.transport not in ("local", "ansible.builtin.local")
            or self._task.async_val
            or self._task.become
            or any(self._task.environment or [])
            or (self.spec.connects and SDK_ERROR)
        )
