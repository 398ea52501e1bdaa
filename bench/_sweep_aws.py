# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets with many log groups on the embedded AWS, and the figures of a pass from the front's journal."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from _fleet_aws import ROOT, Root, Target
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.front import Call
from embedded_aws.rates import ASSUMED, DOCUMENTED

sys.path.insert(0, str(ROOT / "tests" / "integration" / "modules"))

from subscriptions import make_function

DESTINATIONS = ("log-reflector", "loop-1", "loop-8")
_RATES = {operation: rate for (service, operation), rate in (DOCUMENTED | ASSUMED).items() if service == "logs"}
_LOGS = "Logs_20140328."


class Place:
    """A target as `make_function` takes it."""

    def __init__(self, aws: RunningAws, target: Target) -> None:
        self._session = aws.session(*target)
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.client("iam").create_role(RoleName="for-functions", AssumeRolePolicyDocument=document)
        self.role_arn: str = role["Role"]["Arn"]

    def client(self, service: str) -> Any:
        return self._session.client(service)


@contextmanager
def targets_with(groups: dict[Target, int]) -> Iterator[RunningAws]:
    """Run an embedded AWS with these targets, so many log groups in each, and functions to subscribe them to."""
    accounts = tuple(dict.fromkeys(account for account, _unused in groups))
    regions = tuple(dict.fromkeys(region for _unused, region in groups))
    organization = Organization(management=accounts[0], members=accounts[1:], regions=regions)
    with EmbeddedAws(Configuration(organization=organization)) as aws:
        root = Root(aws)
        for target, number in groups.items():
            for name in names(number):
                root.post(target, "logs", f"{_LOGS}CreateLogGroup", {"logGroupName": name})
            place = Place(aws, target)
            for function in DESTINATIONS:
                make_function(place, function)
        yield aws


def names(number: int) -> list[str]:
    return [f"/ecs/service-{index:05}" for index in range(number)]


def unsubscribe(aws: RunningAws, target: Target, groups: Iterable[str]) -> None:
    """Make these groups like new ones, without filters and tags."""
    root = Root(aws)
    for name in groups:
        filters = root.post(target, "logs", f"{_LOGS}DescribeSubscriptionFilters", {"logGroupName": name})
        for item in filters["subscriptionFilters"]:
            root.post(
                target,
                "logs",
                f"{_LOGS}DeleteSubscriptionFilter",
                {"logGroupName": name, "filterName": item["filterName"]},
            )
        arn = f"arn:aws:logs:{target[1]}:{target[0]}:log-group:{name}"
        tags = root.post(target, "logs", f"{_LOGS}ListTagsForResource", {"resourceArn": arn})["tags"]
        root.post(target, "logs", f"{_LOGS}UntagResource", {"resourceArn": arn, "tagKeys": list(tags)})


def front_calls_per_second(aws: RunningAws, target: Target, seconds: float = 3) -> float:
    """Measure how many calls a second the embedded AWS answers without AWS's rates, for callers that do nothing else."""
    name = {"logGroupName": names(1)[0]}
    end = time.monotonic() + seconds

    def ask(_unused: int) -> int:
        root, made = Root(aws), 0
        while time.monotonic() < end:
            root.post(target, "logs", f"{_LOGS}DescribeSubscriptionFilters", name)
            made += 1
        return made

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(ask, range(4))) / seconds


def use_of_the_rate(calls: Iterable[Call], scale: float) -> dict[str, Any]:
    """Return the number of one target's calls, of refused calls, and the share of AWS's rate that they used.

    The share is that of the operation that used the largest part of its rate, from its first call to its last. AWS would
    have accepted the rate times those seconds, and one more second's worth from the full bucket at the beginning.
    """
    logs = [call for call in calls if call.service == "logs"]
    refused = sum(call.fault == "throttle" for call in logs)
    accepted = Counter(call.operation for call in logs if call.status == 200)
    busiest = max(accepted, key=lambda operation: accepted[operation] / _RATES[operation])
    times = [call.time for call in logs if call.operation == busiest]
    seconds = (max(times) - min(times)) * scale
    return {
        "share_of_rate": accepted[busiest] / (_RATES[busiest] * (seconds + 1)),
        "calls": len(logs),
        "refused": refused,
        "busiest": busiest,
        "aws_seconds": (max(call.time for call in logs) - min(call.time for call in logs)) * scale,
        "by_operation": dict(sorted(accepted.items())),
    }
