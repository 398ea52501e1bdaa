#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: dead_letter_replay
short_description: Send the reflector's dead letters again
version_added: 0.1.0
description:
  - Receives the messages of the queue, hands them to the reflector's function as SQS events, several at once (O(parallel)), and deletes
    each message only after the function has confirmed that it accepted it.
  - A message that is not accepted stays in the queue as it is. It is hidden until the run ends, so that no run sends it twice,
    and visible to everybody at once after that, also when the run is interrupted.
  - A message of which the function accepted a part is accepted. The function puts the rest into the queue as a new message.
  - A failed or throttled invocation deletes nothing. Throttling is waited out, within O(wait_timeout).
  - The task fails with the reasons if any message failed again, after all others were sent.
  - Accepted messages may be sent twice if a run is killed, or if Lambda gives no answer, between the function's work and the deletion.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.dead_letter_replay
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and report the changes without making them.
    support: full
    details:
      - It only counts the messages, and reads whether the function exists. It receives none, because that would hide them.
      - It announces what is visible now, and that all of it is accepted.
  diff_mode:
    description: Reports what it changes (or would change) in diff mode.
    support: full
    details:
      - The number of messages before and after.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: partial
    details:
      - A run over an empty queue changes nothing. Otherwise each run sends the messages again.
notes:
  - SQS counts messages approximately, and a count may be a minute old. C(sent), C(accepted) and C(failed) are exact.
  - To see a message again does not lengthen the time for which the queue keeps it.
  - The caller needs C(sqs:GetQueueUrl), C(sqs:GetQueueAttributes), C(sqs:ReceiveMessage), C(sqs:DeleteMessage),
    C(sqs:ChangeMessageVisibility), C(lambda:GetFunctionConfiguration) and C(lambda:InvokeFunction); and C(kms:Decrypt) for
    the key of a queue that a customer managed key encrypts.
"""

EXAMPLES = r"""
- name: Send everything again
  logreflector.aws.dead_letter_replay:
    region: eu-west-1

- name: Try with a hundred messages, five a second
  logreflector.aws.dead_letter_replay:
    region: eu-west-1
    function_name: log-reflector
    queue: log-reflector-dead-letters
    limit: 100
    rate: 5
"""

RETURN = r"""
counts:
  description: Numbers of messages, in check mode as if everything were accepted.
  type: dict
  returned: success, and where not everything was accepted
  contains:
    before:
      description: In the queue at the beginning, approximately, with those in flight and delayed.
      type: int
      returned: always
    sent:
      description: Handed to the function, each once.
      type: int
      returned: always
    accepted:
      description: Accepted by the function.
      type: int
      returned: always
    failed:
      description: Not accepted. They are in the queue as they were.
      type: int
      returned: always
    not_deleted:
      description: Accepted, but SQS did not delete them. The next run sends them again.
      type: int
      returned: always
    after:
      description: In the queue at the end, approximately; null if SQS does not say.
      type: int
      returned: always
  sample: {before: 40, sent: 40, accepted: 38, failed: 2, not_deleted: 0, after: 2}
reasons:
  description: Why messages failed again, the most frequent reason first, with up to 20 of their ids.
  type: list
  elements: dict
  returned: success, and where not everything was accepted
  contains:
    reason:
      description: The reason.
      type: str
      returned: always
    messages:
      description: Number of messages.
      type: int
      returned: always
    message_ids:
      description: Ids of some of them.
      type: list
      elements: str
      returned: always
  sample:
    - reason: the sink answered 503
      messages: 2
      message_ids: [0a3c7d4e-6f0b-4a51-9d6e-3f2a8c1b7e90, 5b8e2f61-1c9d-4e37-8a40-7d6f9b2c3e15]
stopped:
  description: Why the run ended before the queue was empty and O(limit) was reached. Empty if it did not.
  type: str
  returned: success, and where not everything was accepted
  sample: nothing of 3 batches in a row was accepted
events:
  description: The log events in the messages that were sent, as the function counts them (the sums of its accounting line).
  type: dict
  returned: success, and where not everything was accepted
  sample: {DeliveredEvents: 12034, ReceivedEvents: 12034}
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success, and where not everything was accepted
  sample: ["send 38 messages of queue log-reflector-dead-letters again"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.replay import ReplayOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.replay import (
    replay_dead_letters,
)

NAMED = {"function_name": "reflector_function_name", "queue": "reflector_queue_name", "wait_timeout": ""}

SPEC = Spec(
    groups=(Group(ReplayOptions, variables="replay_", named=NAMED), Group(RoleVariables)),
    work=replay_dead_letters,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
