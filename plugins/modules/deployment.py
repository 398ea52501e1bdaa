#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: deployment
short_description: Deploy everything on one account and region, or remove it
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
  - A removal loses no log either. Its order is the subscriber, the subscriptions, deliveries in progress, the reflector, and the roles.
    Only what this collection created is removed.
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

- name: Forward nothing any more, and keep the reflector until deliveries in progress have ended
  logreflector.aws.deployment:
    region: eu-west-1
    state: unsubscribed
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
  contains:
    account_id:
      description: The account.
      type: str
      returned: always
    region:
      description: The region.
      type: str
      returned: always
    partition:
      description: The partition, such as V(aws).
      type: str
      returned: always
    caller_arn:
      description: Who called.
      type: str
      returned: always
reflector:
  description:
    - The reflector's function, queue, permission and alarms, and notes on what could not be done.
    - Its field C(dead_letters) is that of M(logreflector.aws.dead_letter_info).
  type: dict
  returned: success
  contains:
    function:
      description: The function. Only the names of environment variables are shown.
      type: dict
      returned: always
      sample: {name: log-reflector, runtime: python3.13, state: Active, environment_names: [DEAD_LETTER_QUEUE, SUMO_ENDPOINT]}
    log_group:
      description: The function's own log group.
      type: dict
      returned: always
      sample: {name: /aws/lambda/log-reflector, retention_days: 30}
    queue:
      description: The dead-letter queue.
      type: dict
      returned: always
      sample: {name: log-reflector-dead-letters, messages: 0}
    rules:
      description: The SSM parameter with sinks and routes. Null if they are in the function's environment.
      type: dict
      returned: always
      sample: {name: /log-reflector/rules}
    reference:
      description: The reference to that parameter. Null without one.
      type: str
      returned: always
    statements:
      description: Statements of the function's policy that are ours.
      type: list
      elements: dict
      returned: always
      sample: [{statement_id: log-reflector-logs, principal: logs.amazonaws.com, action: "lambda:InvokeFunction"}]
    policy_size:
      description: Bytes of the function's policy.
      type: int
      returned: always
    dead_letters_alarm:
      description: Alarm on waiting dead letters.
      type: dict
      returned: always
      sample: {name: log-reflector-dead-letters, state: OK, threshold: 0.0, alarm_actions: []}
    oldest_alarm:
      description: Alarm on the age of the oldest one.
      type: dict
      returned: always
      sample: {name: log-reflector-dead-letters-oldest, threshold: 259200.0}
    errors_alarm:
      description: Alarm on failing invocations.
      type: dict
      returned: always
      sample: {name: log-reflector-errors}
    throttles_alarm:
      description: Alarm on throttled invocations.
      type: dict
      returned: always
      sample: {name: log-reflector-throttles}
    notes:
      description: What could not be done, such as a reservation of concurrency.
      type: list
      elements: str
      returned: always
    dead_letters:
      description: The dead letters, as M(logreflector.aws.dead_letter_info) returns them.
      type: dict
      returned: always
      sample: {queue: log-reflector-dead-letters, exists: true, messages: 0}
subscriber:
  description: The subscriber's function, queues, alarm and rules.
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
      description: Alarm on a changed coverage. Null without O(subscriber_notify).
      type: dict
      returned: always
      sample: {state: OK}
    sources_silent_alarm:
      description: Alarm on log groups that fell silent. Null without O(subscriber_notify).
      type: dict
      returned: always
      sample: {state: OK}
    dead_letters_growing_alarm:
      description: Alarm on growing dead letters. Null without O(subscriber_notify).
      type: dict
      returned: always
      sample: {state: OK}
    notifications_failed_alarm:
      description: Alarm on notifications that failed. Null without O(subscriber_notify).
      type: dict
      returned: always
      sample: {state: OK}
catch_up:
  description: Counts and lists as M(logreflector.aws.subscription_filters) returns them, or M(logreflector.aws.account_subscription_policy) in that mode.
  type: dict
  returned: success
  contains:
    counts:
      description: Number of log groups by result, as M(logreflector.aws.subscription_filters) returns it.
      type: dict
      returned: always
      sample: {groups: 57, subscribed: 53, changed: 3, excluded: 2, not_possible: 2}
    not_subscribed:
      description: An entry for each log group that is not subscribed, with the reason.
      type: list
      elements: dict
      returned: always
      sample: [{log_group: /shared/full, outcome: not_possible, cause: slots, reason: all its 5 filter slots are taken}]
    left_out:
      description: Number of entries for which there was no room.
      type: int
      returned: always
    notes:
      description: Notes on subscribed log groups.
      type: list
      elements: str
      returned: always
    foreign:
      description: Filters of others that were read.
      type: dict
      returned: always
      sample: {filters: 6, fingerprint: 8a1f6f0c2b3d4e5f}
    complete:
      description: Whether every log group was processed.
      type: bool
      returned: always
    stopped_after:
      description: The last processed log group if the time ran out. Null otherwise.
      type: str
      returned: always
    estimate:
      description: Number of write calls and their duration at AWS's rates.
      type: dict
      returned: always
      sample: {calls: {PutSubscriptionFilter: 3}, minutes: 0.0}
    calls:
      description: Calls that were made, by operation.
      type: dict
      returned: always
      sample: {DescribeLogGroups: 2}
    refused_calls:
      description: Number of throttled calls, each of which was retried.
      type: int
      returned: always
    seconds:
      description: Duration.
      type: float
      returned: always
account:
  description: The execution roles.
  type: dict
  returned: where the target manages the roles of its account
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
account_policy:
  description: The account-level policy.
  type: dict
  returned: success
  contains:
    policy:
      description: The policy. Null if there is none of ours.
      type: dict
      returned: always
      sample: {name: log-reflector, excluded: 4, criteria_bytes: 138}
    doubled:
      description: Log groups that had policy and filter at the same time.
      type: dict
      returned: always
      sample: {groups: 0, seconds_at_most: 0}
delivery_checks:
  description: What a removal found of delivery checks that were killed.
  type: dict
  returned: with another O(state) than V(present)
  contains:
    removed_leftovers:
      description: The log groups that were deleted.
      type: list
      elements: str
      returned: always
  sample: {removed_leftovers: []}
packages:
  description: The packages of both functions, with their files on the control node.
  type: dict
  returned: where the packages were built
  sample:
    reflector: {code_sha256: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=, size: 233383}
centralization:
  description:
    - The centralization rules that copy the target, and notes.
    - C(doubled) is the number of log groups that are copied and forwarded, and for how many seconds at most they were. C(seconds_at_most)
      is null while a rule still copies a target with another mode.
    - With O(log_groups_mode=centralized), C(delivery_check) is the proof that copies arrive, as in M(logreflector.aws.delivery_check).
  type: dict
  returned: with O(log_groups_mode=centralized), and if C(centralization_administrator) is set
  sample:
    rules: [europe]
    doubled: {groups: 53, seconds_at_most: 71}
    delivery_check: {seconds_to_copy: 12.4, seconds_to_delivery: 14.1}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralized import PlacesOption, SwitchOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.delivery_check import CheckLineOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import DrainOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    AccountTargets,
    DeploymentState,
    Placement,
    RemovalOptions,
    RoleVariables,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.deployment import PREFIXES
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_deployment

SPEC = Spec(
    groups=(
        Group(DeploymentState),
        Group(Placement, variables="target_"),
        *(Group(options, prefix, prefix) for prefix, options in PREFIXES.items()),
        Group(ModeOptions, "log_groups_", "log_groups_"),
        Group(SwitchOptions, "log_groups_", "log_groups_"),
        Group(CheckLineOptions, "verify_", "verify_"),
        Group(DrainOptions, "reflector_", "reflector_"),
        Group(RemovalOptions, variables="teardown_"),
        Group(PlacesOption),
        Group(AccountTargets),
        Group(RoleVariables),
    ),
    work=manage_deployment,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
