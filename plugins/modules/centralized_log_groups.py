#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: centralized_log_groups
short_description: Set the retention of the log groups that AWS's centralization copies into, or delete them
version_added: 0.1.0
description:
  - Runs in the account and region that is the destination of a rule.
  - AWS creates the log groups of copies without a retention, so they never expire and cost storage for ever.
  - Only log groups whose names the pattern of the rules describes are touched, C(/central/ACCOUNT/REGION...) by default.
  - One log group that fails does not stop the others. The task fails then.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.centralized_log_groups
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
seealso:
  - module: logreflector.aws.centralization
"""

EXAMPLES = r"""
- name: Let copies expire after a week
  logreflector.aws.centralized_log_groups:
    region: eu-west-1
    retention_days: 7
    rules:
      - name: europe
        organization_id: o-exampleorg1
        source_regions: [eu-west-1, eu-central-1]
        destination_account: "111111111111"
        destination_region: eu-west-1

- name: Delete all copies, with their events
  logreflector.aws.centralized_log_groups:
    region: eu-west-1
    state: absent
    rules:
      - name: europe
        organization_id: o-exampleorg1
        source_regions: [eu-west-1, eu-central-1]
        destination_account: "111111111111"
        destination_region: eu-west-1
"""

RETURN = r"""
counts:
  description:
    - Numbers of log groups. C(log_groups) are there before the run, C(never_expire) of them without a retention.
    - C(changed) were changed, in check mode would be. C(failed) could not be changed.
  type: dict
  returned: always
  sample: {log_groups: 120, never_expire: 3, changed: 3, failed: 0}
changes:
  description: A line for each change, up to 100, in check mode for each planned change.
  type: list
  elements: str
  returned: always
  sample: ["update retention of log group /central/222222222222/eu-west-1/app"]
target:
  description: Account, region and partition of the target.
  type: dict
  returned: success
  sample: {account_id: "111111111111", region: eu-west-1, partition: aws}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import CopiesOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    RoleVariables,
    StateOption,
    TargetInfoOptions,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.copies import manage_copies

SPEC = Spec(
    groups=(
        Group(StateOption),
        Group(CopiesOptions, variables="centralization_"),
        Group(TargetInfoOptions, variables="target_"),
        Group(RoleVariables),
    ),
    work=manage_copies,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
