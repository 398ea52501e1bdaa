# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the report on the coverage of all targets
version_added: 0.1.0
description:
  - Makes one report of what M(logreflector.aws.coverage_info) read on the targets of the play, writes it in several formats, and prints a
    summary. A target that failed is in the report as not checked, with its error.
  - With O(history) it also names what changed since the report before, and keeps the new one there.
  - It reads variables that the playbook C(logreflector.aws.report) registers. Use it with C(run_once). Its only call of an API is the one for
    O(sns_topic).
  - It runs on the control node only.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.report
  - logreflector.aws.prices
  - logreflector.aws.attributes.info
"""

EXAMPLES = r"""
- name: Write the report
  logreflector.aws.report:
    directory: /var/www/log-reflector
    history: /var/lib/log-reflector/history
  run_once: true
  register: report
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
percentage:
  description: Covered log groups per hundred that the rules choose, rounded down. Null if they choose none.
  type: float
  returned: always
  sample: 99.4
counts:
  description: Number of log groups by state, see M(logreflector.aws.coverage_info).
  type: dict
  returned: always
  contains:
    covered:
      description: Events reach the reflector.
      type: int
      returned: always
    missing:
      description: The rules choose the log group, and nothing sends its events.
      type: int
      returned: always
    broken:
      description: It has our filter or policy, and events are lost, doubled or delivered against the rules.
      type: int
      returned: always
    impossible:
      description: AWS allows no filter.
      type: int
      returned: always
    not_checked:
      description: It could not be read.
      type: int
      returned: always
    excluded:
      description: The rules leave it out.
      type: int
      returned: always
complete:
  description: Whether every target and every log group was read.
  type: bool
  returned: always
worse:
  description: Whether log groups or targets are worse off than in the report before. False without one.
  type: bool
  returned: always
sns_message_id:
  description: Id of the message at SNS. Null if nothing was published.
  type: str
  returned: always
"""
