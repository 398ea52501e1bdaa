# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a deployment's options that its cost depends on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.alarms import (
    notification_alarms,
    reflector_alarms,
    subscriber_alarm,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.facts import (
    ALARM_METRICS,
    NOTIFICATION_METRICS,
    facts_of,
    sweeps_a_month,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.metric_alarm import MetricAlarm
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target


def facts(**params: Any) -> dict[str, Any]:
    return facts_of(params, "filters", 60)


def test_facts_of_the_defaults() -> None:
    found = facts()
    assert (found["memory_mb"], found["architecture"], found["log_retention_days"]) == (256, "arm64", 30)
    assert (found["sinks"], found["secrets"], found["in_vpc"]) == ([], 0, False)
    assert found["sweeps_a_month"] == pytest.approx(30.4, abs=0.1)


def test_facts_hold_no_secret() -> None:
    found = facts(
        reflector_sumo_endpoint="https://sumo.example/secret",
        reflector_sinks={"more": {"type": "http", "url": "https://example.com", "token": "geheim"}},
    )
    assert found["sinks"] == ["http", "sumologic"]
    assert found["secrets"] == 0
    assert "secret/" not in json.dumps(found)
    assert "geheim" not in json.dumps(found)
    assert "example" not in json.dumps(found)


def test_each_secret_counts_once_and_parameters_do_not() -> None:
    found = facts(
        reflector_sumo_endpoint="secretsmanager:sumo",
        reflector_sinks={
            "a": {"type": "http", "token": "secretsmanager:sumo"},
            "b": {"type": "http", "token": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:b"},
            "c": {"type": "http", "token": "ssm:c"},
        },
    )
    assert found["secrets"] == 2


@pytest.mark.parametrize(
    ("schedule", "sweeps"),
    [
        ("rate(1 day)", 730 / 24),
        ("rate(7 days)", 730 / 168),
        ("rate(12 hours)", 730 / 12),
        ("", 0),
        ("cron(0 3 * * ? *)", None),
    ],
)
def test_sweeps_follow_from_the_schedule(schedule: str, sweeps: float | None) -> None:
    assert sweeps_a_month(schedule) == (None if sweeps is None else pytest.approx(sweeps))


def test_metrics_of_the_alarms_are_those_of_the_deployment() -> None:
    target = Target(None, "eu-west-1")
    alarms = AlarmOptions()
    found = [
        *reflector_alarms(target, ReflectorOptions(), alarms, {}).values(),
        subscriber_alarm(target, SubscriberOptions(), alarms, {}),
    ]
    assert all(isinstance(alarm, MetricAlarm) for alarm in found)
    assert sum(len(alarm._settings.metrics) for alarm in found if isinstance(alarm, MetricAlarm)) == ALARM_METRICS


def test_number_of_notification_metrics_is_that_of_their_alarms() -> None:
    target: Any = Target(None, "eu-west-1")
    found = notification_alarms(target, SubscriberOptions(notify=True), AlarmOptions(), {})
    assert len(found) == NOTIFICATION_METRICS
    assert facts(subscriber_notify=True)["alarm_metrics"] == ALARM_METRICS + NOTIFICATION_METRICS
