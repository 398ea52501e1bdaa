# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins of the summaries."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ..module_utils._module import Spec
from ._summaries.options import GROUPS, RULES
from ._worker import WorkerAction, wrong_variables


class SummaryAction(WorkerAction):
    """Base of the action plugins that summarize what the tasks of all targets registered: see the module of the same name."""

    summarize: ClassVar[Callable[[Mapping[str, Any], Mapping[str, Any], bool], dict[str, Any]]]
    _requires_connection = False

    @classmethod
    def find_spec(cls, name: str) -> Spec:
        """Return the options of the summary of that name, and find its function."""
        package = f"{__package__}._summaries"
        cls.summarize = staticmethod(importlib.import_module(f"{package}.{name}").summarize)
        return Spec(GROUPS[name], work=_unbound, rules=RULES.get(name, {}), connects=False)

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task. Ansible's entry point."""
        play, summarize = task_vars or {}, type(self).summarize
        self.spec = replace(  # type: ignore[misc]
            self.spec, work=lambda _target, options, check_mode: summarize(options, play, check_mode)
        )
        return super().run(tmp, task_vars)

    def _arguments(self, task_vars: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the options, see the base class. In the recap a wrong variable counts as not set: each target's own task has
        refused it, and a recap that fails too would hide that.
        """
        arguments, variables = super()._arguments(task_vars)
        if self.module_name == "recap":
            options = {variables[name]: each for name, each in self.spec.options().items() if name in variables}
            given = {variables[name]: arguments[name] for name in variables.keys() & arguments.keys()}
            wrong = wrong_variables(options, given)
            arguments = {name: value for name, value in arguments.items() if variables.get(name) not in wrong}
        return arguments, variables

    def _check_variables(self, task_vars: Mapping[str, Any]) -> None:
        """Check nothing: each target's own task does, and one target's mistake must not take the recap from all others."""

    def _needs_module(self) -> bool:
        return False


def _unbound(*_unused: Any) -> dict[str, Any]:
    raise NotImplementedError
