# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""converge in the Ansible worker; where a worker cannot serve, each step is a module of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail

from ..plugin_utils import _once
from ..plugin_utils._plain import plain
from ..plugin_utils._steps import SPEC, follow_unconnected
from ..plugin_utils._variables import Variables
from ..plugin_utils._worker import WorkerAction

_IN_THE_BACKGROUND = (
    "Could not run converge in the background: its steps are modules that follow each other. Take async away, or make each "
    "step a task of its own."
)


class ActionModule(WorkerAction):
    """See the module of the same name."""

    spec = SPEC

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        self._task_vars = task_vars or {}
        _once.task.set(str(self._task._uuid))
        return super().run(tmp, task_vars)

    def arguments(self) -> dict[str, Any]:
        """The task's, with the steps that variables hold behind those that are given. AnsibleActionFail if one holds none."""
        arguments = super().arguments()
        names = arguments.get("steps_from")
        if not isinstance(names, list) or not names:
            return arguments
        if missing := [name for name in names if name not in self._task_vars]:
            raise AnsibleActionFail(f"Could not find the steps: there is no variable {', '.join(map(str, missing))}.")
        variables = Variables(self._templar, self._task_vars)
        found = [variables.resolve(self._task_vars[name]) for name in names]
        if wrong := [str(name) for name, steps in zip(names, found, strict=True) if not isinstance(steps, list)]:
            raise AnsibleActionFail(f"Could not find the steps: {', '.join(wrong)} is no list.")
        return {**arguments, "steps": [*(arguments.get("steps") or []), *plain(list(itertools.chain(*found)))]}

    def in_worker(self) -> dict[str, Any]:
        """The result, without the steps' arguments: each step's own result has them, with no secret in it."""
        result = super().in_worker()
        result["invocation"]["module_args"].pop("steps", None)
        return result

    def as_module(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The same with a module for each step."""
        if self._task.async_val:
            return {"failed": True, "msg": _IN_THE_BACKGROUND}

        def perform(module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            result: dict[str, Any] = self._execute_module(
                module_name=f"logreflector.aws.{module}", module_args=dict(arguments), task_vars=task_vars
            )
            return result

        return follow_unconnected(self.arguments(), perform)
