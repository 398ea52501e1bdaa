#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: coverage_info
short_description: Read which log groups of a target are covered, and why others are not
version_added: 0.1.0
description:
  - Gives every log group of an account and region one state and a reason, see RV(coverage.counts).
  - Only reads. A log group that could not be read is C(not_checked), and never counts as covered or as missing.
  - The playbook C(logreflector.aws.report) makes a report of all targets.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.coverage_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
notes:
  - The caller needs the permissions of M(logreflector.aws.catch_up) that read, and C(lambda:GetPolicy) on the reflector.
  - With O(flow) the caller also needs C(cloudwatch:GetMetricData), C(cloudwatch:ListMetrics), C(logs:StartQuery) on the reflector's log
    group, C(logs:GetQueryResults), and those of M(logreflector.aws.dead_letter_info). What is denied is named in the result.
  - With V(mode=centralized) the module reads in two other accounts, too, with the connection options of O(centralization). The rules'
    administrator needs the permissions of M(logreflector.aws.centralization_rule_info), and those of C(organizations) that
    docs/REPORT.md names. An account that cannot be read leaves log groups C(not_checked).
seealso:
  - module: logreflector.aws.catch_up
"""

EXAMPLES = r"""
- name: Read the coverage
  logreflector.aws.coverage_info:
    region: eu-west-1
  register: here

- name: Fail if a log group of the payment service is not covered
  ansible.builtin.assert:
    that: here.coverage.rows | selectattr('log_group', 'search', 'payment') | length == 0
"""

RETURN = r"""
coverage:
  description: The coverage of the target.
  type: dict
  returned: success, and as far as it was read if the listing broke off
  contains:
    account_id:
      description: The account.
      type: str
      returned: always
    region:
      description: The region.
      type: str
      returned: always
    checked_at:
      description: When the reading began, in seconds since 1970.
      type: int
      returned: always
    seconds:
      description: How long it took.
      type: float
      returned: always
    mode:
      description: What serves the target, V(filters), V(account_policy) or V(centralized).
      type: str
      returned: always
    complete:
      description: Whether all log groups were listed.
      type: bool
      returned: always
    notes:
      description: What could not be checked.
      type: list
      elements: str
      returned: always
    calls:
      description: Number of calls to CloudWatch Logs by operation.
      type: dict
      returned: always
    log_groups:
      description: Number of log groups.
      type: int
      returned: always
    counts:
      description:
        - Number of log groups by state.
        - C(covered), its events reach the reflector; C(missing), the rules choose it and nothing sends its events; C(broken), it has our
          filter or policy, and events are lost, doubled or delivered against the rules; C(impossible), AWS allows no filter;
          C(not_checked), it could not be read; C(excluded), the rules leave it out.
      type: dict
      returned: always
    causes:
      description: Number of log groups by state and cause.
      type: list
      elements: dict
      returned: always
      contains:
        state:
          description: The state.
          type: str
          returned: always
        cause:
          description: The cause.
          type: str
          returned: always
        log_groups:
          description: Number of log groups.
          type: int
          returned: always
    rows:
      description: The first log groups that are neither covered nor excluded, with state, cause and reason.
      type: list
      elements: dict
      returned: always
      contains:
        log_group:
          description: Name of the log group.
          type: str
          returned: always
        state:
          description: Its state.
          type: str
          returned: always
        cause:
          description: The cause, for machines.
          type: str
          returned: always
        reason:
          description: The reason, for people.
          type: str
          returned: always
        known_by:
          description: What the state was read from, V(filter), V(tag), V(account_policy) or V(rule).
          type: str
          returned: if known
        means:
          description: What sends its events, V(filter) or V(account_policy).
          type: str
          returned: if something does
        since:
          description: When our filter was created, in ms since 1970.
          type: int
          returned: if known
        created:
          description: When the log group was created, in ms since 1970.
          type: int
          returned: if known
        others:
          description: Destinations of the filters of others.
          type: list
          elements: str
          returned: if they were read
    rows_left_out:
      description: Number of such log groups that RV(coverage.rows) leaves out.
      type: int
      returned: always
    rows_file:
      description: The file that has all log groups. Null without O(rows_directory).
      type: str
      returned: always
    flow:
      description:
        - The events of the period, by station. A count that was not read is null. Null without O(flow).
        - >-
          C(written) to log groups that the rules choose; C(unsubscribed), of them, while the log group had no filter; C(unmatched), those
          that the filter pattern leaves out; C(delivery_errors) and C(delivery_throttles) of CloudWatch Logs; C(forwarded).
        - >-
          C(received) by the reflector; C(given_up), those that Lambda put into the dead-letter queue after errors or because of their age;
          C(given_up_replayed), those of them that were sent again; C(expired), those that Lambda dropped and that are not in the queue;
          C(waiting); C(undecodable).
        - >-
          C(dropped) by rule; C(sinks), accepted by sink; C(dead_lettered), in the queue; C(replayed); C(purged), dead letters that are no
          longer in the queue; C(extra_copies), because of several sinks.
        - >-
          C(facts) has figures of payloads, requests and messages, C(notes) what was not read. C(reading) is what AWS charges for:
          C(metrics) of GetMetricData, C(list_calls) of ListMetrics, C(bytes_scanned) by Logs Insights.
      type: dict
      returned: always
    copy_flows:
      description:
        - With V(mode=centralized) the events of the period on their way to each destination, C(account) and C(region). A count that was
          not read is null. Null without O(flow), and with another mode.
        - >-
          C(written) to log groups that a rule selects; C(sent) and C(copied) by AWS; C(too_long), C(before) the rule, C(underway),
          C(errors) by type, C(throttled) and C(late), the reasons why events were not copied.
        - >-
          C(received) by the reflector of the destination from this target; C(unfiltered), C(no_policy), C(delivery_errors),
          C(delivery_throttles), C(waiting), C(given_up), C(given_up_replayed), C(expired) and C(undecodable), the reasons why copied events
          were not received; C(delivered), C(dropped) by rule, C(dead_lettered).
        - C(notes) has what was not read, and causes that AWS counts for all origins. C(reading) is what AWS charges for.
      type: list
      elements: dict
      returned: always
  sample:
    account_id: "111111111111"
    region: eu-west-1
    checked_at: 1796083200
    seconds: 12.4
    mode: filters
    complete: true
    notes: []
    calls: {DescribeLogGroups: 2, DescribeSubscriptionFilters: 61}
    log_groups: 61
    counts: {covered: 57, missing: 1, broken: 0, impossible: 1, not_checked: 0, excluded: 2}
    causes:
      - {state: excluded, cause: rule, log_groups: 2}
      - {state: impossible, cause: slots, log_groups: 1}
      - {state: missing, cause: missing, log_groups: 1}
    rows:
      - {log_group: /ecs/web, state: missing, cause: missing, reason: "the rules choose it, and it has no filter of ours"}
    rows_left_out: 0
    rows_file: null
    flow: null
    copy_flows: null
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralized import (
    CopiesOption,
    PlacesOption,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.coverage import (
    CoverageOptions,
    PurgeReference,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.replay import DeadLetterQueue
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._parts.coverage import read_coverage

SPEC = Spec(
    groups=(
        Group(ModeOptions, variables="log_groups_"),
        Group(LogGroupOptions, variables="log_groups_"),
        Group(
            CoverageOptions,
            variables="report_",
            named={"rows_directory": "", "report_limit": "report_limit", "flow": ""},
        ),
        Group(PurgeReference, "catch_up_", "catch_up_"),
        Group(ReflectorReference, "reflector_", "reflector_"),
        Group(DeadLetterQueue, "reflector_", "reflector_", named={"queue": "reflector_queue_name"}),
        Group(CopiesOption, "reflector_", "reflector_"),
        Group(SubscriberReference, "subscriber_", "subscriber_"),
        Group(PlacesOption),
        Group(RoleVariables),
    ),
    work=read_coverage,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
