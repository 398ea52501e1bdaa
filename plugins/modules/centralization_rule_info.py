#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: centralization_rule_info
short_description: Read the centralization rules of an organisation, their health and why they fail
version_added: 0.1.0
description:
  - Reads AWS's rules that copy log events into one account, also those of others.
  - Call it in the management account, or in a delegated administrator of C(observabilityadmin.amazonaws.com).
notes:
  - Needs a boto3 that knows centralization rules. An older one is refused before any call.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.centralization_rule_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
seealso:
  - module: logreflector.aws.centralization_rule
"""

EXAMPLES = r"""
- name: Read all centralization rules
  logreflector.aws.centralization_rule_info:
    region: eu-west-1
  register: centralization

- name: Fail if a rule does not copy
  ansible.builtin.assert:
    that: centralization.rules | selectattr('problem') | length == 0
    fail_msg: "{{ centralization.rules | map(attribute='problem') | select | join(' ') }}"
"""

RETURN = r"""
rules:
  description: The rules, sorted as AWS lists them.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the rule.
      type: str
      returned: always
    arn:
      description: ARN of the rule.
      type: str
      returned: always
    region:
      description: Region where the rule was created.
      type: str
      returned: always
    created_by:
      description: Account that created the rule.
      type: str
      returned: always
    created:
      description: When the rule was created, in milliseconds since 1970.
      type: int
      returned: always
    updated:
      description: When the rule was written last, in milliseconds since 1970.
      type: int
      returned: always
    destination_account:
      description: Account that receives the copies.
      type: str
      returned: always
    destination_region:
      description: Region that receives the copies.
      type: str
      returned: always
    health:
      description: V(Healthy), V(Unhealthy) or V(Provisioning).
      type: str
      returned: always
    problem:
      description: Why the rule does not copy, and what to do. Null for a healthy rule.
      type: str
      returned: always
    configuration:
      description: The rule as AWS stores it. Null if it was not read.
      type: dict
      returned: always
    tags:
      description: Tags of the rule. Null if they were not read.
      type: dict
      returned: always
    owned:
      description: Whether the rule has the owner tag. Null if the tags were not read.
      type: bool
      returned: always
    not_read:
      description: Why configuration and tags were not read. Null if they were.
      type: str
      returned: always
  sample:
    - name: log-reflector
      arn: arn:aws:observabilityadmin:eu-west-1:111111111111:organization-centralization-rule/log-reflector
      region: eu-west-1
      created_by: "111111111111"
      destination_account: "444444444444"
      destination_region: eu-west-1
      health: Unhealthy
      problem: The destination account is not in the organisation, so nothing is copied. Choose one of its accounts.
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import CentralizationInfoOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.info import read_rules

SPEC = Spec(
    groups=(Group(CentralizationInfoOptions),),
    work=read_rules,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
