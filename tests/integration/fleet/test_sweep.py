# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep during failures, through the module: one more run completes the coverage, and nothing foreign changes.

AWS's rates and our rate limiter run twenty times as fast, except in a module process. If a run has little time, its clock
moves only with its pauses, so its progress does not depend on the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import (
    shared,
    subscription_filters,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    SubscriptionFilter,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.modules.subscription_filters import SPEC
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.config import Config
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from threads_in_tests import in_background

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "modules"))
from subscriptions import make_function

from playbooks import ROOT, wait_while_running

REGION = "eu-west-1"
SCALE = 20.0
ACCOUNTS = tuple(f"{300_000_000_000 + number}" for number in range(11))
PLAIN = [f"/app/{number:02}" for number in range(60)]
NAMED = PLAIN[3]  # a foreign filter has the name that our filter would get
SHARED = [NAMED, *PLAIN[20:25]]
FULL = ["/full/0", "/full/1"]
ARCHIVE = "/archive"
THEIR_LOG = "/aws/lambda/theirs"  # of the function that foreign filters send to: another forwarder
OWN_LOG = "/aws/lambda/log-reflector-subscriber"
LEFT_OUT = {
    ARCHIVE: "not_possible",
    THEIR_LOG: "other_forwarder",
    OWN_LOG: "excluded",
    **dict.fromkeys(FULL, "not_possible"),
}
DESCRIBE, PUT, TAG = "DescribeSubscriptionFilters", "PutSubscriptionFilter", "TagResource"
ONCE = Config(retries={"total_max_attempts": 1})


class Target:
    """An account with log groups of every kind, and the module run on it."""

    def __init__(self, aws: RunningAws, account: str) -> None:
        self.aws, self.account = aws, account
        self.scale: float | None = SCALE
        self.logs = self.client("logs")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self.role_arn = self.make_role("for-functions", trust)
        self.ours, self.theirs = make_function(self, "log-reflector"), make_function(self, "theirs")
        for name in (*PLAIN, *FULL, THEIR_LOG, OWN_LOG):
            self.logs.create_log_group(logGroupName=name)
        self.logs.create_log_group(logGroupName=ARCHIVE, logGroupClass="INFREQUENT_ACCESS")
        self.add_foreign(NAMED, "app-03")
        for name in SHARED[1:]:
            self.add_foreign(name, "other-team")
        for name in FULL:
            for number in range(5):
                self.add_foreign(name, f"other-team-{number}")
        self.foreign = self.foreign_filters()

    def client(self, service: str, **options: Any) -> Any:
        return self.aws.client(service, self.account, REGION, **options)

    def make_role(self, name: str, trust: dict[str, Any]) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        arn: str = role["Role"]["Arn"]
        return arn

    def arn(self, log_group: str) -> str:
        return f"arn:aws:logs:{REGION}:{self.account}:log-group:{log_group}"

    def add_foreign(self, log_group: str, name: str) -> None:
        self.logs.put_subscription_filter(
            logGroupName=log_group, filterName=name, filterPattern="theirs", destinationArn=self.theirs
        )

    def connection(self) -> dict[str, Any]:
        """Return the connection options of the account's root."""
        keys = {"access_key": self.account, "secret_key": "embedded"}
        return {"endpoint_url": self.aws.endpoint_url, "region": REGION, **keys}

    def run(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module while the front enforces AWS's rates. Return its result."""
        arguments = {**self.connection(), "destination_arn": "log-reflector", **options}
        with self.rates(self.scale):
            return perform_in_process(SPEC, arguments, check_mode=check_mode)

    @contextmanager
    def rates(self, scale: float | None) -> Iterator[None]:
        self.aws.front.clear_journal()
        self.aws.front.enforce_rates(scale)
        try:
            yield
        finally:
            self.aws.front.enforce_rates(None)

    def accepted(self) -> Counter[str]:
        """Return the number of accepted calls of the last run, by operation."""
        calls = self.aws.front.calls(account=self.account, service="logs", status=200)
        return Counter(call.operation for call in calls)

    def all_filters(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return all filters by log group and name."""
        pages = self.logs.get_paginator("describe_log_groups").paginate()
        groups = [item["logGroupName"] for page in pages for item in page["logGroups"]]
        found = {name: self.logs.describe_subscription_filters(logGroupName=name) for name in groups}
        return {
            name: {item["filterName"]: item for item in answer["subscriptionFilters"]} for name, answer in found.items()
        }

    def foreign_filters(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the foreign filters with all their fields."""
        found = {
            name: {key: item for key, item in filters.items() if item["destinationArn"] != self.ours}
            for name, filters in self.all_filters().items()
        }
        return {name: filters for name, filters in found.items() if filters}

    def subscribed(self) -> dict[str, int]:
        """Return the number of our filters for each group that has one."""
        found = {
            name: sum(item["destinationArn"] == self.ours for item in filters.values())
            for name, filters in self.all_filters().items()
        }
        return {name: number for name, number in found.items() if number}

    def tagged(self, *values: str) -> set[str]:
        """Return the groups that have our subscription tag, with one of these values."""
        key = DesiredFilter(self.ours).subscription_tag[0]
        wanted = [{"key": key, "values": list(values)} if values else {"key": key}]
        return {
            item["logGroupName"] for item in self.logs.list_log_groups(logGroupTags=wanted, limit=1000)["logGroups"]
        }

    def check_complete(self, groups: list[str] = PLAIN) -> None:
        """Check that exactly these groups have one filter of ours and the tag, and that nothing foreign changed."""
        assert self.subscribed() == dict.fromkeys(groups, 1)
        assert self.tagged(DesiredFilter(self.ours).subscription_tag[1]) == set(groups)
        assert self.tagged("other-forwarder") == {THEIR_LOG}
        assert self.tagged() == {*groups, THEIR_LOG}
        assert self.foreign_filters() == self.foreign

    def run_once_more(self, changes: int, groups: list[str] = PLAIN, **options: Any) -> dict[str, Any]:
        """Check that one more run completes the coverage, and that an audit after it finds nothing to do."""
        result = self.run(**options)
        assert not result.get("failed"), result["msg"]
        assert result["counts"]["changed"] == changes
        assert outcomes(result) == LEFT_OUT
        self.check_complete(groups)
        again = self.run(audit=True, **options)
        assert not again["changed"], again["changes"]
        return result


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """Return the outcomes of the groups that are not subscribed."""
    return {item["log_group"]: item["outcome"] for item in result["not_subscribed"]}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    organization = Organization(management=ACCOUNTS[0], members=ACCOUNTS[1:], regions=(REGION,))
    with EmbeddedAws(Configuration(organization=organization)) as running:
        yield running


@pytest.fixture(scope="module")
def _targets(aws: RunningAws) -> Iterator[Target]:
    """Create all targets together, because most of the time functions become active."""
    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        return iter(list(pool.map(lambda account: Target(aws, account), ACCOUNTS)))


@pytest.fixture
def target(_targets: Iterator[Target], monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return a new target for each test."""
    monkeypatch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=SCALE))
    return next(_targets)


class VirtualClock:
    """A clock that moves only while a thread sleeps."""

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = threading.Lock()
        self._read = threading.local()

    def __call__(self) -> float:
        self._read.at = self._now
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock to `seconds` after this thread's last reading. Other threads sleep at the same time."""
        with self._lock:
            self._now = max(self._now, self._read.at + seconds)


@pytest.fixture
def short_of_time(target: Target, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return a target whose runs use a virtual clock. The front does not enforce rates, because it has a real clock."""
    clock = VirtualClock()
    target.scale = None
    monkeypatch.setattr(subscription_filters, "time", SimpleNamespace(monotonic=clock))
    limiter = partial(RateLimiter, scale=SCALE, clock=clock, sleep=clock.sleep)
    monkeypatch.setattr(shared, "new_rate_limiter", limiter)
    return target


@pytest.fixture
def before_put(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """Return a function that sets a callback to run after the sweep read a log group and before it puts the filter."""
    put = LogsApi.put

    def happens(what: Callable[[str], None]) -> None:
        def put_after(api: LogsApi, wanted: SubscriptionFilter) -> None:
            what(wanted.log_group)
            put(api, wanted)

        monkeypatch.setattr(LogsApi, "put", put_after)

    return happens


def test_sweep_check_mode_plans_exactly_the_calls_of_the_run(target: Target) -> None:
    planned = target.run(check_mode=True)
    assert target.subscribed() == {}
    assert target.tagged() == set()
    done = target.run()
    made = target.accepted()
    writes = {name: number for name, number in made.items() if not name.startswith(("Describe", "List"))}
    assert planned["estimate"]["calls"] == writes == done["estimate"]["calls"]
    assert writes == {PUT: len(PLAIN), TAG: len(PLAIN) + 1}
    assert planned["estimate"]["minutes"] == pytest.approx((len(PLAIN) + 1) / (5 * 0.97) / 60, abs=0.06)
    assert planned["changes"] == done["changes"]
    assert outcomes(planned) == outcomes(done) == LEFT_OUT
    assert sum(done["calls"].values()) == made.total() + done["refused_calls"]
    target.check_complete()
    cheap = target.run()
    assert not cheap["changed"]
    assert cheap["counts"]["known_by_tag"] == len(PLAIN)
    # It reads full groups, because a slot may be free; the forwarder's group; and the group that its tag names.
    assert target.accepted()[DESCRIBE] == len(FULL) + 2
    assert cheap["foreign"]["filters"] < done["foreign"]["filters"] == planned["foreign"]["filters"]


def test_sweep_throttled_throughout_leaves_out_no_group(target: Target) -> None:
    """Another caller uses 60 % of the rates during the sweep, in bursts."""
    other = target.client("logs", config=ONCE)
    refused: Counter[str] = Counter()

    def call(operation: str, **request: Any) -> None:
        try:
            getattr(other, operation)(**request)
        except other.exceptions.ThrottlingException:
            refused[operation] += 1

    def use_up(ended: threading.Event) -> None:
        due = time.monotonic()
        while not ended.wait(max(due - time.monotonic(), 0)):
            call("describe_subscription_filters", logGroupName=FULL[0])
            mine = {"filterName": "other-team-0", "filterPattern": "theirs", "destinationArn": target.theirs}
            call("put_subscription_filter", logGroupName=FULL[0], **mine)
            due += 1 / (0.6 * 5 * SCALE)

    # These calls are refused even if the machine is too slow to reach AWS's rates. The other caller does not make them.
    target.aws.front.throttle(TAG, account=target.account, times=3)
    with in_background(use_up):
        result = target.run()
    assert not result.get("failed"), result["msg"]
    assert result["refused_calls"] > 0
    assert result["counts"]["subscribed"] == len(PLAIN)
    target.check_complete()
    target.run_once_more(0)


def test_sweep_denied_group_is_named_and_others_are_subscribed(target: Target) -> None:
    denied = PLAIN[7]
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{target.account}:root"}, "Action": "sts:AssumeRole"}
    role = target.make_role("sweeper", root)
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "logs:PutSubscriptionFilter", "Resource": f"{target.arn(denied)}:*"}
    iam = target.client("iam")

    def permit(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="sweeper", PolicyName="sweep", PolicyDocument=document)

    permit(allow, deny)
    result = target.run(assume_role_arn=role)
    assert result["failed"]
    assert "Could not serve all log groups in " in result["msg"]
    assert ": 1 of " in result["msg"]
    assert f"The first, {denied}: could not put subscription filter " in result["msg"]
    assert f" on log group {denied}: AccessDenied" in result["msg"]
    assert outcomes(result) == {**LEFT_OUT, denied: "denied"}
    assert result["counts"]["denied"] == 1
    assert result["counts"]["subscribed"] == len(PLAIN) - 1
    target.check_complete([name for name in PLAIN if name != denied])
    permit(allow)
    target.run_once_more(1, assume_role_arn=role)


def test_sweep_deleted_groups_are_gone_and_no_failure(
    target: Target, before_put: Callable[[Callable[[str], None]], None]
) -> None:
    late, early = PLAIN[10:14], PLAIN[44:48]  # deleted after the sweep read it, and before; all on the first page

    def vanish(log_group: str) -> None:
        for name in early if log_group == PLAIN[0] else [log_group] if log_group in late else []:
            target.logs.delete_log_group(logGroupName=name)

    before_put(vanish)
    result = target.run()
    assert not result.get("failed"), result["msg"]
    assert outcomes(result) == {**LEFT_OUT, **dict.fromkeys([*late, *early], "gone")}
    left = [name for name in PLAIN if name not in (*late, *early)]
    assert result["counts"]["subscribed"] == len(left)
    target.run_once_more(0, left)


def test_sweep_beside_another_writer_keeps_its_filters(
    target: Target, before_put: Callable[[Callable[[str], None]], None]
) -> None:
    beside, filled = PLAIN[30:36], PLAIN[40:42]

    def add(log_group: str) -> None:
        number = {**dict.fromkeys(beside, 1), **dict.fromkeys(filled, 5)}.get(log_group, 0)
        for index in range(number):
            target.add_foreign(log_group, f"new-{index}")

    before_put(add)
    target.aws.front.error(
        "OperationAbortedException",
        "Multiple requests to update the same resource were in conflict.",
        400,
        operation=PUT,
        account=target.account,
        times=3,
    )
    result = target.run()
    assert not result.get("failed"), result["msg"]
    assert outcomes(result) == {**LEFT_OUT, **dict.fromkeys(filled, "not_possible")}
    reasons = {item["log_group"]: item["reason"] for item in result["not_subscribed"]}
    assert all("new-0" in reasons[name] and "new-4" in reasons[name] for name in filled)
    found = target.foreign_filters()
    assert {name: list(found.pop(name)) for name in beside} == {name: ["new-0"] for name in beside}
    assert {name: len(found.pop(name)) for name in filled} == dict.fromkeys(filled, 5)
    assert found == target.foreign
    target.foreign = target.foreign_filters()
    before_put(lambda _log_group: None)
    for name in filled:
        target.logs.delete_subscription_filter(logGroupName=name, filterName="new-0")
        del target.foreign[name]["new-0"]
    target.run_once_more(len(filled))


def test_sweep_killed_is_finished_by_next_run(target: Target, tmp_path: Path) -> None:
    arguments = tmp_path / "arguments.json"
    options = {**target.connection(), "destination_arn": "log-reflector"}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with target.rates(1):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ansible_collections.logreflector.aws.plugins.modules.subscription_filters",
                str(arguments),
            ],
            env={**environment, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "build" / "collections")},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            wait_while_running(process, lambda: target.accepted()[PUT] >= 10, "ten subscription filters")
        finally:
            process.kill()
            output, _unused = process.communicate()
    assert output == ""
    half = target.subscribed()
    assert 10 <= len(half) < len(PLAIN)
    assert len(target.tagged()) <= len(half) + 1
    result = target.run_once_more(len(PLAIN) + 1 - len(target.tagged()))
    assert result["estimate"]["calls"][PUT] == len(PLAIN) - len(half)


def test_sweep_with_little_time_continues_and_repeats_no_work(short_of_time: Target) -> None:
    target = short_of_time
    found: list[str] = []
    writes: Counter[str] = Counter()
    for _unused in range(12):
        result = target.run(max_seconds=1, rate_share=0.1)
        assert not result.get("failed"), result["msg"]
        writes += target.accepted()
        if result["complete"]:
            break
        found.append(result["stopped_after"])
        assert result["seconds"] < 6  # groups in progress are completed
    assert result["complete"], result["counts"]
    assert result["stopped_after"] is None
    assert len(found) >= 2
    assert found == sorted(set(found))
    assert writes[PUT] == len(PLAIN)
    target.check_complete()
    target.run_once_more(0)


def test_sweep_audit_with_little_time_reads_each_group_once(short_of_time: Target) -> None:
    target = short_of_time
    target.run()
    reads: Counter[str] = Counter()
    position, groups, runs, complete = "", 0, 0, False
    while not complete:
        result = target.run(audit=True, max_seconds=1, rate_share=0.2, start_after=position)
        reads += target.accepted()
        groups += result["counts"]["groups"]
        runs += 1
        assert runs < 12
        position, complete = result["stopped_after"], result["complete"]
    assert runs >= 2
    # Each run that sees foreign filters also reads the forwarder's group, and the group that its tag names: twice, if it comes to
    # the forwarder before it has that group's filters.
    assert 1 <= reads[DESCRIBE] - len(PLAIN) - len(FULL) <= 3 * runs
    assert reads[PUT] == reads[TAG] == 0
    assert groups == len(PLAIN) + len(LEFT_OUT)


def test_sweep_include_tags_selects_tagged_groups(target: Target) -> None:
    chosen, refused = PLAIN[:9], PLAIN[8]
    for name in chosen:
        target.logs.tag_resource(resourceArn=target.arn(name), tags={"forward-logs": "yes"})
    target.logs.tag_resource(resourceArn=target.arn(PLAIN[9]), tags={"forward-logs": "no"})
    target.logs.tag_resource(resourceArn=target.arn(refused), tags={"secret": "very"})
    options = {"include_tags": {"forward-logs": ["yes", "true"]}, "exclude_tags": {"secret": ""}, "purge": True}
    result = target.run(**options)
    assert not result.get("failed"), result["msg"]
    asked = target.accepted()[DESCRIBE]
    assert target.subscribed() == dict.fromkeys(chosen[:-1], 1)
    assert result["counts"]["subscribed"] == len(chosen) - 1
    assert asked == len(chosen) - 1  # no other group
    reasons = {item["log_group"]: item["reason"] for item in result["not_subscribed"]}
    assert "exclude_tags" in reasons[refused]
    assert "include_tags" in reasons[PLAIN[9]]
    target.logs.untag_resource(resourceArn=target.arn(chosen[0]), tagKeys=["forward-logs"])
    assert target.run(**options)["changes"] == [f"delete subscription of log group {chosen[0]}"]
    assert target.subscribed() == dict.fromkeys(chosen[1:-1], 1)
    assert target.tagged() == set(chosen[1:-1])
    assert not target.run(**options)["changed"]
    assert target.foreign_filters() == target.foreign


def test_sweep_created_after_selects_new_groups(target: Target) -> None:
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    new = ["/new/0", "/new/1"]
    for name in new:
        target.logs.create_log_group(logGroupName=name)
    target.run(created_after=moment)
    assert target.accepted()[DESCRIBE] == len(new)
    assert target.subscribed() == dict.fromkeys(new, 1)
    older = target.run(created_before=moment, check_mode=True)
    assert older["counts"]["subscribed"] == len(PLAIN)
    assert not {*new} & {line.rpartition(" ")[2] for line in older["changes"]}


def test_sweep_on_full_fail_subscribes_others_first(target: Target) -> None:
    result = target.run(on_full="fail")
    assert result["failed"]
    assert "Could not serve all log groups in " in result["msg"]
    assert ": 2 of " in result["msg"]
    assert "other-team-4" in result["msg"]
    target.check_complete()
    for name in FULL:
        target.logs.delete_subscription_filter(logGroupName=name, filterName="other-team-4")
        del target.foreign[name]["other-team-4"]
    repaired = target.run(on_full="fail")
    assert not repaired.get("failed"), repaired["msg"]
    assert target.subscribed() == dict.fromkeys([*PLAIN, *FULL], 1)
    assert target.foreign_filters() == target.foreign
