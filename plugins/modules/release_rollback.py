#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: release_rollback
short_description: Return the functions of a target to the release before
version_added: 0.1.0
description:
  - Returns what the last deployment of a target changed. That is the reflector, the subscriber, or both, and the subscriber's rules.
  - If a function is not what its current release was, because a deployment was interrupted or failed or somebody changed it, it returns
    to the current release. Otherwise it returns to the previous one.
  - Everything that a version of the function keeps is restored, with all environment variables, the runtime, role, layers, VPC, file
    systems, dead-letter queue, encryption key, logging and tracing. Settings of the function itself, which no version keeps, stay as they are,
    namely reserved concurrency, the handling of failed asynchronous invocations, the resource policy, event sources, other tags and the
    log group.
  - A function is never without working code. The configuration is restored before the code, because a package has to work with the
    configuration of the release before it, while an older package may not work with a newer configuration.
  - The package is downloaded from the address that AWS signs for it, before anything is changed. The control node has to reach Amazon S3
    in the region, and needs no permission there.
  - The alias C(log-reflector-withdrawn) names the release that was left. It is written first, so an interrupted run continues where it
    ended, and a second run changes nothing. The next deployment deletes it.
  - There is one step back. After it the next deployment is the only way.
  - A function that does not carry the tag C(managed-by=logreflector.aws) is refused. If no function has a release to go back to, the
    target is left alone, and RV(left_alone) has the reason.
  - Subscription filters, permissions and execution roles stay. They serve both releases.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.release_rollback
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
"""

EXAMPLES = r"""
- name: Return one target to its release before
  logreflector.aws.release_rollback:
    region: eu-west-1
"""

RETURN = r"""
changes:
  description: A line for each change, in check mode for each predicted change.
  type: list
  elements: str
  returned: success
  sample:
    - update code of function log-reflector
functions:
  description: The functions that the last deployment changed, C(reflector) or C(subscriber) or both.
  type: list
  elements: str
  returned: success
  sample:
    - reflector
left_alone:
  description: Why no function went back, such as that no release before is kept. Empty if one did, or is back already.
  type: str
  returned: success
  sample: ""
reflector:
  description:
    - C(restored) is the release that the function went back to, or would in check mode. C(releases) are those kept now.
  type: dict
  returned: if the reflector is among the functions
  contains:
    restored:
      description: The release that the function went back to.
      type: dict
      returned: always
      sample: {release: 0.1.0, version: "3"}
    releases:
      description: The releases that are kept now, as M(logreflector.aws.release_info) has them.
      type: dict
      returned: always
      sample: {current: {release: 0.1.0, version: "3"}, previous: null, withdrawn: {release: 0.2.0, version: "4"}}
    variables:
      description: Variables of the function that were set back, by name.
      type: dict
      returned: always
      sample: {}
  sample:
    restored: {release: 0.1.0, version: "3"}
subscriber:
  description: The same for the subscriber.
  type: dict
  returned: if the subscriber is among the functions
  contains:
    restored:
      description: The release that the function went back to.
      type: dict
      returned: always
      sample: {release: 0.1.0, version: "3"}
    releases:
      description: The releases that are kept now, as M(logreflector.aws.release_info) has them.
      type: dict
      returned: always
      sample: {current: {release: 0.1.0, version: "3"}, previous: null, withdrawn: {release: 0.2.0, version: "4"}}
    variables:
      description: Variables of the function that were set back, by name.
      type: dict
      returned: always
      sample: {}
    new_groups_rule:
      description: The rule for new log groups.
      type: dict
      returned: if it belongs to the release
      sample: {name: log-reflector-subscriber, enabled: true}
    sweep_rule:
      description: The rule that starts the sweeps.
      type: dict
      returned: if it belongs to the release
      sample: {name: log-reflector-subscriber-sweep, schedule_expression: rate(1 day)}
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group, Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorName
from ansible_collections.logreflector.aws.plugins.module_utils._options.releases import RollbackOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberNames
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import RoleVariables
from ansible_collections.logreflector.aws.plugins.module_utils._parts.releases import roll_back_target

SPEC = Spec(
    groups=(
        Group(RollbackOptions, variables="rollback_", named={"wait_timeout": ""}),
        Group(ReflectorName, "reflector_", "reflector_"),
        Group(SubscriberNames, "subscriber_", "subscriber_"),
        Group(RoleVariables),
    ),
    work=roll_back_target,
)


def main() -> None:
    """Run the module."""
    run(SPEC)


if __name__ == "__main__":
    main()
