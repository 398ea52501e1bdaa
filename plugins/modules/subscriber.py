#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: subscriber
short_description: Deploy the function that subscribes new log groups
version_added: 0.1.0
description:
  - Manages the subscriber of one account and region. It is a Lambda function with a queue in front of it, dead-letter queues with an
    alarm, and two EventBridge rules.
  - One rule reports new log groups. It works only if a CloudTrail trail logs management events in the region. The other rule starts a
    daily sweep, which finds what the first one missed.
  - The options about log groups are those of M(logreflector.aws.subscription_filters), with the same names, types and units.
  - The execution role has to exist, see M(logreflector.aws.execution_roles).
  - The module runs on the control node, because it builds the package of the function there.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.subscriber
  - logreflector.aws.log_groups
  - logreflector.aws.functions
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Subscribe new log groups
  logreflector.aws.subscriber:
    region: eu-west-1
    exclude:
      - /aws/codebuild/*
    retention_days: 30

- name: Remove the subscriber
  logreflector.aws.subscriber:
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
subscriber:
  description: The function, its queues, its alarm and its rules.
  type: dict
  returned: success
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import (
    ReflectorQueueReference,
    ReflectorReference,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    RemovalOptions,
    RoleVariables,
    StateOption,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_subscriber

SPEC = Spec(
    groups=(
        Group(StateOption),
        Group(SubscriberOptions, variables="subscriber_"),
        Group(ModeOptions, variables="log_groups_"),
        Group(LogGroupOptions, variables="log_groups_"),
        Group(AlarmOptions, "alarms_", "alarms_"),
        Group(ReflectorReference, "reflector_", "reflector_"),
        Group(ReflectorQueueReference, "reflector_", "reflector_"),
        Group(RemovalOptions, variables="teardown_"),
        Group(RoleVariables),
    ),
    work=manage_subscriber,
    services=("cloudwatch", "events", "lambda", "logs", "sqs", "ssm", "sts"),
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
