#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: centralization_rule
short_description: Copy the logs of an organisation into one account by a centralization rule of AWS
version_added: 0.1.0
description:
  - AWS itself copies new log events of the accounts in scope into log groups of the destination. Nothing is deployed in these accounts.
  - Call it in the management account, or in a delegated administrator of C(observabilityadmin.amazonaws.com). Trusted access of that
    service must be enabled in the organisation.
  - Copies and the delivery's own log groups are always excluded, so that no event is copied or delivered without end.
  - A rule without the owner tag C(managed-by=logreflector.aws) belongs to others and is neither changed nor deleted.
  - RV(notes) says what the rule does not do. GovCloud, China and other partitions are refused before any call.
  - Log groups of copies stay when the rule is deleted. They never expire unless somebody sets their retention.
notes:
  - Needs a boto3 that knows centralization rules. An older one is refused before any call.
  - AWS offers centralization in some regions only, and refuses the others.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.centralization_rule
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
seealso:
  - module: logreflector.aws.centralization_rule_info
"""

EXAMPLES = r"""
- name: Copy all log groups of the organisation in two regions
  logreflector.aws.centralization_rule:
    region: eu-west-1
    name: log-reflector
    organization_id: o-exampleorg1
    source_regions: [eu-west-1, eu-central-1]
    destination_account: "444444444444"
    destination_region: eu-west-1

- name: Copy the log groups of two OUs, without those of CodeBuild, into encrypted log groups
  logreflector.aws.centralization_rule:
    region: eu-west-1
    name: log-reflector
    organizational_units: [ou-abcd-11111111, ou-abcd-22222222]
    source_regions: [eu-west-1]
    exclude: [/aws/codebuild/*]
    destination_account: "444444444444"
    destination_region: eu-west-1
    kms_key_arn: arn:aws:kms:eu-west-1:444444444444:key/1234abcd-12ab-34cd-56ef-1234567890ab
    encrypt: all

- name: Remove the rule
  logreflector.aws.centralization_rule:
    region: eu-west-1
    name: log-reflector
    state: absent
"""

RETURN = r"""
rule:
  description:
    - The rule after the run, in check mode before it. Null if it does not exist.
    - C(problem) says why it does not copy. It is null for a healthy rule.
  type: dict
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
    health:
      description: V(Healthy), V(Unhealthy) or V(Provisioning).
      type: str
      returned: always
    problem:
      description: Why the rule does not copy. Null for a healthy rule.
      type: str
      returned: always
    configuration:
      description: The rule as AWS stores it.
      type: dict
      returned: always
  sample:
    name: log-reflector
    arn: arn:aws:observabilityadmin:eu-west-1:111111111111:organization-centralization-rule/log-reflector
    health: Healthy
    problem: null
    configuration:
      Source:
        Regions: [eu-west-1]
        Scope: OrganizationId = 'o-exampleorg1'
notes:
  description: What the rule does not do, a sentence each.
  type: list
  elements: str
  returned: success
  sample:
    - AWS copies events that arrive after the creation of the rule, and no earlier ones.
changes:
  description: A line for each change, in check mode for each planned change.
  type: list
  elements: str
  returned: success
  sample: ["create centralization rule log-reflector"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import CentralizationRuleOptions
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rule import CentralizationRule
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.settings import rule_settings

SPEC = Spec(
    groups=(Group(CentralizationRuleOptions),),
    work=converging(lambda target, params: CentralizationRule(target, rule_settings(params))),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
