#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Read how many GB and events are written to the log groups of a target
version_added: 0.1.0
description:
  - Reads CloudWatch's own metrics for the volume of an account and region, and of each of its log groups, and says which of them the rules
    choose. It reads no log event.
  - Also reads what the deployed functions used.
  - A log group without a data point has an unknown volume, and not 0. So has everything that could not be read, which a note names.
  - Only reads. The playbook C(logreflector.aws.preview) makes an estimate of the cost of it for all targets.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.volume_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
notes:
  - The caller needs C(logs:DescribeLogGroups), C(lambda:GetFunctionConfiguration), C(cloudwatch:GetMetricData), with the method
    V(statistics) also C(cloudwatch:GetMetricStatistics), and with O(prices) C(pricing:GetProducts).
seealso:
  - module: logreflector.aws.coverage_info
"""

EXAMPLES = r"""
- name: Read the volume of the last two weeks
  logreflector.aws.volume_info:
    region: eu-west-1
  register: here

- name: Name the loudest log group
  ansible.builtin.debug:
    msg: "{{ here.volume.largest[0].log_group }}"

- name: Read only the total of the target, by one call
  logreflector.aws.volume_info:
    region: eu-west-1
    method: total
"""

RETURN = r"""
volume:
  description: The volume of the target.
  type: dict
  returned: success
  contains:
    account_id:
      description: The account.
      type: str
      returned: always
    region:
      description: The region.
      type: str
      returned: always
    read_at:
      description: The end of the period that was read, in seconds since 1970.
      type: int
      returned: always
    seconds:
      description: How long the reading took.
      type: float
      returned: always
    days:
      description: Length of the period in days. It begins at midnight UTC.
      type: float
      returned: always
    method:
      description: The option O(method).
      type: str
      returned: always
    total:
      description:
        - Bytes and events of the whole target. Each has C(measured), the sum in the period; C(points), the number of days with data; and
          C(low) and C(high), what that means for a month. Null is unknown.
        - At the lower end the days without data had no events, at the upper end they were like the others.
      type: dict
      returned: always
    remainder:
      description: What no log group with a known volume wrote, in the form of RV(volume.total). Null is unknown.
      type: dict
      returned: always
    log_groups:
      description:
        - The log groups by C(chosen) (the rules choose them), C(excluded) (the rules leave them out) and C(impossible) (AWS allows them
          no filter). Each has the number of C(log_groups), the number with an C(unknown) volume, and C(bytes) and C(events) a month with
          C(low) and C(high), and the part of the log groups of Lambda C(functions). The upper end contains what the unknown log groups
          can have written at most, and is null if that is unknown.
      type: dict
      returned: always
    largest:
      description: The twenty log groups with the largest volume. They have the fields of a line of RV(volume.rows_file).
      type: list
      elements: dict
      returned: always
    rows_file:
      description: The file with a line for each log group. Null without O(rows_directory).
      type: str
      returned: always
    usage:
      description:
        - What the functions used, by C(reflector) and C(subscriber) (null for one that does not exist) and C(queue), the one in front of the
          subscriber. Null if it could not be read.
      type: dict
      returned: always
    facts:
      description: The facts of the options that the cost depends on.
      type: dict
      returned: always
    prices:
      description: The prices of the region and their date. Null without O(prices) and if they could not be read.
      type: dict
      returned: always
    notes:
      description: What could not be read.
      type: list
      elements: str
      returned: always
    reading:
      description: The number of calls to CloudWatch's metrics by operation, and of the metrics that AWS charges for GetMetricData.
      type: dict
      returned: always
  sample:
    account_id: "111111111111"
    region: eu-west-1
    read_at: 1796083200
    seconds: 3.2
    days: 13.5
    method: statistics
    total:
      bytes: {measured: 41000000000, points: 14, low: 89074074074.1, high: 92373456790.1}
      events: {measured: 96000000, points: 14, low: 208564814.8, high: 216289437.6}
    remainder:
      bytes: {measured: 140000, points: 14, low: 304000, high: 315000}
      events: {measured: 400, points: 14, low: 869, high: 901}
    log_groups:
      chosen:
        log_groups: 57
        unknown: 3
        bytes: {low: 88000000000, high: 92000000000}
        events: {low: 200000000, high: 216000000}
        functions:
          bytes: {low: 2000000000, high: 2100000000}
          events: {low: 7000000, high: 7200000}
    largest:
      - log_group: /ecs/web
        state: chosen
        reason: ""
        bytes: {measured: 30000000000, points: 14, low: 65000000000, high: 67000000000}
        events: {measured: 60000000, points: 14, low: 130000000, high: 134000000}
    rows_file: null
    usage: null
    facts: {mode: filters, memory_mb: 256}
    prices: null
    notes: []
    reading: {calls: {GetMetricData: 1, GetMetricStatistics: 120}, metrics: 2}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._options.volume import VolumeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.read import read_volume

SPEC = Spec(
    groups=(
        Group(VolumeOptions, variables="volume_", named={"rows_directory": ""}),
        Group(ModeOptions, variables="log_groups_"),
        Group(LogGroupOptions, variables="log_groups_"),
        Group(ReflectorOptions, "reflector_", "reflector_"),
        Group(SubscriberOptions, "subscriber_", "subscriber_"),
        Group(RoleVariables),
    ),
    work=read_volume,
    needs_sources=True,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
