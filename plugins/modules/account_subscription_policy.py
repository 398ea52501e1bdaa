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
  - One policy sends the events of every log group to the destination, also of later ones. No log group needs a
    filter of its own, and no slot is used.
  - A policy can only exclude log groups by exact names. The module lists the delivery's own log groups and those that the
    rules exclude, and writes their names into it. A later log group is excluded from the next run on.
  - A target switches from filters to the policy, and with O(state=absent) back, without losing an event, even
    if the run is killed. RV(doubled) says how many log groups were served twice during the switch, and for how long.
  - The policy is ours when its destination is O(destination_arn). AWS has room for one policy in an account and region.
    A policy of others is named in an error and never touched.
notes:
  - C(logs:PutAccountPolicy) also needs C(logs:PutSubscriptionFilter), and the two other calls for account policies
    C(logs:DescribeSubscriptionFilters) and C(logs:DeleteSubscriptionFilter).
  - Entries with a C(#) in the policy's list name no log group. They note a switch in progress and other forwarders.
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
- name: Serve every log group but those of CodeBuild
  logreflector.aws.account_subscription_policy:
    region: eu-west-1
    destination_arn: log-reflector
    exclude:
      - /aws/codebuild/*

- name: Switch back to filters
  logreflector.aws.account_subscription_policy:
    region: eu-west-1
    destination_arn: log-reflector
    exclude:
      - /aws/codebuild/*
    state: absent
"""

RETURN = r"""
policy:
  description: The policy after the run, in check mode the predicted one. Null if there is none of ours.
  type: dict
  returned: success
  contains:
    name:
      description: Name of the policy.
      type: str
      returned: always
    destination_arn:
      description: The reflector's ARN.
      type: str
      returned: always
    filter_pattern:
      description: Pattern of the events that the policy sends. Empty for all.
      type: str
      returned: always
    excluded:
      description: Number of log groups that the policy leaves out by name.
      type: int
      returned: always
    criteria_bytes:
      description: Size of these names as AWS counts it. AWS allows 25 KB.
      type: int
      returned: always
  sample:
    name: log-reflector
    destination_arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
    filter_pattern: ''
    excluded: 4
    criteria_bytes: 138
doubled:
  description:
    - Number of log groups that had policy and filter at the same time, and for how many seconds at most.
    - In check mode the seconds are an estimate from AWS's rates.
  type: dict
  returned: success
  contains:
    groups:
      description: Number of log groups.
      type: int
      returned: always
    seconds_at_most:
      description: Seconds.
      type: int
      returned: always
  sample:
    groups: 57
    seconds_at_most: 72
counts:
  description:
    - Number of log groups by result. C(subscribed) are those that the policy serves, with O(state=absent) filters.
    - C(failed), C(denied) and C(contested) log groups could not be switched.
  type: dict
  returned: success, unless the log groups need not be listed
  contains:
    groups:
      description: All log groups of the target.
      type: int
      returned: always
    subscribed:
      description: Those whose events go to the reflector.
      type: int
      returned: always
    already_right:
      description: Subscribed before the run.
      type: int
      returned: always
    known_by_tag:
      description: Already right by their subscription tag, without a read of their filters.
      type: int
      returned: always
    changed:
      description: Subscribed, corrected or released by the run.
      type: int
      returned: always
    excluded:
      description: Left out by the rules, without a filter of ours.
      type: int
      returned: always
    kept:
      description: Left out by the rules, and still delivered.
      type: int
      returned: always
    other_forwarders:
      description: Log groups of functions that are probably other forwarders.
      type: int
      returned: always
    not_possible:
      description: Log groups whose class takes no filter, or without a free slot.
      type: int
      returned: always
    gone:
      description: Deleted meanwhile.
      type: int
      returned: always
    in_deletion:
      description: Being deleted by AWS.
      type: int
      returned: always
    contested:
      description: Another writer kept on writing.
      type: int
      returned: always
    denied:
      description: A permission is missing.
      type: int
      returned: always
    failed:
      description: A call failed.
      type: int
      returned: always
  sample:
    groups: 60
    subscribed: 57
    already_right: 0
    known_by_tag: 0
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
  contains:
    log_group:
      description: Name of the log group.
      type: str
      returned: always
    outcome:
      description: The count in which it is.
      type: str
      returned: always
    cause:
      description:
        - With V(not_possible), V(slots) if others hold all its filter slots, or V(class) if its class takes no filter.
        - V(null) otherwise.
      type: str
      returned: always
    reason:
      description: Why it is not subscribed.
      type: str
      returned: always
    holders:
      description: The part of the reason that names the filters of others in its slots. V(null) if there are none.
      type: str
      returned: always
  sample:
    - log_group: /aws/lambda/log-reflector
      outcome: excluded
      reason: "its events come from the delivery itself: subscribing it would be a loop"
left_out:
  description: Number of entries that RV(not_subscribed) has no room for.
  type: int
  returned: with counts
  sample: 0
notes:
  description: Notes.
  type: list
  elements: str
  returned: with counts
  sample: []
foreign:
  description: Number of foreign filters that were read, and their fingerprint.
  type: dict
  returned: with counts
  contains:
    filters:
      description: Number of filters of others that were read.
      type: int
      returned: always
    fingerprint:
      description: Equal before and after a run if none of them was changed.
      type: str
      returned: always
  sample:
    filters: 6
    fingerprint: 8a1f6f0c2b3d4e5f
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: always, once the log groups are listed
  sample:
    - create account policy log-reflector
    - delete the filters of 57 log groups in favour of account policy log-reflector
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import AccountPolicyOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.account_subscription_policy import (
    manage_account_policy,
)

SPEC = Spec(
    groups=(Group(AccountPolicyOptions),),
    work=manage_account_policy,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
