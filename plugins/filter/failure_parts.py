# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the parts of the error of a failed task, for the recap."""

from __future__ import annotations

DOCUMENTATION = r"""
name: failure_parts
short_description: Read the parts of an error from a failed result
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Returns why a task failed, as the parts that modules of this collection return as C(error). Of other modules and of Ansible itself
    there is a message only.
  - The role C(logreflector.aws.recap) stores them in a rescue, so that targets can be grouped by reason.
options:
  _input:
    description: The result of the failed task, such as C(ansible_failed_result).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Deploy, and keep the error of a target that fails
  block:
    - name: Deploy
      logreflector.aws.deployment:
        role_variables: true
  rescue:
    - name: Store the error for the recap
      ansible.builtin.set_fact:
        recap_failure: "{{ ansible_failed_result | logreflector.aws.failure_parts }}"
"""

RETURN = r"""
_value:
  description: The parts that the error has. C(message) is always there.
  type: dict
  sample:
    kind: AccessDeniedError
    operation: create function log-reflector
    account: "222222222222"
    region: eu-west-1
    code: AccessDeniedException
    message: not authorized
    advice: The caller needs the IAM action for CreateFunction.
"""

from collections.abc import Callable
from typing import Any

from ..plugin_utils._failures import failure_parts


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"failure_parts": failure_parts}
