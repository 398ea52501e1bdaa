#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: ssm_parameter
short_description: Manage a parameter of Systems Manager's Parameter Store
version_added: 0.1.0
description:
  - Creates, updates in place and deletes one parameter, for a configuration that is longer than a Lambda function's environment.
  - Its value is treated as a secret. Results and diffs tell its size and the first eight digits of its SHA-256, and nothing else of it.
  - What an option that is not given is about is left as it stands.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  name:
    description: Name of the parameter, such as V(/log-reflector/rules).
    type: str
    required: true
  state:
    description: Whether the parameter is to exist.
    type: str
    choices: [present, absent]
    default: present
  value:
    description:
      - The value, 1 to 8192 bytes of UTF-8. Required with O(state=present).
      - Text like C({{name}}) in it is refused, as Parameter Store does.
      - Give JSON with the filter C(to_json) in the task itself. Before ansible-core 2.19 a variable with JSON text becomes a dictionary.
    type: str
  type:
    description:
      - Whether the value is encrypted (V(SecureString)) or not (V(String)).
      - Parameter Store does not change the type of a parameter, so the module refuses to.
    type: str
    choices: [String, SecureString]
    default: SecureString
  kms_key_id:
    description:
      - Id, ARN or alias of the KMS key that encrypts a V(SecureString). It is compared as text with what Systems Manager stores.
      - A new parameter gets V(alias/aws/ssm) unless this is given, which whoever may read the parameter may decrypt with.
      - With a key of your own the caller needs C(kms:Encrypt), C(kms:GenerateDataKey) and C(kms:Decrypt) too.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
  description:
    description: What the parameter is for, at most 1024 characters. It is not encrypted.
    type: str
  tier:
    description:
      - The tier of the parameter. V(Standard) takes a value of up to 4096 bytes. V(Advanced) takes 8192, and AWS charges for it.
      - Without this option a new parameter is V(Standard), and an existing one stays in its tier.
        If the value is longer than 4096 bytes, it is V(Advanced) in both cases.
      - With V(Intelligent-Tiering), Systems Manager chooses one of the two.
      - There is no way back from V(Advanced) to V(Standard), so the module refuses it.
    type: str
    choices: [Standard, Advanced, Intelligent-Tiering]
  wait_timeout:
    description:
      - Seconds to wait for what passes by itself, such as throttling, or somebody else's update.
      - AWS asks to wait 30 seconds before a parameter that was deleted is created again.
    type: int
    default: 60
notes:
  - The permission C(ssm:DescribeParameters) cannot be limited to a parameter. It shows no values.
  - Parameter Store keeps up to 100 earlier versions of a parameter. Who may read it may read them too.
  - Ansible hides the value wherever it occurs in a result, so that a value of a few characters hides other things as well.
seealso:
  - module: logreflector.aws.lambda_function
"""

EXAMPLES = r"""
- name: A value that is no secret
  logreflector.aws.ssm_parameter:
    region: eu-west-1
    name: /example/endpoint
    type: String
    value: https://logs.example.com

- name: A configuration that is too long for a function's environment
  logreflector.aws.ssm_parameter:
    region: eu-west-1
    name: /example/rules
    value: "{{ {'routes': [{'log_groups': ['*'], 'redact': ['email', 'card']}]} | to_json }}"
    description: What the reflector sends where
    tags:
      team: platform

- name: Remove it again
  logreflector.aws.ssm_parameter:
    region: eu-west-1
    name: /example/rules
    state: absent

- name: Remove the second
  logreflector.aws.ssm_parameter:
    region: eu-west-1
    name: /example/endpoint
    state: absent
"""

RETURN = r"""
parameter:
  description: The parameter as it stands (in check mode, before the change), null if it does not exist.
  type: dict
  returned: success
  contains:
    name:
      description: The parameter's name.
      type: str
      returned: always
    arn:
      description: The parameter's ARN.
      type: str
      returned: always
    type:
      description: String or SecureString.
      type: str
      returned: always
    version:
      description: How often it was written. Each write makes a version.
      type: int
      returned: always
    tier:
      description: Standard or Advanced.
      type: str
      returned: always
    size:
      description: Bytes of the value. Null with O(state=absent), for which the value is not read.
      type: int
      returned: always
  sample:
    name: /example/rules
    arn: arn:aws:ssm:eu-west-1:123456789012:parameter/example/rules
    type: SecureString
    version: 3
    tier: Standard
    size: 2911
reference:
  description:
    - Names the version of the parameter that stands after this, as the reflector takes it. In check mode, the one that would stand.
    - Null with O(state=absent).
  type: str
  returned: success
  sample: ssm:/example/rules:3
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["update parameter /example/rules"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ssm_parameter import converge_parameter

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "value": {"type": "str", "no_log": True},
        "type": {"type": "str", "choices": ["String", "SecureString"], "default": "SecureString"},
        "kms_key_id": {"type": "str", "no_log": False},
        "description": {"type": "str"},
        "tier": {"type": "str", "choices": ["Standard", "Advanced", "Intelligent-Tiering"]},
        "wait_timeout": {"type": "int", "default": 60},
    },
    work=converge_parameter,
    rules={"required_if": [("state", "present", ["value"])]},
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
