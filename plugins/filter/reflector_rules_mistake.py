# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector's sinks and routes, checked by the very code that will read them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: reflector_rules_mistake
short_description: Check the reflector's sinks and routes
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Says why the reflector would refuse these sinks and routes, with the place of the mistake, such as C(routes[2].redact[0].pattern).
  - References to secrets are not followed, and no sink is called.
positional: sumo_endpoint, environment
options:
  _input:
    description: The sinks by name in C(sinks), and the list of routes in C(routes), as the role P(logreflector.aws.reflector#role) takes them.
    type: dict
    required: true
  sumo_endpoint:
    description: What the function's C(SUMO_ENDPOINT) is. If it is not empty, there is a sink C(sumologic) besides those given.
    type: str
    default: ""
  environment:
    description: The function's other variables, such as C(INCLUDE_LOG_INFO).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Refuse routes that the reflector would refuse
  ansible.builtin.assert:
    that: mistake == ""
    fail_msg: "{{ mistake }}"
  vars:
    mistake: "{{ {'sinks': sinks, 'routes': routes} | logreflector.aws.reflector_rules_mistake('secretsmanager:sumo-endpoint') }}"
    sinks:
      archive: {type: s3, bucket: example-log-archive}
    routes:
      - log_groups: [/aws/lambda/payment-*]
        redact: [card, email]
      - log_groups: ["*"]
        sinks: [sumologic]
"""

RETURN = r"""
_value:
  description: One sentence, or V("") when the reflector would take them.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.logreflector.aws.plugins.plugin_utils._plain import plain
from ansible_collections.logreflector.aws.plugins.plugin_utils._reflector_code import mistake


def reflector_rules_mistake(rules: Any, sumo_endpoint: str = "", environment: Mapping[str, Any] | None = None) -> str:
    """See the documentation above."""
    return mistake(plain(rules), sumo_endpoint, environment or {})


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"reflector_rules_mistake": reflector_rules_mistake}
