# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks before log groups are subscribed: the reflector exists, and CloudWatch Logs may invoke it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from .._errors import AccessDeniedError, NotFoundError
from .._session import Target
from .._subscriptions.coverage import Path
from .permission.permission import PolicyApi
from .permission.policy import Entry, Policy
from .permission.settings import FunctionAddress

DEPLOY_FIRST = "Deploy first: ansible-playbook logreflector.aws.deploy."
_DEPLOY_AGAIN = "Deploy again: ansible-playbook logreflector.aws.deploy."
_ACTIONS = ("lambda:InvokeFunction", "lambda:*", "*")


def find_reflector(target: Target, name: str) -> dict[str, Any]:
    """Return the configuration of the reflector's function. Raises NotFoundError with advice if there is none."""
    try:
        with target.describe_operation(f"find the reflector {name}"):
            answer: dict[str, Any] = target.client("lambda").get_function_configuration(FunctionName=name)
    except NotFoundError as error:
        raise error.with_advice(DEPLOY_FIRST) from None
    return answer


def require_reflector(target: Target, name: str, log_group: str = "") -> dict[str, Any]:
    """Return the reflector's configuration.

    Raises NotFoundError if there is none, and AccessDeniedError if no statement of its policy lets CloudWatch Logs invoke it.
    A policy that the caller may not read is not checked.

    log_group   the log group that must be able to send to the reflector; "" for any
    """
    configuration = find_reflector(target, name)
    try:
        policy = PolicyApi(target, FunctionAddress.named(target, name, None, target.expand)).read()
    except AccessDeniedError:
        return configuration
    arn = target.arn("logs", f"log-group:{log_group}:*") if log_group else ""
    if not any(_admits(entry, arn) for entry in policy.entries):
        raise AccessDeniedError(
            f"send log events to the reflector {name}",
            "no statement of the function's policy lets CloudWatch Logs invoke it",
            advice=_DEPLOY_AGAIN,
            where=target.where,
        )
    return configuration


def read_path(target: Target, name: str) -> tuple[Path, list[str]]:
    """Return whether events reach the reflector, and a note for what could not be checked."""
    try:
        configuration = find_reflector(target, name)
        policy = PolicyApi(target, FunctionAddress.named(target, name, None, target.expand)).read()
    except NotFoundError as error:
        return Path(("destination", f"there is no function {name}: {error.message}")), []
    except AccessDeniedError as error:
        return Path(), [f"whether CloudWatch Logs may invoke the reflector was not checked: {error}"]
    state = configuration.get("State", "Active")
    if state == "Failed":
        reason = configuration.get("StateReason") or "AWS gives no reason"
        return Path(("function", f"the function {name} is in the state Failed: {reason}")), []
    return Path(admits=lambda group: admits_log_group(target, policy, group)), []


def admits_log_group(target: Target, policy: Policy, log_group: str) -> bool:
    """Return whether the function's policy lets CloudWatch Logs invoke it for the log group."""
    arn = target.arn("logs", f"log-group:{log_group}:*")
    return any(_admits(entry, arn) for entry in policy.entries)


def _admits(entry: Entry, log_group_arn: str) -> bool:
    """Return whether CloudWatch Logs may invoke the function for the log group. True for statements that we cannot judge."""
    statement = entry.statement
    if statement is None:
        return True
    is_logs = statement.principal == "*" or statement.principal.startswith("logs.")
    serves = not log_group_arn or not statement.source_arn or fnmatchcase(log_group_arn, statement.source_arn)
    return is_logs and statement.action in _ACTIONS and serves
