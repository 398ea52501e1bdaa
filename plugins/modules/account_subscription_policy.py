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
  - logreflector.aws.choice
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  state:
    description:
      - V(present) has the policy serve the log groups, and removes filters of ours.
      - V(absent) gives the log groups filters of ours and deletes the policy. Without a policy of ours it does nothing.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of a new policy. One of ours that stands keeps its name.
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
      - The pattern that events must match. Without it a new policy lets every event through, and what stands stays.
      - Placeholders are replaced as in O(include).
    type: str
  replace_filters:
    description:
      - Whether filters of ours and the policy replace each other. It takes a look at every log group, five in a second, when
        a target changes over.
      - With V(false) filters stay as they are. Beside the policy each of their events arrives twice, and with O(state=absent)
        what only the policy serves is served no more.
    type: bool
    default: true
  audit:
    description:
      - Whether every log group is looked at for filters of ours beside the policy.
      - Without it those with our mark are looked at, and all when a target changes over or did not finish doing so.
    type: bool
    default: false
  mark:
    description: Whether log groups that get a filter are marked by a tag, as subscription_filters does it.
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
      - Seconds between writing a policy or filters and taking away what served before. AWS does not say how long the
        policy takes to be in force in all log groups. Of its other account policies it says up to 300.
      - Meanwhile events arrive twice.
    type: int
    default: 60
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself, such as another writer, throttling, or a permission of the function that
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
