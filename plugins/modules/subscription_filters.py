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
  - Calls are made a little below the rates that AWS allows in an account and region, and slower while others use them up.
    A call that AWS refuses for its rate costs a wait, never a log group.
  - Log groups that got a filter are marked with a tag, C(logreflector.aws/subscribed/NAME). Without O(audit) only those that
    carry no mark, or one of other settings, are looked at, so that a run without changes costs a call for 50 log groups and
    one for a thousand marks, where looking costs a call for each log group.
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
  - logreflector.aws.subscription_filters
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Every log group, and what the marks say is believed
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector

- name: Look at every log group, using half of what AWS allows
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    audit: true
    rate_share: 0.5

- name: Only what the teams have tagged
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    include_tags:
      forward-logs: ['yes', 'true']
    purge: true

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
  description:
    - How many log groups came to what.
    - C(subscribed) includes C(already_right) and those just changed, C(already_right) includes C(known_by_mark).
    - C(denied), C(contested) (another writer outlasted us) and C(failed) make the task fail. C(gone) and C(in_deletion) do not.
  type: dict
  returned: always, once the log groups are listed
  sample:
    groups: 57
    subscribed: 53
    already_right: 50
    known_by_mark: 47
    changed: 3
    excluded: 2
    not_possible: 2
    gone: 0
    in_deletion: 0
    contested: 0
    denied: 0
    failed: 0
not_subscribed:
  description:
    - An entry for each log group that is not subscribed, with the reason, up to O(report_limit).
    - Failures come first in, then what is not possible, and what the rules exclude last.
  type: list
  elements: dict
  returned: always, once the log groups are listed
  sample:
    - log_group: /archive/batch
      outcome: not_possible
      reason: its log class is INFREQUENT_ACCESS; only STANDARD groups take filters
left_out:
  description: How many entries RV(not_subscribed) has no room for.
  type: int
  returned: always, once the log groups are listed
  sample: 0
notes:
  description: What is worth knowing of log groups that are subscribed, such as a second filter to the same destination.
  type: list
  elements: str
  returned: always, once the log groups are listed
foreign:
  description:
    - How many filters of others were seen, and a fingerprint of them. Equal before and after means none was touched.
    - Filters of log groups that were not looked at do not count, so compare runs with O(audit).
  type: dict
  returned: always, once the log groups are listed
  sample:
    filters: 6
    fingerprint: 8a1f6f0c2b3d4e5f
complete:
  description: Whether every log group was served. False when O(max_seconds) were over.
  type: bool
  returned: always, once the log groups are listed
stopped_after:
  description: The last log group that was served, where O(max_seconds) were over.
  type: str
  returned: always, once the log groups are listed
estimate:
  description:
    - Calls that the changes take, and minutes at AWS's rates and O(rate_share). In check mode before they are made.
    - The looks come on top, as many as C(DescribeSubscriptionFilters) in RV(calls), and go on beside them.
  type: dict
  returned: always, once the log groups are listed
  sample:
    calls:
      PutSubscriptionFilter: 5000
      TagResource: 5000
    minutes: 17.2
backfill:
  description: How many log groups' events from before their filters were sent, how many events, and where that failed.
  type: dict
  returned: with O(backfill_seconds), not in check mode
  sample:
    log_groups: 3
    events: 1200
    failed: []
calls:
  description: Calls to CloudWatch Logs that were made, by operation.
  type: dict
  returned: always, once the log groups are listed
  sample:
    DescribeLogGroups: 100
    ListLogGroups: 5
refused_calls:
  description: How many of them AWS refused for its rates. Each was made again.
  type: int
  returned: always, once the log groups are listed
  sample: 0
seconds:
  description: How long it took.
  type: float
  returned: always, once the log groups are listed
  sample: 12.3
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: always, once the log groups are listed
  sample: ["create subscription of log group /aws/lambda/x"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import FiltersOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscription_filters import sweep_target

SPEC = Spec(
    groups=(Group(FiltersOptions),),
    work=sweep_target,
    services=("lambda", "logs", "sts"),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
