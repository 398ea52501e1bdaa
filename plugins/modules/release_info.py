#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read which release the functions of a target run
version_added: 0.1.0
description:
  - Reads for the reflector and the subscriber which release runs, which release it can go back to, and whether the function is still what
    its release was.
  - A function that does not exist is no error. Nothing of the environment is in the result.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.release_info
  - logreflector.aws.attributes.info
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Read the releases of one target
  logreflector.aws.release_info:
    region: eu-west-1
  register: releases

- name: Show what the reflector runs
  ansible.builtin.debug:
    msg: "{{ releases.reflector.release }}"
"""

RETURN = r"""
reflector:
  description:
    - The reflector. C(exists) is false if there is none, and everything else is null then.
    - C(release) comes from the tag C(logreflector.aws/release). C(current) is the last complete release, with the version that keeps it.
      C(previous) is the one that a rollback returns to. C(withdrawn) is one that was rolled back, until the next deployment.
    - C(drifted) is true if code or configuration are not those of the current release. It is null if no release is kept, or AWS cannot decrypt the
      environment for the caller.
  type: dict
  returned: success
  contains:
    exists:
      description: Whether the function exists.
      type: bool
      returned: always
    ours:
      description: Whether it has the owner tag.
      type: bool
      returned: always
    release:
      description: The release in its tag.
      type: str
      returned: always
    code_sha256:
      description: SHA-256 of its code, as Lambda has it.
      type: str
      returned: always
    architecture:
      description: Its architecture.
      type: str
      returned: always
    drifted:
      description: Whether it differs from the current release. Null if that is unknown.
      type: bool
      returned: always
    runtime:
      description: Its runtime.
      type: str
      returned: always
    last_modified:
      description: When it was changed last.
      type: str
      returned: always
    state:
      description: Its state at Lambda.
      type: str
      returned: always
    failure:
      description: Why it, or its last update, failed. Null if it did not.
      type: str
      returned: always
    current:
      description: The last complete release. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.2.0, version: "4"}
    previous:
      description: The release that a rollback returns to. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.1.0, version: "3"}
    withdrawn:
      description: The release that was rolled back. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.3.0, version: "5"}
  sample:
    exists: true
    ours: true
    release: 0.2.0
    code_sha256: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=
    architecture: arm64
    drifted: false
    runtime: python3.13
    last_modified: 2026-11-22T16:00:00.000+0000
    state: Active
    failure: null
    current: {release: 0.2.0, version: "4"}
    previous: {release: 0.1.0, version: "3"}
    withdrawn: null
subscriber:
  description: The subscriber, in the same form.
  type: dict
  returned: success
  contains:
    exists:
      description: Whether the function exists.
      type: bool
      returned: always
    ours:
      description: Whether it has the owner tag.
      type: bool
      returned: always
    release:
      description: The release in its tag.
      type: str
      returned: always
    code_sha256:
      description: SHA-256 of its code, as Lambda has it.
      type: str
      returned: always
    architecture:
      description: Its architecture.
      type: str
      returned: always
    drifted:
      description: Whether it differs from the current release. Null if that is unknown.
      type: bool
      returned: always
    runtime:
      description: Its runtime.
      type: str
      returned: always
    last_modified:
      description: When it was changed last.
      type: str
      returned: always
    state:
      description: Its state at Lambda.
      type: str
      returned: always
    failure:
      description: Why it, or its last update, failed. Null if it did not.
      type: str
      returned: always
    current:
      description: The last complete release. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.2.0, version: "4"}
    previous:
      description: The release that a rollback returns to. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.1.0, version: "3"}
    withdrawn:
      description: The release that was rolled back. Null if there is none.
      type: dict
      returned: always
      sample: {release: 0.3.0, version: "5"}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorName
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberReference
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._parts.releases import read_releases

SPEC = Spec(
    groups=(
        Group(ReflectorName, "reflector_", "reflector_"),
        Group(SubscriberReference, "subscriber_", "subscriber_"),
        Group(RoleVariables),
    ),
    work=read_releases,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
