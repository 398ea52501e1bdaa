#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_function_info
short_description: Read which release a Lambda function runs
version_added: 0.1.0
description:
  - Tells which release a function runs, which ones M(logreflector.aws.lambda_function) has kept of it with its option C(release), and whether the
    function is still what its current release was.
  - A function that does not exist is no error. Nothing of the environment is in the result.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
options:
  function_name:
    description: Name of the function.
    type: str
    required: true
seealso:
  - module: logreflector.aws.lambda_function
  - module: logreflector.aws.lambda_rollback
"""

EXAMPLES = r"""
- name: Which release the reflector runs
  logreflector.aws.lambda_function_info:
    region: eu-west-1
    function_name: log-reflector
  register: reflector

- name: Fail if somebody has changed it
  ansible.builtin.assert:
    that: not reflector.drifted
    fail_msg: The reflector is not what its release {{ reflector.release }} was.
"""

RETURN = r"""
exists:
  description: Whether the function exists. Everything else is null if it does not.
  type: bool
  returned: success
  sample: true
ours:
  description: Whether it carries the tag C(managed-by=logreflector.aws), null if the caller may not read its tags.
  type: bool
  returned: success
  sample: true
release:
  description: The release that its tag C(logreflector.aws/release) names, null without one.
  type: str
  returned: success
  sample: 0.2.0
code_sha256:
  description: Hash of the package that runs.
  type: str
  returned: success
  sample: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=
architecture:
  description: Instruction set.
  type: str
  returned: success
  sample: arm64
drifted:
  description:
    - Whether code or configuration are not those of the current release, after an interrupted deploy or somebody's change.
    - Null if no release is kept, or AWS cannot decrypt the environment for the caller.
  type: bool
  returned: success
  sample: false
runtime:
  description: Runtime.
  type: str
  returned: success
  sample: python3.13
last_modified:
  description: When the function was last changed, as AWS has it.
  type: str
  returned: success
  sample: 2026-11-22T16:00:00.000+0000
state:
  description: State of the function, V(Active) if all is well.
  type: str
  returned: success
  sample: Active
failure:
  description: Why the function or its last update failed, null if neither did.
  type: str
  returned: success
  sample: null
current:
  description: The last complete release and the version that keeps it, null if none is kept.
  type: dict
  returned: success
  sample: {release: 0.2.0, version: "4"}
previous:
  description: The release before, to which M(logreflector.aws.lambda_rollback) goes back. Null if there is none.
  type: dict
  returned: success
  sample: {release: 0.1.0, version: "3"}
withdrawn:
  description:
    - The release that was rolled back, until the next deploy. Null if none was.
    - If there is a previous one as well, the rollback was interrupted.
    - C(unfinished) is there, and true, if what ran was no complete release.
  type: dict
  returned: success
  sample: null
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_function_info import read_function

SPEC = Spec(
    options={
        "function_name": {"type": "str", "required": True},
    },
    work=read_function,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
