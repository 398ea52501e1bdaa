# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the conversations about subscriptions begin with: a function, log groups, filters of ours and of others."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

ACCOUNT = "123456789012"  # moto's
REFLECTOR = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:log-reflector"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def make_functions(aws: Any, *names: str) -> None:
    """Functions that a filter may send to: moto wants them to exist."""
    role = aws.client("iam").create_role(RoleName="for-functions", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("handler.py", "")
    for name in names:
        aws.client("lambda").create_function(
            FunctionName=name,
            Role=role["Arn"],
            Runtime="python3.13",
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
        )


def make_group(aws: Any, group: str, **filters: str) -> None:
    """A log group with filters, each to the function named."""
    aws.client("logs").create_log_group(logGroupName=group)
    for name, function in filters.items():
        put(aws, group, name.replace("_", "-"), function)


def put(aws: Any, group: str, name: str, function: str, pattern: str = "") -> None:
    """A filter that stands already."""
    aws.client("logs").put_subscription_filter(
        logGroupName=group,
        filterName=name,
        filterPattern=pattern,
        destinationArn=REFLECTOR.replace("log-reflector", function),
    )


def standing(aws: Any, group: str) -> dict[str, tuple[str, str]]:
    """Name -> destination and pattern, as AWS has them."""
    filters = aws.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return {item["filterName"]: (item["destinationArn"], item["filterPattern"]) for item in filters}
