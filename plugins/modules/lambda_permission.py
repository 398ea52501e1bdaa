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
    C(-lr-temporary) and is removed at the end. If a run is stopped in between, the next one completes the replacement.
  - Each write is guarded by the policy's revision. If another writer was faster, the policy is read again and the next write
    is decided again.
  - Statements with other ids are never changed, nor are statements that C(AddPermission) cannot have created, such as those with
    C(NotPrincipal) or with several principals.
  - The size of the policy is checked before anything is written. AWS allows 20,480 bytes.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.lambda_permission
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
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
  contains:
    statement_id:
      description: The statement's id.
      type: str
      returned: always
    action:
      description: The action that the principal may do.
      type: str
      returned: always
    principal:
      description: A service, an account id, an ARN, or V(*).
      type: str
      returned: always
    source_arn:
      description: ARN pattern of the source.
      type: str
      returned: if the statement has it
    source_account:
      description: Account of the source.
      type: str
      returned: if the statement has it
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

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.permissions import PermissionOptions
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
    groups=(Group(PermissionOptions),),
    work=converging(lambda target, params: LambdaPermission(target, permission_settings(params))),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
