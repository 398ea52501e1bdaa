#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: target_info
short_description: Tell which account and region a target is, and that it can be reached
version_added: 0.1.0
description:
  - Assumes the role, asks AWS who the caller is, and answers with account, region and partition. One call, which needs no permission.
  - With O(account_id) it fails where the credentials lead into another account, before anything is changed there.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.target_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Which account and region is this?
  logreflector.aws.target_info:
    region: eu-west-1
  register: here

- name: Is this the account that I mean?
  logreflector.aws.target_info:
    region: eu-west-1
    account_id: "111111111111"
"""

RETURN = r"""
target:
  description: The target as AWS knows it.
  type: dict
  returned: success
  sample:
    account_id: "111111111111"
    region: eu-west-1
    partition: aws
    caller_arn: arn:aws:sts::111111111111:assumed-role/log-reflector-deployer/log-reflector
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import TargetInfoOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.target_info import read_target

SPEC = Spec(groups=(Group(TargetInfoOptions),), work=read_target, services=("sts",))


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
