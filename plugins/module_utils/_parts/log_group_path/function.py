# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector on the path: its permission, its state, and the route that its settings give the log group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import InvalidInputError, ReflectorError
from ..._resources.function.api import FunctionApi
from ..._resources.permission.permission import PolicyApi
from ..._resources.permission.settings import FunctionAddress
from ..._resources.reflector_ready import admits_log_group
from ..._retry import RetryPolicy
from ..._session import Target
from ..reflector_code import module
from .stations import Station, ok, problem, unknown

_METRICS = ("Errors", "Throttles")
_PERIOD = 300


@dataclass(frozen=True, slots=True)
class Function:
    """The reflector's function as it was read.

    configuration   of GetFunction; None if there is no such function
    reserved        executions that are reserved for it, which are its maximum too; None if there is no reservation
    """

    name: str
    configuration: Mapping[str, Any] | None
    reserved: int | None = None


def read_function(target: Target, name: str) -> Function:
    """Return the function's configuration and reservation."""
    answer = FunctionApi(target, name, None, RetryPolicy(seconds=0)).get()
    if answer is None:
        return Function(name, None)
    return Function(name, answer["Configuration"], answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"))


def permission_station(target: Target, name: str, log_group: str) -> Station:
    """Return whether CloudWatch Logs may invoke the function for the log group."""
    policy = PolicyApi(target, FunctionAddress.named(target, name, None, target.expand)).read()
    if admits_log_group(target, policy, log_group):
        return ok("permission", f"CloudWatch Logs may invoke {name} for this log group")
    return problem(
        "permission",
        "permission",
        f"no statement of the policy of {name} lets CloudWatch Logs invoke it for this log group",
        advice="Deploy again. Events of the meantime are lost: CloudWatch Logs skips a filter whose delivery is refused.",
        command="deploy",
    )


def read_metrics(target: Target, name: str, minutes: int) -> dict[str, int | None]:
    """Return the sums of the function's errors and throttles; None for a metric without data, which is unknown and not 0."""
    queries = [
        {
            "Id": metric.lower(),
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "FunctionName", "Value": name}],
                },
                "Period": _PERIOD,
                "Stat": "Sum",
            },
        }
        for metric in _METRICS
    ]
    now = time.time()
    with target.describe_operation(f"read the metrics of function {name}"):
        answer = target.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries, StartTime=now - minutes * 60, EndTime=now
        )
    values = {item["Id"]: item.get("Values") for item in answer["MetricDataResults"]}
    return {each: round(sum(found)) if (found := values.get(each.lower())) else None for each in _METRICS}


def function_station(function: Function, metrics: Mapping[str, int | None] | ReflectorError, minutes: int) -> Station:
    """Return whether the function runs.

    metrics  of the last minutes, or the error of reading them
    """
    name, configuration = function.name, function.configuration
    if configuration is None:
        return problem("function", "no_function", f"there is no function {name}", advice="Deploy it.", command="deploy")
    state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
    if "Failed" in (state, update):
        why = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or "AWS gives no reason"
        what = "is in the state Failed" if state == "Failed" else "failed to update"
        return problem("function", "failed", f"{name} {what}: {why}", advice="Deploy it again.", command="deploy")
    counts = _counts(metrics, minutes)
    if function.reserved == 0:
        return problem(
            "function",
            "stopped",
            f"{name} may not run: its reserved concurrency is 0; {counts}",
            advice="Set reflector_reserved_concurrency to auto or to a number above 0, unless somebody has stopped it on purpose.",
            command="deploy",
        )
    reserved = f"{function.reserved} executions reserved" if function.reserved else "no reserved concurrency"
    changed = configuration.get("LastModified", "at an unknown time")
    return ok("function", f"{name} is {state}, last changed {changed}, {reserved}; {counts}")


def _counts(metrics: Mapping[str, int | None] | ReflectorError, minutes: int) -> str:
    if isinstance(metrics, ReflectorError):
        return f"errors and throttles were not read: {metrics}"
    parts = [f"{'unknown' if count is None else f'{count:,}'} {name.lower()}" for name, count in metrics.items()]
    return f"{' and '.join(parts)} in the last {minutes} minutes"


def read_settings(target: Target, configuration: Mapping[str, Any]) -> Any:
    """Return the settings that the deployed function has, parsed by its own code. Reads no secret.

    Raises InvalidInputError if the function refuses them.
    """
    environment = dict((configuration.get("Environment") or {}).get("Variables") or {})
    code = module("config")
    is_reference = module("secrets").is_reference
    rules = environment.get(code.RULES, "").partition("#")[0]
    if is_reference(rules):
        environment[code.RULES] = _read_parameter(target, rules)
        if is_reference(environment[code.RULES]):  # its code would read that one with the credentials of this machine
            raise _refused(f"{code.RULES}: {rules} refers to another parameter")
    try:
        return code.checked({name: str(value) for name, value in environment.items()})
    except ValueError as error:
        raise _refused(str(error)) from error


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError("REFLECTOR_RULES", message, kind="variable of the reflector")


def _read_parameter(target: Target, reference: str) -> str:
    """Return the rules that are too long for the environment."""
    operation = "read the rules of the reflector"
    name = reference.removeprefix("ssm:")
    if "secretsmanager:" in reference:
        message = f"they are in {reference}, and secrets are not read"
        raise ReflectorError(operation, message, where=target.where)
    with target.describe_operation(f"{operation} in parameter {name}"):
        answer = target.client("ssm").get_parameter(Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def route_station(settings: Any, log_group: str) -> Station:
    """Return which sinks the log group's events get, and by which rules.

    settings  of `read_settings`
    """
    route = settings.route(log_group)
    number = settings.routes.index(route)
    name = f"route {number + 1} of {len(settings.routes)} ({', '.join(route.log_groups)})"
    advice = "If its events are to arrive, change reflector_routes."
    if not route.sinks or route.sample <= 0:
        why = "has no sink" if not route.sinks else "has the sample 0"
        return problem("route", "dropped", f"{name} drops every event: it {why}", advice=advice, command="deploy")
    rules = [
        *(f"keeps only events that match {pattern.pattern!r}" for pattern in route.keep),
        *(f"drops events that match {pattern.pattern!r}" for pattern in route.drop),
    ]
    if route.sample < 1:
        rules.append(f"sends {route.sample:.0%} of them")
    if settings.log_stream_prefixes:
        rules.append(f"drops log streams that do not begin with {' or '.join(settings.log_stream_prefixes)}")
    return ok("route", f"{name} sends to {', '.join(route.sinks)}{''.join(f'; it {rule}' for rule in rules)}")


def refused_settings(error: InvalidInputError) -> Station:
    """Return the station of a function that refuses its settings."""
    return problem(
        "route",
        "settings",
        f"the reflector refuses its settings: {error.message}",
        advice="Correct reflector_sinks, reflector_routes and reflector_environment.",
        command="deploy",
    )


def without_function(station: str, name: str) -> Station:
    """Return a station that cannot be read because there is no function."""
    return unknown(station, "no_function", f"there is no function {name}")
