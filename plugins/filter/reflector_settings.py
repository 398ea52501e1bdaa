# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the reflector is told its sinks and routes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: reflector_settings
short_description: Make the reflector's settings of its sinks and routes
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Says where sinks and routes are to stand, and what the function's environment holds of them. For the role P(logreflector.aws.reflector#role).
options:
  _input:
    description: >-
      The variables C(reflector_sinks), C(reflector_routes), C(reflector_sumo_endpoint), C(reflector_environment) and
      C(reflector_rules_inline_bytes).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What would the environment hold?
  ansible.builtin.debug:
    msg: "{{ (variables | logreflector.aws.reflector_settings).secret_environment }}"
  vars:
    variables:
      reflector_sinks:
        archive: {type: s3, bucket: example-log-archive}
"""

RETURN = r"""
_value:
  description: >-
    C(rules), the JSON of sinks and routes, V("") where there are none. C(apart), whether it is too long for the environment.
    C(secret_environment), what the environment holds; where rules stand apart, with the reference that the step C(reflector_rules) leaves.
    C(mistake), one sentence on why the reflector would refuse its settings, or V("").
  type: dict
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.logreflector.aws.plugins.plugin_utils._parameter import LONGEST, reference
from ansible_collections.logreflector.aws.plugins.plugin_utils._plain import plain
from ansible_collections.logreflector.aws.plugins.plugin_utils._reflector_code import mistake

_REFERENCES = ("arn:", "secretsmanager:", "ssm:")
_NAMES = (
    " In the role, sinks are reflector_sinks, routes are reflector_routes, SUMO_ENDPOINT is reflector_sumo_endpoint."
)


def reflector_settings(variables: Mapping[str, Any]) -> dict[str, Any]:
    """See the documentation above."""
    given: dict[str, Any] = plain(dict(variables))
    parts = {"sinks": given.get("reflector_sinks"), "routes": given.get("reflector_routes")}
    rules = {name: value for name, value in parts.items() if value}
    endpoint = given.get("reflector_sumo_endpoint") or ""
    text = json.dumps(rules) if rules else ""
    apart = len(text) > int(given.get("reflector_rules_inline_bytes") or 0)
    environment = {"SUMO_ENDPOINT": endpoint, "REFLECTOR_RULES": reference("reflector_rules", text) if apart else text}
    return {
        "rules": text,
        "apart": apart,
        "secret_environment": {name: value for name, value in environment.items() if value},
        "mistake": _mistake(rules, text, endpoint, given.get("reflector_environment") or {}),
    }


def _mistake(rules: dict[str, Any], text: str, endpoint: Any, environment: Any) -> str:
    # Where only a secret is named, as most do, there is nothing to check.
    if not rules and not environment and str(endpoint).startswith(_REFERENCES):
        return ""
    if not isinstance(environment, Mapping):
        return "The reflector would refuse its settings: reflector_environment is no dictionary."
    if refused := mistake(rules, endpoint, environment):
        return refused + _NAMES
    if len(text) > LONGEST:
        return f"reflector_sinks and reflector_routes have {len(text)} bytes of JSON, and an SSM parameter holds at most {LONGEST}."
    return ""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"reflector_settings": reflector_settings}
