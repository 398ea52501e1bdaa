# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of an account, which serve all its regions: the functions' execution roles, and that of the delivery to Firehose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from .._errors import ReflectorError
from .._options.account import AccountOptions
from .._plan import Result, converge
from .._resources.execution_role.role import POLICY, ExecutionRole, RoleSettings
from .._resources.target_info import read_target
from .._session import Target
from .once import once
from .policy_statements import TargetOptions
from .reflector import as_tags
from .reflector_policy import reflector_policy
from .run import Run
from .subscriber_policy import LOGS_TRUST, delivery_policy, subscribed_regions, subscriber_policy

RoleKey = Literal["reflector_role", "subscriber_role", "delivery_role"]
"""The purpose of a role, and its key in results."""


def check_account(run: Run, account_id: str | None) -> None:
    """Raise CredentialsError if the credentials belong to another account. The first call: it shows that the region answers."""
    run.add("target", lambda: read_target(run.target, {"account_id": account_id}, run.check_mode)["target"])


def deploy_roles(run: Run, options: AccountOptions, targets: Sequence[TargetOptions]) -> None:
    """Bring all roles into the state that the options describe. One target of the account does it for all.

    targets     all targets of the account; the first is the one that this run works on
    """
    _converge(run, role_settings(options, targets), targets[0].subscriber.function_name)


def role_settings(options: AccountOptions, targets: Sequence[TargetOptions]) -> dict[RoleKey, RoleSettings]:
    """Return the desired state of the reflector's role, of the subscriber's role, and of the delivery's role if a target has
    a Firehose stream. `targets` as for `deploy_roles`."""
    own = targets[0]
    names = role_names(own)
    common: dict[str, Any] = {
        "permissions_boundary": options.permissions_boundary,
        "kept_managed_policies": options.kept_managed_policies,
        "keep_previous": options.keep_previous,
        "tags": as_tags(options.tags),
    }
    roles: dict[RoleKey, RoleSettings] = {
        "reflector_role": RoleSettings(
            name=names["reflector_role"],
            description="Log Reflector, the function that forwards log events",
            policy=reflector_policy(targets),
            vpc_access=any(target.reflector.subnet_ids for target in targets),
            **common,
        ),
        "subscriber_role": RoleSettings(
            name=names["subscriber_role"],
            description="Log Reflector, the function that subscribes new log groups",
            policy=subscriber_policy(targets),
            vpc_access=any(target.subscriber.subnet_ids for target in targets),
            **common,
        ),
    }
    if policy := delivery_policy(targets)["Statement"]:
        roles["delivery_role"] = RoleSettings(
            name=names["delivery_role"],
            description="Log Reflector, CloudWatch Logs writes log groups of the class DELIVERY to Firehose",
            policy={"Version": "2012-10-17", "Statement": policy},
            trust_policy=LOGS_TRUST,
            **common,
        )
    return roles


def role_names(options: TargetOptions) -> dict[RoleKey, str]:
    """Return the names of all roles that a target may have."""
    return {
        "reflector_role": options.reflector.role_name,
        "subscriber_role": options.subscriber.role_name,
        "delivery_role": options.log_groups.delivery_role_name,
    }


def remove_roles(run: Run, names: Mapping[RoleKey, str]) -> None:
    """Remove the roles of these names. Only when no region of the account needs them."""
    _converge(run, {key: RoleSettings(name=name, present=False) for key, name in names.items()})


def _converge(run: Run, roles: Mapping[RoleKey, RoleSettings], subscriber: str = "") -> None:
    def work(settings: RoleSettings) -> Result:
        what = [run.target.identity.account, run.target.endpoint_url, run.check_mode, repr(settings)]
        return once(what, partial(_one, run, settings, subscriber))

    for key, settings in roles.items():
        run.add("account", partial(_named, key, partial(work, settings)))


def _one(run: Run, settings: RoleSettings, subscriber: str) -> Result:
    """Bring one role into its desired state. A missing permissions boundary fails in check mode, too."""
    role = ExecutionRole(run.target, settings)
    actual = role.read()
    role.check_boundary(actual)
    result = converge(role, check_mode=run.check_mode, read=lambda: actual)
    before = actual.policies.get(POLICY, {}) if actual else {}
    lost = sorted(subscribed_regions(before) - subscribed_regions(settings.policy)) if settings.present else []
    if deployed := [region for region in lost if _is_deployed(run.target, subscriber, region)]:
        result["warnings"] = [_loss(role.what, run.target.identity.account, subscriber, deployed)]
    return result


def _loss(role: str, account: str, subscriber: str, regions: Sequence[str]) -> str:
    return (
        f"{role} of {account} loses its rights on log groups of {', '.join(regions)}: this inventory has no such target, but the"
        f" function {subscriber} is deployed there and would not subscribe new log groups. Add the region to the inventory, or tear it"
        " down first."
    )


def _is_deployed(target: Target, function: str, region: str) -> bool:
    """Return whether the function exists in another region of the account. False if the caller may not know."""
    try:
        with target.describe_operation(f"find the function {function} in {region}"):
            target.client("lambda", region=region).get_function_configuration(FunctionName=function)
    except ReflectorError:
        return False
    return True


def _named(key: RoleKey, work: Callable[[], Result]) -> Result:
    result = work()
    shared: Result = {key: result.pop(key) for key in ("changed", "changes", "diff", "warnings") if key in result}
    return {**shared, key: result.get("role", result)}
