#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: event_source_mapping
short_description: Let a Lambda function work off a queue or a stream
version_added: 0.1.0
description:
  - Creates, updates in place and deletes the event source mapping by which Lambda reads an SQS queue, or a Kinesis or DynamoDB stream, for a function.
  - A mapping is found by its function and its event source.
  - The module waits until a change has been carried out, and before it makes one until another that is under way has been.
  - An attribute whose option is not given is left as it stands.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  function_name:
    description: Name of the function, in the same account and region, or C(NAME:ALIAS).
    type: str
    required: true
  event_source:
    description:
      - Name of an SQS queue in the same account and region, or the ARN of a queue or a stream.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
    required: true
  state:
    description:
      - Whether the mapping is to exist.
      - The mappings of a function stay when the function is deleted. They are found and deleted all the same.
    type: str
    choices: [present, absent]
    default: present
  enabled:
    description: Whether Lambda reads the event source. It does for a new mapping, unless this is V(false).
    type: bool
  batch_size:
    description:
      - How many records an invocation gets at the most, 1 to 10000, of a FIFO queue up to 10.
      - Lambda gives a new mapping 10 of a queue and 100 of a stream. More than 10 of a queue need a O(maximum_batching_window).
    type: int
  maximum_batching_window:
    description: Seconds for which Lambda gathers records before it invokes the function, 0 to 300. FIFO queues have none.
    type: int
  report_batch_item_failures:
    description:
      - Whether the function answers with the records of a batch that failed, so that only these are tried again.
      - A function that does not answer so has to raise an error for the whole batch.
    type: bool
  maximum_concurrency:
    description: How many invocations of the function a queue can have at the same time, 2 to 1000. V(0) removes the limit.
    type: int
  starting_position:
    description: Where in a stream to begin. Streams need it, and queues have none. It is looked at when the mapping is created, and never changed.
    type: str
    choices: [TRIM_HORIZON, LATEST]
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself. That is the mapping's change, another one under way, throttling, and a role that was just made.
      - For the role, its permissions and the queue it is a minute at the most.
    type: int
    default: 120
notes:
  - The function's role must be allowed to read the event source. Of a queue that is C(sqs:ReceiveMessage), C(sqs:DeleteMessage)
    and C(sqs:GetQueueAttributes).
  - Lambda refuses a queue whose visibility timeout is shorter than the function's timeout.
seealso:
  - module: logreflector.aws.dead_letter_queue
  - module: logreflector.aws.lambda_function
"""

EXAMPLES = r"""
- name: Let a function work off a queue, and try only those messages again that failed
  logreflector.aws.event_source_mapping:
    region: eu-west-1
    function_name: log-reflector-subscriber
    event_source: log-reflector-subscriber.fifo
    batch_size: 10
    report_batch_item_failures: true

- name: Pause, for instance while the function is being repaired
  logreflector.aws.event_source_mapping:
    region: eu-west-1
    function_name: log-reflector-subscriber
    event_source: log-reflector-subscriber.fifo
    enabled: false

- name: Remove it again, whatever becomes of the queue and the function
  logreflector.aws.event_source_mapping:
    region: eu-west-1
    function_name: log-reflector-subscriber
    event_source: log-reflector-subscriber.fifo
    state: absent
"""

RETURN = r"""
mapping:
  description: The mapping as it stands (in check mode, before the change), null if it does not exist.
  type: dict
  returned: success
  contains:
    uuid:
      description: Lambda's id of the mapping.
      type: str
      returned: always
    arn:
      description: The mapping's ARN.
      type: str
      returned: always
    function_name:
      description: The function's name, with an alias if it is one's.
      type: str
      returned: always
    event_source_arn:
      description: ARN of the queue or stream.
      type: str
      returned: always
    state:
      description: The state as Lambda names it.
      type: str
      returned: always
    last_processing_result:
      description: How the last invocation went, in Lambda's words. Empty if there was none.
      type: str
      returned: always
    enabled:
      description: Whether Lambda reads the event source.
      type: bool
      returned: always
    batch_size:
      description: How many records an invocation gets at the most.
      type: int
      returned: always
    maximum_batching_window:
      description: Seconds for which records are gathered, null if Lambda tells none.
      type: int
      returned: always
    report_batch_item_failures:
      description: Whether the function answers with the records that failed.
      type: bool
      returned: always
    maximum_concurrency:
      description: How many invocations there can be at the same time, 0 if the mapping has no limit of its own.
      type: int
      returned: always
  sample:
    uuid: 6b5f2c1e-0000-4000-8000-000000000000
    arn: arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:6b5f2c1e-0000-4000-8000-000000000000
    function_name: log-reflector-subscriber
    event_source_arn: arn:aws:sqs:eu-west-1:123456789012:log-reflector-subscriber.fifo
    state: Enabled
    last_processing_result: No records processed
    enabled: true
    batch_size: 10
    maximum_batching_window: 0
    report_batch_item_failures: true
    maximum_concurrency: 0
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create event source mapping log-reflector-subscriber of log-reflector-subscriber.fifo"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_source_mapping import (
    EventSourceMappingResource,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

SPEC = Spec(
    options={
        **OPTIONS,
        "function_name": {"type": "str", "required": True},
        "event_source": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "enabled": {"type": "bool"},
        "batch_size": {"type": "int"},
        "maximum_batching_window": {"type": "int"},
        "report_batch_item_failures": {"type": "bool"},
        "maximum_concurrency": {"type": "int"},
        "starting_position": {"type": "str", "choices": ["TRIM_HORIZON", "LATEST"]},
        "wait_timeout": {"type": "int", "default": 120},
    },
    work=converging(EventSourceMappingResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
