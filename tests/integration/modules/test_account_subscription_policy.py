# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""account_subscription_policy in check mode, for real and again. Only on the embedded AWS: moto has no account policies."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from subscriptions import Region, converge_and_repeat, filters_of, let_functions_log, make_function
from threads_in_tests import in_background

REGION = "eu-central-1"  # the policy serves all log groups of a region, those of other tests too
ROOM = "/lifecycle/policy"
LEFT_OUT = f"{ROOM}/left-out"
SHARED = f"{ROOM}/shared"
PLAIN = [f"{ROOM}/plain/{number:02}" for number in range(54)]
OWN = "/aws/lambda/lifecycle-policy"


@pytest.fixture(scope="module")
def place(embedded: tuple[str, str]) -> Iterator[Region]:
    """Return a place with a reflector, and 57 groups of which 54 have its filter."""
    place = Region(embedded, REGION)
    ours, theirs = make_function(place, "lifecycle-policy"), make_function(place, "lifecycle-policy-theirs")
    logs = place.client("logs")
    for group in (*PLAIN, f"{ROOM}/new", SHARED, LEFT_OUT):
        logs.create_log_group(logGroupName=group)
    for group in PLAIN:
        logs.put_subscription_filter(logGroupName=group, filterName="x", filterPattern="", destinationArn=ours)
    logs.put_subscription_filter(logGroupName=SHARED, filterName="theirs", filterPattern="", destinationArn=theirs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=100))
        yield place


def policy_of(place: Any) -> dict[str, Any] | None:
    answer = place.client("logs").describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
    assert len(answer) <= 1
    return answer[0] if answer else None


def left_out(place: Any) -> set[str]:
    found = policy_of(place)
    assert found
    return set(json.loads(found["selectionCriteria"].removeprefix("LogGroupName NOT IN ")))


def ours_of(place: Any, group: str) -> list[str]:
    return [
        name for name, item in filters_of(place, group).items() if item["destinationArn"].endswith(":lifecycle-policy")
    ]


def test_create_repeat_update_remove(place: Any) -> None:
    options = {
        "destination_arn": "lifecycle-policy",
        "include": [f"{ROOM}/*"],
        "exclude": ["*/left-out"],
        "own_functions": ["lifecycle-policy-subscriber"],
        "settle_seconds": 0,
        "rate_share": 1.0,
    }

    def step(changes: int, **params: Any) -> dict[str, Any]:
        run = partial(place.run, "account_subscription_policy")
        done = converge_and_repeat(run, lambda: policy_of(place), **{**options, **params})
        assert len(done["changes"]) == changes
        return done

    foreign = filters_of(place, SHARED)
    done = step(2)
    assert done["counts"]["subscribed"] == 56
    assert done["doubled"]["groups"] == 54
    assert {OWN, f"{OWN}-subscriber", LEFT_OUT} <= left_out(place)
    assert not {*PLAIN, SHARED, f"{ROOM}/new"} & left_out(place)
    assert not any(ours_of(place, group) for group in PLAIN)

    step(1, filter_pattern="?WARN ?ERROR")
    assert json.loads(policy_of(place)["policyDocument"])["FilterPattern"] == "?WARN ?ERROR"
    shuffled = {"filter_pattern": "?WARN ?ERROR", "include": ["re:^/nobody$", f"{ROOM}/*"]}
    assert not place.run("account_subscription_policy", **{**options, **shuffled})["changed"]

    done = step(2, state="absent")
    assert policy_of(place) is None
    assert done["counts"]["subscribed"] == 56
    assert all(len(ours_of(place, group)) == 1 for group in (*PLAIN, f"{ROOM}/new", SHARED))
    assert filters_of(place, PLAIN[0])["lifecycle-policy-plain-00"]["filterPattern"] == "?WARN ?ERROR"
    assert {name: item for name, item in filters_of(place, SHARED).items() if name == "theirs"} == foreign
    assert ours_of(place, LEFT_OUT) == []


def test_foreign_policy_is_kept(place: Any) -> None:
    logs = place.client("logs")
    logs.put_account_policy(
        policyName="theirs",
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=json.dumps({"DestinationArn": filters_of(place, SHARED)["theirs"]["destinationArn"]}),
    )
    before = policy_of(place)
    for state in ("present", "absent"):
        result = place.run("account_subscription_policy", destination_arn="lifecycle-policy", state=state)
        assert result.get("failed", False) is (state == "present")
        assert policy_of(place) == before
    logs.delete_account_policy(policyName="theirs", policyType="SUBSCRIPTION_FILTER_POLICY")


_COUNTS_LINES = """
import base64, gzip, json
def handler(event, context):
    message = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for event in message["logEvents"]:
        print("got", event["message"])
"""


def test_no_line_that_is_written_during_a_switch_is_lost(place: Any) -> None:
    """Switch in both directions while four log groups are written to. Some lines arrive twice, most once."""
    name, room = "lifecycle-policy-lines", "/lifecycle/lines"
    let_functions_log(place)
    arn = make_function(place, name, _COUNTS_LINES)
    logs, groups = place.client("logs"), [f"{room}/{number}" for number in range(4)]
    for group in groups:
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        logs.put_subscription_filter(logGroupName=group, filterName="x", filterPattern="", destinationArn=arn)
    written: list[str] = []

    def write(ended: threading.Event) -> None:
        for number in itertools.count():
            if ended.wait(0.05):
                return
            for group in groups:
                line = {"timestamp": int(time.time() * 1000), "message": f"{group} {number}"}
                logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[line])
                written.append(line["message"])

    with in_background(write):
        time.sleep(0.5)
        for state in ("present", "absent"):
            result = place.run(
                "account_subscription_policy",
                destination_arn=name,
                include=[f"{room}/*"],
                own_functions=[],
                settle_seconds=1,
                state=state,
            )
            assert (result.get("failed", False), result["doubled"]["groups"]) == (False, 4), result
        time.sleep(0.5)  # lines that are written after the switch
    times: Counter[str] = Counter()
    seen, end = -1, time.monotonic() + 60
    while (set(times) != set(written) or times.total() != seen) and time.monotonic() < end:
        seen = times.total()
        time.sleep(1)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        lines = [event["message"].strip() for page in pages for event in page["events"]]
        times = Counter(line.removeprefix("got ") for line in lines if line.startswith("got "))
    assert set(times) == set(written)
    assert set(times.values()) <= {1, 2}
    assert any(count == 2 for count in times.values())
    assert times[written[0]] == times[written[-1]] == 1
