#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_function
short_description: Manage a Lambda function and its log group
version_added: 0.1.0
description:
  - Creates, updates in place and deletes a Lambda function from a zip, with its log group, reserved concurrency, handling of
    failed asynchronous invocations, and tags.
  - Waits until the function is active, or the update is done.
  - An option that is not given leaves the attribute alone. A function that does not exist yet gets the defaults that the options name.
  - The log group is made before the function, so that retention and key hold from the first line. One that exists is adopted.
  - The log group of a function that is foreign (see O(adopt) and O(force)) is neither changed nor deleted.
  - When code and configuration both change, what the new code needs (variables, layers, runtime, memory) is set before the code is exchanged;
    variables that go away and a new O(handler) follow after it.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.ownership
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  name:
    description: Name of the function.
    type: str
    required: true
  state:
    description: Whether the function is to exist.
    type: str
    choices: [present, absent]
    default: present
  zip_file:
    description:
      - Path of the zip, where the module runs. At most 50 MB.
      - Needed when code has to be uploaded.
    type: path
  code_sha256:
    description:
      - The zip's hash, as M(logreflector.aws.lambda_package) returns it.
      - With it O(zip_file) is read only to be uploaded, so that check mode works before the zip was built. A zip with another hash is not uploaded.
    type: str
  role:
    description:
      - The execution role, by ARN, or by name (with its path) in the same account.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
      - A role that was just made is waited for, a minute at the most.
    type: str
  runtime:
    description: The runtime. A new function gets V(python3.13).
    type: str
  handler:
    description: Module and function that Lambda calls, such as V(handler.handler).
    type: str
  architecture:
    description: The instruction set. A new function gets V(arm64). A change uploads the code again.
    type: str
    choices: [arm64, x86_64]
    aliases: [architectures]
  memory_size:
    description: Memory in MB. A new function gets 128, AWS's default.
    type: int
  timeout:
    description: Seconds that an invocation may take. A new function gets 3, AWS's default.
    type: int
  description:
    description: Description of the function.
    type: str
  environment:
    description:
      - Environment variables whose values may be shown. A boolean becomes V(true) or V(false), a dictionary or a list its JSON, with
        sorted keys.
      - C({partition}), C({region}) and C({account}) in values are replaced by those of the caller.
      - With O(secret_environment) it is the whole environment. Other variables are removed. If neither is given, the environment is left alone.
    type: dict
    aliases: [environment_variables]
  secret_environment:
    description:
      - Environment variables whose values are secret. They are in no result, difference or error.
      - In a difference only variables of O(environment) show values, all others show V((hidden\)) or V((hidden, changed\)).
    type: dict
  kms_key_arn:
    description:
      - ARN of the KMS key (not of an alias) that encrypts the environment. V("") is AWS's own key.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
  vpc_config:
    description: The VPC that the function is in. Two empty lists take it out of its VPC.
    type: dict
    suboptions:
      subnet_ids:
        description: Ids of the subnets.
        type: list
        elements: str
        required: true
      security_group_ids:
        description: Ids of the security groups.
        type: list
        elements: str
        required: true
  layers:
    description: ARNs of layer versions, in the order in which they are laid over one another.
    type: list
    elements: str
  tracing_mode:
    description: Whether AWS X-Ray samples invocations. V(PassThrough) is AWS's default.
    type: str
    choices: [Active, PassThrough]
  reserved_concurrent_executions:
    description:
      - Executions that are reserved for the function, which are also the most it gets. V(0) stops it.
      - V(-1) gives the reservation back.
    type: int
  ephemeral_storage:
    description: Size of C(/tmp) in MB. A new function gets 512, AWS's default.
    type: int
  logging_config:
    description: How the function writes its log.
    type: dict
    suboptions:
      log_format:
        description: The format of the log. V(Text) is AWS's default.
        type: str
        choices: [JSON, Text]
      application_log_level:
        description: The least level of the function's own lines. Needs O(logging_config.log_format=JSON).
        type: str
        choices: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]
      system_log_level:
        description: The least level of Lambda's lines. Needs O(logging_config.log_format=JSON).
        type: str
        choices: [DEBUG, INFO, WARN]
      log_group:
        description: The log group. C(/aws/lambda/) and the function's name are AWS's default.
        type: str
  on_failure_destination:
    description:
      - Where an event goes that the function could not handle, by ARN, or by name for an SQS queue in the same account and region.
      - V("") takes the destination away.
      - A queue that was just made is waited for, a minute at the most.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
  maximum_retry_attempts:
    description: How often an asynchronous invocation is tried again, 0 to 2. AWS's default is 2.
    type: int
  maximum_event_age:
    description: Seconds that an event of an asynchronous invocation is kept, 60 to 21600, AWS's default.
    type: int
  log_group_retention_days:
    description: Days that the function's log group keeps events. V(0) is for ever, which is what a new group gets.
    type: int
    choices: [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
  log_group_kms_key_id:
    description:
      - ARN of the KMS key (not of an alias) that encrypts the log group. V("") is AWS's own key.
      - C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.
    type: str
  delete_log_group:
    description:
      - Whether O(state=absent) deletes the log group too, with the events in it.
      - That is the group of O(logging_config.log_group), or else the default one. A group that only AWS names may serve other functions and stays.
      - It goes after the function, or when the function is gone already, and stays where the module refuses to delete the function.
    type: bool
    default: false
  release:
    description:
      - The name of what is deployed, such as a version. With it releases of the function are kept, so that M(logreflector.aws.lambda_rollback) can
        go back to the one before; without it nothing is kept, and what was kept is left alone.
      - The function gets the tag C(logreflector.aws/release) with this name and the package's hash.
      - When code, configuration or this name have changed, and all of that is in force, a version of the function is published (if it is another
        one) and the alias C(log-reflector-current) names it. C(log-reflector-previous) names the release before, and the alias
        C(log-reflector-withdrawn) of a rollback goes away. C(log-reflector-current) moves last - a run that was interrupted leaves it where it was.
      - Versions that this collection published and that no alias names any more are deleted. Other versions and aliases stay.
      - Nothing is to be invoked through these aliases. The function itself is what runs.
      - The description of a version is that of the function with the release's name behind it, together at most 256 characters.
      - Reserved concurrency, the handling of failed asynchronous invocations, tags and the log group belong to the function and not to a version.
        They are not part of a release.
    type: str
  wait_timeout:
    description: Seconds to wait for the function to become active, for each update, and for what passes by itself, such as another update in progress.
    type: int
    default: 180
"""

EXAMPLES = r"""
- name: Write a function
  ansible.builtin.copy:
    dest: /tmp/log-reflector-example.py
    content: |
      def handler(event, context):
          return {"seen": len(event)}
    mode: "0644"

- name: Build its package
  logreflector.aws.lambda_package:
    dest: /tmp/log-reflector-example.zip
    sources:
      - src: /tmp/log-reflector-example.py
        dest: handler.py
  register: example_package

- name: Create the function, with 14 days of logs
  logreflector.aws.lambda_function:
    region: eu-west-1
    name: log-reflector-example
    zip_file: "{{ example_package.path }}"
    code_sha256: "{{ example_package.code_sha256 }}"
    role: log-reflector
    handler: handler.handler
    memory_size: 256
    timeout: 60
    environment:
      LEVEL: info
    secret_environment:
      SUMO_ENDPOINT: https://collectors.example.com/receiver/v1/http/not-a-real-token
    maximum_retry_attempts: 1
    log_group_retention_days: 14
    tags:
      team: platform

- name: Give it more memory and keep what it was as the release before
  logreflector.aws.lambda_function:
    region: eu-west-1
    name: log-reflector-example
    memory_size: 384
    release: 0.2.0

- name: Give it more memory and leave everything else alone
  logreflector.aws.lambda_function:
    region: eu-west-1
    name: log-reflector-example
    memory_size: 512

- name: Remove it and its logs
  logreflector.aws.lambda_function:
    region: eu-west-1
    name: log-reflector-example
    state: absent
    delete_log_group: true
"""

RETURN = r"""
function:
  description: The function as it stands (in check mode, before the change), null if it does not exist. Of its environment only the names.
  type: dict
  returned: success
  sample:
    name: log-reflector
    arn: arn:aws:lambda:eu-west-1:123456789012:function:log-reflector
    state: Active
    version: $LATEST
    last_modified: 2026-11-22T16:00:00.000+0000
    code_sha256: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=
    architecture: arm64
    role: arn:aws:iam::123456789012:role/log-reflector
    runtime: python3.13
    handler: handler.handler
    memory_size: 256
    timeout: 60
    description: ""
    kms_key_arn: ""
    tracing_mode: PassThrough
    ephemeral_storage: 512
    layers: []
    vpc_config: {subnet_ids: [], security_group_ids: []}
    logging_config: {log_format: Text, log_group: /aws/lambda/log-reflector}
    environment_names: [LEVEL, SUMO_ENDPOINT]
    reserved_concurrent_executions: null
    on_failure_destination: ""
    maximum_retry_attempts: 2
    maximum_event_age: 21600
    tags: {managed-by: logreflector.aws, team: platform}
log_group:
  description: The function's log group as it stands, null if it does not exist. Retention 0 is for ever.
  type: dict
  returned: success
  sample: {name: /aws/lambda/log-reflector, retention_days: 14, kms_key_id: ""}
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create log group /aws/lambda/log-reflector", "create function log-reflector"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_log_group import RETENTION_DAYS
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_function import LambdaFunction
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import OPTIONS

SPEC = Spec(
    options={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "zip_file": {"type": "path"},
        "code_sha256": {"type": "str"},
        "role": {"type": "str"},
        "runtime": {"type": "str"},
        "handler": {"type": "str"},
        "architecture": {"type": "str", "choices": ["arm64", "x86_64"], "aliases": ["architectures"]},
        "memory_size": {"type": "int"},
        "timeout": {"type": "int"},
        "description": {"type": "str"},
        "environment": {"type": "dict", "aliases": ["environment_variables"]},
        "secret_environment": {"type": "dict", "no_log": True},
        "kms_key_arn": {"type": "str", "no_log": False},
        "vpc_config": {
            "type": "dict",
            "options": {
                "subnet_ids": {"type": "list", "elements": "str", "required": True},
                "security_group_ids": {"type": "list", "elements": "str", "required": True},
            },
        },
        "layers": {"type": "list", "elements": "str"},
        "tracing_mode": {"type": "str", "choices": ["Active", "PassThrough"]},
        "reserved_concurrent_executions": {"type": "int"},
        "ephemeral_storage": {"type": "int"},
        "logging_config": {
            "type": "dict",
            "options": {
                "log_format": {"type": "str", "choices": ["JSON", "Text"]},
                "application_log_level": {
                    "type": "str",
                    "choices": ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
                },
                "system_log_level": {"type": "str", "choices": ["DEBUG", "INFO", "WARN"]},
                "log_group": {"type": "str"},
            },
        },
        "on_failure_destination": {"type": "str"},
        "maximum_retry_attempts": {"type": "int"},
        "maximum_event_age": {"type": "int"},
        "log_group_retention_days": {"type": "int", "choices": list(RETENTION_DAYS)},
        "log_group_kms_key_id": {"type": "str", "no_log": False},
        "delete_log_group": {"type": "bool", "default": False},
        "release": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 180},
    },
    work=converging(LambdaFunction),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
