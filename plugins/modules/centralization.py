#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: centralization
short_description: Centralize the logs of an organisation by rules of AWS
version_added: 0.1.0
description:
  - Brings all centralization rules of an organisation into the state that O(rules) describes. AWS itself then copies new log events of
    the accounts in scope into log groups of the destinations.
  - Checks trusted access before anything is changed, and waits until AWS reports the rules as healthy.
  - One rule that fails does not stop the others. The task fails then, and names each.
  - A rule without the owner tag C(managed-by=logreflector.aws) belongs to others and is neither changed nor deleted.
  - Call it in the management account, or in a delegated administrator of C(observabilityadmin.amazonaws.com). The playbook
    C(logreflector.aws.centralize) does so, and deploys the destinations before.
notes:
  - Needs a boto3 that knows centralization rules. An older one is refused before any call.
  - Log groups of copies stay when the rules are removed. They never expire unless they have a retention.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.centralization
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
seealso:
  - module: logreflector.aws.centralization_rule
  - module: logreflector.aws.centralization_rule_info
"""

EXAMPLES = r"""
- name: Copy the logs of Europe and of America, each in its region
  logreflector.aws.centralization:
    region: eu-west-1
    enable_trusted_access: true
    healthy_seconds: 0 # the result has the health of each rule
    rules:
      - name: europe
        organization_id: o-exampleorg1
        source_regions: [eu-west-1, eu-central-1]
        destination_account: "444444444444"
        destination_region: eu-west-1
      - name: america
        organization_id: o-exampleorg1
        source_regions: [us-east-1, us-west-2]
        destination_account: "444444444444"
        destination_region: us-east-1

- name: Remove the rules of ours
  logreflector.aws.centralization:
    region: eu-west-1
    state: absent
    purge: true
    drain_seconds: 10
"""

RETURN = r"""
rules:
  description:
    - The rules that exist after the run, in check mode before it.
    - C(problem) says why a rule does not copy. It is null for a healthy rule.
  type: list
  elements: dict
  returned: always
  sample:
    - name: europe
      arn: arn:aws:observabilityadmin:eu-west-1:111111111111:organization-centralization-rule/europe
      health: Healthy
      problem: null
trusted_access:
  description: Whether the service has trusted access. Null if the caller may not read it.
  type: bool
  returned: with O(state=present)
delegated_administrators:
  description: Accounts that are registered. Null without O(delegated_administrator).
  type: list
  elements: str
  returned: with O(state=present)
notes:
  description: What the rules do not do, and other rules that concern the same destinations. A sentence each.
  type: list
  elements: str
  returned: always
  sample:
    - AWS copies events that arrive after the creation of the rule, and no earlier ones.
changes:
  description: A line for each change, in check mode for each planned change.
  type: list
  elements: str
  returned: always
  sample: ["create centralization rule europe"]
target:
  description: Account, region and partition of the caller.
  type: dict
  returned: success
  sample: {account_id: "111111111111", region: eu-west-1, partition: aws}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import CentralizationOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    RoleVariables,
    StateOption,
    TargetInfoOptions,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralization import manage_centralization

SPEC = Spec(
    groups=(
        Group(StateOption, variables="centralization_"),
        Group(CentralizationOptions, variables="centralization_"),
        Group(TargetInfoOptions, variables="target_"),
        Group(RoleVariables),
    ),
    work=manage_centralization,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
