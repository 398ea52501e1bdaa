# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions are released one by one; a target goes back by one deployment. This tells which of its functions that means."""

from __future__ import annotations

DOCUMENTATION = r"""
name: functions_to_roll_back
short_description: Choose the functions of a target that its last deployment changed
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Tells which functions M(logreflector.aws.lambda_rollback) has to return so that the target as a whole is what it was before its last deployment.
    A function that this deployment did not change would go back too far.
  - A function with an unfinished release goes back, and so do those before it in the order of deployment if they have come from the release that
    it goes back to. Those after it had not been reached.
  - Where every release is finished, functions that went from one release to the same other one go back together. Where they differ, a change
    that kept the name of the release came after one that gave a new name, and it alone goes back.
  - After a rollback it names the same functions, for which the module has nothing to do then.
  - If no function can go back, it names all of them, and the module says why.
positional: release
options:
  _input:
    description: What M(logreflector.aws.lambda_function_info) tells of each function, in the order of deployment.
    type: dict
    required: true
  release:
    description:
      - If it is not empty, nothing is named where no function runs this release, ran it before a rollback, or has an unfinished one.
      - What stands before a C(+) in a release's name means it as well.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Return the functions that the last deployment changed
  logreflector.aws.lambda_rollback:
    region: eu-west-1
    function_name: "{{ item }}"
  loop: >-
    {{ {'log-reflector': reflector_release, 'log-reflector-subscriber': subscriber_release}
       | logreflector.aws.functions_to_roll_back }}
"""

RETURN = r"""
_value:
  description: Names from the input, in its order.
  type: list
  elements: str
  sample:
    - log-reflector
"""

from collections.abc import Callable, Mapping
from typing import Any

Info = Mapping[str, Any]


def _unfinished(info: Info) -> bool:
    """Whether what runs, or ran until a rollback, was no complete release."""
    withdrawn = info["withdrawn"]
    return bool(withdrawn.get("unfinished") if withdrawn else info["drifted"])


def _step(info: Info) -> tuple[str, str] | None:
    """Names of the release to leave (or left) and of the one to go (or gone) back to."""
    newer = info["withdrawn"] or info["current"]
    older = info["previous"] or (info["current"] if info["withdrawn"] else None)
    return (newer["release"], older["release"]) if newer and older else None


def functions_to_roll_back(functions: Mapping[str, Info], release: str = "") -> list[str]:
    """See the documentation above."""
    names = list(functions)
    unfinished = [name for name in names if _unfinished(functions[name])]
    steps = {name: step for name, info in functions.items() if (step := _step(info))}
    newer = {(info["withdrawn"] or info["current"] or {}).get("release") for info in functions.values()}
    # The roles' own names end with a hash of the settings, as 0.2.0+3f9a2b1c44d0: the version alone means all of them.
    if release and not unfinished and not any(name and release in (name, name.partition("+")[0]) for name in newer):
        return []
    if unfinished:
        base = functions[unfinished[0]]["current"]["release"]
        before = names[: names.index(unfinished[0])]
        return [name for name in before if name in steps and steps[name][1] == base] + unfinished
    if len(set(steps.values())) > 1:
        return [name for name, (left, right) in steps.items() if left == right] or list(steps)
    return list(steps) or names


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"functions_to_roll_back": functions_to_roll_back}
