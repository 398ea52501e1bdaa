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
  - logreflector.aws.choice
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  state:
    description:
      - V(present) gives every chosen log group a filter of ours.
      - V(absent) removes ours from every chosen log group, and nothing else.
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
      - Whether every log group is looked at, whatever its mark says. With O(state=absent) this is always so.
      - A run without it does not see what happened to a marked log group since. It may be that its filter was deleted or changed
        by somebody else, that it has a second filter of ours, or that filters of others came or went.
      - AWS allows five looks a second, so that 5,000 log groups take 17 minutes.
    type: bool
    default: false
  mark:
    description:
      - Whether log groups that have the right filter are marked. Without, every run looks at every log group.
      - A mark that cannot be written is no failure, see RV(notes).
    type: bool
    default: true
  merge:
    description: Whether filters of ours are removed from log groups that have more than one, so that one is left.
    type: bool
    default: false
  on_full:
    description:
      - What becomes of log groups whose filter slots are all taken by others.
      - V(report) names them as C(not_possible).
      - V(fail) makes the task fail as well, after all others were served.
      - V(account_policy) serves the whole target by the account-level policy, which uses no slots, as soon as one log group is
        full, and takes our filters away. It stays with that, see M(logreflector.aws.account_subscription_policy).
    type: str
    choices: [report, fail, account_policy]
    default: report
  purge:
    description:
      - Whether ours is removed from log groups that the rules leave out. Without O(audit) only from those that carry the mark.
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
    description: Whether the filters see the events as a log group's transformer leaves them.
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
      - How many filters AWS allows for each log group. A full one is reported without trying.
      - AWS's own answer has the last word. A log group that it refuses is reported as C(not_possible), and check mode
        announces that only with the right number here.
    type: int
    default: 5
  backfill:
    description:
      - Of a log group that gets its first filter of ours, events of so many seconds before that are read and sent to the
        reflector, as its filter would have sent them. V(0) is none.
      - It takes the permissions C(logs:FilterLogEvents) on the log groups and C(lambda:InvokeFunction) on the reflector, and
        calls by the volume, of which AWS allows five a second.
      - Each event is sent at least once. A run that is killed between the filter and its events does not come back to them.
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
      - After so many seconds no further log group is begun, and RV(complete) is false.
      - The next run goes on from there by itself, as what was done is marked. With O(audit) it needs O(start_after).
    type: int
  start_after:
    description: Log groups up to this name, in the order of their names, are passed over. It is RV(stopped_after) of the run before.
    type: str
  report_limit:
    description: Entries that a list of the result holds at most. The counts are of all.
    type: int
    default: 1000
  workers:
    description: Calls to AWS under way at once.
    type: int
    default: 10
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself, such as another writer on the same log group, throttling, or a
        permission of the function that CloudWatch Logs does not see yet.
    type: int
    default: 60
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
    - C(subscribed) includes C(already_right) and those just changed, C(already_right) includes C(known_by_tag).
    - C(denied), C(contested) (another writer outlasted us) and C(failed) make the task fail. C(gone) and C(in_deletion) do not.
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
  returned: with O(backfill), not in check mode
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
