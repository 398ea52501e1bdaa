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
  - Adds, replaces and removes statements in the resource policy of a function, a version or an alias, several in one call.
  - A statement is identified by its id and compared exactly with what AWS stores. The forms of a principal that mean the same
    are taken for the same.
  - A statement that changes is replaced without a moment in which none stands. The new content is first added under a derived
    id, which ends in C(-lr-twin) and is removed at the end. A run that was stopped in between is completed by the next one.
  - Each write is guarded by the policy's revision. When another writer was faster, the policy is read again and the next write
    is decided anew.
  - Statements with other ids are never touched, nor are statements that C(AddPermission) cannot have made, such as those with
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

- name: A statement for each log group, so that the console shows triggers; those of former groups go
  logreflector.aws.lambda_permission:
    region: eu-west-1
    function_name: log-reflector
    purge_prefix: log-reflector-group-
    statements:
      - statement_id: log-reflector-group-testing-the-subscriber
        principal: logs.amazonaws.com
        source_arn: "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/testing-the-subscriber:*"
        source_account: "{account}"

- name: Take the statements of an older tool out, which fill the policy with one for each log group
  logreflector.aws.lambda_permission:
    region: eu-west-1
    function_name: log-reflector
    compact: true
    statements:
      - statement_id: log-reflector-logs
        principal: logs.amazonaws.com
        source_arn: "arn:{partition}:logs:{region}:{account}:log-group:*"
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
    - The statements with the ids of O(statements) or with O(purge_prefix), as they stand (in check mode, before the change).
    - Conditions that are not there are left out. The principal of an account is its id.
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
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create lambda permission log-reflector-logs"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.permissions import PermissionOptions
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_permission import (
    LambdaPermissionResource,
)

STATEMENT = {
    "statement_id": {"type": "str", "required": True},
    "action": {"type": "str", "default": "lambda:InvokeFunction"},
    "principal": {"type": "str"},
    "source_arn": {"type": "str"},
    "source_account": {"type": "str"},
    "principal_org_id": {"type": "str"},
    # Stored in clear in the policy, shown by GetPolicy: hiding it here would only hide what is compared.
    "event_source_token": {"type": "str", "no_log": False},
    "function_url_auth_type": {"type": "str", "choices": ["NONE", "AWS_IAM"]},
    "invoked_via_function_url": {"type": "bool"},
}

SPEC = Spec(
    groups=(Group(PermissionOptions),),
    work=converging(LambdaPermissionResource),
    services=("lambda", "sts"),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
