# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up of a deployment as a program of killable_child.py. A job is a mode and the patterns of excluded groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from account_policy_server import OURS
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import CatchUpOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.catch_up import deploy_filters, deploy_policy
from ansible_collections.logreflector.aws.plugins.module_utils._parts.run import Run
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions import account_policy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from logs_server import ACCOUNT, REGION

CRITERIA_BYTES = 190
"""Too few for the names of all groups, so that some are served twice during a switch."""


def prepare() -> Callable[[dict[str, Any]], Any]:
    """Create the clients, and return the function that serves the target in the job's mode."""
    shared.new_rate_limiter = partial(RateLimiter, scale=1e6)
    account_policy.CRITERIA_BYTES = CRITERIA_BYTES
    account_policy.SMALLEST_CHUNK = 2
    target = Target(boto3.Session(), REGION)
    target.__dict__["identity"] = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/deployer")
    target.client("logs", retry_throttling=False)
    target.client("lambda")

    def run(job: dict[str, Any]) -> Any:
        deploy = {"account_policy": deploy_policy, "filters": deploy_filters}[job["mode"]]
        whole = Run(target, check_mode=False)
        log_groups = LogGroupOptions(exclude=tuple(job["exclude"]))
        deploy(whole, CatchUpOptions(settle_seconds=0), log_groups, OURS)
        return whole.finish()["changed"]

    return run
