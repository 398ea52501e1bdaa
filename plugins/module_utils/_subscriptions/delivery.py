# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from AWS which log groups the functions of the delivery write to: subscribing one of them would be a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .._errors import NotFoundError, describe_operation
from .choice import default_log_group


def written_log_groups(client: Callable[[str], Any], functions: Iterable[str], where: str = "") -> Iterator[str]:
    """Yield the log groups of the functions, and those of the flow logs of the VPCs that they run in.

    client   returns the boto3 client of a service. A missing permission is an error, because the result could be a loop.
    """
    for function in functions:
        try:
            configuration = function_configuration(client("lambda"), function, where)
        except NotFoundError:
            continue  # not deployed, or deleted: its default name is excluded anyway
        yield log_group_of(configuration, function)
        network = configuration.get("VpcConfig") or {}
        if network.get("VpcId"):
            resources = [network["VpcId"], *network.get("SubnetIds", [])]
            yield from _flow_log_groups(client("ec2"), function, resources, where)


def function_configuration(lambda_client: Any, function: str, where: str = "") -> dict[str, Any]:
    """Return GetFunctionConfiguration's answer. NotFoundError if there is no such function."""
    with describe_operation(f"read the logging configuration of function {function}", where):
        answer: dict[str, Any] = lambda_client.get_function_configuration(FunctionName=function)
    return answer


def log_group_of(configuration: dict[str, Any], function: str) -> str:
    """Return the log group that a function's logging configuration names."""
    return str((configuration.get("LoggingConfig") or {}).get("LogGroup") or default_log_group(function))


def _flow_log_groups(ec2_client: Any, function: str, resources: list[str], where: str) -> Iterator[str]:
    """Yield the log groups of the flow logs of a VPC and its subnets. Each delivery is traffic there, which is logged again
    (CloudWatch Logs User Guide, "Log recursion prevention"). AWS lists no network interfaces by function."""
    filters = [
        {"Name": "resource-id", "Values": resources},
        {"Name": "log-destination-type", "Values": ["cloud-watch-logs"]},
    ]
    with describe_operation(f"list the flow logs of the VPC of function {function}", where):
        for page in ec2_client.get_paginator("describe_flow_logs").paginate(Filters=filters):
            yield from (flow["LogGroupName"] for flow in page["FlowLogs"] if flow.get("LogGroupName"))
