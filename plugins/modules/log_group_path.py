#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: log_group_path
short_description: Find out why the events of a log group do not arrive
version_added: 0.1.0
description:
  - Follows the path of an event from one log group to the sinks, station by station, and returns what it finds at each one, with a verdict
    and what to do.
  - Only reads, unless O(send) asks for a test line.
  - A station that cannot be read is C(not_checked), and the others are read nevertheless.
  - The playbook C(logreflector.aws.explain) does this on all targets and prints it.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.log_group_path
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and report the changes without making them.
    support: full
    details:
      - It sends no test line.
  diff_mode:
    description: Reports what it changes (or would change) in diff mode.
    support: N/A
    details:
      - It only reads, but for the test line.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: partial
    details:
      - With O(send) each run writes a line. It does not report that as a change.
notes:
  - The caller needs the permissions of M(logreflector.aws.coverage_info) and M(logreflector.aws.dead_letter_info); C(lambda:GetFunction),
    C(logs:DescribeLogStreams), C(logs:FilterLogEvents) on the reflector's log group, and C(cloudwatch:GetMetricData). What is denied is
    named in the result.
  - With O(send) the caller also needs C(logs:CreateLogStream), C(logs:PutLogEvents) and C(logs:DeleteLogStream) on the log group.
seealso:
  - module: logreflector.aws.coverage_info
  - module: logreflector.aws.delivery_check
"""

EXAMPLES = r"""
- name: Follow the path of the payment service's events
  logreflector.aws.log_group_path:
    region: eu-west-1
    log_group: /aws/lambda/payments
  register: path

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ path.log_group_path.verdict.sentence }}"

- name: Send a test line through the log group
  logreflector.aws.log_group_path:
    region: eu-west-1
    log_group: /aws/lambda/payments
    send: true
"""

RETURN = r"""
log_group_path:
  description: The path of the log group's events.
  type: dict
  returned: success
  contains:
    log_group:
      description: The log group.
      type: str
      returned: always
    exists:
      description: Whether it exists. Null if that could not be read.
      type: bool
      returned: always
    account_id:
      description: The account.
      type: str
      returned: always
    region:
      description: The region.
      type: str
      returned: always
    stations:
      description:
        - The stations in the order of the path, C(log_group), C(rules), C(subscription), C(permission), C(function), C(route), C(sink),
          C(dead_letters) and C(delivery). Only the first one if the log group does not exist.
        - With V(mode=centralized) C(centralization), the rule, and C(copy) take the place of C(rules), and the stations after them are
          those of the destination.
        - Each has its C(name), a C(status) (V(ok), V(problem) or V(not_checked)), a C(fact) for people, a C(cause) for machines, and
          C(advice) and C(command) where there is something to do.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The station.
          type: str
          returned: always
        status:
          description: V(ok), V(problem) or V(not_checked).
          type: str
          returned: always
        fact:
          description: What was found, for people.
          type: str
          returned: always
        cause:
          description: Why there is a problem, for machines. Empty without one.
          type: str
          returned: always
        advice:
          description: What to do. Empty if there is nothing.
          type: str
          returned: always
        command:
          description: The playbook that does it, with its options. Empty if there is none.
          type: str
          returned: always
        host:
          description: The host that the playbook is for, if that is not this one. Otherwise empty.
          type: str
          returned: always
    verdict:
      description:
        - What the stations mean together. C(outcome) is V(delivered), events were seen to arrive; V(no_problem), nothing is wrong and no event
          was seen; V(unknown), a station without which nothing arrives was not checked; or V(broken).
        - C(sentence) is for people. C(station) is the first one with a problem, C(also) has the others, C(not_checked) those that were not
          checked, and C(to_do) what to do, each with C(advice), C(command), a playbook of this collection with its options, and
          C(host) where the command is for another host of the inventory.
      type: dict
      returned: always
      contains:
        outcome:
          description: V(delivered), V(no_problem), V(unknown) or V(broken).
          type: str
          returned: always
        sentence:
          description: The verdict, for people.
          type: str
          returned: always
        station:
          description: The first station with a problem. Empty without one.
          type: str
          returned: always
        also:
          description: The other stations with a problem.
          type: list
          elements: str
          returned: always
        not_checked:
          description: Stations that were not checked.
          type: list
          elements: str
          returned: always
        to_do:
          description: What to do, each with advice and command.
          type: list
          elements: dict
          returned: always
    seconds_to_delivery:
      description: Seconds until the reflector reported the test line. Null without one.
      type: float
      returned: always
    notes:
      description: What else the user should know, such as why no test line was sent.
      type: list
      elements: str
      returned: always
  sample:
    log_group: /aws/lambda/payments
    exists: true
    account_id: "111111111111"
    region: eu-west-1
    stations:
      - name: rules
        status: problem
        fact: "they leave the log group out: the exclude pattern '/aws/lambda/pay*' matches"
        cause: excluded
        advice: If its events are to arrive, change log_groups_include, log_groups_exclude or the tags.
        command: deploy
    verdict:
      outcome: broken
      sentence: >-
        Events of /aws/lambda/payments do not arrive. The first problem is the rules: they leave the log group out: the exclude pattern
        '/aws/lambda/pay*' matches.
      station: rules
      also: []
      not_checked: []
      to_do:
        - advice: If its events are to arrive, change log_groups_include, log_groups_exclude or the tags.
          command: deploy
    seconds_to_delivery: null
    notes: []
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralized import PlacesOption
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_group_path import LogGroupPathOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.replay import DeadLetterQueue
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.entry import read_log_group_path

SPEC = Spec(
    groups=(
        Group(
            LogGroupPathOptions,
            variables="explain_",
            named={"log_group": "log_group", "send": "send", "lookback_minutes": "explain_minutes"},
        ),
        Group(ModeOptions, variables="log_groups_"),
        Group(LogGroupOptions, variables="log_groups_"),
        Group(ReflectorReference, "reflector_", "reflector_"),
        Group(DeadLetterQueue, "reflector_", "reflector_", named={"queue": "reflector_queue_name"}),
        Group(SubscriberReference, "subscriber_", "subscriber_"),
        Group(PlacesOption),
        Group(RoleVariables),
    ),
    work=read_log_group_path,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
