# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a play, or an error if there are none."""

from __future__ import annotations

DOCUMENTATION = r"""
name: targets
short_description: Fail if a play has no hosts
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Returns the host pattern of a play, for its keyword C(hosts). The run fails if the pattern, the inventory and C(--limit) leave no host.
  - Ansible itself skips a play without hosts and reports success.
options:
  _terms:
    description: Host patterns. Without any, the variable C(logreflector_hosts) counts, and V(all) if it is not set.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Deploy
  hosts: "{{ lookup('logreflector.aws.targets') }}"
  tasks:
    - name: Deploy everything
      logreflector.aws.deployment:
        role_variables: true
"""

RETURN = r"""
_raw:
  description: The host pattern.
  type: list
  elements: str
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._command_line import only_lists

_IMPLICIT = "localhost"
_OLDEST_PYTHON = (3, 11)


class LookupModule(LookupBase):  # type: ignore[misc]
    """Ansible's entry point."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the pattern. Raise AnsibleLookupError if no host matches it."""
        del kwargs
        check_python(sys.version_info[:3])
        known = variables or {}
        pattern = ",".join(map(str, terms)) or str(known.get("logreflector_hosts", "all"))
        groups = known.get("groups") or {}
        # Ansible has applied --limit to this list.
        within_limit = set(known.get("ansible_play_hosts_all") or ())
        limit = str(known.get("ansible_limit") or "")
        matched = _match(pattern, groups)
        is_local = _IMPLICIT in matched and not limit  # which no inventory needs to contain
        if not (within_limit.intersection(matched) or is_local or only_lists()):
            raise AnsibleLookupError(no_targets_message(pattern, limit, sources=known.get("ansible_inventory_sources")))
        return [pattern]


def check_python(version: tuple[int, ...]) -> None:
    """Raise AnsibleLookupError on an older Python. Every playbook calls this lookup first; the other plugins do not load there."""
    if version < _OLDEST_PYTHON:
        oldest, actual = (".".join(map(str, numbers)) for numbers in (_OLDEST_PYTHON, version))
        raise AnsibleLookupError(
            f"logreflector.aws needs Python {oldest} or later on the control node, and Ansible runs with Python {actual} "
            f"({sys.executable}). Install ansible-core with a newer Python."
        )


def _match(pattern: str, groups: Mapping[str, Any]) -> set[str]:
    """Return the hosts that match a pattern, as Ansible's lookup `inventory_hostnames` does."""
    manager = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    return {host.name for host in manager.get_hosts(pattern=pattern)}


def no_targets_message(pattern: str, limit: str, sources: Sequence[str] | None) -> str:
    """Return why a run has no targets.

    pattern   of the play's hosts
    limit     of the command line, "" for none
    sources   files of the inventory
    """
    where = ", ".join(sources) if sources else "none was given"
    restriction = f" and --limit {limit}" if limit else ""
    return (
        f"No target matches the hosts '{pattern}'{restriction}; nothing was done. "
        f"Check the inventory ({where}): ansible-inventory --graph shows its hosts."
    )
