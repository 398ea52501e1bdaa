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

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

_FUNCTION = Path(__file__).resolve().parents[2] / "lambda_src" / "reflector" / "reflector"
_NAME = "logreflector_aws_reflector"  # a name of its own: the function's package is called reflector


@lru_cache(maxsize=1)
def _config() -> ModuleType:
    """The module of the Lambda function that reads its configuration."""
    spec = importlib.util.spec_from_file_location(
        _NAME, _FUNCTION / "__init__.py", submodule_search_locations=[str(_FUNCTION)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{_FUNCTION} is no package of Python")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.config")


def reflector_rules_mistake(rules: Any, sumo_endpoint: str = "", environment: Mapping[str, Any] | None = None) -> str:
    """See the documentation above."""
    config = _config()
    what = "rules"
    try:
        # As the function will read them: without Ansible's own kinds of text, and with YAML's dates as text.
        plain = json.loads(json.dumps(rules, default=str))
        config.checked_rules(plain, (config.SUMO_LOGIC,) if sumo_endpoint else ())
        what = "settings"
        texts = {name: str(value) for name, value in (environment or {}).items()}
        config.checked({config.RULES: json.dumps(plain), "SUMO_ENDPOINT": sumo_endpoint, **texts})
    except (ValueError, TypeError) as error:
        return f"The reflector would refuse its {what}: {error}"
    return ""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"reflector_rules_mistake": reflector_rules_mistake}
