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
  - The catch-up. Lists every log group, selects by patterns, and converges the subscription filter of each in one task.
  - A filter is ours when its destination is O(destination_arn). Every other filter is foreign and never touched.
  - Calls are made a little below the rates that AWS allows in an account and region, and slower while others use them.
    Throttled calls are retried, so no log group is left out because of throttling.
  - Subscribed log groups carry the subscription tag C(logreflector.aws/subscribed/NAME). Without O(audit) only log groups
    without the tag, or with one of other settings, are read. A run without changes costs a call for 50 log groups and
    one for a thousand tags. An audit costs a call for each log group.
  - Log groups that may not or cannot be subscribed are reported with the reason. These are the log groups of the
    reflector, of O(own_functions) and O(own_log_groups), of another class than STANDARD, and those full of foreign filters.
  - A log group that fails does not stop the others. The task fails at the end and names it.
notes:
  - The log group of each Lambda function that a foreign filter sends to, by its default name C(/aws/lambda/NAME), gets no new
    filter of ours and is reported as excluded, because two forwarders that forward each other's logs are a loop. An older
    filter of ours there is noted, and removed with O(purge).
  - Such functions are only known from filters that were read, after the other forwarder subscribed a log group, and not to
    the subscriber. If two deployments share an account and region, name the functions of each in the other's O(exclude).
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.subscription_filters
  - logreflector.aws.log_groups
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Subscribe every log group, trusting the subscription tags
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector

- name: Read every log group, using half of AWS's rates
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    audit: true
    rate_share: 0.5

- name: Subscribe only log groups that the teams have tagged
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
    - Number of log groups by result.
    - C(subscribed) includes C(already_right) and those just changed, C(already_right) includes C(known_by_tag).
    - C(kept) are excluded and still delivered, C(other_forwarders) would be subscribed if their functions were no log forwarders.
    - C(denied), C(contested) (another writer kept on writing) and C(failed) fail the task. C(gone) and C(in_deletion) do not.
  type: dict
  returned: always, once the log groups are listed
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
    groups: 57
    subscribed: 53
    already_right: 50
    known_by_tag: 47
    changed: 3
    excluded: 2
    kept: 0
    other_forwarders: 0
    not_possible: 2
    gone: 0
    in_deletion: 0
    contested: 0
    denied: 0
    failed: 0
not_subscribed:
  description:
    - An entry for each log group that is not subscribed, with the reason, up to O(report_limit).
    - If there is no room for all, failures come first and excluded log groups last.
  type: list
  elements: dict
  returned: always, once the log groups are listed
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
    - log_group: /archive/batch
      outcome: not_possible
      cause: class
      reason: its log class is INFREQUENT_ACCESS; only STANDARD groups take filters
left_out:
  description: Number of entries that RV(not_subscribed) has no room for.
  type: int
  returned: always, once the log groups are listed
  sample: 0
notes:
  description: Notes on subscribed log groups, such as a second filter to the same destination.
  type: list
  elements: str
  returned: always, once the log groups are listed
foreign:
  description:
    - Number of foreign filters that were read, and their fingerprint. If it is equal before and after, none was changed.
    - Filters of log groups that were not read do not count, so compare runs with O(audit).
  type: dict
  returned: always, once the log groups are listed
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
complete:
  description: Whether every log group was processed. False when O(max_seconds) ran out.
  type: bool
  returned: always, once the log groups are listed
stopped_after:
  description: The last log group that was processed, when O(max_seconds) ran out.
  type: str
  returned: always, once the log groups are listed
estimate:
  description:
    - Number of write calls, and their duration at AWS's rates and O(rate_share). In check mode before they are made.
    - The reads are C(DescribeSubscriptionFilters) in RV(calls). They run concurrently with the writes.
  type: dict
  returned: always, once the log groups are listed
  contains:
    calls:
      description: Number of write calls by operation.
      type: dict
      returned: always
      sample: {PutSubscriptionFilter: 5000}
    minutes:
      description: Their duration at AWS's rates.
      type: float
      returned: always
  sample:
    calls:
      PutSubscriptionFilter: 5000
      TagResource: 5000
    minutes: 17.2
backfill:
  description: Number of log groups and events that were backfilled, and the failures.
  type: dict
  returned: with O(backfill_seconds), not in check mode
  contains:
    log_groups:
      description: Number of log groups.
      type: int
      returned: always
    events:
      description: Number of events.
      type: int
      returned: always
    failed:
      description: The failures.
      type: list
      elements: str
      returned: always
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
  description: Number of throttled calls. Each was retried.
  type: int
  returned: always, once the log groups are listed
  sample: 0
seconds:
  description: Duration.
  type: float
  returned: always, once the log groups are listed
  sample: 12.3
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: always, once the log groups are listed
  sample: ["create subscription of log group /aws/lambda/x"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriptions import FiltersOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.subscription_filters import (
    sweep_target,
)

SPEC = Spec(
    groups=(Group(FiltersOptions),),
    work=sweep_target,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
