# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything on one target: the execution roles, the reflector, the subscriber and the catch-up, in the order that loses no log."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInputError
from .._options.account import AccountOptions
from .._options.alarms import AlarmOptions
from .._options.catch_up import CatchUpOptions, ModeOptions
from .._options.functions import SUBSCRIBER
from .._options.log_groups import LogGroupOptions
from .._options.option import read
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._plan import Params, Resource, Result
from .._resources.dead_letters import dead_letters_in, no_dead_letters
from .._session import Target
from .._subscriptions.filters import delivery_filter
from . import reflector_code
from .account import check_account, deploy_roles
from .alarms import check_alarms
from .catch_up import deploy_filters, deploy_policy, finish
from .packages import Package, reflector_package, subscriber_package
from .policy_statements import TargetOptions
from .reflector import check_reflector, check_secrets, reflector_function, reflector_resources
from .release import release_name
from .run import Run
from .subscriber import (
    check_subscriber,
    converge_subscriber,
    event_rules,
    subscriber_function,
    subscriber_resources,
)

PREFIXES: dict[str, type] = {
    "account_": AccountOptions,
    "reflector_": ReflectorOptions,
    "subscriber_": SubscriberOptions,
    "log_groups_": LogGroupOptions,
    "catch_up_": CatchUpOptions,
    "alarms_": AlarmOptions,
}
"""The options of a deployment: the prefix of their names, which are the role variables' names too."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """All options of one target."""

    account: AccountOptions
    reflector: ReflectorOptions
    subscriber: SubscriberOptions
    log_groups: LogGroupOptions
    catch_up: CatchUpOptions
    alarms: AlarmOptions
    mode: str

    @classmethod
    def from_params(cls, params: Params) -> Deployment:
        """Return the options by the names of the module `deployment`. InvalidInputError for a wrong value."""
        values: dict[str, Any] = {prefix.rstrip("_"): read(part, params, prefix) for prefix, part in PREFIXES.items()}
        return cls(**values, mode=read(ModeOptions, params, "log_groups_").mode)

    def permissions(self, region: str) -> TargetOptions:
        """Return what decides about the permissions of both functions."""
        return TargetOptions(region, self.reflector, self.subscriber, self.log_groups)


def with_delivery_path(log_groups: LogGroupOptions, subscriber: str, sinks: Mapping[str, Any]) -> LogGroupOptions:
    """Return the rules with the subscriber and the log groups of the sinks among what is never subscribed."""
    functions = [name for name in log_groups.own_functions if name != SUBSCRIBER]
    return dataclasses.replace(
        log_groups,
        own_functions=tuple(dict.fromkeys([subscriber, *functions])),
        own_log_groups=tuple(dict.fromkeys([*log_groups.own_log_groups, *reflector_code.sink_log_groups(sinks)])),
    )


def deploy(
    target: Target,
    options: Deployment,
    *,
    account_id: str | None,
    account_targets: Sequence[TargetOptions],
    check_mode: bool,
) -> Result:
    """Bring everything on a target into the state that the options describe. Return the result of all parts."""
    reflector, subscriber = options.reflector, options.subscriber
    log_groups = with_delivery_path(options.log_groups, subscriber.function_name, reflector.sinks)
    # Before anything is changed: a mistake in one part must not leave the parts before it deployed.
    check_reflector(reflector, "reflector_")
    check_subscriber(subscriber, log_groups, "subscriber_", "log_groups_")
    check_alarms(options.alarms)
    run = Run(target, check_mode=check_mode)
    reflector_zip = reflector_package(reflector, check_mode=check_mode)
    subscriber_zip = subscriber_package(subscriber, check_mode=check_mode)
    packages = {"reflector": dataclasses.asdict(reflector_zip), "subscriber": dataclasses.asdict(subscriber_zip)}
    run.add("packages", lambda: packages)
    release = release_of(options, log_groups, reflector_zip, subscriber_zip)
    check_account(run, account_id)
    check_delivery_stream(target, options.log_groups)
    reflector_parts = reflector_resources(run, reflector, options.alarms, reflector_zip, release)
    subscriber_parts = subscriber_resources_of(run, options, log_groups, subscriber_zip, release)
    rules = rules_of_mode(target, options, log_groups)
    run.read_ahead(reflector_parts, subscriber_parts, rules)
    run.check_plans(reflector_parts, subscriber_parts, rules)
    check_secrets(run, reflector_parts["function"], reflector)
    with run.keeping_reads():
        deploy_roles(run, options.account, [options.permissions(target.region), *account_targets])
    run.converge("reflector", reflector_parts)
    converge_subscriber(run, subscriber, subscriber_parts)
    _deploy_log_groups(run, options, log_groups, rules)
    run.add("reflector", lambda: {"dead_letters": _dead_letters(run, reflector.dead_letter_queue)})
    return finish(run, options.catch_up)


def check_delivery_stream(target: Target, log_groups: LogGroupOptions) -> None:
    """Raise InvalidInputError for a Firehose stream that is not in the target's account and region."""
    if log_groups.delivery_stream:
        stream = str(target.expand(log_groups.delivery_stream))
        try:
            delivery_filter(stream, log_groups.delivery_role_name, target.arn("lambda", "function:any"))
        except InvalidInputError as error:
            raise InvalidInputError(f"log_groups_{error.option}", error.message) from None


def release_of(
    options: Deployment, log_groups: LogGroupOptions, reflector_zip: Package, subscriber_zip: Package
) -> str:
    """Return the name of the release of both functions."""
    reflector, queue = options.reflector, options.reflector.dead_letter_queue
    return release_name(
        reflector_function(reflector, reflector_zip),
        subscriber_function(
            options.subscriber, log_groups, reflector.function_name, subscriber_zip, reflector_queue=queue
        ),
    )


def subscriber_resources_of(
    run: Run, options: Deployment, log_groups: LogGroupOptions, package: Package, release: str
) -> dict[str, Resource]:
    """Return the resources of the subscriber beside this reflector, without its rules."""
    return subscriber_resources(
        run,
        options.subscriber,
        log_groups,
        options.alarms,
        reflector=options.reflector.function_name,
        reflector_queue=options.reflector.dead_letter_queue,
        package=package,
        release=release,
    )


def rules_of_mode(target: Target, options: Deployment, log_groups: LogGroupOptions) -> dict[str, Resource]:
    """Return the subscriber's rules, which are disabled in the mode account_policy."""
    by_filters = options.mode != "account_policy"
    function = options.reflector.function_name
    return event_rules(target, options.subscriber, log_groups, reflector=function, enabled=by_filters)


def _deploy_log_groups(
    run: Run, options: Deployment, log_groups: LogGroupOptions, rules: Mapping[str, Resource]
) -> None:
    """Subscribe existing log groups, and new ones by the rules.

    In the mode filters the rules come before the catch-up, which must not miss a log group. In the mode account_policy they
    come after the policy. At no moment has a new log group neither a filter nor the policy.
    """
    reflector = options.reflector.function_name
    if options.mode == "account_policy":
        deploy_policy(run, options.catch_up, log_groups, reflector)
        run.converge("subscriber", rules)
    else:
        run.converge("subscriber", rules)
        deploy_filters(run, options.catch_up, log_groups, reflector)


def _dead_letters(run: Run, queue: str) -> Result:
    """Return the reflector's dead letters. They are read only if the queue was not empty when this run read it."""
    found = run.result["reflector"]["queue"]
    if found and found["messages"]:
        return dead_letters_in(run.target, queue)
    return no_dead_letters(queue, exists=bool(found))
