# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: explain
short_description: Print why the events of a log group do not arrive
version_added: 0.1.0
description:
  - Prints what M(logreflector.aws.log_group_path) found on the targets of the play as plain text, with every display callback. It prints a
    line for each station, the verdict and what to do, and one line for all targets that have no such log group.
  - It reads variables that the playbook C(logreflector.aws.explain) registers, and calls no API. Use it with C(run_once).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.explain
  - logreflector.aws.attributes.info
seealso:
  - module: logreflector.aws.log_group_path
"""

EXAMPLES = r"""
- name: Print the explanation
  logreflector.aws.explain:
    log_group: /aws/lambda/payments
  run_once: true
  register: explained
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: always
left:
  description:
    - The targets on which the events do not arrive or are not known to be able to, or which failed. All targets if none has the log
      group.
  type: list
  elements: str
  returned: always
"""
