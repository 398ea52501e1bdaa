# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber: the function that subscribes new log groups, the queue in front of it, its dead letters, alarm and rules."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from .._options.log_groups import LogGroupOptions
from .._options.subscriber import SubscriberOptions, SubscriberSettings
from .._plan import Resource
from .._resources.event_rule.rule import EventRule, RuleSettings, RuleTarget
from .._resources.event_source_mapping import EventSourceMapping, MappingSettings
from .._resources.function import FunctionSettings, LambdaFunction
from .._resources.metric_alarm import AlarmSettings, Metric, MetricAlarm
from .._resources.sqs_queue import QueueSettings, SqsQueue
from .._resources.ssm_parameter import ParameterSettings, SsmParameter
from .._session import Target
from .._subscriptions.settings import check_settings
from .packages import Package
from .reflector import as_tags, check_network, common_function_settings, with_release
from .run import Run
from .settings import StoredSettings, store

_TAG_EVENTS = ("TagLogGroup", "TagResource", "UntagLogGroup", "UntagResource")
_RETRY = {"maximum_retry_attempts": 185, "maximum_event_age": 86400}
_OWN_SOURCE = "logreflector.subscriber"
_TRIES = 4


def settings_of(options: SubscriberOptions, log_groups: LogGroupOptions) -> SubscriberSettings:
    """Return what the function is configured with."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(SubscriberSettings):
        source = log_groups if hasattr(log_groups, field.name) else options
        values[field.name] = getattr(source, field.name)
    # Without a pattern every event is wanted, whatever an existing filter has.
    return SubscriberSettings(**{**values, "filter_pattern": log_groups.filter_pattern or ""})


def stored_settings(options: SubscriberOptions, log_groups: LogGroupOptions) -> StoredSettings:
    """Return the function's settings as it reads them: JSON without what is as by default."""
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
    """InvalidInputError for options that the function would refuse. Calls nobody."""
    check_network(options, prefix)
    check_settings(settings_of(options, log_groups), log_groups_prefix)
    stored_settings(options, log_groups).check(f"{log_groups_prefix}include")


def subscriber_function(
    options: SubscriberOptions, log_groups: LogGroupOptions, reflector: str, package: Package, reference: str = ""
) -> FunctionSettings:
    """Return the function's settings, without its release.

    reflector   name of the reflector's function
    reference   of the parameter with the settings, "" while it is unknown
    """
    rules = {"new_groups": _new_groups_rule(log_groups), "sweep": _sweep_rule(options)}
    return FunctionSettings(
        name=options.function_name,
        description="Log Reflector, subscribes new log groups",
        package=package.path,
        code_sha256=package.code_sha256,
        handler="handler.handler",
        environment={
            "REFLECTOR": reflector,
            "SUBSCRIPTIONS": stored_settings(options, log_groups).value(reference),
            # Not for the function: kept with its versions, so that a rollback finds the rules of each.
            "EVENT_RULES": rules,
        },
        **common_function_settings(options),
    )


def deploy_subscriber(
    run: Run,
    options: SubscriberOptions,
    log_groups: LogGroupOptions,
    *,
    reflector: str,
    package: Package,
    release: str,
) -> None:
    """Bring the subscriber into the state that the options describe, all but its rules.

    reflector   name of the reflector's function
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
    function = subscriber_function(options, log_groups, reflector, package, reference)
    resources: dict[str, Resource] = {
        **{name: SqsQueue(target, queue) for name, queue in _queues(options, tags).items()},
        "function": LambdaFunction(target, with_release(function, release)),
        "mapping": EventSourceMapping(
            target, MappingSettings(function_name=options.function_name, queue=options.work_queue, tags=tags)
        ),
        "alarm": MetricAlarm(target, _alarm(options, tags)),
    }
    run.converge("subscriber", resources)


def deploy_rules(run: Run, options: SubscriberOptions, log_groups: LogGroupOptions, *, enabled: bool) -> None:
    """Bring both rules into the state that the options describe.

    In the mode filters they come before the catch-up, which must not miss a log group. In the mode account_policy they
    come after the policy. At no moment is a new log group without either.
    """
    rules = {
        options.new_groups_rule: _new_groups_rule(log_groups),
        options.sweep_rule: _sweep_rule(options),
    }
    run.converge("subscriber", _rules(run.target, options, rules, enabled))


def restore_rules(run: Run, options: SubscriberOptions, rules: Mapping[str, Any]) -> None:
    """Bring both rules into the state that a release of the function kept."""
    named = {options.new_groups_rule: rules["new_groups"], options.sweep_rule: rules["sweep"]}
    run.converge("subscriber", _rules(run.target, options, named, None))


def remove_subscriber(run: Run, options: SubscriberOptions, *, discard_dead_letters: bool = False) -> None:
    """Remove everything that belongs to the subscriber, from its rules to its queues.

    Events that still wait in the work queue are of no use: nothing is subscribed any more.
    """
    target = run.target
    run.converge(
        "subscriber",
        {
            "new_groups_rule": EventRule(target, RuleSettings(name=options.new_groups_rule, present=False)),
            "sweep_rule": EventRule(target, RuleSettings(name=options.sweep_rule, present=False)),
            "mapping": EventSourceMapping(
                target, MappingSettings(function_name=options.function_name, queue=options.work_queue, present=False)
            ),
            "function": LambdaFunction(
                target, FunctionSettings(name=options.function_name, present=False, delete_log_group=True)
            ),
            "settings": SsmParameter(target, ParameterSettings(name=options.settings_parameter, present=False)),
            "alarm": MetricAlarm(target, AlarmSettings(name=options.dead_letter_queue, present=False)),
            "work_queue": SqsQueue(
                target, QueueSettings(name=options.work_queue, present=False, discard_messages=True)
            ),
            "fifo_dead_letter_queue": SqsQueue(
                target,
                QueueSettings(
                    name=options.fifo_dead_letter_queue, present=False, discard_messages=discard_dead_letters
                ),
            ),
            "queue": SqsQueue(
                target,
                QueueSettings(name=options.dead_letter_queue, present=False, discard_messages=discard_dead_letters),
            ),
        },
    )


def _queues(options: SubscriberOptions, tags: Mapping[str, str]) -> dict[str, QueueSettings]:
    """Return the queues in the order of their creation.

    There are two dead-letter queues, because EventBridge and Lambda put what they could not deliver into standard queues,
    and a FIFO queue puts it into FIFO queues.
    """
    rules = (options.new_groups_rule, options.sweep_rule)
    common: dict[str, Any] = {"kms_key_arn": options.kms_key_arn, "tags": tags}
    return {
        "queue": QueueSettings(name=options.dead_letter_queue, event_rules=rules, **common),
        "fifo_dead_letter_queue": QueueSettings(name=options.fifo_dead_letter_queue, **common),
        "work_queue": QueueSettings(
            name=options.work_queue,
            event_rules=rules,
            content_based_deduplication=True,
            # A function that ended without an answer holds up the others for as long, because they come one by one.
            visibility_timeout=options.timeout * 2,
            dead_letter_queue=options.fifo_dead_letter_queue,
            max_receive_count=_TRIES,
            **common,
        ),
    }


def _alarm(options: SubscriberOptions, tags: Mapping[str, str]) -> AlarmSettings:
    queues = {"undelivered": options.dead_letter_queue, "given_up": options.fifo_dead_letter_queue}
    return AlarmSettings(
        name=options.dead_letter_queue,
        description=(
            "Log Reflector: a log group could not be subscribed, or a rule could not deliver an event. The dead letters"
            " have the reason."
        ),
        metrics=tuple(
            Metric(
                id=name,
                namespace="AWS/SQS",
                metric_name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": queue},
                statistic="Maximum",
                period=300,
            )
            for name, queue in queues.items()
        ),
        # SUM skips metrics without data: a queue that was unused for some hours has none.
        expression="SUM([undelivered, given_up])",
        comparison_operator="GreaterThanThreshold",
        threshold=0,
        alarm_actions=options.alarm_actions,
        tags=tags,
    )


def _new_groups_rule(log_groups: LogGroupOptions) -> dict[str, Any]:
    tags_matter = log_groups.include_tags or log_groups.exclude_tags
    return {
        "description": "Log Reflector, reports each new log group to the subscriber",
        # Failed calls are left out here already.
        "event_pattern": {
            "source": ["aws.logs"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventSource": ["logs.amazonaws.com"],
                "eventName": ["CreateLogGroup", *(_TAG_EVENTS if tags_matter else ())],
                "errorCode": [{"exists": False}],
            },
        },
    }


def _sweep_rule(options: SubscriberOptions) -> dict[str, Any]:
    # The function continues its sweep through this rule and not directly through its queue: Lambda would detect a loop.
    return {
        "description": "Log Reflector, starts the subscriber's sweep over all log groups and continues it",
        "schedule_expression": options.sweep_schedule,
        "event_pattern": {"source": [_OWN_SOURCE]},
    }


def _rules(
    target: Target, options: SubscriberOptions, rules: Mapping[str, Mapping[str, Any]], enabled: bool | None
) -> dict[str, Resource]:
    receiver = RuleTarget(
        id="subscriber",
        arn=f"arn:{{partition}}:sqs:{{region}}:{{account}}:{options.work_queue}",
        message_group_id="subscriber",
        dead_letter_queue=options.dead_letter_queue,
        **_RETRY,
    )
    names = ("new_groups_rule", "sweep_rule")
    return {
        part: EventRule(
            target,
            RuleSettings(
                name=name,
                description=rule["description"],
                event_pattern=rule.get("event_pattern"),
                schedule_expression=rule.get("schedule_expression", ""),
                enabled=enabled,
                targets=(receiver,),
                tags=as_tags(options.tags),
            ),
        )
        for part, (name, rule) in zip(names, rules.items(), strict=True)
    }
