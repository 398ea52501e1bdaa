# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The alarms of both functions, with the metrics that each watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._options.alarms import AlarmOptions
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._plan import Resource
from .._resources.metric_alarm import AlarmSettings, Metric, MetricAlarm, check_actions
from .._session import Target

_PERIOD = 300
_LASTING = 3
"""Periods in a row with errors or throttles until an alarm goes off. Lambda retries by itself, so one period is no problem."""


def check_alarms(alarms: AlarmOptions, prefix: str = "alarms_") -> None:
    """Raise InvalidInputError for options that CloudWatch would refuse. Makes no call."""
    check_actions(f"{prefix}actions", alarms.actions)


def reflector_alarms(
    target: Target, reflector: ReflectorOptions, alarms: AlarmOptions, tags: Mapping[str, str]
) -> dict[str, Resource]:
    """Return the alarms of the reflector."""
    queue, function, names = reflector.dead_letter_queue, reflector.function_name, alarm_names(reflector)
    common: dict[str, Any] = {"alarm_actions": _actions(target, alarms), "tags": tags}
    settings = {
        "dead_letters_alarm": AlarmSettings(
            name=names["dead_letters_alarm"],
            description=(
                "Log Reflector: log events could not be delivered and wait in the dead-letter queue, or could not be stored"
                " there. The dead letters have the reason."
            ),
            metrics=(
                _waiting("waiting", queue),
                _function_metric("lost", function, "DestinationDeliveryFailures"),
            ),
            # SUM skips metrics without data: a queue that was unused for some hours has none.
            expression="SUM([waiting, lost])",
            **common,
        ),
        "oldest_alarm": AlarmSettings(
            name=names["oldest_alarm"],
            description="Log Reflector: dead letters wait for long. SQS deletes them after 14 days. Replay them before.",
            metrics=(_queue_metric("", queue, "ApproximateAgeOfOldestMessage"),),
            threshold=alarms.oldest_seconds,
            **common,
        ),
        "errors_alarm": AlarmSettings(
            name=names["errors_alarm"],
            description="Log Reflector: invocations of the reflector keep failing. Its log has the reason.",
            metrics=(_function_metric("", function, "Errors"),),
            evaluation_periods=_LASTING,
            **common,
        ),
        "throttles_alarm": AlarmSettings(
            name=names["throttles_alarm"],
            description=(
                "Log Reflector: Lambda keeps throttling the reflector. Raise its reserved concurrency or the account's quota."
            ),
            metrics=(_function_metric("", function, "Throttles"),),
            evaluation_periods=_LASTING,
            **common,
        ),
    }
    return {name: MetricAlarm(target, each) for name, each in settings.items()}


def removed_reflector_alarms(target: Target, reflector: ReflectorOptions) -> dict[str, Resource]:
    """Return the alarms of the reflector, to be removed."""
    return {
        part: MetricAlarm(target, AlarmSettings(name=name, present=False))
        for part, name in alarm_names(reflector).items()
    }


def alarm_names(reflector: ReflectorOptions) -> dict[str, str]:
    queue, function = reflector.dead_letter_queue, reflector.function_name
    return {
        "dead_letters_alarm": queue,
        "oldest_alarm": f"{queue}-oldest",
        "errors_alarm": f"{function}-errors",
        "throttles_alarm": f"{function}-throttles",
    }


def subscriber_alarm(
    target: Target, subscriber: SubscriberOptions, alarms: AlarmOptions, tags: Mapping[str, str]
) -> MetricAlarm:
    """Return the alarm of the subscriber."""
    settings = AlarmSettings(
        name=subscriber.dead_letter_queue,
        description=(
            "Log Reflector: a log group could not be subscribed, or a rule could not deliver an event. The dead letters"
            " have the reason."
        ),
        metrics=(
            _waiting("undelivered", subscriber.dead_letter_queue),
            _waiting("given_up", subscriber.fifo_dead_letter_queue),
        ),
        expression="SUM([undelivered, given_up])",
        alarm_actions=_actions(target, alarms),
        tags=tags,
    )
    return MetricAlarm(target, settings)


def removed_subscriber_alarm(target: Target, subscriber: SubscriberOptions) -> MetricAlarm:
    """Return the alarm of the subscriber, to be removed."""
    return MetricAlarm(target, AlarmSettings(name=subscriber.dead_letter_queue, present=False))


def notification_alarms(
    target: Target, subscriber: SubscriberOptions, alarms: AlarmOptions, tags: Mapping[str, str]
) -> dict[str, Resource]:
    """Return the alarms on the metrics that the sweep writes with its notifications."""
    return {
        f"{part}_alarm": MetricAlarm(
            target,
            AlarmSettings(
                name=name,
                description=f"Log Reflector: {_NOTIFICATIONS[part][1]} docs/NOTIFY.md has the next step.",
                metrics=(_sweep_metric(subscriber.function_name, _NOTIFICATIONS[part][0]),),
                alarm_actions=_actions(target, alarms),
                tags=tags,
            ),
        )
        for part, name in _notification_names(subscriber).items()
    }


def removed_notification_alarms(target: Target, subscriber: SubscriberOptions) -> dict[str, Resource]:
    """Return the alarms of the notifications, to be removed."""
    return {
        f"{part}_alarm": MetricAlarm(target, AlarmSettings(name=name, present=False))
        for part, name in _notification_names(subscriber).items()
    }


def _notification_names(subscriber: SubscriberOptions) -> dict[str, str]:
    return {part: f"{subscriber.function_name}-{part.replace('_', '-')}" for part in _NOTIFICATIONS}


_NOTIFICATIONS = {
    "coverage_changed": ("CoverageChanges", "the last sweep found log groups whose coverage changed."),
    "sources_silent": ("SilentSources", "the last sweep found log groups that used to log and do not any more."),
    "dead_letters_growing": ("DeadLettersAdded", "there are more dead letters than at the sweep before."),
    "notifications_failed": ("NotificationFailures", "the last sweep could not find or send all its notifications."),
}
"""Metric and meaning of each alarm."""


def _actions(target: Target, alarms: AlarmOptions) -> tuple[str, ...]:
    return tuple(target.expand(list(alarms.actions)))


def _waiting(name: str, queue: str) -> Metric:
    return _queue_metric(name, queue, "ApproximateNumberOfMessagesVisible")


def _queue_metric(name: str, queue: str, metric: str) -> Metric:
    return Metric(
        id=name,
        namespace="AWS/SQS",
        metric_name=metric,
        dimensions={"QueueName": queue},
        statistic="Maximum",
        period=_PERIOD,
    )


def _sweep_metric(function: str, metric: str) -> Metric:
    return Metric(
        namespace="LogReflector",
        metric_name=metric,
        dimensions={"FunctionName": function},
        statistic="Sum",
        period=_PERIOD,
    )


def _function_metric(name: str, function: str, metric: str) -> Metric:
    return Metric(
        id=name,
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions={"FunctionName": function},
        statistic="Sum",
        period=_PERIOD,
    )
