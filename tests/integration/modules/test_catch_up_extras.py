# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filters beside filters: the account policy if slots are full, and events from before a filter.

Only on the embedded AWS: moto has neither account policies nor functions that run.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import (
    account_subscription_policy,
)
from subscriptions import Region, announced, filters_of, let_functions_log, make_function
from waits import wait_until

REGION = "ap-southeast-2"
COUNTS_LINES = """
import base64, gzip, json
def handler(event, context):
    message = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for event in message["logEvents"]:
        print("got", message["logGroup"], event["message"], event["id"])
"""


@pytest.fixture(scope="module")
def place(embedded: tuple[str, str]) -> Iterator[Region]:
    place = Region(embedded, REGION)
    let_functions_log(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_subscription_policy, "SETTLE_SECONDS", 0)
        yield place


def write(logs: Any, group: str, *lines: str) -> None:
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    put(logs, group, *lines)


def put(logs: Any, group: str, *lines: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def got(logs: Any, function: str, until: Callable[[Counter[str]], bool]) -> Counter[str]:
    """Return how often the function received each line, by group."""
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=f"/aws/lambda/{function}")  # the function creates it with its first line

    def received() -> Counter[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        lines = [event["message"].split() for page in pages for event in page["events"]]
        return Counter(f"{line[1]} {line[2]}" for line in lines if line[:1] == ["got"])

    wait_until(lambda: until(received()), f"the lines in the log of {function}", seen=received)
    return received()


def test_backfill_sends_earlier_events_once(place: Any) -> None:
    make_function(place, "reflector-of-backfill", COUNTS_LINES)
    logs = place.client("logs")
    groups = [f"/backfill/{number}" for number in range(3)]
    for group in groups:
        write(logs, group, "first", "second")
    logs.create_log_group(logGroupName="/backfill/empty")
    run = partial(
        place.run,
        "subscription_filters",
        destination_arn="reflector-of-backfill",
        include=["/backfill/*"],
        own_functions=[],
        backfill_seconds=3600,
    )
    told = run(check_mode=True)
    done = run()
    assert announced(done) == announced(told)
    assert done["backfill"] == {"log_groups": 4, "events": 6, "failed": []}
    for group in groups:
        put(logs, group, "third")
    expected = {f"{group} {line}" for group in groups for line in ("first", "second", "third")}
    assert got(logs, "reflector-of-backfill", lambda found: set(found) >= expected) == dict.fromkeys(expected, 1)
    again = run()
    assert (again["changed"], again["backfill"]["log_groups"]) == (False, 0)
    assert again["counts"]["known_by_tag"] == 4


def test_full_group_switches_the_target_to_the_account_policy(place: Any) -> None:
    ours, theirs = make_function(place, "reflector-of-full"), make_function(place, "theirs-of-full")
    logs = place.client("logs")
    for group in ("/full/a", "/full/b", "/full/taken"):
        logs.create_log_group(logGroupName=group)
    for name in ("one", "two"):
        logs.put_subscription_filter(
            logGroupName="/full/taken", filterName=name, filterPattern="x", destinationArn=theirs
        )
    run = partial(
        place.run,
        "subscription_filters",
        destination_arn="reflector-of-full",
        include=["/full/*"],
        own_functions=[],
        slots=2,
        on_full="account_policy",
    )
    done = run()
    assert not done.get("failed"), done
    assert (done["counts"]["subscribed"], done["counts"]["not_possible"]) == (3, 0)
    (policy,) = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
    assert json.loads(policy["policyDocument"])["DestinationArn"] == ours
    assert filters_of(place, "/full/a") == filters_of(place, "/full/b") == {}
    assert set(filters_of(place, "/full/taken")) == {"one", "two"}
    again = run()
    assert (again["changed"], again["counts"]["subscribed"]) == (False, 3)
    back = place.run(
        "account_subscription_policy",
        state="absent",
        destination_arn="reflector-of-full",
        include=["/full/*"],
        exclude=["/full/taken"],
        own_functions=[],
        settle_seconds=0,
    )
    assert not back.get("failed"), back
    assert len(filters_of(place, "/full/a")) == 1
