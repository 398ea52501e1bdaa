# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The usage of the deployed functions in the period: invocations, their time, their own logs, and the polls of the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._errors import NotFoundError
from ..._session import Target
from ..._subscriptions.delivery import function_configuration, log_group_of
from ..metrics import Series
from .figures import plain_measured
from .metrics import MetricsApi

_OPERATION = "read what the functions used"


def read_usage(target: Target, api: MetricsApi, functions: Mapping[str, str], queue: str) -> dict[str, Any]:
    """Return what each function and the subscriber's queue used. A function that does not exist is None.

    functions   their names by role: reflector and subscriber
    queue       the queue in front of the subscriber
    """
    configurations = {role: _configuration(target, name) for role, name in functions.items()}
    series: dict[str, dict[str, Series]] = {"queue": _of_queue(queue)}
    for role, configuration in configurations.items():
        if configuration is not None:
            series[role] = _of_function(functions[role], log_group_of(configuration, functions[role]))
    sums = api.sums([each for found in series.values() for each in found.values()], _OPERATION)
    days = api.period.days
    usage: dict[str, Any] = {
        role: {name: plain_measured(sums[each], days) for name, each in found.items()} for role, found in series.items()
    }
    for role, configuration in configurations.items():
        usage[role] = None if configuration is None else {**_facts(configuration), **usage[role]}
    return usage


def _configuration(target: Target, name: str) -> dict[str, Any] | None:
    try:
        return function_configuration(target.client("lambda"), name, target.where)
    except NotFoundError:
        return None


def _facts(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "memory_mb": int(configuration["MemorySize"]),
        "architecture": str((configuration.get("Architectures") or ["x86_64"])[0]),
    }


def _of_function(name: str, log_group: str) -> dict[str, Series]:
    return {
        "invocations": Series("AWS/Lambda", "Invocations", (("FunctionName", name),)),
        "duration_ms": Series("AWS/Lambda", "Duration", (("FunctionName", name),)),
        "log_bytes": Series("AWS/Logs", "IncomingBytes", (("LogGroupName", log_group),)),
    }


def _of_queue(queue: str) -> dict[str, Series]:
    return {
        "empty_receives": Series("AWS/SQS", "NumberOfEmptyReceives", (("QueueName", queue),)),
        "received": Series("AWS/SQS", "NumberOfMessagesReceived", (("QueueName", queue),)),
        "sent": Series("AWS/SQS", "NumberOfMessagesSent", (("QueueName", queue),)),
    }
