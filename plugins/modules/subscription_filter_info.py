#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: subscription_filter_info
short_description: Read the subscription filters of one log group or of many
version_added: 0.1.0
description:
  - Lists subscription filters, of one log group, or of all whose names begin with a prefix.
  - Log groups of another class than STANDARD can have no filters and are passed over.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.subscription_filter_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: All filters of a log group
  logreflector.aws.subscription_filter_info:
    region: eu-west-1
    log_group: /aws/lambda/testing-the-subscriber
  register: filters

- name: Everything that goes to the reflector
  logreflector.aws.subscription_filter_info:
    region: eu-west-1
    log_group_prefix: /aws/lambda/
    destination_arn: log-reflector
"""

RETURN = r"""
subscription_filters:
  description: The filters found. Attributes at AWS's defaults are left out.
  type: list
  elements: dict
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
    - log_group: /aws/lambda/testing-the-subscriber
      name: aws-lambda-testing-the-subscriber
      destination_arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
      filter_pattern: ""
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import FilterInfoOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.subscription_filter import (
    read_filters,
)

SPEC = Spec(
    groups=(Group(FilterInfoOptions),),
    work=read_filters,
    rules={"mutually_exclusive": [("log_group", "log_group_prefix")]},
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
