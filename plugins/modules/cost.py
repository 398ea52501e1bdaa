# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cost
short_description: Estimate what forwarding the logs of all targets costs
version_added: 0.1.0
description:
  - Makes an estimate, in dollars a month, of what M(logreflector.aws.volume_info) read on the targets of the play, for each mode. It prints a
    table and writes a JSON file that follows C(docs/cost.schema.json).
  - Every cost is a range, and says when its ends are true. What is unknown is called unknown.
  - It reads variables that the playbook C(logreflector.aws.preview) registers, and calls no API. Use it with C(run_once).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.cost
  - logreflector.aws.prices
  - logreflector.aws.attributes.info
"""

EXAMPLES = r"""
- name: Print and write the estimate
  logreflector.aws.cost:
    log_service_price: 0.25
  run_once: true
  register: preview
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: always
file:
  description: The file that was written.
  type: str
  returned: always
summary:
  description: The sums of all targets, as the file has them.
  type: dict
  returned: always
  sample:
    cost: {filters: {low: 3.1, high: 9.8}, account_policy: {low: 3.0, high: 9.2}}
    unknown_share: 0.02
"""
