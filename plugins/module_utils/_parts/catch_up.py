# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up: the existing log groups, served by filters or by one account-level policy."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._errors import ReflectorError
from .._options.catch_up import CatchUpOptions
from .._options.log_groups import LogGroupOptions
from .._plan import Result
from .._resources.subscriptions.account_subscription_policy import manage_account_policy
from .._resources.subscriptions.subscription_filters import sweep_target
from .run import Run

WAIT_SECONDS = 60
_POLICY_NAME = "log-reflector"


class IncompleteError(ReflectorError):
    """The time ran out before every log group was served."""


def deploy_filters(run: Run, options: CatchUpOptions, log_groups: LogGroupOptions, reflector: str) -> None:
    """Give every log group that the rules choose a filter to the reflector.

    If an account-level policy served the target, its log groups get their filters before the policy is removed.
    """
    params = params_of(options, log_groups, reflector)
    if options.on_full != "account_policy":  # which keeps the policy that it chose for a target without free slots
        run.add("account_policy", lambda: _policy(run, {**params, "must_read": False}, state="absent"))
    run.add("catch_up", lambda: sweep_target(run.target, {**params, "state": "present"}, run.check_mode))


def deploy_policy(run: Run, options: CatchUpOptions, log_groups: LogGroupOptions, reflector: str) -> None:
    """Serve the log groups by one account-level policy, and remove our filters."""
    run.add("catch_up", lambda: _policy(run, params_of(options, log_groups, reflector), state="present"))


def remove_subscriptions(run: Run, options: CatchUpOptions, log_groups: LogGroupOptions, reflector: str) -> None:
    """Remove our policy, and our filters and subscription tags from every log group."""
    params = {**params_of(options, log_groups, reflector), "include": ["*"], "exclude": [], "purge": True}
    for name in ("include_tags", "exclude_tags", "created_after"):
        params[name] = None
    run.add("account_policy", lambda: _policy(run, params, state="absent", replace_filters=False))
    run.add("catch_up", lambda: sweep_target(run.target, {**params, "state": "absent"}, run.check_mode))


def finish(run: Run, options: CatchUpOptions) -> Result:
    """Return the result of the run. Raises IncompleteError if log groups are left over and must not be."""
    result = run.finish()
    catch_up = result["catch_up"]
    if not options.must_complete or catch_up.get("complete", True):
        return result
    after = catch_up["stopped_after"]
    error = IncompleteError(
        "serve all log groups",
        f"its time limit of {options.max_seconds} s (catch_up_max_seconds) ended the run after log group {after}",
        advice="Run it again: it continues there. Or raise catch_up_max_seconds.",
        where=run.target.where,
    )
    error.resource, error.done = str(after), result  # so that targets that stopped elsewhere have the same reason
    raise error


def _policy(run: Run, params: dict[str, Any], *, state: str, replace_filters: bool = True) -> Result:
    # An account policy serves no log group of the class DELIVERY, so a switch leaves their filters alone.
    more = {"state": state, "replace_filters": replace_filters, "name": _POLICY_NAME, "delivery_stream": None}
    return manage_account_policy(run.target, {**params, **more}, run.check_mode)


def params_of(options: CatchUpOptions, log_groups: LogGroupOptions, reflector: str) -> dict[str, Any]:
    """Return the options as the modules subscription_filters and account_subscription_policy take them."""
    given = {
        field.name: _plain(getattr(values, field.name))
        for values in (log_groups, options)
        for field in dataclasses.fields(values)
    }
    return {
        **given,
        "filter_pattern": log_groups.filter_pattern or "",
        "destination_arn": reflector,
        "created_before": None,
        "wait_timeout": WAIT_SECONDS,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
