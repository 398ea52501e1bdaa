# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL at every call of a sweep: its slices, its hand-overs, the follow-up of new groups. SQS's retry completes the work."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    attributes_of,
)
from killable import Processes, Wire, kill_points
from subscriber_support import ACCOUNT, EVIDENCE, MARK, OURS, REGION, THEIRS, Aws, batch, now

SLICE = 6
"""Groups of a slice."""
SETTINGS = {
    "filter_pattern": "wanted",
    "exclude_tags": {"logs": "private"},
    "merge": True,
    "backfill_seconds": 3600,
    "retention_days": 7,
    "audit_days": 60,
}
CURRENT = DesiredFilter(OURS, attributes_of(SETTINGS)).subscription_tag[1]
LATE = "/aws/lambda/late"
"""The group of a function that a foreign filter in a later slice sends to."""
NEW = ("/b/new", "/new")
START = now()


class SweptAws(Aws):
    """With the subscriber's own queue, whose messages wait in `queue`.

    clock   ms since 1970
    lies    false tags that were there after any call
    """

    _state = ("groups", "tags", "retention", "queue", "others", "clock")

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[dict[str, Any]] = []
        self.lies: list[tuple[str, str]] = []
        self.clock = START
        self.parameters["settings"] = json.dumps(SETTINGS)

    def snapshot(self) -> dict[str, Any]:
        """Return the state, for `restore`."""
        return copy.deepcopy({name: getattr(self, name) for name in self._state})

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a state."""
        for name, value in copy.deepcopy(snapshot).items():
            setattr(self, name, value)

    def add_filter(self, group: str, name: str, destination: str, **attributes: Any) -> None:
        super().add_filter(group, name, destination, **{"creationTime": self.clock, **attributes})

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = super()._answer(operation, asked)
        self.lies += [(operation, name) for name, tags in self.tags.items() if MARK in tags and self._lies(name, tags)]
        return answer

    def _lies(self, name: str, tags: dict[str, str]) -> bool:
        patterns = [item["filterPattern"] for item in self.groups[name].values() if item["destinationArn"] == OURS]
        if tags[MARK] == "other-forwarder":
            return bool(patterns)
        return tags[MARK] == CURRENT and patterns != [SETTINGS["filter_pattern"]]

    def _SendMessage(self, request: dict[str, Any]) -> dict[str, Any]:
        message = json.loads(request["MessageBody"])
        if message not in self.queue:  # the queue deduplicates by content
            self.queue.append(message)
        return super()._SendMessage(request)

    def _Invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        self.others.append(("Invoke", request))
        return {}

    def result(self) -> dict[str, Any]:
        """Return what was done and is still to do, without times, counts and repetitions."""
        filters = {
            group: {name: {**item, "creationTime": 0} for name, item in found.items()}
            for group, found in self.groups.items()
        }
        to_do: set[tuple[Any, ...]] = set()
        for message in self.queue:
            detail = message["detail"]
            groups = {(group["name"], group.get("second")) for group in detail.get("groups", [])}
            to_do |= groups or {(message["detail-type"], detail.get("position", {}).get("after"))}
        backfilled = {event["message"] for message in self.invoked() for event in message["logEvents"]}
        tags = {name: tags for name, tags in self.tags.items() if tags}
        return {
            "filters": filters,
            "tags": tags,
            "retention": self.retention,
            "backfilled": backfilled,
            "to_do": to_do,
        }


def target() -> SweptAws:
    """Return groups of each kind that a sweep writes to, and of each that it must not touch."""
    aws = SweptAws()
    pattern = {"filterPattern": "wanted"}
    old = {"creationTime": 1440442987000}
    for number in range(5):
        aws.add_filter("/b/full", f"theirs-{number}", THEIRS.replace("lambda", "kinesis"), **old)
    aws.add_filter("/b/tagged", "ours", OURS, **pattern, **old)
    aws.add_filter("/b/untagged", "ours", OURS, **pattern, **old)
    aws.add_filter("/b/outdated", "ours", OURS, **old)
    aws.add_filter("/b/private", "ours", OURS, **pattern, **old)
    aws.add_filter("/b/twice", "ours", OURS, **pattern, **old)
    aws.add_filter("/b/twice", "ours-too", OURS, **pattern, **old)
    aws.add_filter("/zone/evidence", "theirs", OURS.replace("log-reflector", "late"), **old)
    aws.groups.update({name: {} for name in (*NEW, LATE, "/b/old", "/archive")})
    aws.groups = dict(sorted(aws.groups.items()))
    aws.classes["/archive"] = "INFREQUENT_ACCESS"
    aws.created = dict.fromkeys(NEW, START - 600_000)
    aws.tags = {
        "/b/tagged": {MARK: CURRENT},
        "/b/outdated": {MARK: "of-other-settings"},
        "/b/private": {MARK: CURRENT, "logs": "private"},
        "/b/twice": {MARK: "of-other-settings"},
        "/b/old": {"team": "shop"},
    }
    for name in NEW:
        aws.log(name, f"wanted {name}", at=START - 60_000)
    return aws


class Lambda:
    """The function behind its queue, with an execution environment of its own for each invocation."""

    def __init__(self, wire: Wire, package: Path) -> None:
        self.aws: SweptAws
        self._wire = wire
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", [str(package), *sys.path])
            self.processes = Processes(
                wire, "killed_subscriber", REFLECTOR="log-reflector", SUBSCRIPTIONS="ssm:settings"
            )

    def begin(self, aws: SweptAws) -> None:
        """Serve the calls to this account."""
        self.aws = self._wire.aws = aws

    def receive(self, kill_after: int | None = None) -> list[str] | None:
        """Process the first message; return the calls, None if the function was killed: then the message stays."""
        message = self.aws.queue[0]
        self.aws.clock = max(self.aws.clock + 1_000, message["detail"].get("not_before", 0))
        job = {"event": batch(message), "now": self.aws.clock, "slice": SLICE}
        answer = self.processes.run(job, kill_after)
        if answer is None:
            return None
        assert answer == {"batchItemFailures": []}
        self.aws.queue.remove(message)
        return list(self._wire.calls)

    def receive_all(self) -> None:
        """Process all messages, also those that are sent meanwhile."""
        while self.aws.queue:
            self.receive()


@dataclass(frozen=True)
class Invocation:
    """An invocation that is not killed: the account's state before it, its calls, and the result after it."""

    before: dict[str, Any]
    calls: list[str]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def function(package: Path) -> Iterator[Lambda]:
    wire = Wire()
    found = Lambda(wire, package)
    yield found
    found.processes.stop()
    wire.stop()


@pytest.fixture(scope="module")
def sweep(function: Lambda) -> list[Invocation]:
    """The invocations of a sweep that nobody kills."""
    aws = target()
    place = {"account": ACCOUNT, "region": REGION, "time": datetime.fromtimestamp(START / 1000, UTC).isoformat()}
    aws.queue.append({**place, "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    function.begin(aws)
    invocations = []
    while aws.queue:
        before, calls = aws.snapshot(), function.receive()
        assert calls
        invocations.append(Invocation(before, calls, aws.result()))
    return invocations


def test_sweep_without_a_kill_reaches_each_kind_of_group(function: Lambda, sweep: list[Invocation]) -> None:
    """Otherwise the kills would prove less than they say."""
    assert len([call for each in sweep for call in each.calls if call == "DescribeLogGroups"]) >= 3
    done = sweep[-1].after
    served = {
        name
        for name, filters in done["filters"].items()
        if OURS in [item["destinationArn"] for item in filters.values()]
    }
    assert served == {*NEW, "/zone/evidence", "/b/old", "/b/outdated", "/b/tagged", "/b/twice", "/b/untagged"}
    assert {name for name, tags in done["tags"].items() if tags.get(MARK) == CURRENT} == served
    assert done["tags"][LATE] == {MARK: "other-forwarder", EVIDENCE: "/zone/evidence"}
    assert (done["to_do"], set(done["retention"])) == (set(), {"/b/new", "/new"})
    assert done["backfilled"] >= {"wanted /b/new", "wanted /new"}
    assert {"UntagResource", "DeleteSubscriptionFilter", "Invoke"} <= {call for each in sweep for call in each.calls}


def test_sigkill_sweep_at_every_call_retry_completes_it(function: Lambda, sweep: list[Invocation]) -> None:
    """Each invocation is killed after each call, and the retry too if that call writes. SQS delivers the message again.

    A group whose filter was written by the killed run was tagged before it was announced, so a second kill lost its earlier
    events.
    """
    aws = function.aws
    for invocation in sweep:
        for number, writes in kill_points(invocation.calls):
            aws.restore(invocation.before)
            for kill_after in (number, number, None) if writes else (number, None):
                if function.receive(kill_after):
                    break
            if aws.result() != invocation.after:  # such as a message that is there twice
                function.receive_all()
                assert aws.result() == sweep[-1].after, (number, invocation.calls)
            assert aws.lies == [], (number, invocation.calls)
