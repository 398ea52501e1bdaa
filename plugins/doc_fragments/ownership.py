# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options in module_utils/_resources/ownership.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules whose resources carry our mark."""

    DOCUMENTATION = r"""
options:
  tags:
    description:
      - Tags to set. Without this option the tags are left alone.
      - The tag C(managed-by=logreflector.aws) is set on everything that the module creates and is never removed.
        It tells what this collection made from what others made.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description:
      - Whether tags that O(tags) does not name are removed. Only looked at when O(tags) is given.
      - AWS's own tags and the mark stay in any case.
    type: bool
    default: true
  adopt:
    description:
      - With O(state=present), what exists under this name without the tag C(managed-by=logreflector.aws) is foreign.
        If it is already as wanted nothing happens, if it would be changed the module fails.
      - Set to V(true) to make it ours instead. It gets the tag and is changed.
    type: bool
    default: false
  force:
    description:
      - With O(state=absent), what lacks the tag C(managed-by=logreflector.aws) is foreign, and the module refuses to delete it.
      - Set to V(true) to delete it all the same.
    type: bool
    default: false
"""
