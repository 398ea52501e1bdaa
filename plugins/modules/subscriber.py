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
  contains:
    function:
      description: The function. Only the names of environment variables are shown.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber, runtime: python3.13, state: Active, environment_names: [REFLECTOR, SUBSCRIPTIONS]}
    log_group:
      description: The function's own log group.
      type: dict
      returned: always
      sample: {name: /aws/lambda/log-reflector-subscriber, retention_days: 30}
    work_queue:
      description: The queue in front of the function.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber.fifo, messages: 0}
    fifo_dead_letter_queue:
      description: Messages of the work queue that the function gave up.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber-dead-letters.fifo, messages: 0}
    queue:
      description: Events that EventBridge could not deliver.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber-dead-letters, messages: 0}
    mapping:
      description: The connection of work queue and function.
      type: dict
      returned: always
      sample: {state: Enabled, batch_size: 10}
    new_groups_rule:
      description: The rule for new log groups.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber, enabled: true}
    sweep_rule:
      description: The rule that starts the sweeps.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber-sweep, schedule_expression: rate(1 day)}
    settings:
      description: The SSM parameter with the settings. Null if they are in the function's environment.
      type: dict
      returned: always
      sample: {name: /log-reflector/subscriber}
    reference:
      description: The reference to that parameter. Null without one.
      type: str
      returned: always
    alarm:
      description: Alarm on both dead-letter queues.
      type: dict
      returned: always
      sample: {name: log-reflector-subscriber-dead-letters, state: OK}
    coverage_changed_alarm:
      description: Alarm on a changed coverage. Null without O(notify).
      type: dict
      returned: always
      sample: {state: OK}
    sources_silent_alarm:
      description: Alarm on log groups that fell silent. Null without O(notify).
      type: dict
      returned: always
      sample: {state: OK}
    dead_letters_growing_alarm:
      description: Alarm on growing dead letters. Null without O(notify).
      type: dict
      returned: always
      sample: {state: OK}
    notifications_failed_alarm:
      description: Alarm on notifications that failed. Null without O(notify).
      type: dict
      returned: always
      sample: {state: OK}
package:
  description: The function's package, with its file on the control node.
  type: dict
  returned: where the package was built
  sample:
    subscriber: {code_sha256: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=, size: 233383}
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
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
