#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: dead_letter_queue
short_description: Manage an SQS queue, such as the one that undeliverable events go to
version_added: 0.1.0
description:
  - Creates, updates in place and deletes an SQS queue, with defaults that suit a dead-letter queue.
  - It also serves for the queue in front of a function. See O(redrive), O(visibility_timeout) and M(logreflector.aws.event_source_mapping).
  - A queue that still holds messages is not deleted unless O(discard_messages=true) or O(force=true).
  - An attribute whose option is not given is left as it stands.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  name:
    description:
      - Name of the queue. One that ends in C(.fifo) makes a FIFO queue, any other a standard queue.
      - EventBridge and Lambda put what they could not deliver into standard queues only.
    type: str
    required: true
  state:
    description: Whether the queue is to exist.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - With O(state=absent), delete the queue although it still holds messages, or although it lacks the tag C(managed-by=logreflector.aws).
      - A queue that holds messages and lacks the tag is not deleted in any case.
    type: bool
    default: false
  discard_messages:
    description: With O(state=absent), delete the queue although it still holds messages. One that lacks the tag is refused all the same.
    type: bool
    default: false
  message_retention_period:
    description: Seconds that the queue keeps a message, 60 to 1209600. A new queue gets 1209600 (14 days, the longest) unless this is given.
    type: int
  visibility_timeout:
    description:
      - Seconds for which a message that was received is hidden from others, 0 to 43200. SQS gives a new queue 30.
      - Of a queue that a function reads it must be at least the function's timeout, and AWS advises six times that.
    type: int
  content_based_deduplication:
    description:
      - Whether a message like one of the last five minutes is dropped, where its sender gives it no deduplication id. FIFO queues only.
      - EventBridge sends to FIFO queues that have this.
    type: bool
  redrive:
    description:
      - Where a message goes that was received so many times without being deleted. V({}) removes it.
      - The dead-letter queue has to exist, in the same account and region, and to be a FIFO queue if this one is and a standard queue if not.
    type: dict
    suboptions:
      dead_letter_queue:
        description: Name or ARN of the queue.
        type: str
      max_receive_count:
        description: How many times a message is received before it goes there, 1 to 1000.
        type: int
  kms_master_key_id:
    description:
      - Id, ARN or alias of the KMS key that encrypts the messages. It is compared as text with what SQS stores. V("") switches this off.
      - EventBridge and other services can only write to such a queue if the key's policy lets them, which that of C(alias/aws/sqs) does not.
    type: str
  sqs_managed_sse:
    description: Whether messages are encrypted with keys that SQS manages. So it is for a new queue unless this or O(kms_master_key_id) says otherwise.
    type: bool
  policy:
    description:
      - The queue's policy, as a dictionary. V({}) removes it.
      - It governs all statements but the one of O(allow_event_rules).
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: dict
  allow_event_rules:
    description:
      - EventBridge rules whose undeliverable events may be put into the queue, each an ARN, or the name of a rule in the
        same account and region (C(bus/name) for another bus than the default one).
      - The queue's policy gets one statement for them, with the id C(LogReflectorEventRules). V([]) removes it.
      - Other statements are left alone.
    type: list
    elements: str
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself, such as throttling.
      - For a minute after a queue was deleted SQS refuses to create one of the same name.
    type: int
    default: 90
notes:
  - SQS counts messages approximately, and what was sent in the last minute may be missing. Stop what sends to a queue before it is deleted.
  - SQS may take a minute until it shows changed attributes. A run that follows at once may find a change again.
seealso:
  - module: logreflector.aws.event_rule
  - module: logreflector.aws.event_source_mapping
"""

EXAMPLES = r"""
- name: A queue for events that a rule could not deliver
  logreflector.aws.dead_letter_queue:
    region: eu-west-1
    name: example-failed-events
    allow_event_rules: [example-new-log-groups]
    tags:
      team: platform

- name: Encrypted by SQS, readable by a role of the same account
  logreflector.aws.dead_letter_queue:
    region: eu-west-1
    name: example-failed-events
    sqs_managed_sse: true
    visibility_timeout: 300
    policy:
      Version: "2012-10-17"
      Statement:
        - Sid: Readers
          Effect: Allow
          Principal: {AWS: "arn:{partition}:iam::{account}:role/log-reflector"}
          Action: [sqs:ReceiveMessage, sqs:DeleteMessage]
          Resource: "arn:{partition}:sqs:{region}:{account}:example-failed-events"

- name: The queue for what a function gave up
  logreflector.aws.dead_letter_queue:
    region: eu-west-1
    name: example-given-up.fifo

- name: A queue in front of that function, which gets one batch after the other
  logreflector.aws.dead_letter_queue:
    region: eu-west-1
    name: example-work.fifo
    content_based_deduplication: true
    visibility_timeout: 5400
    redrive:
      dead_letter_queue: example-given-up.fifo
      max_receive_count: 4

- name: Remove it again, if it is empty
  logreflector.aws.dead_letter_queue:
    region: eu-west-1
    name: example-failed-events
    state: absent
"""

RETURN = r"""
queue:
  description: The queue as it stands (in check mode, before the change), null if it does not exist.
  type: dict
  returned: success
  contains:
    name:
      description: The queue's name.
      type: str
      returned: always
    url:
      description: The address that SQS's calls take.
      type: str
      returned: always
    arn:
      description: The queue's ARN.
      type: str
      returned: always
    messages:
      description: How many messages it holds, approximately, with those in flight and delayed.
      type: int
      returned: always
  sample:
    name: example-failed-events
    url: https://sqs.eu-west-1.amazonaws.com/123456789012/example-failed-events
    arn: arn:aws:sqs:eu-west-1:123456789012:example-failed-events
    messages: 0
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create queue example-failed-events"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.dead_letter_queue import (
    DeadLetterQueueResource,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "discard_messages": {"type": "bool", "default": False},
        "message_retention_period": {"type": "int"},
        "visibility_timeout": {"type": "int"},
        "content_based_deduplication": {"type": "bool"},
        "redrive": {
            "type": "dict",
            "options": {"dead_letter_queue": {"type": "str"}, "max_receive_count": {"type": "int"}},
        },
        "kms_master_key_id": {"type": "str"},
        "sqs_managed_sse": {"type": "bool"},
        "policy": {"type": "dict"},
        "allow_event_rules": {"type": "list", "elements": "str"},
        "wait_timeout": {"type": "int", "default": 90},
    },
    work=converging(DeadLetterQueueResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
