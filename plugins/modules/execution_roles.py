#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: execution_roles
short_description: Manage the execution roles of both functions
version_added: 0.1.0
description:
  - Manages the IAM roles of the reflector and of the subscriber, with the least permissions that their options need.
  - With O(log_groups_delivery_stream) also the role that CloudWatch Logs assumes to write to that Firehose stream.
  - A role belongs to the account and serves all its regions. In a playbook one target of the account does the work for all of them.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.execution_roles
  - logreflector.aws.target_parts
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Create both roles for two regions
  logreflector.aws.execution_roles:
    region: eu-west-1
    reflector_sumo_endpoint: secretsmanager:log-reflector/sumo-endpoint
    account_regions:
      - us-east-1

- name: Remove both roles, after the functions are gone from every region
  logreflector.aws.execution_roles:
    region: eu-west-1
    state: absent
"""

RETURN = r"""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample:
    - create function log-reflector
account:
  description: The roles C(reflector_role) and C(subscriber_role), and C(delivery_role) with a Firehose stream.
  type: dict
  returned: success
  contains:
    reflector_role:
      description: The reflector's role.
      type: dict
      returned: always
      sample: {name: log-reflector, arn: "arn:aws:iam::111111111111:role/log-reflector", permissions_boundary: "", tags: {managed-by: logreflector.aws}}
    subscriber_role:
      description: The subscriber's role.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber}
    delivery_role:
      description: The role of the Firehose stream for log groups of the class DELIVERY.
      type: dict
      returned: where O(log_groups_delivery_stream) is set, or was before
      sample: {name: log-reflector-delivery}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.account import AccountOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    AccountTargets,
    Placement,
    RoleVariables,
    StateOption,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_roles

SPEC = Spec(
    groups=(
        Group(StateOption),
        Group(Placement, variables="target_"),
        Group(AccountOptions, variables="account_"),
        Group(ReflectorOptions, "reflector_", "reflector_"),
        Group(SubscriberOptions, "subscriber_", "subscriber_"),
        Group(LogGroupOptions, "log_groups_", "log_groups_"),
        Group(AccountTargets),
        Group(RoleVariables),
    ),
    work=manage_roles,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
