# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber: the function that subscribes new log groups, the queue in front of it, its dead letters, alarm and rules."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInputError
from .._options.alarms import AlarmOptions
from .._options.log_groups import LogGroupOptions
from .._options.notifications import NotificationOptions, NotificationSettings
from .._options.subscriber import SubscriberOptions, SubscriberSettings
from .._plan import Resource
from .._resources.event_rule.rule import EventRule, RuleSettings, RuleTarget
from .._resources.event_source_mapping import EventSourceMapping, MappingSettings
from .._resources.function.function import FunctionRemoval, LambdaFunction
from .._resources.function.settings import FunctionSettings
from .._resources.function.state import CurrentState
from .._resources.sqs_queue import QueueSettings, SqsQueue
from .._resources.ssm_parameter import ParameterSettings, SsmParameter
from .._session import Target
from .._subscriptions.filters import DesiredFilter
from .._subscriptions.settings import check_settings
from .alarms import (
    notification_alarms,
    removed_notification_alarms,
    removed_subscriber_alarm,
    subscriber_alarm,
)
from .packages import Package
from .reflector import as_tags, check_network, common_function_settings
from .run import Run
from .settings import StoredSettings, store

NOTIFICATIONS = "NOTIFICATIONS"
"""The environment variable of the function that turns notifications on."""

_EVENT_BUS = re.compile(r"arn:[^:]+:events:[^:]+:[^:]+:event-bus/[-._/A-Za-z0-9]{1,256}")
_TAG_EVENTS = ("TagLogGroup", "TagResource", "UntagLogGroup", "UntagResource")
_RETRY = {"maximum_retry_attempts": 185, "maximum_event_age": 86400}
_TRIES = 10
_VISIBILITY = 6
"""Times the function's timeout (Lambda developer guide, "Using Lambda with Amazon SQS": six times, and at least five receives,
because a throttled invocation counts as a receive)."""


def settings_of(options: SubscriberOptions, log_groups: LogGroupOptions) -> SubscriberSettings:
    """Return what the function is configured with."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(SubscriberSettings):
        source = log_groups if hasattr(log_groups, field.name) else options
        values[field.name] = getattr(source, field.name)
    # Without a pattern every event is wanted, whatever an existing filter has.
    return SubscriberSettings(**{**values, "filter_pattern": log_groups.filter_pattern or ""})


def stored_settings(options: SubscriberOptions, log_groups: LogGroupOptions) -> StoredSettings:
    """Return the function's settings as it reads them: JSON without the values that equal their defaults."""
    settings = settings_of(options, log_groups)
    given = {
        field.name: value
        for field in dataclasses.fields(settings)
        if (value := getattr(settings, field.name)) != field.default
    }
    return StoredSettings(json.dumps(given, default=list), options.settings_inline_bytes)


def check_subscriber(
    options: SubscriberOptions, log_groups: LogGroupOptions, prefix: str = "", log_groups_prefix: str = ""
) -> None:
    """Raise InvalidInputError for options that the function would refuse. Makes no call."""
    check_network(options, prefix)
    if options.notify_event_bus and not _EVENT_BUS.fullmatch(options.notify_event_bus):
        message = f"{options.notify_event_bus!r} is no ARN such as arn:aws:events:eu-west-1:111111111111:event-bus/logs"
        raise InvalidInputError(f"{prefix}notify_event_bus", message)
    check_settings(settings_of(options, log_groups), log_groups_prefix)
    stored_settings(options, log_groups).check(f"{log_groups_prefix}include")


def subscriber_function(
    options: SubscriberOptions,
    log_groups: LogGroupOptions,
    reflector: str,
    package: Package,
    reference: str = "",
    *,
    reflector_queue: str,
) -> FunctionSettings:
    """Return the function's settings, without its release.

    reflector        name of the reflector's function
    reference        of the parameter with the settings, "" while it is unknown
    reflector_queue  name of the reflector's dead-letter queue
    """
    return FunctionSettings(
        name=options.function_name,
        description="Log Reflector, subscribes new log groups",
        package=package.path,
        code_sha256=package.code_sha256,
        handler="handler.handler",
        environment={
            "REFLECTOR": reflector,
            "SUBSCRIPTIONS": stored_settings(options, log_groups).value(reference),
            "WORK_QUEUE": options.work_queue,
            # Not for the function: kept with its versions, so that a rollback finds the rules of each.
            "EVENT_RULES": _rules(options, log_groups, reflector),
            **_notifications(options, reflector_queue),
        },
        **common_function_settings(options),
    )


def _notifications(options: SubscriberOptions, reflector_queue: str) -> dict[str, Any]:
    """Return the function's environment variable for notifications, {} without them."""
    if not options.notify:
        return {}
    queues = (reflector_queue, options.dead_letter_queue, options.fifo_dead_letter_queue)
    settings = NotificationSettings(
        queues=queues, **{each.name: getattr(options, each.name) for each in dataclasses.fields(NotificationOptions)}
    )
    return {NOTIFICATIONS: {name: value for name, value in dataclasses.asdict(settings).items() if value}}


def converge_subscriber(run: Run, options: SubscriberOptions, resources: Mapping[str, Resource]) -> None:
    """Bring the resources into their desired state. If notifications were turned off, remove their alarms.

    The function that is deployed shows whether they were on, so no call asks for alarms that never existed.
    """
    run.read_ahead(resources)
    was_on = not options.notify and NOTIFICATIONS in _environment(run.state_of(resources["function"]))
    retired = removed_notification_alarms(run.target, options) if was_on else {}
    # If the run ends in between, the function still shows that there are alarms to remove.
    run.converge("subscriber", {**retired, **resources})


def _environment(state: CurrentState) -> Mapping[str, str]:
    """Return the function's environment variables, {} if it does not exist or they cannot be read."""
    return (state.function.configuration.environment if state.function else None) or {}


def subscriber_resources(
    run: Run,
    options: SubscriberOptions,
    log_groups: LogGroupOptions,
    alarms: AlarmOptions,
    *,
    reflector: str,
    reflector_queue: str,
    package: Package,
    release: str,
) -> dict[str, Resource]:
    """Return the resources of the subscriber but its rules. Store its settings if they need a parameter.

    reflector        name of the reflector's function
    reflector_queue  name of its dead-letter queue
    """
    target, tags = run.target, as_tags(options.tags)
    reference = store(
        run,
        "subscriber",
        stored_settings(options, log_groups),
        name=options.settings_parameter,
        description="Log Reflector, which log groups are subscribed",
        kms_key_arn=options.kms_key_arn,
        tags=tags,
    )
    function = dataclasses.replace(
        subscriber_function(options, log_groups, reflector, package, reference, reflector_queue=reflector_queue),
        release=release,
    )
    return {
        **{name: SqsQueue(target, queue) for name, queue in _queues(options, tags).items()},
        "function": LambdaFunction(target, function),
        "mapping": EventSourceMapping(
            target, MappingSettings(function_name=options.function_name, queue=options.work_queue, tags=tags)
        ),
        "alarm": subscriber_alarm(target, options, alarms, tags),
        **(notification_alarms(target, options, alarms, tags) if options.notify else {}),
    }


def event_rules(
    target: Target, options: SubscriberOptions, log_groups: LogGroupOptions, *, reflector: str, enabled: bool
) -> dict[str, Resource]:
    """Return both rules.

    reflector   name of the reflector's function
    """
    return _event_rules(target, options, _rules(options, log_groups, reflector), enabled)


def restore_rules(run: Run, options: SubscriberOptions, rules: Mapping[str, Any]) -> None:
    """Bring both rules into the state that a release of the function kept."""
    run.converge("subscriber", _event_rules(run.target, options, rules, None))


def remove_subscriber(run: Run, options: SubscriberOptions, *, discard_dead_letters: bool = False) -> None:
    """Remove everything that belongs to the subscriber."""
    run.converge("subscriber", removed_subscriber(run.target, options, discard_dead_letters=discard_dead_letters))


def removed_subscriber(
    target: Target, options: SubscriberOptions, *, discard_dead_letters: bool = False
) -> dict[str, Resource]:
    """Return the resources of the subscriber in the order of their removal, from its rules to its queues.

    Events that still wait in the work queue are of no use: nothing is subscribed any more.
    """

    def queue(name: str, *, discards: bool) -> SqsQueue:
        return SqsQueue(target, QueueSettings(name=name, present=False, discard_messages=discards))

    return {
        "new_groups_rule": EventRule(target, RuleSettings(name=options.new_groups_rule, present=False)),
        "sweep_rule": EventRule(target, RuleSettings(name=options.sweep_rule, present=False)),
        "mapping": EventSourceMapping(
            target, MappingSettings(function_name=options.function_name, queue=options.work_queue, present=False)
        ),
        "function": FunctionRemoval(target, options.function_name),
        "settings": SsmParameter(target, ParameterSettings(name=options.settings_parameter, present=False)),
        "alarm": removed_subscriber_alarm(target, options),
        **removed_notification_alarms(target, options),
        "work_queue": queue(options.work_queue, discards=True),
        "fifo_dead_letter_queue": queue(options.fifo_dead_letter_queue, discards=discard_dead_letters),
        "queue": queue(options.dead_letter_queue, discards=discard_dead_letters),
    }


def _queues(options: SubscriberOptions, tags: Mapping[str, str]) -> dict[str, QueueSettings]:
    """Return the queues in the order of their creation.

    There are two dead-letter queues, because EventBridge and Lambda send undeliverable events to standard queues, and a FIFO
    queue moves messages to FIFO queues.
    """
    rules = (options.new_groups_rule, options.sweep_rule)
    common: dict[str, Any] = {"kms_key_arn": options.kms_key_arn, "tags": tags}
    return {
        "queue": QueueSettings(name=options.dead_letter_queue, event_rules=rules, **common),
        "fifo_dead_letter_queue": QueueSettings(name=options.fifo_dead_letter_queue, **common),
        "work_queue": QueueSettings(
            name=options.work_queue,
            event_rules=rules,
            senders=_senders(options),
            content_based_deduplication=True,
            visibility_timeout=options.timeout * _VISIBILITY,
            dead_letter_queue=options.fifo_dead_letter_queue,
            max_receive_count=_TRIES,
            **common,
        ),
    }


def _senders(options: SubscriberOptions) -> tuple[str, ...]:
    """Return the principals that may send to the work queue: the function, and those who redrive its dead letters."""
    role = f"arn:{{partition}}:iam::{{account}}:role/{options.role_name}"
    return (role, *options.redrive_principals)


def _rules(options: SubscriberOptions, log_groups: LogGroupOptions, reflector: str) -> dict[str, Any]:
    """Return both rules as a release of the function keeps them."""
    return {"new_groups": _new_groups_rule(log_groups, reflector), "sweep": _sweep_rule(options)}


def _new_groups_rule(log_groups: LogGroupOptions, reflector: str) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "eventSource": ["logs.amazonaws.com"],
        "errorCode": [{"exists": False}],  # failed calls
    }
    if log_groups.include_tags or log_groups.exclude_tags:
        own_tag, _value = DesiredFilter(f"function:{reflector}").subscription_tag
        without_own_tag = {"tags": {own_tag: [{"exists": False}]}}  # the function writes that tag itself
        detail["$or"] = [
            {"eventName": ["CreateLogGroup"]},
            {"eventName": list(_TAG_EVENTS), "requestParameters": without_own_tag},
        ]
    else:
        detail["eventName"] = ["CreateLogGroup"]
    return {
        "description": "Log Reflector, reports each new log group to the subscriber",
        "event_pattern": {
            "source": ["aws.logs"],
            "account": ["{account}"],
            "region": ["{region}"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": detail,
        },
    }


def _sweep_rule(options: SubscriberOptions) -> dict[str, Any]:
    return {
        "description": "Log Reflector, starts the subscriber's sweep over all log groups",
        "schedule_expression": options.sweep_schedule,
    }


def _event_rules(
    target: Target, options: SubscriberOptions, rules: Mapping[str, Mapping[str, Any]], enabled: bool | None
) -> dict[str, Resource]:
    names = {"new_groups": options.new_groups_rule, "sweep": options.sweep_rule}
    receiver = RuleTarget(
        id="subscriber",
        arn=f"arn:{{partition}}:sqs:{{region}}:{{account}}:{options.work_queue}",
        message_group_id="subscriber",
        dead_letter_queue=options.dead_letter_queue,
        **_RETRY,
    )

    def settings(name: str, rule: Mapping[str, Any]) -> RuleSettings:
        return RuleSettings(
            name=name,
            # Without a schedule there is no sweep, and a rule needs a pattern or a schedule.
            present=bool(rule.get("event_pattern") or rule.get("schedule_expression")),
            description=rule["description"],
            event_pattern=rule.get("event_pattern"),
            schedule_expression=rule.get("schedule_expression", ""),
            enabled=enabled,
            targets=(receiver,),
            tags=as_tags(options.tags),
        )

    return {f"{part}_rule": EventRule(target, settings(name, rules[part])) for part, name in names.items()}
