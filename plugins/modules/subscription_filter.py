#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: subscription_filter
short_description: Manage one subscription filter of a CloudWatch Logs log group
version_added: 0.1.0
description:
  - Creates, updates in place and deletes a subscription filter, which sends a log group's events to a Lambda function or another destination.
  - The filter is identified by O(log_group) and O(name), compared exactly.
  - Other filters of the log group are never touched.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  log_group:
    description: Name of the log group.
    type: str
    required: true
  name:
    description:
      - Name of the filter.
      - Without it the name comes from the log group, so that V(/aws/lambda/testing-the-subscriber) gives V(aws-lambda-testing-the-subscriber).
    type: str
  state:
    description: Whether the filter is to exist.
    type: str
    choices: [present, absent]
    default: present
  destination_arn:
    description:
      - ARN of the destination, or the name of a Lambda function in the same account and region.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
      - Required if the filter does not exist yet. An attribute that is not given keeps its value.
    type: str
  filter_pattern:
    description:
      - The pattern that events must match. V("") (AWS's default) lets every event through.
      - The exact words C({partition}), C({region}) and C({account}) are replaced as in O(destination_arn). Other braces stay.
    type: str
  role_arn:
    description: The role that CloudWatch Logs assumes to deliver. Kinesis and Firehose destinations need one, Lambda functions none.
    type: str
  distribution:
    description: How events are spread over the shards of a Kinesis stream. V(Random) is refused for Lambda functions.
    type: str
    choices: [ByLogStream, Random]
  apply_on_transformed_logs:
    description: Whether the filter applies to the events after the log group's transformer.
    type: bool
  emit_system_fields:
    description: System fields that are added to each event, such as V(@aws.account) and V(@aws.region).
    type: list
    elements: str
  field_selection_criteria:
    description: An expression on system fields that log events must match.
    type: str
  slots:
    description:
      - How many filters AWS allows for each log group. A full group is refused before anything is written.
      - AWS's answer decides. A number that is too high costs one refused call.
    type: int
    default: 5
  wait_timeout:
    description:
      - Seconds to retry transient errors, such as another writer, throttling, or a permission of the function that
        CloudWatch Logs does not see yet.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Send a log group to the reflector
  logreflector.aws.subscription_filter:
    region: eu-west-1
    log_group: /aws/lambda/testing-the-subscriber
    destination_arn: log-reflector

- name: Only errors, under a name of our own
  logreflector.aws.subscription_filter:
    region: eu-west-1
    log_group: /aws/lambda/testing-the-subscriber
    name: errors-to-the-reflector
    filter_pattern: ERROR
    destination_arn: "arn:{partition}:lambda:{region}:{account}:function:log-reflector"

- name: Remove it again
  logreflector.aws.subscription_filter:
    region: eu-west-1
    log_group: /aws/lambda/testing-the-subscriber
    name: errors-to-the-reflector
    state: absent
"""

RETURN = r"""
subscription_filter:
  description: The filter (in check mode, before the change), null if it does not exist. Attributes at AWS's defaults are left out.
  type: dict
  returned: success
  sample:
    log_group: /aws/lambda/testing-the-subscriber
    name: aws-lambda-testing-the-subscriber
    destination_arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
    filter_pattern: ""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample: ["create subscription filter aws-lambda-x of log group /aws/lambda/x"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.subscription_filter import (
    SubscriptionFilterResource,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import DEFAULT_SLOTS

SPEC = Spec(
    options={
        "log_group": {"type": "str", "required": True},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "destination_arn": {"type": "str"},
        "filter_pattern": {"type": "str"},
        "role_arn": {"type": "str"},
        "distribution": {"type": "str", "choices": ["ByLogStream", "Random"]},
        "apply_on_transformed_logs": {"type": "bool"},
        "emit_system_fields": {"type": "list", "elements": "str"},
        "field_selection_criteria": {"type": "str"},
        "slots": {"type": "int", "default": DEFAULT_SLOTS},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converging(SubscriptionFilterResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
