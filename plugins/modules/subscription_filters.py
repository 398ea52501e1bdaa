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
  - logreflector.aws.choice
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  state:
    description:
      - V(present) subscribes every chosen log group.
      - V(absent) removes our filters from every chosen log group, and nothing else.
    type: str
    choices: [present, absent]
    default: present
  destination_arn:
    description:
      - ARN of the reflector, or its function name in the same account and region.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
    required: true
  audit:
    description:
      - Whether every log group is read, also those with the right subscription tag. With O(state=absent) all are read.
      - Without it the module does not see if somebody deleted or changed the filter of a tagged log group, if it has a second
        filter of ours, or if foreign filters were added or removed.
      - AWS allows five reads a second, so 5,000 log groups take 17 minutes.
    type: bool
    default: false
  tag_log_groups:
    description:
      - Whether subscribed log groups get the subscription tag. Without it every run reads every log group.
      - A tag that cannot be written is not a failure, see RV(notes).
    type: bool
    default: true
  merge:
    description: Whether duplicates of our filter are removed, so that each log group has one.
    type: bool
    default: false
  on_full:
    description:
      - What to do if all filter slots of a log group are taken by others.
      - V(report) reports it as C(not_possible).
      - V(fail) also fails the task, after all others were processed.
      - V(account_policy) serves the whole target by the account-level policy, which uses no slots, as soon as one log group is
        full, and removes our filters. Later runs keep the policy, see M(logreflector.aws.account_subscription_policy).
    type: str
    choices: [report, fail, account_policy]
    default: report
  purge:
    description:
      - Whether our filters are removed from log groups that the rules exclude. Without O(audit) only from tagged ones.
    type: bool
    default: false
  filter_pattern:
    description:
      - The pattern that events must match. Without it new filters let every event through and existing ones keep theirs.
      - Placeholders are replaced as in O(include).
    type: str
  role_arn:
    description: The role that CloudWatch Logs assumes to deliver. Lambda functions need none.
    type: str
  distribution:
    description: How events are spread over the shards of a Kinesis stream. V(Random) is refused for Lambda functions.
    type: str
    choices: [ByLogStream, Random]
  apply_on_transformed_logs:
    description: Whether the filters apply to the events after the log group's transformer.
    type: bool
  emit_system_fields:
    description: System fields that are added to each event.
    type: list
    elements: str
  field_selection_criteria:
    description: An expression on system fields that log events must match.
    type: str
  slots:
    description:
      - How many filters AWS allows for each log group. A full one is reported without a write.
      - AWS's answer decides. A log group that it refuses is reported as C(not_possible); check mode
        predicts that only with the right number here.
    type: int
    default: 5
  backfill_seconds:
    description:
      - When a log group is subscribed for the first time, also forward its events of the last so many seconds. V(0) is off.
      - It needs the permissions C(logs:FilterLogEvents) on the log groups and C(lambda:InvokeFunction) on the reflector. The
        number of calls grows with the volume, and AWS allows five a second.
      - Each event is sent at least once. A run that is killed between the filter and its events does not send them later.
    type: int
    default: 0
  rate_share:
    description:
      - The share of AWS's rates to use, above 0 and up to 1. Everyone in the account and region shares them, so a gentler
        run leaves more to others.
    type: float
    default: 0.97
  max_seconds:
    description:
      - After so many seconds the module begins no further log group, and RV(complete) is false.
      - The next run continues by itself, because finished log groups are tagged. With O(audit) it needs O(start_after).
    type: int
  start_after:
    description: Skip log groups up to this name, in the order of names. Use RV(stopped_after) of the previous run.
    type: str
  report_limit:
    description: Highest number of entries in each list of the result. The counts include all log groups.
    type: int
    default: 1000
  workers:
    description: Number of concurrent calls to AWS.
    type: int
    default: 10
  wait_timeout:
    description:
      - Seconds to retry transient errors, such as another writer, throttling, or a permission of the function that
        CloudWatch Logs does not see yet.
    type: int
    default: 60
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
    - C(denied), C(contested) (another writer kept on writing) and C(failed) fail the task. C(gone) and C(in_deletion) do not.
  type: dict
  returned: always, once the log groups are listed
  sample:
    groups: 57
    subscribed: 53
    already_right: 50
    known_by_tag: 47
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
    - If there is no room for all, failures come first and excluded log groups last.
  type: list
  elements: dict
  returned: always, once the log groups are listed
  sample:
    - log_group: /archive/batch
      outcome: not_possible
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
  sample:
    calls:
      PutSubscriptionFilter: 5000
      TagResource: 5000
    minutes: 17.2
backfill:
  description: Number of log groups and events that were backfilled, and the failures.
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

from ansible_collections.logreflector.aws.plugins.module_utils._argspec import CHOICE
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions.subscription_filters import (
    sweep_target,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import DEFAULT_SLOTS
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import SHARE
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.tally import MOST_ENTRIES

SPEC = Spec(
    options={
        **CHOICE,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "destination_arn": {"type": "str", "required": True},
        "purge": {"type": "bool", "default": False},
        "filter_pattern": {"type": "str"},
        "role_arn": {"type": "str"},
        "distribution": {"type": "str", "choices": ["ByLogStream", "Random"]},
        "apply_on_transformed_logs": {"type": "bool"},
        "emit_system_fields": {"type": "list", "elements": "str"},
        "field_selection_criteria": {"type": "str"},
        "slots": {"type": "int", "default": DEFAULT_SLOTS},
        "audit": {"type": "bool", "default": False},
        "tag_log_groups": {"type": "bool", "default": True},
        "merge": {"type": "bool", "default": False},
        "on_full": {"type": "str", "choices": ["report", "fail", "account_policy"], "default": "report"},
        "backfill_seconds": {"type": "int", "default": 0},
        "rate_share": {"type": "float", "default": SHARE},
        "max_seconds": {"type": "int"},
        "start_after": {"type": "str"},
        "report_limit": {"type": "int", "default": MOST_ENTRIES},
        "workers": {"type": "int", "default": 10},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=sweep_target,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
