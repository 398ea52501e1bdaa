#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: catch_up
short_description: Subscribe the log groups that exist
version_added: 0.1.0
description:
  - Gives every log group of an account and region that the rules choose a filter to the reflector, or serves all of them by one
    account-level policy.
  - A change between both ways loses no event, see docs/ACCOUNT_POLICY.md.
  - L(docs/ACCOUNT_POLICY.md,https://github.com/logreflector/logreflector.aws/blob/main/docs/ACCOUNT_POLICY.md)
  - Filters of others are never touched. The result has the counts, and a reason for each log group that is not subscribed.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.catch_up
  - logreflector.aws.log_groups
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Subscribe all log groups but one
  logreflector.aws.catch_up:
    region: eu-west-1
    exclude:
      - /aws/lambda/very-loud

- name: Remove our filters, our policy and our subscription tags
  logreflector.aws.catch_up:
    region: eu-west-1
    state: absent
"""

RETURN = r"""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample:
    - create function log-reflector
catch_up:
  description: Counts and lists as M(logreflector.aws.subscription_filters) returns them, or M(logreflector.aws.account_subscription_policy) in that mode.
  type: dict
  returned: success
  contains:
    counts:
      description: Number of log groups by result, as M(logreflector.aws.subscription_filters) returns it.
      type: dict
      returned: always
      sample: {groups: 57, subscribed: 53, changed: 3, excluded: 2, not_possible: 2}
    not_subscribed:
      description: An entry for each log group that is not subscribed, with the reason.
      type: list
      elements: dict
      returned: always
      sample: [{log_group: /shared/full, outcome: not_possible, cause: slots, reason: all its 5 filter slots are taken}]
    left_out:
      description: Number of entries for which there was no room.
      type: int
      returned: always
    notes:
      description: Notes on subscribed log groups.
      type: list
      elements: str
      returned: always
    foreign:
      description: Filters of others that were read.
      type: dict
      returned: always
      sample: {filters: 6, fingerprint: 8a1f6f0c2b3d4e5f}
    complete:
      description: Whether every log group was processed.
      type: bool
      returned: always
    stopped_after:
      description: The last processed log group if the time ran out. Null otherwise.
      type: str
      returned: always
    estimate:
      description: Number of write calls and their duration at AWS's rates.
      type: dict
      returned: always
      sample: {calls: {PutSubscriptionFilter: 3}, minutes: 0.0}
    calls:
      description: Calls that were made, by operation.
      type: dict
      returned: always
      sample: {DescribeLogGroups: 2}
    refused_calls:
      description: Number of throttled calls, each of which was retried.
      type: int
      returned: always
    seconds:
      description: Duration.
      type: float
      returned: always
account_policy:
  description: The account-level policy.
  type: dict
  returned: success
  contains:
    policy:
      description: The policy. Null if there is none of ours.
      type: dict
      returned: always
      sample: {name: log-reflector, excluded: 4, criteria_bytes: 138}
    doubled:
      description: Log groups that had policy and filter at the same time.
      type: dict
      returned: always
      sample: {groups: 0, seconds_at_most: 0}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import (
    AnnouncedReflector,
    CatchUpOptions,
    ModeOptions,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables, StateOption
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import manage_catch_up

SPEC = Spec(
    groups=(
        Group(StateOption),
        Group(ModeOptions, variables="log_groups_"),
        Group(LogGroupOptions, variables="log_groups_"),
        Group(CatchUpOptions, variables="catch_up_"),
        Group(ReflectorReference, "reflector_", "reflector_"),
        Group(SubscriberReference, "subscriber_", "subscriber_"),
        Group(AnnouncedReflector),
        Group(RoleVariables),
    ),
    work=manage_catch_up,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
