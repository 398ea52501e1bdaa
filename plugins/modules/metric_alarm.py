#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: metric_alarm
short_description: Manage a CloudWatch alarm on a metric, or on an expression over several
version_added: 0.1.0
description:
  - Creates, updates in place and deletes a CloudWatch metric alarm.
  - An attribute whose option is not given is left as it stands, also those that the module has no option for.
  - A new alarm needs O(metrics), O(threshold), O(comparison_operator) and O(evaluation_periods).
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  name:
    description: Name of the alarm.
    type: str
    required: true
  state:
    description: Whether the alarm is to exist.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: The alarm's description. V("") removes it.
    type: str
  metrics:
    description:
      - What the alarm watches. That is one metric, or up to ten of which O(expression) makes one value.
      - With O(expression) it replaces all that the alarm watched before.
      - C({partition}), C({region}) and C({account}) in their strings are replaced by those of the caller.
    type: list
    elements: dict
    suboptions:
      id:
        description: The name that O(expression) has for the metric. It begins with a lower-case letter. Without O(expression) it is of no matter.
        type: str
      namespace:
        description: Namespace of the metric, such as V(AWS/SQS).
        type: str
        required: true
      metric_name:
        description: Name of the metric.
        type: str
        required: true
      dimensions:
        description: Values of the metric's dimensions, by their names.
        type: dict
      statistic:
        description: V(Sum), V(Average), V(Minimum), V(Maximum), V(SampleCount), or a percentile such as V(p99).
        type: str
        required: true
      period:
        description: Seconds that a data point stands for. Either 10, 20, 30 or a multiple of 60.
        type: int
        default: 60
  expression:
    description:
      - Metric math that makes one value of O(metrics).
      - A sum such as V(SUM([a, b]\)) is that of the metrics that have data, while V(a + b) has no value where one of them has none.
    type: str
  comparison_operator:
    description: How the value is compared with O(threshold).
    type: str
    choices:
      - GreaterThanThreshold
      - GreaterThanOrEqualToThreshold
      - LessThanThreshold
      - LessThanOrEqualToThreshold
  threshold:
    description: What the value is compared with.
    type: float
  evaluation_periods:
    description: How many of the last periods are looked at.
    type: int
  datapoints_to_alarm:
    description: How many of them must breach the threshold. CloudWatch wants all of them unless this is given.
    type: int
  treat_missing_data:
    description: What a period without data is taken for. CloudWatch gives a new alarm V(missing).
    type: str
    choices: [missing, notBreaching, breaching, ignore]
  actions_enabled:
    description: Whether the alarm acts. A new alarm does, unless this is V(false).
    type: bool
  alarm_actions:
    description:
      - ARNs of what is done when the alarm goes off, such as SNS topics that get a message, five at the most. V([]) removes them.
      - C({partition}), C({region}) and C({account}) in them are replaced by those of the caller, here and in the other two lists.
    type: list
    elements: str
  ok_actions:
    description: The same for when the alarm ends.
    type: list
    elements: str
  insufficient_data_actions:
    description: The same for when there is not enough data.
    type: list
    elements: str
  wait_timeout:
    description: Seconds to wait for what passes by itself, such as throttling.
    type: int
    default: 60
notes:
  - CloudWatch overwrites an alarm that somebody else creates under the same name at the same moment.
seealso:
  - module: logreflector.aws.dead_letter_queue
"""

EXAMPLES = r"""
- name: Tell of messages in a queue where none should be
  logreflector.aws.metric_alarm:
    region: eu-west-1
    name: example-failed-events
    metrics:
      - namespace: AWS/SQS
        metric_name: ApproximateNumberOfMessagesVisible
        dimensions: {QueueName: example-failed-events}
        statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 0
    evaluation_periods: 1
    treat_missing_data: notBreaching
    alarm_actions: ["arn:{partition}:sns:{region}:{account}:example-on-call"]

- name: Tell of messages in any of two queues
  logreflector.aws.metric_alarm:
    region: eu-west-1
    name: example-failed-work
    metrics:
      - id: events
        namespace: AWS/SQS
        metric_name: ApproximateNumberOfMessagesVisible
        dimensions: {QueueName: example-failed-events}
        statistic: Maximum
      - id: work
        namespace: AWS/SQS
        metric_name: ApproximateNumberOfMessagesVisible
        dimensions: {QueueName: example-given-up.fifo}
        statistic: Maximum
    expression: SUM([events, work])
    comparison_operator: GreaterThanThreshold
    threshold: 0
    evaluation_periods: 1
    treat_missing_data: notBreaching

- name: Silence it, and leave everything else as it is
  logreflector.aws.metric_alarm:
    region: eu-west-1
    name: example-failed-events
    actions_enabled: false

- name: Remove it again
  logreflector.aws.metric_alarm:
    region: eu-west-1
    name: example-failed-events
    state: absent
"""

RETURN = r"""
alarm:
  description:
    - The alarm as it stands (in check mode, before the change), null if it does not exist.
    - Beside what is listed here it has the options, with their values.
  type: dict
  returned: success
  contains:
    name:
      description: The alarm's name.
      type: str
      returned: always
    arn:
      description: The alarm's ARN.
      type: str
      returned: always
    state:
      description: V(OK), V(ALARM) or V(INSUFFICIENT_DATA).
      type: str
      returned: always
  sample:
    name: example-failed-events
    arn: arn:aws:cloudwatch:eu-west-1:123456789012:alarm:example-failed-events
    state: OK
    threshold: 0.0
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create alarm example-failed-events"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.metric_alarm import MetricAlarmResource
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

METRIC = {
    "id": {"type": "str"},
    "namespace": {"type": "str", "required": True},
    "metric_name": {"type": "str", "required": True},
    "dimensions": {"type": "dict"},
    "statistic": {"type": "str", "required": True},
    "period": {"type": "int", "default": 60},
}

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "description": {"type": "str"},
        "metrics": {"type": "list", "elements": "dict", "options": METRIC},
        "expression": {"type": "str"},
        "comparison_operator": {
            "type": "str",
            "choices": [
                "GreaterThanThreshold",
                "GreaterThanOrEqualToThreshold",
                "LessThanThreshold",
                "LessThanOrEqualToThreshold",
            ],
        },
        "threshold": {"type": "float"},
        "evaluation_periods": {"type": "int"},
        "datapoints_to_alarm": {"type": "int"},
        "treat_missing_data": {"type": "str", "choices": ["missing", "notBreaching", "breaching", "ignore"]},
        "actions_enabled": {"type": "bool"},
        "alarm_actions": {"type": "list", "elements": "str"},
        "ok_actions": {"type": "list", "elements": "str"},
        "insufficient_data_actions": {"type": "list", "elements": "str"},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converging(MetricAlarmResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
