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
  - The log group is removed in any case, so that nothing stays.
  - Fails with the link that did not hold.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
options:
  function_name:
    description: The reflector's function name.
    type: str
    default: log-reflector
  log_group_prefix:
    description: How the names of canary log groups begin. The subscriber's rules must include them.
    type: str
    default: /log-reflector/canary/
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
  description: The measured delays, in seconds; null in check mode, which only looks whether there is a reflector.
  type: dict
  returned: success
  sample:
    log_group: /log-reflector/canary/5f1c2e9a7b40
    seconds_to_subscription: 41.2
    seconds_to_delivery: 2.1
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.canary import fly_canary

SPEC = Spec(
    options={
        "function_name": {"type": "str", "default": "log-reflector"},
        "log_group_prefix": {"type": "str", "default": "/log-reflector/canary/"},
        "timeout": {"type": "int", "default": 300},
    },
    work=fly_canary,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
