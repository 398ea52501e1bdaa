#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_check
short_description: Send one test line through a target and measure its delay
version_added: 0.1.0
description:
  - Creates a log group, waits until the subscriber has subscribed it, writes a line, and waits until the reflector reports its delivery.
  - While no log group is subscribed, it creates another one each minute, because AWS delivers the events of new log groups at best effort.
  - Fails at once if there is no reflector, CloudWatch Logs may not invoke it, no trail logs the creation of log groups, the subscriber
    reports that it leaves the log group out or lacks a permission, or the sink does not accept the line. Otherwise it fails with the step
    that did not happen in time, and with advice.
  - With O(subscription=centralized) the target has no function. The check waits until AWS's centralization has copied the line, and until
    the destination's reflector reports its delivery.
  - Deletes the log groups in any case, and their copies. Log groups that killed runs left behind under O(log_group_prefix), older than an hour, are
    deleted first.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.delivery_check
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and report the changes without making them.
    support: full
    details:
      - Reads only whether there is a reflector, and which log groups were left behind.
  diff_mode:
    description: Reports what it changes (or would change) in diff mode.
    support: N/A
    details:
      - RV(removed_leftovers) has all changes.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: partial
    details:
      - Each run creates and deletes log groups. It does not report that as a change.
notes:
  - The caller needs C(logs:CreateLogGroup), C(logs:CreateLogStream), C(logs:DeleteLogGroup), C(logs:DescribeLogGroups),
    C(logs:DescribeSubscriptionFilters), C(logs:FilterLogEvents) on the logs of both functions, C(logs:PutLogEvents) and
    C(lambda:GetFunctionConfiguration).
  - C(lambda:GetPolicy), C(cloudtrail:DescribeTrails), C(cloudtrail:GetTrailStatus) and C(cloudtrail:GetEventSelectors) let it name more causes.
"""

EXAMPLES = r"""
- name: Check that the lines of a new log group arrive
  logreflector.aws.delivery_check:
    region: eu-west-1
  register: proof
"""

RETURN = r"""
delivery_check:
  description:
    - The measured delays in seconds. Null in check mode and with O(state=absent).
    - With O(subscription=centralized) it has C(seconds_to_copy) in place of C(seconds_to_subscription), both delays from the line's
      writing, and C(copy) and C(destination), the log group of the copy and its account and region.
  type: dict
  returned: success
  contains:
    log_group:
      description: The log group that was subscribed first.
      type: str
      returned: always
    log_groups:
      description: Number of log groups that were created.
      type: int
      returned: always
    seconds_to_subscription:
      description: Seconds from the creation to the filter.
      type: float
      returned: always
    seconds_to_delivery:
      description: Seconds from the line to the reflector's report of its delivery.
      type: float
      returned: always
  sample:
    log_group: /log-reflector/check/delivery-check-5f1c2e9a7b40
    log_groups: 1
    seconds_to_subscription: 41.2
    seconds_to_delivery: 2.1
notes:
  description: Problems that did not stop the check, such as a trail that cannot be read, or a log group whose event did not come.
  type: list
  elements: str
  returned: success
  sample: []
removed_leftovers:
  description: Log groups that another run left behind and this run deleted, or would delete in check mode.
  type: list
  elements: str
  returned: success, and if the line did not arrive
  sample: []
changes:
  description: A line for each log group of RV(removed_leftovers).
  type: list
  elements: str
  returned: success, and if the line did not arrive
  sample: []
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralized import PlacesOption
from ansible_collections.logreflector.aws.plugins.module_utils._options.delivery_check import DeliveryCheckOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._parts.delivery_check import check_delivery

NAMED = {
    "function_name": "reflector_function_name",
    "subscriber_function_name": "subscriber_function_name",
    "tags": "log_groups_include_tags",
    "subscription": "",
    "state": "",
}

SPEC = Spec(
    groups=(
        Group(DeliveryCheckOptions, variables="verify_", named=NAMED),
        Group(PlacesOption),
        Group(RoleVariables),
    ),
    work=check_delivery,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
