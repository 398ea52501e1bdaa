# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rhythms of the subscription modules begin with."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from typing import Any

_DOES_NOTHING = "def handler(event, context):\n    return None\n"


def make_function(cloud: Any, name: str, handler: str = _DOES_NOTHING) -> str:
    """The ARN of a function that CloudWatch Logs may invoke."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("handler.py", handler)
    functions = cloud.client("lambda")
    arn: str = functions.create_function(
        FunctionName=name,
        Role=cloud.role_arn,
        Runtime="python3.13",
        Handler="handler.handler",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    _unused, partition, _unused, region, account = arn.split(":")[:5]
    functions.add_permission(
        FunctionName=name,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"arn:{partition}:logs:{region}:{account}:log-group:*",
        SourceAccount=account,
    )
    return arn


def standing(cloud: Any, group: str) -> dict[str, dict[str, Any]]:
    """The group's filters by name, as the server has them."""
    answer = _logs(cloud).describe_subscription_filters(logGroupName=group)
    return {item["filterName"]: item for item in answer["subscriptionFilters"]}


@cache
def _logs(cloud: Any) -> Any:
    """One client for all looks: making one takes longer than a look."""
    return cloud.client("logs")


def announced(result: dict[str, Any]) -> dict[str, Any]:
    """What check mode and the real run must agree on."""
    assert not result.get("failed"), result
    return {key: result[key] for key in ("changed", "changes", "diff")}
