# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Run several modules of this collection on one target in one task
version_added: 0.1.0
description:
  - Runs the steps one after another with one session and one set of clients. Where a task for each of them would cost the control node
    a process, a role to assume and clients each, this costs them once. Over hundreds of targets that is most of the time.
  - The options of all steps are checked before the first one does anything.
  - The first step that fails ends the task, with that step's message. What the steps before it did is in the result.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
attributes:
  async:
    description: Can be run in the background.
    support: none
options:
  steps_from:
    description:
      - Names of variables that hold lists of steps. They follow those in O(steps).
      - It does what C(steps) with a template of these variables would, but each variable that their templates mention is worked out once.
        With hundreds of targets this is most of what a task costs.
    type: list
    elements: str
    default: []
  steps:
    description: What to run, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Names the step's result. No two steps have the same.
        type: str
        required: true
      module:
        description: A module of this collection, by its short name.
        type: str
        required: true
        choices:
          - account_subscription_policy
          - canary
          - dead_letter_queue
          - dead_letter_replay
          - event_source_mapping
          - lambda_function
          - lambda_function_info
          - lambda_permission
          - lambda_permission_info
          - lambda_rollback
          - metric_alarm
          - ssm_parameter
          - subscription_filter
          - subscription_filter_info
          - subscription_filters
          - target_info
      args:
        description:
          - The module's options, without those of the connection, which all steps share.
          - C({steps.NAME.FIELD}) in a string stands for that field of the result of an earlier step.
          - C({steps.hash}) in O(logreflector.aws.lambda_function#module:release) stands for a hash of all functions among the steps, of their
            packages and of the settings that a version keeps, so that those which change together have a release of the same name.
        type: dict
        default: {}
      when:
        description: Whether the step is run.
        type: bool
        default: true
      once:
        description:
          - Whether one target of the account does the step for all of them. The others of this run of Ansible wait until it is done, and get its
            result without its changes; they do it themselves only if it failed.
          - For what belongs to an account and not to a region. The caller's ARN and the step's options say whether two targets mean the same.
        type: bool
        default: false
      refuse:
        description: Why the step cannot be done. If it is not empty, the task fails with this sentence before its first step.
        type: str
        default: ""
notes:
  - Where the connection is not local, or with C(become) or C(environment), each step runs as a module of its own, with the same result. Then
    O(steps[].once) has no effect.
"""

EXAMPLES = r"""
- name: A queue, and who may call the function
  logreflector.aws.converge:
    region: eu-west-1
    steps:
      - name: queue
        module: dead_letter_queue
        args:
          name: log-reflector-dead-letters
      - name: permission
        module: lambda_permission
        args:
          function_name: log-reflector
          statements:
            - statement_id: log-reflector-logs
              principal: logs.amazonaws.com
              source_arn: "arn:{partition}:logs:{region}:{account}:log-group:*"
              source_account: "{account}"
  register: reflector

- name: What did the second step do?
  ansible.builtin.debug:
    var: reflector.steps.permission.changes
"""

RETURN = r"""
steps:
  description: The result of each step that was reached, by its name. One that was not to be run has C(skipped).
  type: dict
  returned: always
  sample:
    queue:
      changed: true
      changes:
        - create dead-letter queue log-reflector-dead-letters
changes:
  description: What the steps changed, or would change in check mode, one line each.
  type: list
  elements: str
  returned: always
  sample:
    - create dead-letter queue log-reflector-dead-letters
"""
