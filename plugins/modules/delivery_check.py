#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_check
short_description: Send one line the whole way through a target and measure how long it takes
version_added: 0.1.0
description:
  - Creates a log group, waits until the subscriber has given it its filter, writes a line, and waits until the reflector accounts for its
    delivery.
  - The log group is removed in any case, so that nothing stays. Canary log groups that a killed run left behind, named as this
    module names them under O(log_group_prefix) and older than an hour, are removed before.
  - Fails with the link that did not hold.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.delivery_check
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
"""

EXAMPLES = r"""
- name: Prove that a new log group's lines arrive
  logreflector.aws.delivery_check:
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

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.delivery_check import DeliveryCheckOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._resources.canary import fly_canary

NAMED = {"function_name": "reflector_function_name", "tags": "log_groups_include_tags", "subscription": "", "state": ""}

SPEC = Spec(
    groups=(Group(DeliveryCheckOptions, variables="verify_", named=NAMED), Group(RoleVariables)),
    work=fly_canary,
    services=("logs", "lambda", "sts"),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
