# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mode of a host, as the modules read it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: log_groups_mode
short_description: How the log groups of the task's host are served
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Returns the variable C(log_groups_mode), or its default.
  - The default is V(account_policy) on the destination of a rule in C(centralization_rules), and V(filters) elsewhere.
options:
  _terms:
    description: None.
"""

EXAMPLES = r"""
- name: Print the mode of each target
  ansible.builtin.debug:
    msg: "{{ lookup('logreflector.aws.log_groups_mode') }}"
"""

RETURN = r"""
_raw:
  description: V(filters), V(account_policy) or V(centralized).
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._errors import InvalidInputError
from ..plugin_utils._variables import derived_defaults

_VARIABLE = "log_groups_mode"


class LookupModule(LookupBase):  # type: ignore[misc]
    """Ansible's entry point."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the mode. Raise AnsibleLookupError for wrong rules."""
        del terms, kwargs
        known = variables or {}
        if given := self._templar.template(known.get(_VARIABLE) or ""):
            return [str(given)]
        try:
            return [derived_defaults(known, self._templar.template).get(_VARIABLE, "filters")]
        except InvalidInputError as error:
            raise AnsibleLookupError(str(error)) from error
