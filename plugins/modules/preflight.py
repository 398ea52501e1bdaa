#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Print what would make a deployment fail, grouped by reason
version_added: 0.1.0
description:
  - Prints what M(logreflector.aws.preflight_info) found on the targets of the play as plain text, with every display callback. It prints the
    findings of all targets grouped by reason, the gravest first, and a line for each target.
  - It reads variables that the playbook C(logreflector.aws.preflight) registers, and calls no API. Use it with C(run_once).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.attributes.info
options: {}
seealso:
  - module: logreflector.aws.preflight_info
"""

EXAMPLES = r"""
- name: Print the findings
  logreflector.aws.preflight:
  run_once: true
  register: printed
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: always
left:
  description: The targets that are not ready, those that failed included.
  type: list
  elements: str
  returned: always
"""
