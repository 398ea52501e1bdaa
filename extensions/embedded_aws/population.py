# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fill a target as it looks before a deployment: log groups of every kind, and another team's resources."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .library import RunningAws

SECRET = "log-reflector/sumo-endpoint"
FULL_GROUP = "/shared/full"
HALF_GROUP = "/shared/half"
ARCHIVE_GROUP = "/archive/batch"
EXCLUDED_GROUP = "/aws/codebuild/site"
FOREIGN = "other-team-shipper"
ORDINARY_GROUPS = 54
"""Together with the four unusual ones more than one page of DescribeLogGroups, which holds 50."""


def populate(aws: RunningAws, account: str, region: str, groups: int = ORDINARY_GROUPS) -> None:
    """Create the log groups, the other team's resources, and the secret with the sink's URL in one target."""
    client = _clients(aws, account, region)
    client("secretsmanager").create_secret(Name=SECRET, SecretString=aws.sink_url)
    logs = client("logs")
    names = [f"/aws/lambda/service-{number:02}" for number in range(groups)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: logs.create_log_group(logGroupName=name), names))
    for name in (FULL_GROUP, HALF_GROUP, EXCLUDED_GROUP):
        logs.create_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=ARCHIVE_GROUP, logGroupClass="INFREQUENT_ACCESS")
    destination = _foreign_function(client, account, region)
    slots = aws.settings().filter_slots
    for group, number in [(HALF_GROUP, 0), *((FULL_GROUP, number) for number in range(slots))]:
        logs.put_subscription_filter(
            logGroupName=group, filterName=f"other-team-{number}", filterPattern="", destinationArn=destination
        )
    _foreign_rule(client, destination)


def foreign_state(aws: RunningAws, account: str, region: str) -> dict[str, Any]:
    """Return the other team's resources in a target, to compare them before and after a deployment."""
    client = _clients(aws, account, region)
    logs, events, functions, iam = client("logs"), client("events"), client("lambda"), client("iam")
    state = {
        "filters": [
            item
            for group in (FULL_GROUP, HALF_GROUP)
            for item in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
            if item["destinationArn"].endswith(f":{FOREIGN}")
        ],
        "rule": _describe(events.describe_rule(Name=FOREIGN)),
        "targets": _describe(events.list_targets_by_rule(Rule=FOREIGN)),
        "policy": functions.get_policy(FunctionName=FOREIGN)["Policy"],
        "function": _describe(functions.get_function_configuration(FunctionName=FOREIGN)),
        "role": _describe(iam.get_role(RoleName=FOREIGN)),
        "log_groups": sorted(
            (group["logGroupName"], group["creationTime"])
            for page in logs.get_paginator("describe_log_groups").paginate()
            for group in page["logGroups"]
            if "log-reflector" not in group["logGroupName"]
        ),
    }
    return json.loads(json.dumps(state, default=str, sort_keys=True))  # type: ignore[no-any-return]


def _clients(aws: RunningAws, account: str, region: str) -> Any:
    return lambda service: aws.client(service, account, region)


def _describe(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _foreign_function(client: Any, account: str, region: str) -> str:
    """Create a function that CloudWatch Logs and a rule may invoke. All regions of an account share its role."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam = client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=FOREIGN, AssumeRolePolicyDocument=json.dumps(trust))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("index.py", "def handler(event, context):\n    return None\n")
    functions = client("lambda")
    arn: str = functions.create_function(
        FunctionName=FOREIGN,
        Runtime="python3.13",
        Handler="index.handler",
        Role=f"arn:aws:iam::{account}:role/{FOREIGN}",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=FOREIGN, WaiterConfig={"Delay": 1})
    for principal in ("logs.amazonaws.com", "events.amazonaws.com"):
        functions.add_permission(
            FunctionName=FOREIGN,
            StatementId=principal.partition(".")[0],
            Action="lambda:InvokeFunction",
            Principal=principal,
            SourceArn=f"arn:aws:{principal.partition('.')[0]}:{region}:{account}:*",
        )
    return arn


def _foreign_rule(client: Any, destination: str) -> None:
    """Create a rule on the events that the subscriber's rule selects too."""
    pattern = {"source": ["aws.logs"], "detail": {"eventName": ["CreateLogGroup"]}}
    client("events").put_rule(Name=FOREIGN, EventPattern=json.dumps(pattern), Description="of another team")
    client("events").put_targets(Rule=FOREIGN, Targets=[{"Id": "shipper", "Arn": destination}])
