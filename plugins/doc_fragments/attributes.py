# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes section of every module."""

from __future__ import annotations


class ModuleDocFragment:
    """DOCUMENTATION: modules that write. INFO: modules that only read. GROUP: the action group."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell the changes without making them.
    support: full
  diff_mode:
    description: Tells what it changes (or would change) in diff mode. No secret is in it.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell the changes without making them.
    support: full
    details:
      - It only reads.
  diff_mode:
    description: Tells what it changes (or would change) in diff mode.
    support: N/A
    details:
      - It only reads.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: full
    details:
      - It only reads.
"""

    GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/logreflector.aws.aws) in C(module_defaults) to set region and credentials once.
    support: full
    membership:
      - logreflector.aws.aws
"""
