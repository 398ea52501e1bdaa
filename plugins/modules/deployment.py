#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: deployment
short_description: Deploy everything on one account and region
version_added: 0.1.0
description:
  - Brings the execution roles, the reflector, the subscriber and the subscriptions of all log groups of a target into the state that the
    options describe.
  - The order loses no log. At no moment has a new log group neither a filter nor the account-level policy, and no function runs without
    its permissions.
  - With O(log_groups_mode=centralized) AWS's centralization serves the target. The module first checks that a healthy rule copies every
    log group that is served, and that a line through the copy arrives. Then it removes the filters or the account policy, waits for
    deliveries in progress, and removes the functions.
  - Options that one part would refuse are refused before anything is changed.
  - The playbook C(logreflector.aws.deploy) runs this module on every target of the inventory.
  - The module runs on the control node, because it builds the packages of the functions there.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.deployment
  - logreflector.aws.deployment_options
  - logreflector.aws.target_parts
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Deploy everything on one target
  logreflector.aws.deployment:
    region: eu-west-1
    reflector_sumo_endpoint: secretsmanager:log-reflector/sumo-endpoint
    log_groups_exclude:
      - /aws/codebuild/*
    subscriber_retention_days: 30
"""

RETURN = r"""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample:
    - create function log-reflector
target:
  description: Account, region and partition of the target.
  type: dict
  returned: success
reflector:
  description:
    - The reflector's function, queue, permission and alarms, and notes on what could not be done.
    - Its field C(dead_letters) is that of M(logreflector.aws.dead_letter_info).
  type: dict
  returned: success
subscriber:
  description: The subscriber's function, queues, alarm and rules.
  type: dict
  returned: success
catch_up:
  description: Counts and lists as M(logreflector.aws.subscription_filters) returns them, or M(logreflector.aws.account_subscription_policy) in that mode.
  type: dict
  returned: success
centralization:
  description:
    - The centralization rules that copy the target, and notes.
    - C(doubled) is the number of log groups that are copied and forwarded, and for how many seconds at most they were. C(seconds_at_most)
      is null while a rule still copies a target with another mode.
    - With O(log_groups_mode=centralized), C(delivery_check) is the proof that copies arrive, as in M(logreflector.aws.delivery_check).
  type: dict
  returned: with O(log_groups_mode=centralized), and if C(centralization_administrator) is set
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralized import PlacesOption, SwitchOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.delivery_check import CheckLineOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import RemovalOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    AccountTargets,
    Placement,
    RoleVariables,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.deployment import PREFIXES
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_deployment

SPEC = Spec(
    groups=(
        Group(Placement, variables="target_"),
        *(Group(options, prefix, prefix) for prefix, options in PREFIXES.items()),
        Group(ModeOptions, "log_groups_", "log_groups_"),
        Group(SwitchOptions, "log_groups_", "log_groups_"),
        Group(CheckLineOptions, "verify_", "verify_"),
        Group(RemovalOptions, "reflector_", "reflector_"),
        Group(PlacesOption),
        Group(AccountTargets),
        Group(RoleVariables),
    ),
    work=manage_deployment,
    services=(
        "cloudwatch",
        "events",
        "iam",
        "lambda",
        "logs",
        "observabilityadmin",
        "organizations",
        "sqs",
        "ssm",
        "sts",
    ),
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
