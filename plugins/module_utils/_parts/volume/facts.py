# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a deployment that its cost depends on, from its options. Holds no secret."""

from __future__ import annotations

import json
import re
from typing import Any

from ..._options.option import read
from ..._options.reflector import ReflectorOptions
from ..._options.subscriber import SubscriberOptions
from ..._plan import Params

ALARM_METRICS = 7
"""Metrics of the alarms: the reflector's four alarms watch five, the subscriber's one watches two (`_parts/alarms.py`)."""
NOTIFICATION_METRICS = 4
"""Metrics of the notifications, each with an alarm, if `subscriber_notify` is set (docs/NOTIFY.md)."""

_SECRET = re.compile(r'"((?:arn:[a-z0-9-]+:secretsmanager:|secretsmanager:)[^"]+)"')
_HOURS = {"minute": 1 / 60, "hour": 1, "day": 24}
_SCHEDULE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_HOURS_A_MONTH = 730


def facts_of(params: Params, mode: str, log_groups: int) -> dict[str, Any]:
    """Return the facts.

    log_groups  number of log groups of the target, which a sweep reads
    """
    reflector = read(ReflectorOptions, params, "reflector_")
    subscriber = read(SubscriberOptions, params, "subscriber_")
    text = json.dumps([reflector.sumo_endpoint, reflector.sinks], default=str)
    types = [str(sink.get("type", "")) if isinstance(sink, dict) else "" for sink in reflector.sinks.values()]
    return {
        "mode": mode,
        "memory_mb": reflector.memory_size,
        "architecture": reflector.architecture,
        "subscriber_memory_mb": subscriber.memory_size,
        "subscriber_architecture": subscriber.architecture,
        "log_retention_days": reflector.log_retention_days,
        "in_vpc": bool(reflector.subnet_ids),
        "sinks": sorted([*(["sumologic"] if reflector.sumo_endpoint else []), *types]),
        "routes": bool(reflector.routes),
        "filter_pattern": bool(params.get("filter_pattern")),
        "secrets": len(set(_SECRET.findall(text))),
        "alarm_metrics": ALARM_METRICS + (NOTIFICATION_METRICS if subscriber.notify else 0),
        "notification_metrics": NOTIFICATION_METRICS if subscriber.notify else 0,
        "sweeps_a_month": sweeps_a_month(subscriber.sweep_schedule),
        "audit_days": subscriber.audit_days,
        "log_groups": log_groups,
    }


def sweeps_a_month(schedule: str) -> float | None:
    """Return how often an EventBridge schedule starts a sweep in a month; None for one that is no rate."""
    if not schedule:
        return 0.0
    if not (match := _SCHEDULE.fullmatch(schedule)):
        return None
    return _HOURS_A_MONTH / (int(match[1]) * _HOURS[match[2]])
