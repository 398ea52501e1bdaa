#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: reflector
short_description: Deploy the function that forwards log events
version_added: 0.1.0
description:
  - Manages the reflector of one account and region. It is a Lambda function with its own log group, a dead-letter queue, the permission
    for CloudWatch Logs, four alarms, and an SSM parameter if its rules are long.
  - Sinks and routes are checked by the function's own code before anything is changed.
  - The execution role has to exist, see M(logreflector.aws.execution_roles).
  - The module runs on the control node, because it builds the package of the function there.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.reflector
  - logreflector.aws.functions
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Forward to Sumo Logic
  logreflector.aws.reflector:
    region: eu-west-1
    sumo_endpoint: secretsmanager:log-reflector/sumo-endpoint

- name: Remove the reflector, after the subscription filters are gone
  logreflector.aws.reflector:
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
reflector:
  description: The function, its queue, its permission and its alarms, and notes on what could not be done.
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
package:
  description: The function's package, with its file on the control node.
  type: dict
  returned: where the package was built
  sample:
    reflector: {code_sha256: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=, size: 233383}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import (
    RemovalOptions,
    RoleVariables,
    StateOption,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_reflector

SPEC = Spec(
    groups=(
        Group(StateOption),
        Group(ReflectorOptions, variables="reflector_"),
        Group(AlarmOptions, "alarms_", "alarms_"),
        Group(RemovalOptions, variables="teardown_"),
        Group(RoleVariables),
    ),
    work=manage_reflector,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
