#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: dead_letter_info
short_description: Count the reflector's dead letters, and read why some of them are there
version_added: 0.1.0
description:
  - Counts the messages of the dead-letter queue, and reads up to ten of them for their age and their reasons.
  - The messages stay in the queue, and others can receive them meanwhile. Nothing of their log events is in the result.
  - A queue that does not exist is no error.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.dead_letter_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
notes:
  - SQS counts messages approximately, and a count may be a minute old.
  - The caller needs C(sqs:GetQueueUrl) and C(sqs:GetQueueAttributes); and C(sqs:ReceiveMessage) for age and reasons, without which C(note)
    says why they are missing.
seealso:
  - module: logreflector.aws.dead_letter_replay
"""

EXAMPLES = r"""
- name: Count the dead letters
  logreflector.aws.dead_letter_info:
    region: eu-west-1
  register: waiting

- name: Show why they are there
  ansible.builtin.debug:
    msg: "{{ waiting.dead_letters.summary }}"
"""

RETURN = r"""
dead_letters:
  description: The queue and what waits in it.
  type: dict
  returned: success
  contains:
    queue:
      description: Name of the queue.
      type: str
      returned: always
    exists:
      description: Whether there is such a queue.
      type: bool
      returned: always
    messages:
      description: Messages in the queue, approximately, with those in flight and delayed.
      type: int
      returned: always
    oldest_seconds:
      description: Age of the oldest message that was read. Null if none was read.
      type: int
      returned: always
    sampled:
      description: Messages that were read.
      type: int
      returned: always
    reasons:
      description: The reasons of the messages that were read, with the number of messages, the most frequent first.
      type: list
      elements: dict
      returned: always
      contains:
        reason:
          description: The reason.
          type: str
          returned: always
        messages:
          description: Number of messages.
          type: int
          returned: always
    note:
      description: Why no message was read. Empty if some were, or if there is none.
      type: str
      returned: always
    summary:
      description: All of this in one line. Empty if no message waits.
      type: str
      returned: always
  sample:
    queue: log-reflector-dead-letters
    exists: true
    messages: 4
    oldest_seconds: 744
    sampled: 4
    reasons: [{reason: "sumologic: the sink answered 503", messages: 4}]
    note: ""
    summary: "4 dead letters wait; the oldest of 4 read is 12 minutes old; 4 of them: sumologic: the sink answered 503"
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.replay import DeadLetterQueue
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._resources.dead_letters import read_dead_letters

NAMED = {"function_name": "reflector_function_name", "queue": "reflector_queue_name"}

SPEC = Spec(
    groups=(Group(DeadLetterQueue, variables="", named=NAMED), Group(RoleVariables)),
    work=read_dead_letters,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
