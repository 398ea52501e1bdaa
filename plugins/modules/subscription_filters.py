#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: subscription_filters
short_description: Subscribe all log groups of an account and region to one destination
version_added: 0.1.0
description:
  - The catch-up. Lists every log group, chooses by patterns, and converges the subscription filter of each in one call.
  - A filter is ours when its destination is O(destination_arn). Every other filter is foreign and never touched.
  - Log groups that may not or cannot be subscribed are left out and named with the reason. They are the log groups of the
    reflector, of O(own_functions) and O(own_log_groups), of another class than STANDARD, and those full of foreign filters.
  - A log group that fails does not stop the others. The task fails at the end and names it.
notes:
  - The log group of each Lambda function that a foreign filter sends to, by its default name C(/aws/lambda/NAME), gets no new
    filter of ours and is reported as excluded, because two deliveries that forward each other's logs never end. A filter of
    ours that stands there already is noted, and removed with O(purge).
  - That is known from the filters that are seen, so only where the other delivery has subscribed a log group before, and the
    subscriber does not look. Where two deployments share an account and region, name the functions of each in the other's
    O(exclude).
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  state:
    description:
      - V(present) gives every chosen log group a filter of ours.
      - V(absent) removes ours from every chosen log group, and nothing else.
    type: str
    choices: [present, absent]
    default: present
  destination_arn:
    description:
      - ARN of the reflector, or its function name in the same account and region.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
    required: true
  include:
    description:
      - Patterns of log group names to take, shell-style over the whole name, or C(re:) and a regular expression that is
        searched for in the name.
      - The exact words C({partition}), C({region}) and C({account}) are replaced as in O(destination_arn), as they are in the
        subscriber's rules. Other braces stay.
    type: list
    elements: str
    default: ['*']
  exclude:
    description: Patterns of log group names to leave out, as in O(include). They win over O(include).
    type: list
    elements: str
    default: []
  purge:
    description: Whether ours is removed from log groups that the patterns leave out.
    type: bool
    default: false
  own_functions:
    description:
      - Names of other Lambda functions on the delivery path. Their log groups are never subscribed.
      - They are those of the default names, and those that the logging configurations of the functions and of the reflector
        name. That takes the permission C(lambda:GetFunctionConfiguration).
    type: list
    elements: str
    default: [log-reflector-subscriber]
  own_log_groups:
    description: Names of more log groups that are never subscribed, such as those of what is behind the reflector.
    type: list
    elements: str
    default: []
  filter_pattern:
    description:
      - The pattern that events must match. Without it new filters let every event through and existing ones keep theirs.
      - Placeholders are replaced as in O(include).
    type: str
  role_arn:
    description: The role that CloudWatch Logs assumes to deliver. Lambda functions need none.
    type: str
  distribution:
    description: How events are spread over the shards of a Kinesis stream. V(Random) is refused for Lambda functions.
    type: str
    choices: [ByLogStream, Random]
  apply_on_transformed_logs:
    description: Whether the filters see the events as a log group's transformer leaves them.
    type: bool
  emit_system_fields:
    description: System fields that are added to each event.
    type: list
    elements: str
  field_selection_criteria:
    description: An expression on system fields that log events must match.
    type: str
  slots:
    description:
      - How many filters AWS allows for each log group. A full one is reported without trying.
      - AWS's own answer has the last word. A log group that it refuses is reported as C(not_possible), and check mode
        announces that only with the right number here.
    type: int
    default: 5
  workers:
    description: Calls to AWS under way at once.
    type: int
    default: 8
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself, such as another writer on the same log group, throttling, or a
        permission of the function that CloudWatch Logs does not see yet.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Subscribe everything but the chatty ones
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    exclude:
      - /aws/codebuild/*
      - 're:-(dev|test)$'

- name: Remove what the catch-up made
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    state: absent
"""

RETURN = r"""
counts:
  description: How many log groups came to what. C(subscribed) includes those just changed.
  type: dict
  returned: always, once the log groups are listed
  sample:
    groups: 57
    subscribed: 53
    already_right: 50
    changed: 3
    excluded: 2
    not_possible: 2
    gone: 0
    failed: 0
not_subscribed:
  description: An entry for each log group that is not subscribed, with the reason.
  type: list
  elements: dict
  returned: always, once the log groups are listed
  sample:
    - log_group: /archive/batch
      outcome: not_possible
      reason: its log class is INFREQUENT_ACCESS; only STANDARD groups take filters
notes:
  description: What is worth knowing of log groups that are subscribed, such as a second filter to the same destination.
  type: list
  elements: str
  returned: always, once the log groups are listed
foreign:
  description: How many filters of others were seen, and a fingerprint of them. Equal before and after means none was touched.
  type: dict
  returned: always, once the log groups are listed
  sample:
    filters: 6
    fingerprint: 8a1f6f0c2b3d4e5f
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: always, once the log groups are listed
  sample: ["create subscription of log group /aws/lambda/x"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscription_filters import sweep_target
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import DEFAULT_SLOTS

SPEC = Spec(
    options={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "destination_arn": {"type": "str", "required": True},
        "include": {"type": "list", "elements": "str", "default": ["*"]},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "purge": {"type": "bool", "default": False},
        "own_functions": {"type": "list", "elements": "str", "default": ["log-reflector-subscriber"]},
        "own_log_groups": {"type": "list", "elements": "str", "default": []},
        "filter_pattern": {"type": "str"},
        "role_arn": {"type": "str"},
        "distribution": {"type": "str", "choices": ["ByLogStream", "Random"]},
        "apply_on_transformed_logs": {"type": "bool"},
        "emit_system_fields": {"type": "list", "elements": "str"},
        "field_selection_criteria": {"type": "str"},
        "slots": {"type": "int", "default": DEFAULT_SLOTS},
        "workers": {"type": "int", "default": 8},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=sweep_target,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
