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
    Somebody else's is named in an error and never touched.
notes:
  - C(logs:PutAccountPolicy) also needs C(logs:PutSubscriptionFilter), and the two other calls for account policies
    C(logs:DescribeSubscriptionFilters) and C(logs:DeleteSubscriptionFilter).
  - Entries with a C(#) in the policy's list name no log group. They note a switch in progress and other forwarders.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.choice
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  state:
    description:
      - V(present) serves the log groups by the policy and removes our filters.
      - V(absent) subscribes the log groups by filters and deletes the policy. Without a policy of ours it does nothing.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of a new policy. An existing policy of ours keeps its name.
    type: str
    default: log-reflector
  destination_arn:
    description:
      - ARN of the reflector, or its function name in the same account and region.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
    required: true
  filter_pattern:
    description:
      - The pattern that events must match. Without it a new policy lets every event through, and an existing one keeps its pattern.
      - Placeholders are replaced as in O(include).
    type: str
  replace_filters:
    description:
      - Whether our filters and the policy replace each other. A switch reads every log group, five a second.
      - With V(false) filters stay unchanged. Beside the policy each of their events arrives twice, and with O(state=absent)
        log groups without a filter are no longer served.
    type: bool
    default: true
  audit:
    description:
      - Whether every log group is read for filters of ours beside the policy.
      - Without it only tagged log groups are read, and all of them during a switch or after an interrupted one.
    type: bool
    default: false
  tag_log_groups:
    description: Whether log groups that get a filter also get the subscription tag, as in subscription_filters.
    type: bool
    default: true
  slots:
    description:
      - How many filters AWS allows for each log group. With O(state=absent), nothing is changed if one that the policy serves
        is full.
    type: int
    default: 5
  settle_seconds:
    description:
      - Seconds between a write and the removal of what served before. AWS does not document how long a
        policy takes to be in force in all log groups. For other account policies it says up to 300.
      - During this time events arrive twice.
    type: int
    default: 60
  wait_timeout:
    description:
      - Seconds to retry transient errors, such as another writer, throttling, or a permission of the function that
        CloudWatch Logs does not see yet.
    type: int
    default: 60
  rate_share:
    description: Share of AWS's documented rates to use, above 0 and at most 1.
    type: float
    default: 0.97
  report_limit:
    description: Entries in each list of the result.
    type: int
    default: 1000
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
  sample:
    groups: 57
    seconds_at_most: 72
counts:
  description:
    - Number of log groups by result. C(subscribed) are those that the policy serves, with O(state=absent) filters.
    - C(failed), C(denied) and C(contested) log groups could not be switched.
  type: dict
  returned: success, unless the log groups need not be listed
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

from ansible_collections.logreflector.aws.plugins.module_utils._argspec import CHOICE
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.account_subscription_policy import (
    NAME,
    SETTLE_SECONDS,
    manage_account_policy,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import DEFAULT_SLOTS
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import SHARE
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.tally import MOST_ENTRIES

SPEC = Spec(
    options={
        **CHOICE,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "name": {"type": "str", "default": NAME},
        "destination_arn": {"type": "str", "required": True},
        "filter_pattern": {"type": "str"},
        "replace_filters": {"type": "bool", "default": True},
        "audit": {"type": "bool", "default": False},
        "tag_log_groups": {"type": "bool", "default": True},
        "slots": {"type": "int", "default": DEFAULT_SLOTS},
        "settle_seconds": {"type": "int", "default": SETTLE_SECONDS},
        "wait_timeout": {"type": "int", "default": 60},
        "rate_share": {"type": "float", "default": SHARE},
        "report_limit": {"type": "int", "default": MOST_ENTRIES},
    },
    work=manage_account_policy,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
