# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names against the limits of AWS. Makes no call: the classes of the resources refuse a wrong name when they are created."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..._errors import InvalidInputError
from ..._resources.event_rule.rule import EventRule, RuleSettings
from ..._resources.execution_role.role import ExecutionRole, RoleSettings
from ..._resources.function.state import check_function_name
from ..._resources.metric_alarm import AlarmSettings, MetricAlarm
from ..._resources.sqs_queue import QueueSettings, SqsQueue
from ..._resources.ssm_parameter import ParameterSettings, SsmParameter
from ..._session import Target
from ..alarms import alarm_names
from ..deployment import Deployment
from .findings import Finding, problem

_RESOURCES: dict[str, tuple[Any, Any]] = {
    "role": (ExecutionRole, RoleSettings),
    "queue": (SqsQueue, QueueSettings),
    "rule": (EventRule, RuleSettings),
    "alarm": (MetricAlarm, AlarmSettings),
    "parameter": (SsmParameter, ParameterSettings),
}


def name_findings(target: Target, options: Deployment) -> list[Finding]:
    """Return a problem for each name that AWS would refuse: those of the options, and those that follow from them."""
    found = []
    for variable, kind, name in _names(options):
        try:
            _check(target, kind, name)()
        except InvalidInputError as error:
            found.append(problem("names", f"{kind} {name}: {error.message}", f"Set {variable} to another name."))
    return list(dict.fromkeys(found))


def _check(target: Target, kind: str, name: str) -> Callable[[], Any]:
    if kind == "function":
        return partial(check_function_name, name)
    resource, settings = _RESOURCES[kind]
    return lambda: resource(target, settings(name=name, present=False))


def _names(options: Deployment) -> Iterator[tuple[str, str, str]]:
    """Yield the variable that decides about a name, the kind of resource, and the name."""
    reflector, subscriber = options.reflector, options.subscriber
    for prefix, part in (("reflector_", reflector), ("subscriber_", subscriber)):
        yield f"{prefix}function_name", "function", part.function_name
        yield f"{prefix}role_name", "role", part.role_name
        yield f"{prefix}queue_name", "queue", part.dead_letter_queue
    for name in alarm_names(reflector).values():
        is_queue_name = name.startswith(reflector.dead_letter_queue)
        yield f"reflector_{'queue' if is_queue_name else 'function'}_name", "alarm", name
    yield "reflector_rules_parameter", "parameter", reflector.rules_parameter
    yield "subscriber_queue_name", "queue", subscriber.fifo_dead_letter_queue
    yield "subscriber_queue_name", "alarm", subscriber.dead_letter_queue
    yield "subscriber_work_queue_name", "queue", subscriber.work_queue
    yield "subscriber_rule_name", "rule", subscriber.new_groups_rule
    yield "subscriber_rule_name", "rule", subscriber.sweep_rule
    yield "subscriber_settings_parameter", "parameter", subscriber.settings_parameter
