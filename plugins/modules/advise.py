# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: advise
short_description: Advise which mode fits which target
version_added: 0.1.0
description:
  - Says for each target and OU of the play which way to forward logs fits, V(filters), V(account_policy), V(centralized) or
    V(firehose) (Firehose directly to S3, without this collection), with the reasons, the price of each way, and what has to change.
  - Prints a table and writes C(advice.json), which follows C(docs/advise.schema.json), and C(advice.yml), an inventory with the
    advised variables.
  - A way is unknown if a fact about it was not read.
  - It reads variables that the playbook C(logreflector.aws.advise) registers, and calls no API. Use it with C(run_once).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.advise
  - logreflector.aws.prices
  - logreflector.aws.attributes.info
seealso:
  - module: logreflector.aws.preflight_info
  - module: logreflector.aws.volume_info
"""

EXAMPLES = r"""
- name: Print and write the advice
  logreflector.aws.advise:
    directory: log-reflector-advice
  run_once: true
  register: advice
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: always
files:
  description: The files that were written.
  type: list
  elements: str
  returned: always
summary:
  description: The numbers of targets, and the advice for each OU, as the file has them.
  type: dict
  returned: always
  sample:
    targets_read: 2
    targets_unread: 0
    ous:
      - path: /Workloads/Prod
        targets: 2
        targets_unread: 0
        way: account_policy
        because: It is advised for all targets.
        ways: {account_policy: {fit: fits, cost: {low: 1.2, high: 4.1}}}
        counts: {account_policy: 2}
inventory:
  description: The inventory with the advised variables, as C(advice.yml) has it.
  type: dict
  returned: always
  sample:
    all:
      hosts:
        prod.eu-west-1: {log_groups_mode: account_policy}
left:
  description: The targets that were not read.
  type: list
  elements: str
  returned: always
"""
