# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules about a part do: parameters in, the result of the part out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._errors import InvalidInputError
from .._options.account import AccountOptions
from .._options.catch_up import CatchUpOptions, ModeOptions
from .._options.log_groups import LogGroupOptions
from .._options.option import options_of, read
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._options.target import Placement
from .._plan import Params, Result
from .._session import Target
from .account import deploy_roles, remove_roles
from .catch_up import deploy_filters, deploy_policy, remove_subscriptions
from .deployment import Deployment, complete, deploy, with_delivery_path
from .packages import reflector_package, subscriber_package
from .permissions import TargetOptions
from .reflector import check_reflector, deploy_reflector, reflector_function, remove_reflector
from .release import release_name
from .run import PartFailedError, Run
from .subscriber import check_subscriber, deploy_rules, deploy_subscriber, remove_subscriber, subscriber_function


def manage_deployment(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module deployment."""
    options = Deployment.from_params(params)
    return deploy(
        target,
        options,
        account_id=params["account_id"],
        account_targets=_account_targets(params, options.permissions(target.region)),
        check_mode=check_mode,
    )


def manage_reflector(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module reflector."""
    options = read(ReflectorOptions, params)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        remove_reflector(run, options)
        return run.finish()
    check_reflector(options)
    package, built = reflector_package(options, check_mode=check_mode)
    run.add("package", lambda: built)
    deploy_reflector(run, options, package, release_name(reflector_function(options, package)))
    return run.finish()


def manage_subscriber(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module subscriber."""
    options = read(SubscriberOptions, params)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        remove_subscriber(run, options)
        return run.finish()
    log_groups = _rules(params, options.function_name)
    reflector = params["reflector_function_name"]
    check_subscriber(options, log_groups)
    package, built = subscriber_package(options, check_mode=check_mode)
    run.add("package", lambda: built)
    release = release_name(subscriber_function(options, log_groups, reflector, package))
    deploy_subscriber(run, options, log_groups, reflector=reflector, package=package, release=release)
    deploy_rules(run, options, log_groups, enabled=read(ModeOptions, params).mode == "filters")
    return run.finish()


def manage_catch_up(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module catch_up."""
    options = read(CatchUpOptions, params)
    log_groups = _rules(params, params["subscriber_function_name"])
    if params["state"] == "absent":
        work: Callable[..., None] = remove_subscriptions
    else:
        work = deploy_policy if read(ModeOptions, params).mode == "account_policy" else deploy_filters
    run = Run(target, check_mode=check_mode)
    return _finished(run, lambda: work(run, options, log_groups, params["reflector_function_name"]), options)


def manage_roles(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module execution_roles."""
    options = _own_options(params, target.region)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        remove_roles(run, options.reflector.role_name, options.subscriber.role_name)
    else:
        targets = [options, *_account_targets(params, options)]
        deploy_roles(run, read(AccountOptions, params), targets)
    return run.finish()


def _finished(run: Run, work: Callable[[], None], options: CatchUpOptions) -> Result:
    try:
        work()
    except PartFailedError as error:
        return error.result
    return complete(run.finish(), options)


def _rules(params: Params, subscriber: str) -> LogGroupOptions:
    return with_delivery_path(read(LogGroupOptions, params), subscriber, params["reflector_sinks"] or {})


def _own_options(params: Params, region: str) -> TargetOptions:
    return TargetOptions(
        region,
        read(ReflectorOptions, params, "reflector_"),
        read(SubscriberOptions, params, "subscriber_"),
        read(LogGroupOptions, params, "log_groups_"),
    )


def _account_targets(params: Params, own: TargetOptions) -> list[TargetOptions]:
    """Return what the other targets of the account need."""
    regions = read(Placement, params).account_regions
    others = [lenient_options(given) for given in params["account_targets"] or ()]
    return [*others, *(dataclasses.replace(own, region=region) for region in regions)]


def lenient_options(given: Mapping[str, Any]) -> TargetOptions:
    """Return the options of another target, without values that are wrong: that target fails by itself."""
    return TargetOptions(
        str(given.get("region") or ""),
        _read_leniently(ReflectorOptions, given, "reflector_"),
        _read_leniently(SubscriberOptions, given, "subscriber_"),
        _read_leniently(LogGroupOptions, given, "log_groups_"),
    )


def _read_leniently(cls: type, given: Mapping[str, Any], prefix: str) -> Any:
    return cls(**dict(_valid(cls, given, prefix)))


def _valid(cls: type, given: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for each in options_of(cls):
        try:
            yield each.name, each.check(_typed(each.type, given.get(prefix + each.name)), each.name)
        except InvalidInputError:
            yield each.name, each.default


def _typed(kind: str, value: Any) -> Any:
    """Return a value of an inventory as Ansible's validation would: numbers and switches may come as texts."""
    if not isinstance(value, str) or kind not in ("int", "bool"):
        return value
    text = value.strip().lower()
    if kind == "int":
        return int(text) if text.isdigit() else value
    return {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }.get(text, value)
