# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions and log groups for the tests of the subscription modules."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from aws_in_tests import Cloud, zip_bytes

_DOES_NOTHING = "def handler(event, context):\n    return None\n"


class Region:
    """A region of the embedded AWS for the tests of one file, because an account policy serves all its log groups."""

    def __init__(self, embedded: tuple[str, str], name: str) -> None:
        cloud = Cloud("embedded", *embedded)
        self.client, self.run = partial(cloud.client, region=name), partial(cloud.run, region=name)
        self.role_arn = cloud.role_arn


def make_function(cloud: Any, name: str, handler: str = _DOES_NOTHING) -> str:
    """Create a function that CloudWatch Logs may invoke, and return its ARN."""
    functions = cloud.client("lambda")
    arn: str = functions.create_function(
        FunctionName=name,
        Role=cloud.role_arn,
        Runtime="python3.13",
        Handler="handler.handler",
        Code={"ZipFile": zip_bytes(handler)},
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


def filters_of(cloud: Any, group: str) -> dict[str, dict[str, Any]]:
    """Return the log group's filters by name."""
    answer = _logs(cloud).describe_subscription_filters(logGroupName=group)
    return {item["filterName"]: item for item in answer["subscriptionFilters"]}


@cache
def _logs(cloud: Any) -> Any:
    """Return one client for all reads: creating a client takes longer than a read."""
    return cloud.client("logs")


def announced(result: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that is the same in check mode and in the real run."""
    assert not result.get("failed"), result
    return {key: result[key] for key in ("changed", "changes", "diff")}


def converge_and_repeat(
    run: Callable[..., dict[str, Any]], read_state: Callable[[], Any], **params: Any
) -> dict[str, Any]:
    """Return the result of a run that changes something.

    Check mode before it must announce the same and change nothing, and the run after it must find nothing to do.
    """
    before = read_state()
    planned = announced(run(check_mode=True, **params))
    assert (planned["changed"], read_state()) == (True, before)
    done = run(**params)
    assert announced(done) == planned
    assert announced(run(**params)) == {"changed": False, "changes": [], "diff": []}
    return done


def let_functions_log(cloud: Any) -> None:
    """Let functions write their output to their log groups."""
    allowed = {"Effect": "Allow", "Action": ["logs:Create*", "logs:PutLogEvents"], "Resource": "*"}
    cloud.client("iam").put_role_policy(
        RoleName=cloud.role_arn.rpartition("/")[2],
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
