#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: event_rule
short_description: Manage an EventBridge rule with its targets
version_added: 0.1.0
description:
  - Creates, updates in place and deletes a rule of an event bus, and its targets.
  - Patterns are compared as JSON. White space, the order of keys and of alternatives make no difference.
  - An attribute whose option is not given is left as it stands, a target's attributes included.
  - An entry that EventBridge refuses although it answers the call is an error.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  name:
    description: Name of the rule.
    type: str
    required: true
  event_bus_name:
    description: Name or ARN of the event bus.
    type: str
    default: default
  state:
    description: Whether the rule is to exist. With V(absent) all its targets are removed first.
    type: str
    choices: [present, absent]
    default: present
  enabled:
    description: Whether the rule is at work. A new rule is, unless this is V(false).
    type: bool
  event_pattern:
    description:
      - The pattern that events must match, as a dictionary or as JSON. V("") removes it.
      - A rule needs this or O(schedule_expression), or both.
    type: json
  schedule_expression:
    description: When the rule fires by itself, such as V(rate(5 minutes)). V("") removes it. Only rules of the default bus can have one.
    type: str
  description:
    description: The rule's description. V("") removes it.
    type: str
  role_arn:
    description: The role that EventBridge assumes for targets that need one. Lambda functions need none. V("") removes it.
    type: str
  targets:
    description:
      - Where matching events go. Targets that are not named here are left alone, see O(purge_targets).
      - C({partition}), C({region}) and C({account}) in their strings are replaced by those of the caller.
      - EventBridge allows five targets for each rule unless the quota was raised.
    type: list
    elements: dict
    suboptions:
      id:
        description: Id of the target, unique in the rule.
        type: str
        required: true
      arn:
        description:
          - ARN of the target, or the name of a Lambda function in the same account and region.
          - A queue is named by its ARN, that of the caller's account and region as V(arn:{partition}:sqs:{region}:{account}:NAME).
        type: str
        required: true
      role_arn:
        description: The role that EventBridge assumes for this target. V("") removes it.
        type: str
      input:
        description: Constant JSON that the target gets instead of the event. V("") removes it.
        type: json
      input_path:
        description: The JSON path of the part of the event that the target gets. V("") removes it.
        type: str
      input_transformer:
        description: A template that makes the target's input from parts of the event.
        type: dict
        suboptions:
          input_paths_map:
            description: JSON paths in the event, by the names that the template uses.
            type: dict
          input_template:
            description: The template, text or JSON with names in angle brackets.
            type: json
            required: true
      message_group_id:
        description:
          - The message group that events are put into where the target is an SQS queue. A FIFO queue needs it. V("") removes it.
          - Of a FIFO queue EventBridge asks for content-based deduplication,
            see O(logreflector.aws.dead_letter_queue#module:content_based_deduplication).
        type: str
      dead_letter_arn:
        description:
          - ARN of the SQS standard queue, or the name of one in the same account and region, that takes the events which could not be delivered.
          - The queue's policy must let EventBridge in, see O(logreflector.aws.dead_letter_queue#module:allow_event_rules).
          - V("") removes it.
        type: str
      retry_policy:
        description: How long EventBridge tries to deliver an event.
        type: dict
        suboptions:
          maximum_retry_attempts:
            description: How many times it tries again, 0 to 185.
            type: int
          maximum_event_age:
            description: How old an event may become, in seconds, 60 to 86400.
            type: int
  purge_targets:
    description:
      - Whether targets that O(targets) does not name are removed. Only looked at when O(targets) is given.
      - Where they are not, RV(rule.foreign_targets) lists them.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for what passes by itself, such as another writer on the same rule or throttling.
    type: int
    default: 60
notes:
  - A Lambda function must allow C(events.amazonaws.com) to invoke it, see M(logreflector.aws.lambda_permission).
seealso:
  - module: logreflector.aws.dead_letter_queue
  - module: logreflector.aws.event_source_mapping
  - module: logreflector.aws.lambda_permission
"""

EXAMPLES = r"""
- name: Let a function hear of new log groups
  logreflector.aws.event_rule:
    region: eu-west-1
    name: example-new-log-groups
    description: New log groups, by CloudTrail
    event_pattern:
      source: [aws.logs]
      detail-type: [AWS API Call via CloudTrail]
      detail:
        eventSource: [logs.amazonaws.com]
        eventName: [CreateLogGroup]
        errorCode: [{exists: false}]
    targets:
      - id: subscriber
        arn: log-reflector
        retry_policy:
          maximum_retry_attempts: 20
          maximum_event_age: 3600

- name: Put them into a FIFO queue instead, one after the other
  logreflector.aws.event_rule:
    region: eu-west-1
    name: example-new-log-groups
    targets:
      - id: queue
        arn: "arn:{partition}:sqs:{region}:{account}:example-work.fifo"
        message_group_id: all
    purge_targets: true

- name: Switch it off, and leave everything else as it is
  logreflector.aws.event_rule:
    region: eu-west-1
    name: example-new-log-groups
    enabled: false

- name: Remove it again, with its targets
  logreflector.aws.event_rule:
    region: eu-west-1
    name: example-new-log-groups
    state: absent
"""

RETURN = r"""
rule:
  description: The rule as it stands (in check mode, before the change), null if it does not exist.
  type: dict
  returned: success
  contains:
    name:
      description: The rule's name.
      type: str
      returned: always
    arn:
      description: The rule's ARN.
      type: str
      returned: always
    event_bus_name:
      description: The event bus, as it was given.
      type: str
      returned: always
    enabled:
      description: Whether the rule is at work.
      type: bool
      returned: always
    state:
      description: The state as EventBridge names it.
      type: str
      returned: always
    event_pattern:
      description: The pattern, null if there is none.
      type: dict
      returned: always
    schedule_expression:
      description: The schedule, empty if there is none.
      type: str
      returned: always
    description:
      description: The rule's description, empty if it has none.
      type: str
      returned: always
    role_arn:
      description: The rule's role, empty if it has none.
      type: str
      returned: always
    targets:
      description: All targets of the rule.
      type: list
      elements: dict
      returned: when O(targets) is given, or the rule is to be deleted
    foreign_targets:
      description: Ids of the targets that O(targets) does not name.
      type: list
      elements: str
      returned: when O(targets) is given
    tags:
      description: The rule's tags.
      type: dict
      returned: when O(tags) or O(adopt) is given, or there was something to change
  sample:
    name: example-new-log-groups
    arn: arn:aws:events:eu-west-1:123456789012:rule/example-new-log-groups
    enabled: true
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create event rule example-new-log-groups", "create target subscriber of event rule example-new-log-groups"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule import EventRuleResource
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

TARGET = {
    "id": {"type": "str", "required": True},
    "arn": {"type": "str", "required": True},
    "role_arn": {"type": "str"},
    "input": {"type": "json"},
    "input_path": {"type": "str"},
    "input_transformer": {
        "type": "dict",
        "options": {"input_paths_map": {"type": "dict"}, "input_template": {"type": "json", "required": True}},
    },
    "message_group_id": {"type": "str"},
    "dead_letter_arn": {"type": "str"},
    "retry_policy": {
        "type": "dict",
        "options": {"maximum_retry_attempts": {"type": "int"}, "maximum_event_age": {"type": "int"}},
    },
}

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "event_bus_name": {"type": "str", "default": "default"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "enabled": {"type": "bool"},
        "event_pattern": {"type": "json"},
        "schedule_expression": {"type": "str"},
        "description": {"type": "str"},
        "role_arn": {"type": "str"},
        "targets": {
            "type": "list",
            "elements": "dict",
            "options": TARGET,
            "mutually_exclusive": [("input", "input_path", "input_transformer")],
        },
        "purge_targets": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converging(EventRuleResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
