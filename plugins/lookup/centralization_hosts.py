# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the plays that centralize logs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: centralization_hosts
short_description: The administrator or the destinations of the centralization rules
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Returns a host pattern for the keyword C(hosts) of a play.
  - Reads C(centralization_administrator), and C(centralization_rules) of that host.
  - It needs variables of hosts, which Ansible has from the second play of a playbook on, and in tasks.
  - The run fails if a host is not in the inventory, or is left out by C(--limit).
options:
  _terms:
    description: V(administrator) or V(destinations), or both.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Rules
  hosts: "{{ lookup('logreflector.aws.centralization_hosts', 'administrator') }}"
  tasks:
    - name: Manage the rules
      logreflector.aws.centralization:
        role_variables: true
"""

RETURN = r"""
_raw:
  description: The host pattern.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._errors import InvalidInputError
from ..plugin_utils._centralization import administrator, destinations
from ..plugin_utils._command_line import only_lists


class LookupModule(LookupBase):  # type: ignore[misc]
    """Ansible's entry point."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the pattern. Raise AnsibleLookupError if a host is missing."""
        del kwargs
        known = variables or {}
        hostvars, groups = known.get("hostvars"), known.get("groups") or {}
        if only_lists():
            return ["all"]
        if hostvars is None:
            raise AnsibleLookupError(
                "The first play of a playbook cannot use this lookup: Ansible has no variables of hosts before it."
            )
        try:
            found = []
            if "administrator" in terms:
                found.append(administrator(hostvars, groups["all"]))
            if "destinations" in terms:
                found += destinations(hostvars, groups)
        except InvalidInputError as error:
            raise AnsibleLookupError(str(error)) from error
        # Ansible has applied --limit to this list.
        within_limit = set(known.get("ansible_play_hosts_all") or ())
        limited = str(known.get("ansible_limit") or "")
        if limited and (outside := sorted({*found} - within_limit)):
            raise AnsibleLookupError(
                f"--limit {limited} leaves out {', '.join(outside)}, which this playbook needs. Run it without --limit."
            )
        return [",".join(dict.fromkeys(found))]
