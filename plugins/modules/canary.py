#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: canary
short_description: Send one line the whole way through a target and measure how long it takes
version_added: 0.1.0
description:
  - Creates a log group, waits until the subscriber has given it its filter, writes a line, and waits until the reflector accounts for its delivery.
  - The log group is removed in any case, so that nothing stays. Canary log groups that a killed run left behind, named as this
    module names them under O(log_group_prefix) and older than an hour, are removed before.
  - Fails with the link that did not hold.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell the changes without making them.
    support: full
    details:
      - It only looks whether there is a reflector, and for canary log groups that were left behind.
  diff_mode:
    description: Tells what it changes (or would change) in diff mode.
    support: N/A
    details:
      - RV(removed_leftovers) names all that is changed.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: partial
    details:
      - Each run makes a log group and removes it, and reports no change for that.
options:
  function_name:
    description: The reflector's function name.
    type: str
    default: log-reflector
  log_group_prefix:
    description:
      - How the names of canary log groups begin. C(canary-) and twelve hexadecimal digits follow.
      - The subscriber's rules must choose them.
    type: str
    default: /log-reflector/canary/
  line:
    description:
      - The message that is written. The subscriber's filter pattern must match it.
      - Without it the message is C(log reflector canary) and the name of the log group.
    type: str
  tags:
    description:
      - Tags of the log group, for rules that choose by them, written as O(logreflector.aws.subscription_filters#module:include_tags).
      - Of a list it gets the first value, and C(canary) where any will do.
    type: dict
  subscription:
    description:
      - What is to serve the log group, and is waited for.
      - V(filter) is a subscription filter, which the subscriber gives it.
      - V(account_policy) is the account-level policy. Nothing tells when it is in force for a new log group, so the line is written
        again every ten seconds until one has arrived.
      - V(any) is the account-level policy where one stands that sends to the reflector, and a filter where none does.
    type: str
    choices: [filter, account_policy, any]
    default: filter
  state:
    description:
      - V(present) sends a line.
      - V(absent) only removes the canary log groups that killed runs left behind, whatever their age.
    type: str
    choices: [present, absent]
    default: present
  timeout:
    description: Seconds to wait for each of the two links. CloudTrail delivers most events within a few minutes.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Prove that a new log group's lines arrive
  logreflector.aws.canary:
    region: eu-west-1
  register: proof
"""

RETURN = r"""
canary:
  description: The measured delays, in seconds; null in check mode, which only looks whether there is a reflector, and with O(state=absent).
  type: dict
  returned: success
  sample:
    log_group: /log-reflector/canary/canary-5f1c2e9a7b40
    seconds_to_subscription: 41.2
    seconds_to_delivery: 2.1
removed_leftovers:
  description: Canary log groups that another run had left behind and this one removed, or would remove in check mode.
  type: list
  elements: str
  returned: success, and where the canary did not arrive
  sample: []
changes:
  description: The same, a line each.
  type: list
  elements: str
  returned: success, and where the canary did not arrive
  sample: []
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.canary import fly_canary

SPEC = Spec(
    options={
        "function_name": {"type": "str", "default": "log-reflector"},
        "log_group_prefix": {"type": "str", "default": "/log-reflector/canary/"},
        "line": {"type": "str"},
        "tags": {"type": "dict"},
        "subscription": {"type": "str", "choices": ["filter", "account_policy", "any"], "default": "filter"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "timeout": {"type": "int", "default": 300},
    },
    work=fly_canary,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
