# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recap
short_description: Print what happened on every target
version_added: 0.1.0
description:
  - Prints the recap of a run as plain text, with every display callback. It names what each target did, the log groups that cannot be
    subscribed counted by reason, the failures grouped by reason, and the totals.
  - With O(scope=wave) it prints one line about the wave that has just ended.
  - It reads variables that the tasks of this collection's playbooks register, and calls no API. Use it with C(run_once).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.recap
  - logreflector.aws.attributes.info
"""

EXAMPLES = r"""
- name: Print the recap
  logreflector.aws.recap:
    title: Catch-up
  run_once: true
  register: recap
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: always
  sample:
    - "Catch-up, 1 target: 1 ok."
    - "shop.eu-west-1: ok. 56 of 58 eligible log groups subscribed (96.5 %); no changes; 3 excluded; 2 cannot be subscribed."
left:
  description: The targets that failed or were not started.
  type: list
  elements: str
  returned: with O(scope=run)
  sample: []
counts:
  description: Number of targets by outcome.
  type: dict
  returned: with O(scope=run)
  contains:
    changed:
      description: Something was changed, or would be in check mode.
      type: int
      returned: always
    ok:
      description: Nothing had to be changed.
      type: int
      returned: always
    failed:
      description: Failed.
      type: int
      returned: always
    unfinished:
      description: Begun and not ended.
      type: int
      returned: always
    not_started:
      description: Not begun.
      type: int
      returned: always
  sample: {changed: 0, ok: 1, failed: 0, unfinished: 0, not_started: 0}
report:
  description: Coverage, delivery check and dead letters of all targets and of each. The callback P(logreflector.aws.fleet#callback) puts it into its report.
  type: dict
  returned: with O(scope=run)
  contains:
    coverage:
      description: The sums of all targets. Null if the playbook read none.
      type: dict
      returned: always
      sample: {eligible: 58, subscribed: 56, changed: 0, excluded: 3, not_possible: 2}
    targets:
      description: The figures of each target that has some, by name.
      type: dict
      returned: always
      sample: {shop.eu-west-1: {delivery_check: {to_filter: 10.1, to_sink: 0.2}}}
number:
  description: Number of the wave.
  type: int
  returned: with O(scope=wave)
  sample: 1
of:
  description: Number of waves.
  type: int
  returned: with O(scope=wave)
  sample: 4
failures:
  description: Number of targets of the wave that failed.
  type: int
  returned: with O(scope=wave)
  sample: 0
stops:
  description: Whether more targets failed than may.
  type: bool
  returned: with O(scope=wave)
  sample: false
"""
