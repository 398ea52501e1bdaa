# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions, log groups and subscription filters for the tests of the subscription modules."""

from __future__ import annotations

import json
from typing import Any

from aws_in_tests import LAMBDA_TRUST, zip_bytes

ACCOUNT = "123456789012"  # moto's
REFLECTOR = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:log-reflector"


def make_functions(aws: Any, *names: str) -> None:
    """Create functions, because moto accepts a filter only if its function exists."""
    trust = json.dumps(LAMBDA_TRUST)
    role = aws.client("iam").create_role(RoleName="for-functions", AssumeRolePolicyDocument=trust)["Role"]
    for name in names:
        aws.client("lambda").create_function(
            FunctionName=name,
            Role=role["Arn"],
            Runtime="python3.13",
            Handler="handler.handler",
            Code={"ZipFile": zip_bytes()},
        )


def make_group(aws: Any, group: str, **filters: str) -> None:
    """Create a log group with filters: name and function of each."""
    aws.client("logs").create_log_group(logGroupName=group)
    for name, function in filters.items():
        put(aws, group, name.replace("_", "-"), function)


def put(aws: Any, group: str, name: str, function: str, pattern: str = "") -> None:
    """Create a filter directly, without a module."""
    aws.client("logs").put_subscription_filter(
        logGroupName=group,
        filterName=name,
        filterPattern=pattern,
        destinationArn=REFLECTOR.replace("log-reflector", function),
    )


def filters_of(aws: Any, group: str) -> dict[str, tuple[str, str]]:
    """Return destination and pattern of the log group's filters, by name."""
    filters = aws.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return {item["filterName"]: (item["destinationArn"], item["filterPattern"]) for item in filters}
