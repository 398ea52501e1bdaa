# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The alarms and the reserved concurrency of a deployment, against moto in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

OPTIONS: dict[str, Any] = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}
ALARMS = {
    "log-reflector-dead-letters",
    "log-reflector-dead-letters-oldest",
    "log-reflector-errors",
    "log-reflector-throttles",
    "log-reflector-subscriber-dead-letters",
}
TOPIC = "arn:{partition}:sns:{region}:{account}:on-call"


def alarms(aws: Any) -> dict[str, Any]:
    found = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {item["AlarmName"]: item for item in found}


def test_deployment_alarms_notify_the_actions_of_both_functions(aws: Any) -> None:
    """Dead letters of the reflector, which SQS deletes after 14 days, notified nobody."""
    announced = aws.run("deployment", check_mode=True, **OPTIONS, alarms_actions=[TOPIC])
    assert {f"create alarm {name}" for name in ALARMS} <= set(announced["changes"])
    done = aws.run("deployment", **OPTIONS, alarms_actions=[TOPIC])
    assert "failed" not in done, done
    found = alarms(aws)
    assert set(found) == ALARMS
    assert {tuple(item["AlarmActions"]) for item in found.values()} == {("arn:aws:sns:eu-west-1:123456789012:on-call",)}


def test_deployment_changed_age_updates_one_alarm(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    changed = aws.run("deployment", **OPTIONS, alarms_oldest_seconds=3600)
    assert changed["changes"] == ["update alarm log-reflector-dead-letters-oldest"]
    assert [item["after"]["threshold"] for item in changed["diff"]] == [3600]
    assert alarms(aws)["log-reflector-dead-letters-oldest"]["Threshold"] == 3600


@pytest.mark.parametrize("module", ["reflector", "subscriber"])
def test_removal_of_a_function_removes_its_alarms(aws: Any, module: str) -> None:
    aws.run("deployment", **OPTIONS)
    before = set(alarms(aws))
    announced = aws.run(module, check_mode=True, state="absent")
    done = aws.run(module, state="absent")
    gone = {line.removeprefix("delete alarm ") for line in done["changes"] if line.startswith("delete alarm")}
    assert done["changes"] == announced["changes"]
    assert gone == {name for name in ALARMS if ("subscriber" in name) == (module == "subscriber")}
    assert set(alarms(aws)) == before - gone


@pytest.mark.parametrize("actions", [["on-call"], [TOPIC] * 6])
def test_wrong_alarm_actions_are_refused_before_any_call(aws: Any, actions: list[str]) -> None:
    refused = aws.run("deployment", **OPTIONS, alarms_actions=actions)
    assert "alarms_actions" in refused["msg"]
    assert aws.calls == []


def reserved(aws: Any) -> int | None:
    answer = aws.client("lambda").get_function_concurrency(FunctionName="log-reflector")
    return answer.get("ReservedConcurrentExecutions")


def test_reflector_reserves_a_tenth_of_the_quota(aws: Any) -> None:
    """A sink that did not answer let the reflector take the concurrency of every function of the account."""
    done = aws.run("deployment", **OPTIONS)
    assert "update reserved concurrency of function log-reflector" in done["changes"]
    assert done["reflector"]["notes"] == []
    assert reserved(aws) == 100
    assert aws.run("deployment", **OPTIONS)["changes"] == []


@pytest.mark.parametrize(("given", "number"), [("none", None), ("keep", 100), (7, 7), (0, 0)])
def test_reflector_reservation_given_is_followed(aws: Any, given: str | int, number: int | None) -> None:
    aws.run("deployment", **OPTIONS)
    done = aws.run("deployment", **OPTIONS, reflector_reserved_concurrency=given)
    assert "failed" not in done, done
    assert reserved(aws) == number


@pytest.mark.parametrize("wrong", [-1, "some", "1.5", ""])
def test_reflector_wrong_reservation_is_refused_before_any_call(aws: Any, wrong: str | int) -> None:
    refused = aws.run("deployment", **OPTIONS, reflector_reserved_concurrency=wrong)
    assert "reflector_reserved_concurrency" in refused["msg"]
    assert aws.calls == []


NOTIFICATIONS = {
    "log-reflector-subscriber-coverage-changed": "CoverageChanges",
    "log-reflector-subscriber-sources-silent": "SilentSources",
    "log-reflector-subscriber-dead-letters-growing": "DeadLettersAdded",
    "log-reflector-subscriber-notifications-failed": "NotificationFailures",
}


def variables(aws: Any) -> dict[str, str]:
    function = aws.client("lambda").get_function_configuration(FunctionName="log-reflector-subscriber")
    found: dict[str, str] = function["Environment"]["Variables"]
    return found


def test_notifications_have_an_alarm_each_and_leave_with_the_option(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    assert "NOTIFICATIONS" not in variables(aws)
    on: dict[str, Any] = {**OPTIONS, "subscriber_notify": True, "alarms_actions": [TOPIC]}
    announced = aws.run("deployment", check_mode=True, **on)
    done = aws.run("deployment", **on)
    assert announced["changes"] == done["changes"], done
    assert {f"create alarm {name}" for name in NOTIFICATIONS} <= set(done["changes"])
    found = alarms(aws)
    for name, metric in NOTIFICATIONS.items():
        assert (found[name]["Namespace"], found[name]["MetricName"]) == ("LogReflector", metric)
        assert found[name]["Dimensions"] == [{"Name": "FunctionName", "Value": "log-reflector-subscriber"}]
        assert found[name]["AlarmActions"] == ["arn:aws:sns:eu-west-1:123456789012:on-call"]
        assert found[name]["TreatMissingData"] == "notBreaching"
    assert json.loads(variables(aws)["NOTIFICATIONS"]) == {
        "notify": True,
        "notify_silent_days": 7,
        "notify_silent_hours": 6,
        "queues": [
            "log-reflector-dead-letters",
            "log-reflector-subscriber-dead-letters",
            "log-reflector-subscriber-dead-letters.fifo",
        ],
    }
    assert not aws.run("deployment", **on)["changed"]
    off = aws.run("deployment", **{**on, "subscriber_notify": False})
    assert {f"delete alarm {name}" for name in NOTIFICATIONS} <= set(off["changes"])
    assert set(alarms(aws)) == ALARMS
    assert "NOTIFICATIONS" not in variables(aws)


def test_removal_removes_the_alarms_of_notifications(aws: Any) -> None:
    aws.run("deployment", **OPTIONS, subscriber_notify=True)
    aws.run("subscriber", state="absent")
    assert not NOTIFICATIONS.keys() & alarms(aws).keys()


def test_module_subscriber_counts_the_dead_letters_of_the_named_queue(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    aws.run("subscriber", notify=True, reflector_queue_name="undelivered")
    assert json.loads(variables(aws)["NOTIFICATIONS"])["queues"][0] == "undelivered"


def test_wrong_event_bus_is_refused_before_the_first_call(aws: Any) -> None:
    result = aws.run("deployment", **OPTIONS, subscriber_notify=True, subscriber_notify_event_bus="default")
    assert "subscriber_notify_event_bus" in result["msg"]
    assert alarms(aws) == {}
