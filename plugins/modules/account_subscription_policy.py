#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_subscription_policy
short_description: Serve all log groups of an account and region by the account-level subscription filter policy
version_added: 0.1.0
description:
  - One policy sends the events of every log group to the destination, also of those that are made later. No log group needs a
    filter of its own, and no slot is used.
  - A policy leaves out log groups by their exact names only. Those of the delivery path, and those that the patterns leave out,
    are listed and written into it. One that is made later is left out from the next run on.
  - A target changes over from filters to the policy, and with O(state=absent) back, without losing an event at any moment, also
    where the run is killed. RV(doubled) says how many log groups were served twice meanwhile, and for how long.
  - The policy is ours when its destination is O(destination_arn). AWS has room for one policy in an account and region.
    Somebody else's is named in an error and never touched.
notes:
  - C(logs:PutAccountPolicy) comes with C(logs:PutSubscriptionFilter), and the two other calls for account policies with
    C(logs:DescribeSubscriptionFilters) and C(logs:DeleteSubscriptionFilter).
  - While a target changes over, and of log groups that others' deliveries log to, the policy's list has entries with a C(#) that
    name no log group.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.account_subscription_policy
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
seealso:
  - module: logreflector.aws.subscription_filters
"""

EXAMPLES = r"""
- name: Serve every log group but the chatty ones, whether they exist or not
  logreflector.aws.account_subscription_policy:
    region: eu-west-1
    destination_arn: log-reflector
    exclude:
      - /aws/codebuild/*

- name: Back to filters of the log groups
  logreflector.aws.account_subscription_policy:
    region: eu-west-1
    destination_arn: log-reflector
    exclude:
      - /aws/codebuild/*
    state: absent
"""

RETURN = r"""
policy:
  description: The policy as it stands, or would stand after a run in check mode. Null where there is none of ours.
  type: dict
  returned: success
  sample:
    name: log-reflector
    destination_arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
    filter_pattern: ''
    excluded: 4
    criteria_bytes: 138
doubled:
  description:
    - How many log groups had policy and filter at the same time, and for how many seconds at most.
    - In check mode the seconds are those that the calls take at their rate.
  type: dict
  returned: success
  sample:
    groups: 57
    seconds_at_most: 72
counts:
  description:
    - How many log groups came to what. C(subscribed) are those that the policy serves, or with O(state=absent) filters do.
    - C(failed), C(denied) and C(contested) are of those that could not be changed over.
  type: dict
  returned: success, unless the log groups need not be listed
  sample:
    groups: 60
    subscribed: 57
    already_right: 0
    known_by_mark: 0
    changed: 57
    excluded: 2
    not_possible: 1
    gone: 0
    in_deletion: 0
    contested: 0
    denied: 0
    failed: 0
not_subscribed:
  description: An entry for each log group that is not served, with the reason.
  type: list
  elements: dict
  returned: with counts
  sample:
    - log_group: /aws/lambda/log-reflector
      outcome: excluded
      reason: "its events come from the delivery itself: subscribing it would be a loop"
left_out:
  description: Log groups that are not served and for which RV(not_subscribed) had no room.
  type: int
  returned: with counts
  sample: 0
notes:
  description: What is worth knowing.
  type: list
  elements: str
  returned: with counts
  sample: []
foreign:
  description: How many filters of others were seen, and a fingerprint of them.
  type: dict
  returned: with counts
  sample:
    filters: 6
    fingerprint: 8a1f6f0c2b3d4e5f
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: always, once the log groups are listed
  sample:
    - create account policy log-reflector
    - delete the filters of 57 log groups in favour of account policy log-reflector
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import AccountPolicyOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.account_subscription_policy import (
    manage_account_policy,
)

SPEC = Spec(
    groups=(Group(AccountPolicyOptions),),
    work=manage_account_policy,
    services=("lambda", "logs", "sts"),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
