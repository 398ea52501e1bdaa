#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: event_message
short_description: Delete the message of an event, or hide it until the next attempt
version_added: 0.1.0
description:
  - For playbooks that an event starts. The playbook deletes the message only after its work succeeded. Otherwise the message is hidden for
    some time and then received again, and SQS moves it to the dead-letter queue after as many receipts as the redrive policy allows.
  - Reads no content.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.event_message
  - logreflector.aws.attributes.group
attributes:
  check_mode:
    description: Can run in C(check_mode) and report the changes without making them.
    support: full
    details:
      - SQS cannot say whether a message still exists, so a change is always announced.
  diff_mode:
    description: Reports what it changes (or would change) in diff mode.
    support: N/A
    details:
      - A message is deleted or hidden, and nothing of it is read.
  idempotent:
    description: A second run with the same options changes nothing and makes no writing call.
    support: none
    details:
      - SQS cannot say whether a message still exists. To delete it again is no error.
notes:
  - A message can be hidden for at most 12 hours after its receipt.
  - The caller needs C(sqs:DeleteMessage) and C(sqs:ChangeMessageVisibility).
"""

EXAMPLES = r"""
- name: Try again in five minutes
  logreflector.aws.event_message:
    region: eu-west-1
    queue_url: "{{ ansible_eda.event.queue_url }}"
    receipt_handle: "{{ ansible_eda.event.receipt_handle }}"
    state: present
    hidden_seconds: 300

- name: Delete the message of the event that started the playbook
  logreflector.aws.event_message:
    region: eu-west-1
    queue_url: "{{ ansible_eda.event.queue_url }}"
    receipt_handle: "{{ ansible_eda.event.receipt_handle }}"
    state: absent
"""

RETURN = r"""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample: ["delete a message of queue log-reflector-accounts"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.event_message import EventMessageOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_message import settle_message

SPEC = Spec(groups=(Group(EventMessageOptions),), work=settle_message)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
