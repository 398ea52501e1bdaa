# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the subscriber is told which log groups."""

from __future__ import annotations

DOCUMENTATION = r"""
name: subscriber_settings
short_description: Make the subscriber's settings
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Says what the function's environment holds of them, and whether the function would take them. For the role
    P(logreflector.aws.subscriber#role).
options:
  _input:
    description: >-
      Variables of the role, with or without C(subscriber_) before their names. C(include), C(exclude), C(include_tags),
      C(exclude_tags), C(created_after), C(own_functions), C(own_log_groups), C(filter_pattern), C(slots), C(merge), C(rate_share),
      C(tag_log_groups), C(backfill_seconds), C(retention_days), C(audit_days), C(slice_seconds) and C(settings_inline_bytes).
      What is missing, none or an empty text is as the function has it by itself.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What would the environment hold?
  ansible.builtin.debug:
    msg: "{{ (variables | logreflector.aws.subscriber_settings).environment }}"
  vars:
    variables:
      subscriber_exclude: [/aws/codebuild/*]
      subscriber_retention_days: 30
"""

RETURN = r"""
_value:
  description: >-
    C(settings), their JSON. C(apart), whether it is too long for the environment. C(environment), the value of the variable
    SUBSCRIPTIONS; where the settings stand apart, with the reference that the step C(subscriber_settings) leaves.
    C(mistake), one sentence on why the subscriber would refuse its settings, or V("").
  type: dict
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.settings import parse_settings
from ansible_collections.logreflector.aws.plugins.plugin_utils._parameter import LONGEST, reference
from ansible_collections.logreflector.aws.plugins.plugin_utils._plain import plain

_INLINE_BYTES = 2500  # Lambda has 4 KB for all variables of a function
_PREFIX = "subscriber_"
_LISTS = ("include", "exclude", "own_functions", "own_log_groups")


def subscriber_settings(variables: Mapping[str, Any]) -> dict[str, Any]:
    """See the documentation above."""
    given = {name.removeprefix(_PREFIX): value for name, value in plain(dict(variables)).items()}
    inline = given.pop("settings_inline_bytes", None)
    text = json.dumps(_settings(given))
    apart = len(text) > int(_INLINE_BYTES if inline in (None, "") else inline)
    return {
        "settings": text,
        "apart": apart,
        "environment": reference("subscriber_settings", text) if apart else text,
        "mistake": _mistake(text),
    }


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """Under the function's names, without what is not set."""
    found = {name: _list(value) if name in _LISTS else value for name, value in given.items()}
    # An empty filter pattern is a value: it replaces the pattern of existing filters.
    return {
        name: value
        for name, value in found.items()
        if value not in (None, "", {}) or (name == "filter_pattern" and value == "")
    }


def _list(value: Any) -> Any:
    """As the catch-up's module reads the same variable: one text, or several with commas, as -e gives them."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return [item.strip() for item in str(value).split(",") if item.strip()] or None
    return [str(item) for item in value] if isinstance(value, list) else value


def _mistake(text: str) -> str:
    try:
        parse_settings(text)
    except InvalidInputError as error:
        return f"The subscriber would refuse its settings: {error}"
    if len(text) > LONGEST:
        return (
            f"The subscriber's settings have {len(text)} bytes of JSON, and an SSM parameter holds at most {LONGEST}."
        )
    return ""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"subscriber_settings": subscriber_settings}
