#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: target_info
short_description: Check that a target can be reached, and return its account and region
version_added: 0.1.0
description:
  - Assumes the role, reads the caller's identity from AWS, and returns account, region and partition. This is one call, which needs no
    permission.
  - With O(account_id), it fails if the credentials belong to another account, before anything is changed there.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.target_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Read account and region of the target
  logreflector.aws.target_info:
    region: eu-west-1
  register: here

- name: Check that this is the right account
  logreflector.aws.target_info:
    region: eu-west-1
    account_id: "111111111111"
"""

RETURN = r"""
target:
  description: The target as AWS reports it.
  type: dict
  returned: success
  contains:
    account_id:
      description: The account.
      type: str
      returned: always
    region:
      description: The region.
      type: str
      returned: always
    partition:
      description: The partition, such as V(aws).
      type: str
      returned: always
    caller_arn:
      description: Who called.
      type: str
      returned: always
  sample:
    account_id: "111111111111"
    region: eu-west-1
    partition: aws
    caller_arn: arn:aws:sts::111111111111:assumed-role/log-reflector-deployer/log-reflector
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import TargetInfoOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.target_info import read_target

SPEC = Spec(groups=(Group(TargetInfoOptions),), work=read_target)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
