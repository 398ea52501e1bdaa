# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A switch between filters, account policy and AWS's centralization that is killed at any call: no log group is without service.

The subscriptions are the real code and real calls. Functions, the rule and the line through the copy are a model in the server.
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from account_policy_server import AccountPolicyServer, KilledError
from ansible_collections.logreflector.aws.plugins.module_utils._errors import NotFoundError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._options.account import AccountOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import CatchUpOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts import catch_up
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized import switch
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    Rules,
    SourceTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.deployment import Deployment
from ansible_collections.logreflector.aws.plugins.module_utils._parts.run import Run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.criteria import parse_criteria
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from logs_server import ACCOUNT, REGION

REFLECTOR, SUBSCRIBER = "log-reflector", "log-reflector-subscriber"
GROUPS = ("/app/a", "/app/b", "/app/c", "/app/d")
UNCOPIED = "/secret/keys"
MODES = ("filters", "account_policy", "centralized")
DIRECTIONS = [*itertools.permutations(MODES, 2)]


class Aws(AccountPolicyServer):
    """CloudWatch Logs with functions and a centralization rule. Watches the service of each log group after every call.

    steps       calls and changes of functions so far; the process is killed after `dies_after` of them
    had, lost   log groups that were served, and those that were not any more after a step
    """

    def __init__(self, *more: str) -> None:
        super().__init__(*GROUPS, *more)
        self.functions: set[str] = set()
        self.is_copied = False
        self.had: set[str] = set()
        self.lost: list[tuple[str, str]] = []
        self.steps: list[str] = []
        self.kill_after: int | None = None

    def step(self, name: str) -> None:
        """Note a step and its effect on the service, and kill the process if it is the time."""
        self.steps.append(name)
        served = {group for group in self.groups if self.times(group)}
        self.lost += [(name, group) for group in sorted(self.had - served)]
        self.had |= served
        if self.kill_after == len(self.steps):
            raise KilledError

    def times(self, group: str) -> int:
        """Return how often an event of the log group arrives."""
        by_reflector = self.served(group) if REFLECTOR in self.functions else 0
        return by_reflector + (self.is_copied and group != UNCOPIED)

    def restart(self, kill_after: int | None) -> None:
        """Continue as a new process."""
        self.steps, self.kill_after = [], kill_after

    def set_rule(self, *, is_copied: bool) -> None:
        """Write the rule as the playbook centralize does."""
        self.is_copied = is_copied
        self.step("rule")

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = super()._answer(operation, asked)
        self.step(operation)
        return answer


class Function:
    """A function as a resource that is removed."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws, self._name = aws, name

    def read(self) -> bool:
        return self._name in self._aws.functions

    def plan(self, actual: bool) -> list[Change]:
        return [Change("delete", "function", self._name, {})] if actual else []

    def apply(self, _change: Change) -> None:
        self._aws.functions.discard(self._name)
        self._aws.step(f"delete {self._name}")

    def facts(self, actual: bool) -> dict[str, Any]:
        return {"function": actual}


class LineThroughTheCopy:
    """The proof: it succeeds if the rule copies."""

    def __init__(self, aws: Aws, *_unused: Any) -> None:
        self._aws = aws

    def require_reflector(self) -> None:
        pass

    def run(self) -> dict[str, Any]:
        self._aws.step("line")
        if not self._aws.is_copied:
            raise RefusedError("prove the delivery", "AWS made no copy")
        return {}


COPYING = SimpleNamespace(is_copied=True)
"""What `rules_of` reads of a server whose rule copies."""


def rules_of(aws: Any) -> Rules:
    """Return the rule as its administrator has it."""
    rule = CopyRule(
        name="central",
        destination=("444444444444", REGION),
        regions=frozenset({REGION}),
        pattern="/central/${source.accountId}/${source.region}${source.logGroup}",
        scope=parse_criteria(f"AccountId = '{ACCOUNT}'", frozenset({"AccountId"})),
        groups=parse_criteria(f"LogGroupName != '{UNCOPIED}'", frozenset({"LogGroupName"})),
        changed=1,
    )
    return Rules(SourceTarget(ACCOUNT, REGION), (rule,) if aws.is_copied else ())


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that returns the target of a server, with the model of everything but subscriptions."""

    def make(aws: Aws) -> Target:
        def find(_target: Target, name: str) -> dict[str, Any]:
            if name not in aws.functions:
                raise NotFoundError(f"find {name}", "there is none")
            return {}

        def removed(name: str) -> Any:
            function = Function(aws, name)
            return lambda _target, _options: {"function": function}

        monkeypatch.setattr(switch, "read_rules_of", lambda _target, _params: rules_of(aws))
        monkeypatch.setattr(switch, "find_reflector", find)
        monkeypatch.setattr(switch, "removed_subscriber", removed(SUBSCRIBER))
        monkeypatch.setattr(switch, "removed_reflector", removed(REFLECTOR))
        monkeypatch.setattr(switch, "copy_destinations", lambda *_unused: [])
        monkeypatch.setattr(switch, "read_policies", lambda *_unused: {})
        monkeypatch.setattr(switch, "CopyCheck", partial(LineThroughTheCopy, aws))
        monkeypatch.setattr(shared, "written_log_groups", lambda *_unused: ())
        found = Target(aws.session, REGION)
        found.__dict__["identity"] = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/deployer")
        return found

    for name in ("check_account", "remove_roles"):
        monkeypatch.setattr(switch, name, lambda *_unused: None)
    return make


def deploy(aws: Aws, target: Target, mode: str, **params: Any) -> dict[str, Any]:
    """Deploy a mode: the function before its subscriptions. Return the result; a failure is an error here."""
    options = Deployment(
        account=AccountOptions(),
        reflector=ReflectorOptions(function_name=REFLECTOR, role_name=REFLECTOR),
        subscriber=SubscriberOptions(function_name=SUBSCRIBER, role_name=SUBSCRIBER),
        log_groups=LogGroupOptions(),
        catch_up=CatchUpOptions(settle_seconds=0, workers=1),
        alarms=AlarmOptions(),
        mode=mode,
    )
    if mode == "centralized":
        common = {"account_id": None, "account_targets": [], "account_regions": [], "reflector_drain_seconds": 0}
        everything: dict[str, Any] = {**common, "reflector_settle_seconds": 0, **params}
        return switch.serve_by_copies(target, options, everything, check_mode=False)
    for name in (REFLECTOR, SUBSCRIBER):
        aws.functions.add(name)
        aws.step(f"create {name}")
    run = Run(target, check_mode=False)
    work = catch_up.deploy_filters if mode == "filters" else catch_up.deploy_policy
    work(run, options.catch_up, options.log_groups, REFLECTOR)
    return run.finish()


def change_mode(aws: Aws, target: Target, after: str) -> None:
    """Switch as docs/MODES.md says: the rule is written before it is needed, and narrowed when nothing needs it any more."""
    if after == "centralized":
        aws.set_rule(is_copied=True)
    result = deploy(aws, target, after)
    assert not result.get("failed"), result
    if after != "centralized" and aws.is_copied:
        aws.set_rule(is_copied=False)


def final(aws: Aws) -> tuple[list[int], set[str], bool]:
    """Return how often each log group's events arrive, the functions, and whether the rule copies."""
    return [aws.times(group) for group in GROUPS], aws.functions, aws.is_copied


EXPECTED = {
    "filters": ([1] * len(GROUPS), {REFLECTOR, SUBSCRIBER}, False),
    "account_policy": ([1] * len(GROUPS), {REFLECTOR, SUBSCRIBER}, False),
    "centralized": ([1] * len(GROUPS), set(), True),
}


def started(target: Any, mode: str) -> tuple[Aws, Target]:
    """Return an AWS that is in a mode."""
    aws = Aws()
    place = target(aws)
    change_mode(aws, place, mode)
    assert final(aws) == EXPECTED[mode]
    aws.restart(None)
    return aws, place


@pytest.mark.parametrize(("before", "after"), DIRECTIONS)
def test_switch_killed_at_any_call_serves_every_group_and_is_completed(target: Any, before: str, after: str) -> None:
    """The next run completes the switch, and so does a run that goes back."""
    aws, place = started(target, before)
    change_mode(aws, place, after)
    number = len(aws.steps)
    assert number > len(GROUPS)
    for kill_after, following in itertools.product(range(1, number + 1), (after, before)):
        aws, place = started(target, before)
        aws.restart(kill_after)
        with pytest.raises(KilledError):
            change_mode(aws, place, after)
        aws.restart(None)
        change_mode(aws, place, following)
        where = (kill_after, aws.steps)
        assert (aws.lost, final(aws)) == ([], EXPECTED[following]), where


def test_switch_of_a_group_that_no_rule_copies_is_refused_until_it_is_allowed(target: Any) -> None:
    aws = Aws(UNCOPIED)
    place = target(aws)
    change_mode(aws, place, "filters")
    aws.set_rule(is_copied=True)
    with pytest.raises(RefusedError, match=f"1 log groups that are served now would not be any more: {UNCOPIED}"):
        deploy(aws, place, "centralized")
    assert aws.lost == []
    assert aws.functions == {REFLECTOR, SUBSCRIBER}
    result = deploy(aws, place, "centralized", log_groups_allow_unserved=True)
    notes = result["centralization"]["notes"]
    assert any(f"1 log groups are no longer served: {UNCOPIED}" in note for note in notes)
    assert result["centralization"]["doubled"]["groups"] == len(GROUPS)
    assert {group for _step, group in aws.lost} == {UNCOPIED}


def test_switch_without_copies_removes_nothing(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator's rule is right, and AWS does not copy."""
    aws = Aws()
    place = target(aws)
    change_mode(aws, place, "account_policy")
    rules = rules_of(COPYING)
    monkeypatch.setattr(switch, "read_rules_of", lambda _target, _params: rules)
    aws.restart(None)
    with pytest.raises(RefusedError, match=r"AWS made no copy\. Nothing was removed"):
        deploy(aws, place, "centralized")
    assert not [step for step in aws.steps if step.startswith(("delete", "Delete", "Put"))]


def test_switch_with_an_unhealthy_rule_names_its_problem(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    place = target(aws)
    change_mode(aws, place, "filters")
    (rule,) = rules_of(COPYING).rules
    broken = Rules(
        SourceTarget(ACCOUNT, REGION), (dataclasses.replace(rule, problem="Trusted access is not enabled."),)
    )
    monkeypatch.setattr(switch, "read_rules_of", lambda _target, _params: broken)
    with pytest.raises(RefusedError, match="the rule central does not copy now: Trusted access is not enabled"):
        deploy(aws, place, "centralized")
    assert aws.functions == {REFLECTOR, SUBSCRIBER}


def test_switch_of_a_destination_is_refused(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    (rule,) = rules_of(COPYING).rules
    here = Rules(SourceTarget(ACCOUNT, REGION), (dataclasses.replace(rule, destination=(ACCOUNT, REGION)),))
    place = target(aws)
    monkeypatch.setattr(switch, "read_rules_of", lambda _target, _params: here)
    with pytest.raises(Exception, match="the rule central copies to this target, so a reflector has to serve it"):
        deploy(aws, place, "centralized")
