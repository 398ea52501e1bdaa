#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: execution_role
short_description: Manage an IAM role that a Lambda function runs as
version_added: 0.1.0
description:
  - Creates, updates in place and deletes an IAM role with its trust policy, inline policies, managed policies, permissions boundary and tags.
  - Policies are compared by what they say. A list of one, the order of actions and principals and the forms into which AWS
    brings a document make no difference.
  - IAM is global. Several hosts (regions of one account) may manage one role at the same time. What another one did
    meanwhile is read again and not done twice.
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
    description: Name of the role. IAM wants it unique in the account, whatever the path.
    type: str
    required: true
  state:
    description:
      - Whether the role is to exist.
      - With V(absent) its policies are detached and deleted first. The permissions boundary goes with the role.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The role's path. A new role gets V(/) unless this is given.
      - IAM cannot change it. Another path than the existing role's is an error.
    type: str
  description:
    description: The role's description. V("") removes it.
    type: str
  assume_role_policy:
    description:
      - The trust policy, as a dictionary. A new role lets C(lambda.amazonaws.com) assume it unless this is given.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: dict
  inline_policies:
    description:
      - Inline policies by name, each a policy document as a dictionary.
      - C({partition}), C({region}) and C({account}) in them are replaced by those of the caller. Mind that a role is the
        same one in all regions of its account.
      - Inline policies that are not named here are left alone, see O(purge_inline_policies).
      - IAM allows 10,240 characters for all of them together, white space not counted. That is checked before anything is written.
    type: dict
  purge_inline_policies:
    description: Whether inline policies that O(inline_policies) does not name are deleted. Only looked at when O(inline_policies) is given.
    type: bool
    default: false
  keep_previous:
    description:
      - Whether an inline policy whose document changes stays beside the new one, under its name with C(-previous) at the end.
      - So a function keeps the rights of the release before for the moment between the two, and when it is rolled back to that release.
      - Only the last earlier document is kept. O(purge_inline_policies) leaves it alone as long as O(inline_policies) names
        the policy that it is the earlier form of.
    type: bool
    default: false
  managed_policies:
    description:
      - Managed policies to attach, by ARN or by name (without its path). An ARN costs fewer calls.
      - A name is looked for among the policies that are attached, then the account's own, then AWS's.
      - C({partition}), C({region}) and C({account}) in them are replaced by those of the caller.
    type: list
    elements: str
  purge_managed_policies:
    description: Whether policies that O(managed_policies) does not name are detached. Only looked at when O(managed_policies) is given.
    type: bool
    default: false
  permissions_boundary:
    description: ARN of the managed policy that bounds the role. V("") removes the boundary.
    type: str
  max_session_duration:
    description: Longest session in seconds, 3600 to 43200. A new role gets 3600 unless this is given.
    type: int
  wait_timeout:
    description: Seconds to wait for what passes by itself, such as another writer on the same role or throttling.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: A role for a function that writes its log and puts what fails into a queue
  logreflector.aws.execution_role:
    region: eu-west-1
    name: example-reflector
    description: What the log reflector may do
    inline_policies:
      log-and-queue:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: [logs:CreateLogStream, logs:PutLogEvents]
            Resource: "arn:{partition}:logs:*:{account}:log-group:/aws/lambda/example-reflector:*"
          - Effect: Allow
            Action: sqs:SendMessage
            Resource: "arn:{partition}:sqs:*:{account}:example-failed-events"
    tags:
      team: platform

- name: A managed policy as well
  logreflector.aws.execution_role:
    region: eu-west-1
    name: example-reflector
    managed_policies:
      - "arn:{partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"

- name: Remove it again, with its policies
  logreflector.aws.execution_role:
    region: eu-west-1
    name: example-reflector
    state: absent
"""

RETURN = r"""
role:
  description: The role as it stands (in check mode, before the change), null if it does not exist.
  type: dict
  returned: success
  contains:
    name:
      description: The role's name.
      type: str
      returned: always
    arn:
      description: The role's ARN.
      type: str
      returned: always
    path:
      description: The role's path.
      type: str
      returned: always
    description:
      description: The role's description, empty if it has none.
      type: str
      returned: always
    assume_role_policy:
      description: The trust policy.
      type: dict
      returned: always
    max_session_duration:
      description: Longest session in seconds.
      type: int
      returned: always
    permissions_boundary:
      description: ARN of the permissions boundary, empty if there is none.
      type: str
      returned: always
    tags:
      description: The role's tags.
      type: dict
      returned: always
    inline_policies:
      description: Inline policies by name, those that were read.
      type: dict
      returned: when O(inline_policies) is given
    managed_policies:
      description: ARNs of all attached policies.
      type: list
      elements: str
      returned: when O(managed_policies) is given
  sample:
    name: example-reflector
    arn: arn:aws:iam::123456789012:role/example-reflector
    path: /
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create IAM role example-reflector", "create inline policy log-and-queue of IAM role example-reflector"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.execution_role import ExecutionRoleResource
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "path": {"type": "str"},
        "description": {"type": "str"},
        "assume_role_policy": {"type": "dict"},
        "inline_policies": {"type": "dict"},
        "purge_inline_policies": {"type": "bool", "default": False},
        "keep_previous": {"type": "bool", "default": False},
        "managed_policies": {"type": "list", "elements": "str"},
        "purge_managed_policies": {"type": "bool", "default": False},
        "permissions_boundary": {"type": "str"},
        "max_session_duration": {"type": "int"},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converging(ExecutionRoleResource),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
