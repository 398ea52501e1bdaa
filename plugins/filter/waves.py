# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate the waves of a playbook before it begins."""

from __future__ import annotations

DOCUMENTATION = r"""
name: waves
short_description: Validate the waves of a playbook
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Checks the sizes of the waves, the failure limit and the switch of the delivery check, and returns the sizes for C(serial).
  - The playbooks C(deploy) and C(rollback) use it before the first wave.
options:
  _input:
    description: The sizes, as a list or as a text with commas. Each is a number of targets, or a percentage of all targets.
    type: raw
    required: true
  allowed_failures:
    description: How many targets of a wave may fail, as a number or as a percentage of the wave.
    type: raw
    default: 0%
  verify:
    description: Whether the delivery check runs.
    type: raw
    default: true
  prefix:
    description: Prefix of the variables' names in messages.
    type: str
    default: deploy
"""

EXAMPLES = r"""
- name: Validate the waves
  ansible.builtin.assert:
    that: waves.problem == ''
    fail_msg: "{{ waves.problem }}"
  vars:
    waves: "{{ '1,5%,100%' | logreflector.aws.waves(allowed_failures='10%') }}"
"""

RETURN = r"""
_value:
  description: The first problem, and the sizes.
  type: dict
  contains:
    problem:
      description: The error, V("") if there is none.
      type: str
    sizes:
      description: The sizes as C(serial) takes them.
      type: list
      elements: str
  sample:
    problem: ""
    sizes: ["1", "5%", "100%"]
"""

from collections.abc import Callable
from typing import Any

from ..plugin_utils._waves import limit_problem, parse_sizes, sizes_problem, switch_problem


def waves(sizes: Any, allowed_failures: Any = "0%", verify: Any = True, prefix: str = "deploy") -> dict[str, Any]:
    """Return the problem and the sizes. See the documentation above."""
    problem = (
        sizes_problem(f"{prefix}_waves", sizes)
        or limit_problem(f"{prefix}_allowed_failures", allowed_failures)
        or switch_problem(f"{prefix}_verify", verify)
    )
    return {"problem": problem, "sizes": parse_sizes(sizes)}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"waves": waves}
