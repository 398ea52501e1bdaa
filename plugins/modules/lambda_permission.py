#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_permission
short_description: Manage statements in the resource policy of a Lambda function
version_added: 0.1.0
description:
  - Adds, replaces and removes statements in the resource policy of a function, a version or an alias, several in one task.
  - A statement is identified by its id and compared exactly with what AWS stores. Forms of a principal that mean the same are equal.
  - A statement is replaced without a moment in which none exists. The new content is first added under a derived id, which ends in
    C(-lr-twin) and is removed at the end. If a run is stopped in between, the next one completes the replacement.
  - Each write is guarded by the policy's revision. If another writer was faster, the policy is read again and the next write
    is decided again.
  - Statements with other ids are never changed, nor are statements that C(AddPermission) cannot have created, such as those with
    C(NotPrincipal) or with several principals.
  - The size of the policy is checked before anything is written. AWS allows 20,480 bytes.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  function_name:
    description:
      - Name, partial ARN or ARN of the function, with or without a qualifier.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
    required: true
  qualifier:
    description: A version or an alias. Each has a policy of its own, beside the one of the function itself.
    type: str
  state:
    description:
      - With V(present) each of O(statements) exists exactly as given.
      - V(absent) removes the statements with these ids. Only O(statements[].statement_id) counts then. If the function does not
        exist, nothing is changed.
    type: str
    choices: [present, absent]
    default: present
  statements:
    description:
      - The statements, each complete. A condition that is not given is not in the policy.
      - C({partition}), C({region}) and C({account}) in the values are replaced by those of the caller.
      - At least one statement or O(purge_prefix) is needed.
    type: list
    elements: dict
    default: []
    suboptions:
      statement_id:
        description: The statement's id, up to 100 letters, digits, hyphens and underscores.
        type: str
        required: true
      action:
        description: What the principal may do, such as V(lambda:InvokeFunction) or V(lambda:InvokeFunctionUrl).
        type: str
        default: lambda:InvokeFunction
      principal:
        description:
          - Who may do it. A service such as V(logs.amazonaws.com), an account id (in quotes), the ARN of an account's root, of a role or
            of a user, or V(*).
          - An account id and the ARN of its root mean the same.
          - Needed with O(state=present).
        type: str
      source_arn:
        description:
          - The resource that the service acts for. C(*) and C(?) match any part of it, so one statement can serve all log groups.
          - The ARN of a single log group must end in C(:*) if the principal is CloudWatch Logs.
        type: str
      source_account:
        description: The account that owns the resource, 12 digits in quotes.
        type: str
      principal_org_id:
        description: The organization that the principal must belong to.
        type: str
      event_source_token:
        description: The token that an Alexa skill must supply. It is part of the policy and not a secret.
        type: str
      function_url_auth_type:
        description: The authentication type of the function's URL. Only with the action V(lambda:InvokeFunctionUrl).
        type: str
        choices: [NONE, AWS_IAM]
      invoked_via_function_url:
        description:
          - Whether the function may be invoked through its URL only. Only with the action V(lambda:InvokeFunction).
          - V(false) means the same as no value.
        type: bool
  purge_prefix:
    description:
      - Statements whose ids begin with this and that are not in O(statements) are removed. With O(state=absent) all that begin with it.
      - Without it, only statements that O(state=absent) names are removed. An empty prefix is refused.
    type: str
  wait_timeout:
    description:
      - Seconds to retry transient errors, such as another writer on the same policy, throttling, or a role that was created a
        moment ago and that Lambda does not know yet.
      - A role or user that does not exist is therefore reported only after this time.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Let CloudWatch Logs of this account and region invoke the reflector, whatever the log group
  logreflector.aws.lambda_permission:
    region: eu-west-1
    function_name: log-reflector
    statements:
      - statement_id: log-reflector-logs
        principal: logs.amazonaws.com
        source_arn: "arn:{partition}:logs:{region}:{account}:log-group:*"
        source_account: "{account}"

- name: A statement for each log group, so that the console shows triggers; those of other groups are removed
  logreflector.aws.lambda_permission:
    region: eu-west-1
    function_name: log-reflector
    purge_prefix: log-reflector-group-
    statements:
      - statement_id: log-reflector-group-testing-the-subscriber
        principal: logs.amazonaws.com
        source_arn: "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/testing-the-subscriber:*"
        source_account: "{account}"

- name: Remove them all
  logreflector.aws.lambda_permission:
    region: eu-west-1
    function_name: log-reflector
    purge_prefix: log-reflector-
    state: absent
"""

RETURN = r"""
statements:
  description:
    - The statements with the ids of O(statements) or with O(purge_prefix) (in check mode, before the change).
    - Conditions that a statement does not have are left out. The principal of an account is its id.
  type: list
  elements: dict
  returned: success
  sample:
    - statement_id: log-reflector-logs
      action: lambda:InvokeFunction
      principal: logs.amazonaws.com
      source_arn: arn:aws:logs:eu-west-1:123456789012:log-group:*
      source_account: "123456789012"
policy_size:
  description: Bytes of the whole policy. AWS allows 20,480.
  type: int
  returned: success
  sample: 412
changes:
  description: The changes, in check mode the planned ones, a line for each.
  type: list
  elements: str
  returned: success
  sample: ["create lambda permission log-reflector-logs"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.permission import LambdaPermission
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.settings import permission_settings

STATEMENT = {
    "statement_id": {"type": "str", "required": True},
    "action": {"type": "str", "default": "lambda:InvokeFunction"},
    "principal": {"type": "str"},
    "source_arn": {"type": "str"},
    "source_account": {"type": "str"},
    "principal_org_id": {"type": "str"},
    # The policy has it in clear text and GetPolicy returns it: hiding it here would only hide what is compared.
    "event_source_token": {"type": "str", "no_log": False},
    "function_url_auth_type": {"type": "str", "choices": ["NONE", "AWS_IAM"]},
    "invoked_via_function_url": {"type": "bool"},
}

SPEC = Spec(
    options={
        "function_name": {"type": "str", "required": True},
        "qualifier": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "statements": {"type": "list", "elements": "dict", "default": [], "options": STATEMENT},
        "purge_prefix": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converging(lambda target, params: LambdaPermission(target, permission_settings(params))),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
