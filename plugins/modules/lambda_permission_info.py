#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_permission_info
short_description: Read the resource policy of a Lambda function
version_added: 0.1.0
description:
  - Returns the statements of the resource policy of a function, a version or an alias, as options of
    M(logreflector.aws.lambda_permission) and as AWS stores them.
  - A function without a policy has no statements. A function, version or alias that does not exist is an error.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.lambda_permission_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Who may invoke the reflector
  logreflector.aws.lambda_permission_info:
    region: eu-west-1
    function_name: log-reflector
  register: permissions

- name: The same by ARN
  logreflector.aws.lambda_permission_info:
    region: eu-west-1
    function_name: "arn:{partition}:lambda:{region}:{account}:function:log-reflector"
"""

RETURN = r"""
statements:
  description:
    - The statements in AWS's order. Conditions that a statement does not have are left out.
    - A statement that C(AddPermission) cannot have created has only the keys C(statement_id) (null if it has none),
      C(expressible) and C(raw).
  type: list
  elements: dict
  returned: success
  contains:
    statement_id:
      description: The statement's id.
      type: str
      returned: always
    principal:
      description: Principal of the statement. A service, an account id, an ARN, or V(*).
      type: str
      returned: if expressible
    action:
      description: The action that the principal may do.
      type: str
      returned: if expressible
    source_arn:
      description: ARN pattern of the source.
      type: str
      returned: if the statement has it
    source_account:
      description: Account of the source.
      type: str
      returned: if the statement has it
    expressible:
      description: Whether M(logreflector.aws.lambda_permission) can manage the statement.
      type: bool
      returned: always
    raw:
      description: The statement as AWS stores it.
      type: dict
      returned: always
  sample:
    - statement_id: log-reflector-logs
      action: lambda:InvokeFunction
      principal: logs.amazonaws.com
      source_account: "123456789012"
      expressible: true
      raw:
        Sid: log-reflector-logs
        Effect: Allow
        Principal:
          Service: logs.amazonaws.com
        Action: lambda:InvokeFunction
        Resource: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
        Condition:
          StringEquals:
            AWS:SourceAccount: "123456789012"
policy_size:
  description: Bytes of the policy, 0 without one.
  type: int
  returned: success
  sample: 291
policy_size_limit:
  description: Bytes that AWS allows.
  type: int
  returned: success
  sample: 20480
revision_id:
  description: The policy's revision, null without a policy.
  type: str
  returned: success
  sample: 3f1c6a6e-6f2b-4f0c-9a7e-0c5b7a1f2d3e
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.permissions import FunctionOptions
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.permission import read_policy

SPEC = Spec(
    groups=(Group(FunctionOptions),),
    work=read_policy,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
