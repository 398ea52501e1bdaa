# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL at every call of a switch from filters to the account policy and back. The next run completes it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from account_policy_server import OURS, THEIRS, AccountPolicyServer
from botocore.exceptions import ClientError
from killable import Processes, Wire, kill_points

MARK = "logreflector.aws/subscribed/log-reflector"
OWN = ("/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber")
OLD, NEW = ["/left"], ["/left", "/d"]
"""Excluded before the switch, and in the run that switches."""


class SwitchedAws(AccountPolicyServer):
    """Watches a switch after each call.

    lost    groups that were served before and are not any more
    false   groups that must not be served, and are
    """

    _state = ("groups", "tags", "policy", "had")

    def __init__(self) -> None:
        super().__init__()
        kinesis = THEIRS.replace("lambda", "kinesis").replace("function:", "stream/")
        self.groups = {name: {} for name in ("/b", "/d", "/e", "/f", "/g", "/h", "/left", *OWN)}
        self.add_filter("/h", "theirs", kinesis)
        self.add_filter("/left", "theirs", kinesis)
        self.groups = dict(sorted(self.groups.items()))
        self.had: set[str] = set()
        self.lost: list[tuple[str, str]] = []
        self.false: list[tuple[str, str]] = []
        self.watch = self._watch

    def _watch(self) -> None:
        operation = self.calls[-1][0] if self.calls else ""
        served = {name for name in self.groups if self.served(name)}
        self.lost += [(operation, name) for name in self.had - served]
        self.had |= served - set(NEW)
        self.false += [(operation, name) for name in served & {"/left", *OWN}]
        for name, tags in self.tags.items():
            if MARK in tags and tags[MARK] != "changing" and not self._is_ours(name):
                self.false.append((operation, name))

    def _is_ours(self, name: str) -> bool:
        return OURS in [item["destinationArn"] for item in self.groups[name].values()]

    def _GetFunctionConfiguration(self, _request: dict[str, Any]) -> dict[str, Any]:
        error = {"Code": "ResourceNotFoundException", "Message": "Function not found"}
        raise ClientError({"Error": error}, "GetFunctionConfiguration")

    def snapshot(self) -> dict[str, Any]:
        """Return the state, for `restore`."""
        return copy.deepcopy({name: getattr(self, name) for name in self._state})

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a state."""
        for name, value in copy.deepcopy(snapshot).items():
            setattr(self, name, value)

    def result(self) -> dict[str, Any]:
        """Return what a run is to bring about."""
        tags = {name: tags for name, tags in self.tags.items() if tags}
        return copy.deepcopy({"groups": self.groups, "tags": tags, "policy": self.policy})


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.stop()


@pytest.fixture(scope="module")
def deployments(wire: Wire) -> Iterator[Processes]:
    processes = Processes(wire, f"{__package__}.killed_catch_up")
    yield processes
    processes.stop()


@pytest.mark.parametrize("mode", ["account_policy", "filters"])
def test_sigkill_switch_at_every_call_next_run_completes_it(wire: Wire, deployments: Processes, mode: str) -> None:
    """No group is unserved meanwhile, and no tag lies. The run that switches also excludes a group."""
    wire.aws = aws = SwitchedAws()
    assert deployments.run({"mode": "filters" if mode == "account_policy" else "account_policy", "exclude": OLD})
    before, job = aws.snapshot(), {"mode": mode, "exclude": NEW}
    assert deployments.run(job)
    calls, wanted = list(wire.calls), aws.result()
    assert (aws.served("/d"), [aws.served(name) for name in ("/b", "/e", "/f", "/g", "/h")]) == (0, [1] * 5)
    assert {"PutAccountPolicy", "TagResource" if mode == "filters" else "UntagResource"} <= set(calls)
    for number, _writes in kill_points(calls):
        aws.restore(before)
        assert deployments.run(job, number) is None
        deployments.run(job)
        assert (aws.result(), aws.lost, aws.false) == (wanted, [], []), (number, calls)
