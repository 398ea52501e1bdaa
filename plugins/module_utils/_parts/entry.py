# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the modules that deploy parts. Each function takes a module's parameters and returns its result."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors import InvalidInputError
from .._options.account import AccountOptions
from .._options.alarms import AlarmOptions
from .._options.catch_up import CatchUpOptions, ModeOptions, refuse_centralized
from .._options.log_groups import LogGroupOptions
from .._options.option import argument_spec, options_of, read
from .._options.reflector import ReflectorOptions, ReflectorQueueReference, default_queue
from .._options.subscriber import SubscriberOptions
from .._options.target import Placement
from .._plan import Params, Result
from .._resources.reflector_ready import require_reflector
from .._resources.sqs_queue import QueueNotEmptyError
from .._resources.subscriptions.shared import destination, logs_api, target_choice
from .._session import Target
from .account import deploy_roles, remove_roles, role_names
from .alarms import check_alarms
from .catch_up import deploy_filters, deploy_policy, finish, params_of, remove_subscriptions
from .centralized.overlap import active, overlap, read_copying_rules, refuse_copied_delivery
from .centralized.switch import MODE, serve_by_copies
from .deployment import Deployment, deploy, with_delivery_path
from .packages import reflector_package, subscriber_package
from .policy_statements import TargetOptions
from .reflector import check_reflector, deploy_reflector, reflector_function, remove_reflector
from .release import release_name
from .removal import remove_deployment
from .run import Run
from .subscriber import (
    check_subscriber,
    converge_subscriber,
    event_rules,
    remove_subscriber,
    subscriber_function,
    subscriber_resources,
)

T = TypeVar("T")

_KEEPS_DEAD_LETTERS = (
    "Send them again first: ansible-playbook logreflector.aws.replay. To lose them instead, set"
    " teardown_discard_dead_letters: true."
)


def manage_deployment(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module deployment."""
    options = Deployment.from_params(params)
    if params["state"] != "present":
        with _advice_on_dead_letters():
            return remove_deployment(target, options, params, check_mode)
    log_groups = with_delivery_path(options.log_groups, options.subscriber.function_name, options.reflector.sinks)
    if options.mode == MODE:
        return serve_by_copies(target, dataclasses.replace(options, log_groups=log_groups), params, check_mode)
    rules = read_copying_rules(target, params)
    sweep = params_of(options.catch_up, log_groups, options.reflector.function_name)
    if rules and active(rules):
        choice = target_choice(target, sweep, destination(target, options.reflector.function_name))
        refuse_copied_delivery(rules, [*sorted(choice.own_names), *target.expand(list(log_groups.own_log_groups))])
    result = deploy(
        target,
        options,
        account_id=params["account_id"],
        account_targets=account_targets(params, options.permissions(target.region)),
        check_mode=check_mode,
    )
    return {**result, **overlap(rules, logs_api(target, sweep))}


def manage_reflector(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module reflector."""
    options = read(ReflectorOptions, params)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        with _advice_on_dead_letters():
            remove_reflector(run, options, discard_dead_letters=params["discard_dead_letters"])
        return run.finish()
    alarms = read(AlarmOptions, params, "alarms_")
    check_reflector(options)
    check_alarms(alarms)
    package = reflector_package(options, check_mode=check_mode)
    run.add("package", lambda: {"reflector": dataclasses.asdict(package)})
    deploy_reflector(run, options, alarms, package, release_name(reflector_function(options, package)))
    return run.finish()


def manage_subscriber(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module subscriber."""
    options = read(SubscriberOptions, params)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        with _advice_on_dead_letters():
            remove_subscriber(run, options, discard_dead_letters=params["discard_dead_letters"])
        return run.finish()
    mode = read(ModeOptions, params).mode
    refuse_centralized(mode, "mode")
    log_groups = rules_of(params, options.function_name)
    reflector = params["reflector_function_name"]
    alarms = read(AlarmOptions, params, "alarms_")
    check_subscriber(options, log_groups)
    check_alarms(alarms)
    package = subscriber_package(options, check_mode=check_mode)
    run.add("package", lambda: {"subscriber": dataclasses.asdict(package)})
    queue = read(ReflectorQueueReference, params, "reflector_").queue_name or default_queue(reflector)
    release = release_name(subscriber_function(options, log_groups, reflector, package, reflector_queue=queue))
    parts = subscriber_resources(
        run,
        options,
        log_groups,
        alarms,
        reflector=reflector,
        reflector_queue=queue,
        package=package,
        release=release,
    )
    converge_subscriber(run, options, parts)
    rules = event_rules(target, options, log_groups, reflector=reflector, enabled=mode == "filters")
    run.converge("subscriber", rules)
    return run.finish()


@contextlib.contextmanager
def _advice_on_dead_letters() -> Iterator[None]:
    """Add advice to the error about a queue that is not removed because of its dead letters."""
    try:
        yield
    except QueueNotEmptyError as error:
        raise error.with_advice(_KEEPS_DEAD_LETTERS) from None


def manage_catch_up(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module catch_up.

    Raises NotFoundError or AccessDeniedError, also in check mode, if there is no reflector that can be invoked.
    """
    options = read(CatchUpOptions, params)
    log_groups = rules_of(params, params["subscriber_function_name"])
    if params["state"] == "absent":
        work: Callable[..., None] = remove_subscriptions
    else:
        mode = read(ModeOptions, params).mode
        refuse_centralized(mode, "mode")
        work = deploy_policy if mode == "account_policy" else deploy_filters
        if not (check_mode and params["reflector_announced"]):
            require_reflector(target, params["reflector_function_name"])
    run = Run(target, check_mode=check_mode)
    work(run, options, log_groups, params["reflector_function_name"])
    return finish(run, options)


def manage_roles(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module execution_roles."""
    options = _own_options(params, target.region)
    run = Run(target, check_mode=check_mode)
    if params["state"] == "absent":
        remove_roles(run, role_names(options))
    else:
        targets = [options, *account_targets(params, options)]
        deploy_roles(run, read(AccountOptions, params), targets)
    return run.finish()


def rules_of(params: Params, subscriber: str) -> LogGroupOptions:
    return with_delivery_path(read(LogGroupOptions, params), subscriber, params["reflector_sinks"] or {})


def _own_options(params: Params, region: str) -> TargetOptions:
    return TargetOptions(
        region,
        read(ReflectorOptions, params, "reflector_"),
        read(SubscriberOptions, params, "subscriber_"),
        read(LogGroupOptions, params, "log_groups_"),
    )


def account_targets(params: Params, own: TargetOptions) -> list[TargetOptions]:
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


def _read_leniently(cls: type[T], given: Mapping[str, Any], prefix: str) -> T:
    """Return the dataclass with the values of an inventory, and with the default in place of each wrong one."""
    options = options_of(cls)  # type: ignore[arg-type]
    named = {each.name: given[prefix + each.name] for each in options if prefix + each.name in given}
    # Numbers and switches may come as texts there. Ansible converts them as it does for the target itself.
    arguments = {name: argument for name, argument in argument_spec(cls).items() if name in named}
    validated = ArgumentSpecValidator(arguments).validate(named).validated_parameters
    values: dict[str, Any] = {}
    for each in options:
        try:
            values[each.name] = each.check(validated.get(each.name), each.name)
        except InvalidInputError:
            values[each.name] = each.default
    return cls(**values)
