# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stations of the reflector's function and of the route that its settings give a log group."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.function import (
    Function,
    function_station,
    read_settings,
    refused_settings,
    route_station,
)

ACTIVE = {"State": "Active", "LastUpdateStatus": "Successful", "LastModified": "2026-11-28T11:00:00.000+0000"}
STDOUT = {"type": "stdout", "payloads_in_own_log": True}
METRICS = {"Errors": 3, "Throttles": None}


def test_function_that_runs_shows_its_counts_and_unknown_is_not_zero() -> None:
    found = function_station(Function("log-reflector", ACTIVE, 100), METRICS, 60)
    assert found.status == "ok"
    assert "100 executions reserved; 3 errors and unknown throttles in the last 60 minutes" in found.fact


@pytest.mark.parametrize(
    ("function", "cause", "text"),
    [
        (Function("f", None), "no_function", "there is no function f"),
        (Function("f", {**ACTIVE, "State": "Failed", "StateReason": "no role"}), "failed", "state Failed: no role"),
        (
            Function("f", {**ACTIVE, "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no key"}),
            "failed",
            "failed to update: no key",
        ),
        (Function("f", ACTIVE, 0), "stopped", "its reserved concurrency is 0"),
    ],
)
def test_function_that_does_not_run_is_a_problem(function: Function, cause: str, text: str) -> None:
    found = function_station(function, METRICS, 60)
    assert (found.status, found.cause, found.command) == ("problem", cause, "deploy")
    assert text in found.fact


def test_function_without_metrics_names_the_missing_permission() -> None:
    error = AccessDeniedError("read the metrics", "not authorized to perform: cloudwatch:GetMetricData")
    found = function_station(Function("f", ACTIVE), error, 60)
    assert found.status == "ok"
    assert "errors and throttles were not read: Could not read the metrics" in found.fact
    assert "cloudwatch:GetMetricData" in found.fact


class Parameters:
    """A target whose Systems Manager has one parameter."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.asked: list[str] = []

    def client(self, _service: str) -> Parameters:
        return self

    where = "111111111111/eu-west-1"

    def describe_operation(self, _operation: str) -> Any:
        return nullcontext()

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        self.asked.append(Name)
        return {"Parameter": {"Value": self._value}}


def settings(routes: list[dict[str, Any]], **environment: str) -> Any:
    rules = {"sinks": {"archive": STDOUT}, "routes": routes}
    variables = {"SUMO_ENDPOINT": "secretsmanager:x", "REFLECTOR_RULES": json.dumps(rules), **environment}
    return read_settings(Parameters(""), {"Environment": {"Variables": variables}})  # type: ignore[arg-type]


def test_route_names_sinks_and_rules() -> None:
    route = {"log_groups": ["/app*"], "sinks": ["archive"], "keep": ["ERROR"], "drop": ["health"], "sample": 0.5}
    found = route_station(settings([route, {"log_groups": ["*"]}], LOG_STREAM_PREFIX="prod"), "/app/x")
    assert found.status == "ok"
    assert found.fact == (
        "route 1 of 2 (/app*) sends to archive; it keeps only events that match 'ERROR'; it drops events that match 'health';"
        " it sends 50% of them; it drops log streams that do not begin with prod"
    )
    assert (
        "route 2 of 2 (*) sends to sumologic, archive"
        in route_station(settings([route, {"log_groups": ["*"]}]), "/b").fact
    )


@pytest.mark.parametrize(
    ("options", "why"), [({"sinks": []}, "it has no sink"), ({"sample": 0}, "it has the sample 0")]
)
def test_route_that_drops_everything_is_a_problem(options: dict[str, Any], why: str) -> None:
    found = route_station(settings([{"log_groups": ["*"], **options}]), "/app")
    assert (found.status, found.cause, found.command) == ("problem", "dropped", "deploy")
    assert found.fact == f"route 1 of 1 (*) drops every event: {why}"


def test_settings_in_a_parameter_are_those_of_the_deployed_version() -> None:
    parameters = Parameters(json.dumps({"sinks": {"archive": STDOUT}}))
    variables = {"REFLECTOR_RULES": "ssm:/log-reflector/rules:7#abcdef"}
    found = read_settings(parameters, {"Environment": {"Variables": variables}})  # type: ignore[arg-type]
    assert parameters.asked == ["/log-reflector/rules:7"]
    assert list(found.sinks) == ["archive"]


def test_settings_in_a_secret_are_not_read() -> None:
    variables = {"REFLECTOR_RULES": "secretsmanager:rules"}
    with pytest.raises(ReflectorError) as caught:
        read_settings(Parameters(""), {"Environment": {"Variables": variables}})  # type: ignore[arg-type]
    assert not isinstance(caught.value, InvalidInputError)
    assert "they are in secretsmanager:rules" in str(caught.value)


def test_settings_parameter_that_refers_to_another_one_is_not_followed() -> None:
    parameters = Parameters("ssm:/elsewhere")
    with pytest.raises(InvalidInputError, match="ssm:/rules refers to another parameter"):
        read_settings(parameters, {"Environment": {"Variables": {"REFLECTOR_RULES": "ssm:/rules"}}})  # type: ignore[arg-type]
    assert parameters.asked == ["/rules"]


@pytest.mark.parametrize("rules", ["{", "[]", '{"routes": [{"log_groups": ["*"], "sinks": ["nowhere"]}]}'])
def test_settings_that_the_reflector_refuses_are_a_problem(rules: str) -> None:
    variables = {"SUMO_ENDPOINT": "secretsmanager:x", "REFLECTOR_RULES": rules}
    with pytest.raises(InvalidInputError) as caught:
        read_settings(Parameters(""), {"Environment": {"Variables": variables}})  # type: ignore[arg-type]
    found = refused_settings(caught.value)
    assert (found.status, found.cause) == ("problem", "settings")
    assert "REFLECTOR_RULES" in found.fact
