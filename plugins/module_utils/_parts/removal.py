# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a deployment on one target, in the order that loses no log.

First nothing new is subscribed, then the subscriptions go, then deliveries in progress have time to end, and only then the
reflector goes, and last the roles of the account.
"""

from __future__ import annotations

import time

from .._options.delivery_check import CheckLineOptions
from .._options.option import read
from .._options.reflector import DrainOptions
from .._plan import Params, Result
from .._session import Target
from .account import check_account, remove_roles, role_names
from .catch_up import finish, remove_subscriptions
from .delivery_check import remove_check_log_groups
from .deployment import Deployment
from .reflector import remove_reflector
from .run import Run
from .subscriber import remove_subscriber

_DRAIN_SECONDS = 180
"""Lambda tries a failed delivery again after one minute and after two more."""


def remove_deployment(target: Target, options: Deployment, params: Params, check_mode: bool) -> Result:
    """Remove the subscriptions of a target, and with the state absent everything else. Return the result of all parts."""
    run = Run(target, check_mode=check_mode)
    check_account(run, params["account_id"])
    _remove_subscriptions(run, options, params)
    unsubscribed = finish(run, options.catch_up)
    if params["state"] == "unsubscribed":
        return unsubscribed
    if run.result["changed"] and not check_mode:
        time.sleep(drain_seconds(options, params))
    remove_reflector(run, options.reflector, discard_dead_letters=params["discard_dead_letters"])
    if params["remove_roles"]:
        remove_roles(run, role_names(options.permissions(target.region)))
    return run.finish()


def drain_seconds(options: Deployment, params: Params) -> float:
    """Return the seconds after which deliveries have ended and the dead-letter queue's count can be trusted."""
    removal = read(DrainOptions, params, "reflector_")
    drain = removal.drain_seconds
    if drain is None:
        drain = _DRAIN_SECONDS + int(options.reflector.timeout)
    return float(drain + removal.settle_seconds)


def _remove_subscriptions(run: Run, options: Deployment, params: Params) -> None:
    """Remove the subscriber, our filters or policy, and the log groups of delivery checks that were killed."""
    remove_subscriber(run, options.subscriber, discard_dead_letters=params["discard_dead_letters"])
    remove_subscriptions(run, options.catch_up, options.log_groups, options.reflector.function_name)
    prefix = read(CheckLineOptions, params, "verify_").log_group_prefix
    reflector = options.reflector.function_name
    run.add("delivery_checks", lambda: remove_check_log_groups(run.target, reflector, prefix, run.check_mode))
