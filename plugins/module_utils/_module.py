# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host "module process": translates parameters in and results out, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._argspec import CONNECTION, EXCLUSIVE, TOGETHER
from ._errors import ReflectorError
from ._plan import Params, Result, Work
from ._session import SDK_ERROR, Target


@dataclass(frozen=True, slots=True)
class Spec:
    """A module: its own options, the rules between them, its work. `connects` is False where AWS is not asked."""

    options: dict[str, Any]
    work: Work
    rules: dict[str, Any] = field(default_factory=dict)
    connects: bool = True

    def arguments(self, *, connection: bool = True) -> dict[str, Any]:
        """The keyword arguments of AnsibleModule (and of an action's validation), with the connection's options or without."""
        if not (self.connects and connection):
            return {"argument_spec": self.options, **self.rules}
        rules = dict(self.rules)
        return {
            "argument_spec": {**CONNECTION, **self.options},
            "required_together": [*TOGETHER, *rules.pop("required_together", [])],
            "mutually_exclusive": [*EXCLUSIVE, *rules.pop("mutually_exclusive", [])],
            **rules,
        }


def perform(
    spec: Spec, params: Params, *, check_mode: bool, models: Any = None, target: Target | None = None
) -> Result:
    """The result of the work, or of its failure: the one place where our exceptions become a task's result.

    models   see `Target.from_params`
    target   one that stands already, instead of the one that `params` name
    """
    if spec.connects and SDK_ERROR:
        return {"failed": True, "msg": missing_required_lib("boto3 and botocore")}
    try:
        if spec.connects and target is None:
            target = Target.from_params(params, models)
        return spec.work(target, params, check_mode)  # type: ignore[arg-type]
    except ReflectorError as failure:
        error = target.explained(failure) if target else failure
        return {"failed": True, "changed": False, **failure.done, **error.as_result()}


def run(spec: Spec) -> None:
    """Body of every module's main()."""
    module = AnsibleModule(supports_check_mode=True, **spec.arguments())
    result = perform(spec, module.params, check_mode=module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
