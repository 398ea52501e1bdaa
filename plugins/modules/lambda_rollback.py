#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_rollback
short_description: Return a Lambda function to its release before
version_added: 0.1.0
description:
  - Returns code and configuration of a function to the release before, which M(logreflector.aws.lambda_function) kept with its option C(release).
  - If the function is not what its current release was, because a deploy was interrupted or failed or somebody changed it, it goes back to
    the current release. Otherwise it goes back to the previous one.
  - All that a version of the function keeps is restored, with all environment variables, the runtime, role, layers, VPC, file systems,
    dead-letter queue, encryption key, logging and tracing. What belongs to the function and not to a version stays as it is, namely reserved
    concurrency, the handling of failed asynchronous invocations, the resource policy, event sources, other tags and the log group.
  - The function is never without working code. The configuration is restored before the code, since a package has to work with the configuration of
    the release before it, while an older package may not work with a newer configuration. Layers that only the newer package needs go after it.
    The name of the handler is configuration too, so that a package has to keep the handler of the release before.
  - The package is downloaded from the address that AWS signs for it, before anything is changed. So the machine where the module runs has
    to reach Amazon S3 in the region, and needs no permission there.
  - The alias C(log-reflector-withdrawn) names what was left. It is written first, so that a run that was interrupted is taken up where it ended, and
    a second run changes nothing. The next deploy of a release deletes it.
  - There is one step back. After it the next deploy is the only way, and the release gone back to will be its previous one.
  - A function that does not carry the tag C(managed-by=logreflector.aws), one that keeps no release, and one whose current release has none before
    it are refused.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.connection
  - logreflector.aws.attributes
  - logreflector.aws.attributes.group
options:
  function_name:
    description: Name of the function.
    type: str
    required: true
  variables:
    description:
      - Names of environment variables of the restored release that RV(variables) is to show. Their values are in the result for everybody to see, so
        name none that is secret.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds to wait for each update, and for what passes by itself, such as another update in progress.
    type: int
    default: 180
seealso:
  - module: logreflector.aws.lambda_function
  - module: logreflector.aws.lambda_function_info
"""

EXAMPLES = r"""
- name: Return the reflector to the release before
  logreflector.aws.lambda_rollback:
    region: eu-west-1
    function_name: log-reflector

- name: Return the subscriber too, and learn which event rule belongs to it
  logreflector.aws.lambda_rollback:
    region: eu-west-1
    function_name: log-reflector-subscriber
    variables: [EVENT_RULE]
  register: subscriber
"""

RETURN = r"""
releases:
  description:
    - The releases as they stand (in check mode, before the change), null where there is none.
    - C(withdrawn) has C(unfinished) if what ran was no complete release. Its version is then the one that was gone back to.
  type: dict
  returned: success
  sample:
    current: {release: 0.1.0, version: "3"}
    previous: null
    withdrawn: {release: 0.2.0, version: "4"}
restored:
  description: The release that the function went back to, or would in check mode.
  type: dict
  returned: success
  sample: {release: 0.1.0, version: "3"}
variables:
  description: Those environment variables of the restored release that O(variables) names and that it has.
  type: dict
  returned: success
  sample: {EVENT_RULE: '{"event_pattern": {"source": ["aws.logs"]}}'}
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample:
    - create withdrawn release of function log-reflector
    - update configuration of function log-reflector
    - update code of function log-reflector
    - update release of function log-reflector
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_rollback import LambdaRollback

SPEC = Spec(
    options={
        "function_name": {"type": "str", "required": True},
        "variables": {"type": "list", "elements": "str", "default": []},
        "wait_timeout": {"type": "int", "default": 180},
    },
    work=converging(LambdaRollback),
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
