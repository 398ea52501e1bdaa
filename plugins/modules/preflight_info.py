#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Find out what would make a deployment fail, before anything changes
version_added: 0.1.0
description:
  - Checks one target for everything that makes a deployment fail, or that surprises somebody after it. Takes the options of
    M(logreflector.aws.deployment).
  - Only reads, unless O(send) asks for test lines to the sinks. IAM's policy simulation answers whether the caller may make the writes.
  - What could not be read is a finding of the level C(not_checked). A target with such a finding is never plainly ready.
  - The playbook C(logreflector.aws.preflight) does this on all targets and prints the findings by reason.
  - The module runs on the control node, because it builds the packages of the functions there, in memory.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.preflight_info
  - logreflector.aws.deployment_options
  - logreflector.aws.target_parts
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and report the changes without making them.
    support: full
    details:
      - It sends no test line.
  diff_mode:
    description: Reports what it changes (or would change) in diff mode.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: partial
    details:
      - With O(send) each run sends a line to each sink.
notes:
  - The caller needs the permissions of M(logreflector.aws.deployment) that read, and C(cloudtrail:DescribeTrails),
    C(cloudtrail:GetTrailStatus), C(cloudtrail:GetEventSelectors), C(iam:SimulatePrincipalPolicy) on its own role, C(iam:GetPolicy) on
    the permissions boundary, C(kms:DescribeKey) and C(kms:GetKeyPolicy) on the keys, and C(secretsmanager:DescribeSecret) and
    C(secretsmanager:GetResourcePolicy) on the secrets.
    What is denied is named in the result.
  - With O(send) the caller also needs C(secretsmanager:GetSecretValue) or C(ssm:GetParameter) on the secrets of the sinks.
seealso:
  - module: logreflector.aws.deployment
  - module: logreflector.aws.coverage_info
"""

EXAMPLES = r"""
- name: Check a target before its deployment
  logreflector.aws.preflight_info:
    region: eu-west-1
    reflector_sumo_endpoint: secretsmanager:log-reflector/sumo-endpoint
  register: checked

- name: Stop if the deployment would fail
  ansible.builtin.assert:
    that: checked.preflight.state != 'not_ready'
    fail_msg: "{{ checked.preflight.findings | selectattr('level', 'eq', 'problem') | map(attribute='sentence') | join('; ') }}"
"""

RETURN = r"""
preflight:
  description: The findings of all checks.
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
    state:
      description:
        - V(not_ready) with at least one problem, V(ready_with_warnings) with warnings or with something that was not checked, or V(ready).
      type: str
      returned: always
    counts:
      description: Number of findings by level.
      type: dict
      returned: always
      contains:
        problem:
          description: The deployment fails, or delivers nothing.
          type: int
          returned: always
        warning:
          description: It succeeds, and somebody is surprised later.
          type: int
          returned: always
        not_checked:
          description: It could not be read.
          type: int
          returned: always
        note:
          description: Good to know.
          type: int
          returned: always
    findings:
      description:
        - The findings, the gravest first. Each has a C(level), a C(key) for machines, a C(sentence), and C(advice) where there is
          something to do.
        - C(level) is V(problem), the deployment fails or delivers nothing; V(warning), it succeeds and somebody is surprised later;
          V(not_checked), it could not be read; or V(note).
      type: list
      elements: dict
      returned: always
      contains:
        level:
          description: The level, a key of RV(preflight.counts).
          type: str
          returned: always
        key:
          description: The check, for machines.
          type: str
          returned: always
        sentence:
          description: What was found.
          type: str
          returned: always
        advice:
          description: What to do. Empty if there is nothing.
          type: str
          returned: always
    facts:
      description:
        - The facts that decide which mode fits the target (docs/ADVISE.md), by C(log_groups), C(filters), C(account_policy), C(trail),
          C(rules) and C(partition). Null is a fact that was not read, and all of them if the target cannot be reached.
      type: dict
      returned: always
    seconds:
      description: Duration of the checks.
      type: float
      returned: always
  sample:
    account_id: "111111111111"
    region: eu-west-1
    state: not_ready
    counts:
      problem: 1
      warning: 0
      not_checked: 0
      note: 0
    findings:
      - level: problem
        key: foreign
        sentence: >-
          Could not change queue log-reflector-dead-letters in 111111111111/eu-west-1: it exists, and it does not have the tag
          managed-by=logreflector.aws, so this collection did not create it
        advice: Choose another name, or hand it over by giving it the tag managed-by=logreflector.aws.
    facts:
      log_groups: {total: 60, chosen: 57, excluded: 2, excluded_bytes: 68, classes: {INFREQUENT_ACCESS: 1}, encrypted: 0}
      filters: {read: 25, to_read: 57, full: 1}
      account_policy: none
      trail: true
      rules: {tags: false, dates: false, names: true, pattern: false}
      partition: aws
    seconds: 1.2
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import RulesOption
from ansible_collections.logreflector.aws.plugins.module_utils._options.preflight import PreflightOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    AccountTargets,
    Placement,
    RoleVariables,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.deployment import PREFIXES
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.read import read_preflight

SPEC = Spec(
    groups=(
        Group(PreflightOptions, variables="preflight_"),
        Group(Placement, variables="target_"),
        *(Group(options, prefix, prefix) for prefix, options in PREFIXES.items()),
        Group(ModeOptions, "log_groups_", "log_groups_"),
        Group(RulesOption, "centralization_", "centralization_"),
        Group(AccountTargets),
        Group(RoleVariables),
    ),
    work=read_preflight,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
