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
  - Creates, updates in place and deletes a subscription filter, which sends a log group's events to a Lambda function or another
    destination.
  - The filter is identified by O(log_group) and O(name), compared exactly.
  - Other filters of the log group are never touched, and a filter that sends elsewhere is only redirected with O(redirect).
  - Warns about other filters of the log group with the same destination, because their events arrive twice.
  - Check mode warns about a destination that is a Lambda function and does not exist, if the caller may read it. It does not see whether
    the function's policy lets CloudWatch Logs invoke it, and nothing of other destinations.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.subscription_filter
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
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
  contains:
    log_group:
      description: The log group.
      type: str
      returned: always
    name:
      description: Name of the filter.
      type: str
      returned: always
    destination_arn:
      description: ARN of the destination.
      type: str
      returned: always
    filter_pattern:
      description: Pattern of the events that are sent. Empty for all.
      type: str
      returned: always
  sample:
    log_group: /aws/lambda/testing-the-subscriber
    name: aws-lambda-testing-the-subscriber-filter
    destination_arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
    filter_pattern: ""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample: ["create subscription filter aws-lambda-x-filter of log group /aws/lambda/x"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import FilterOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.subscription_filter import (
    manage_filter,
)

SPEC = Spec(
    groups=(Group(FilterOptions),),
    work=manage_filter,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
