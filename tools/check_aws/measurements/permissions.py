# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements of IAM: which permissions calls need, and which condition keys exist. Each variant of a policy is a session
of one role whose permissions are cut down, so that nothing has to propagate in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ..lab import LAMBDA, Lab, Statement, allow, is_denied, refused_with
from ..removal import POLICY_TYPE
from ..results import Finding, Measurement, as_assumed, differs, measurement, not_measured
from .account_policy import Policy

SECOND = {
    "DescribeAccountPolicies": "DescribeSubscriptionFilters",
    "PutAccountPolicy": "PutSubscriptionFilter",
    "DeleteAccountPolicy": "DeleteSubscriptionFilter",
}
"""The second action of each call (CloudWatch Logs API reference). On which resource it counts, AWS does not say."""


def _account_policy(operation: str) -> Measurement:
    actions = f"logs:{operation} and logs:{SECOND[operation]}"
    assumption = f"{operation} needs no more than {actions} on all resources."
    return measurement(f"permissions-{operation}", assumption)(partial(_needed, operation=operation))


def _needed(lab: Lab, operation: str) -> Finding:
    """Make the call with both actions, without each, and with the second one for log groups only."""
    policy = Policy(lab, f"permissions-{operation.lower()}")
    if operation != "DescribeAccountPolicies" and (other := policy.other()):
        return other
    call = partial(_CALLS[operation], policy)
    own, second = f"logs:{operation}", f"logs:{SECOND[operation]}"
    role = lab.shared("policies", partial(_role_for_policies, lab))
    with policy.removed_afterwards():
        call(lab.client("logs"))  # if the caller is denied as well, the role's permissions are not the cause
        refusal = partial(_refusal, lab, role, call)
        both = allow([own, second], "*")
        if not lab.becomes_true(lambda: not refusal(both)):
            return differs(f"refused with both: {refusal(both)}", _ADVICE)
        needed = [each for each, rest in ((own, second), (second, own)) if refusal(allow(rest, "*"))]
        narrow = not refusal(allow(own, "*"), allow(second, lab.log_group_arn("*")))
    where = "on log-group:* too" if narrow else "only on *"
    text = f"needed: {', '.join(needed) or 'neither'}; the second counts {where}"
    return as_assumed(text, needed=needed, second_on_log_groups=narrow)


_ADVICE = (
    "If no service control policy denies it, add the action to the statement AccountPolicies of the deployer's policy,"
    " and report it."
)


def _role_for_policies(lab: Lab) -> str:
    actions = [f"logs:{action}" for pair in SECOND.items() for action in pair]
    return lab.caller_role("policies", allow(actions, "*"))


def _delete(policy: Policy, logs: Any) -> None:
    policy.put()
    policy.delete(logs)


_CALLS: dict[str, Callable[[Policy, Any], object]] = {
    "DescribeAccountPolicies": lambda _policy, logs: logs.describe_account_policies(policyType=POLICY_TYPE),
    "PutAccountPolicy": lambda policy, logs: policy.put(logs),
    "DeleteAccountPolicy": _delete,
}


def _refusal(lab: Lab, role: str, call: Callable[[Any], object], *statements: Statement, service: str = "logs") -> str:
    """Return why IAM refuses a call to a session of the role with these statements, "" if it does not.

    call    takes a client of the service
    """
    try:
        call(lab.session(role, *statements).client(service))
    except ClientError as error:
        if not is_denied(error):
            raise
        return str(error)
    return ""


@measurement(
    "permissions-GetParameter", "GetParameter of NAME:VERSION needs no more than a permission for NAME and for NAME:*."
)
def get_parameter(lab: Lab) -> Finding:
    """Read a version of a parameter with both permissions, and with each."""
    name, action = lab.name("parameter", "version"), "ssm:GetParameter"
    lab.client("ssm").put_parameter(Name=name, Value="check", Type="String")
    arn = lab.target.arn("ssm", f"parameter/{name}")
    role = lab.caller_role("parameter", allow(action, "*"))

    def is_allowed(*arns: str) -> bool:
        call = partial(_read_first_version, name)
        return not _refusal(lab, role, call, allow(action, list(arns)), service="ssm")

    if not lab.becomes_true(lambda: is_allowed(arn, f"{arn}:*")):
        advice = "The functions cannot read their settings and rules from parameters. Please report it."
        return differs(f"refused with both, within {lab.limits.quiet_seconds:g} s", advice)
    counts = [text for text, each in (("NAME", arn), ("NAME:*", f"{arn}:*")) if is_allowed(each)]
    return as_assumed(f"enough: {' or '.join(counts) or 'only both'}", enough=counts)


def _read_first_version(name: str, ssm: Any) -> None:
    ssm.get_parameter(Name=f"{name}:1")


@measurement(
    "source-account", "Lambda may assume roles without aws:SourceAccount, so trust policies do not ask for it."
)
def source_account(lab: Lab) -> Finding:
    """Create a function whose role may be assumed only with that key."""
    control = lab.destination()
    account = lab.target.identity.account
    role = lab.role("condition", {**LAMBDA, "Condition": {"StringEquals": {"aws:SourceAccount": account}}})
    try:
        function, _accepted = lab.function("condition", role, "def handler(event, context):\n    return {}\n")
        lab.client("lambda").invoke(FunctionName=function)  # Lambda assumes the role again
    except ClientError as error:
        if not refused_with(error, ("cannot be assumed",)):
            raise
        waited = lab.limits.wait_seconds
        text = f"not assumed with that condition in {waited:g} s; without it after {control.role_seconds:.1f} s"
        if waited < _PATIENCE * control.role_seconds:
            return not_measured(text, "Run it again with a larger --wait-seconds.")
        return as_assumed(text, sends=False)
    advice = "Nothing has to be done. The trust policies could have the condition; please report it."
    return differs("Lambda sends the key", advice, sends=True)


_PATIENCE = 3
"""So many times as long as for a role without a condition, a refusal is no delay."""


@measurement("destination-condition", "PutSubscriptionFilter has no condition key for the destination.")
def destination_condition(lab: Lab) -> Finding:
    """Subscribe a log group with permissions for the right and for a wrong destination."""
    lab.allow_logs()
    group = lab.log_group("condition")
    role = lab.caller_role("filters", allow("logs:PutSubscriptionFilter", "*"))
    put = partial(_put_filter, lab, group)

    def is_allowed(**condition: dict[str, str]) -> bool:
        more = {"Condition": condition} if condition else {}
        return not _refusal(lab, role, put, allow("logs:PutSubscriptionFilter", "*", **more))

    if not lab.becomes_true(is_allowed):
        return not_measured("a new role never got its permission", "Run it again with a larger --quiet-seconds.")
    right = is_allowed(StringEquals={"logs:DestinationArn": lab.destination().arn})
    wrong = is_allowed(StringEquals={"logs:DestinationArn": f"{lab.destination().arn}-other"})
    if right and not wrong:
        advice = "Nothing has to be done. A service control policy could protect the filters; please report it."
        return differs("logs:DestinationArn is a condition key", advice)
    return as_assumed(f"logs:DestinationArn: {'ignored' if right else 'no such key, every call is denied'}")


def _put_filter(lab: Lab, group: str, logs: Any) -> None:
    lab.put_filter(group, logs=logs)


MEASUREMENTS = (*map(_account_policy, SECOND), get_parameter, source_account, destination_condition)
