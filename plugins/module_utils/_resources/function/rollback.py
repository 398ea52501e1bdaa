# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roll a function back to the release before, code and configuration, without failing invocations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..._errors import NotFoundError, RefusedError
from ..._plan import Change, Result, converge
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import Call
from ..ownership import FOREIGN, RELEASE_KEY, has_owner_tag
from .api import FunctionApi
from .configuration import Configuration, configuration_diff, differing
from .publisher import KIND as RELEASE
from .release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    digest_of,
    release_tag,
    released,
    unreadable_environment,
)
from .state import CODE, CONFIGURATION, Function, check_function_name

WITHDRAWAL = "withdrawn release of function"
_DEPLOY = "Deploy a release instead."


@dataclass(frozen=True, slots=True)
class RollbackState:
    """The function and its releases.

    goal        the release to restore, or that was restored; None without one
    withdrawn   the release to record as withdrawn
    restored    the function as the goal's version keeps it
    """

    function: Function
    releases: Releases
    goal: Release | None = None
    withdrawn: Release | None = None
    restored: Function | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Payload of the first change. `download` is the version whose code is needed, "" for none."""

    withdrawn: Release
    download: str


@dataclass(frozen=True, slots=True)
class CodeChange:
    """Payload of a change of code."""

    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Completion:
    """Payload of the last change: the goal, and what its completion writes."""

    goal: Release
    before: Releases
    tag: Call | None


class FunctionRollback:
    """Identity: the function's name.

    The configuration is restored before the code: a newer package works with an older configuration, but an older package
    may not work with a newer configuration. Layers that the goal lacks stay until the code is restored.
    """

    def __init__(self, target: Target, name: str, *, variables: Sequence[str] = (), wait_seconds: float = 180) -> None:
        self._name = check_function_name(name)
        self._operation = f"roll back function {self._name}"
        self._shown = variables
        self._target = target
        self._api = FunctionApi(target, self._name, None, RetryPolicy(seconds=wait_seconds))
        self._packages: dict[str, bytes] = {}

    def read(self) -> RollbackState:
        """Return the state. At most four calls: GetFunction, ListAliases, GetFunction for the current and the previous version."""
        answer = self._api.get_settled()
        if not answer:
            raise NotFoundError(self._operation, "it does not exist", where=self._target.where)
        function = Function.from_api(answer, {})
        releases = Releases.from_aliases(self._api.list_aliases())
        if not releases.current:
            return RollbackState(function, releases)
        current = self._version(releases.current)
        goal, withdrawn = choose_goal(releases, function, complete=digest_of(current) == digest_of(function))
        restored = current
        if goal and goal.version != releases.current.version:
            restored = self._version(goal)
        return RollbackState(function, releases, goal, withdrawn, restored)

    def plan(self, actual: RollbackState) -> list[Change]:
        """Return the changes that remain, none for a function that was rolled back already.

        Raises RefusedError if the function is foreign or keeps no release to go back to.
        """
        goal, withdrawn, restored = self._checked(actual)
        function, releases = actual.function, actual.releases
        code = self._plan_code(function, goal, restored)
        between = (
            _during_code_update(function.configuration, restored.configuration) if code else restored.configuration
        )
        work = [
            *self._plan_configuration(function.configuration, between, function.failure),
            *code,
            *self._plan_configuration(between, restored.configuration),
        ]
        tag, tagged = release_tag(goal.name, restored.code_sha256), (function.tags or {}).get(RELEASE_KEY)
        write = None if tagged == tag else Call("tag_resource", {"Resource": function.arn, "Tags": {RELEASE_KEY: tag}})
        if goal != releases.current or releases.previous or write:
            left = {"tag": released(tagged), **releases.plain()}
            right = {"tag": goal.name, **Releases(goal, None, withdrawn).plain()}
            work.append(Change("update", RELEASE, self._name, left, right, Completion(goal, releases, write)))
        if work and not releases.withdrawn:
            withdrawal = Withdrawal(withdrawn, goal.version if code else "")
            work.insert(0, Change("create", WITHDRAWAL, self._name, None, withdrawn.plain(), withdrawal))
        return work

    def apply(self, change: Change) -> None:
        """Carry out one change. Returns when it is in force."""
        writers: Mapping[str, Callable[[Any], None]] = {
            WITHDRAWAL: self._withdraw,
            CONFIGURATION: self._api.update_configuration,
            CODE: lambda code: self._api.update_code(self._package(code.version), code.architecture),
            RELEASE: self._complete,
        }
        writers[change.kind](change.payload)

    def facts(self, actual: RollbackState) -> Result:
        """Return the releases, and those variables of the goal that the caller named."""
        environment = (actual.restored.configuration.environment if actual.restored else None) or {}
        return {
            "releases": actual.releases.plain(),
            "restored": actual.goal.plain() if actual.goal else None,
            "variables": {name: environment[name] for name in self._shown if name in environment},
        }

    def _version(self, release: Release) -> Function:
        answer = self._api.get_version(release.version)
        if not answer:
            message = f"version {release.version}, which kept its release {release.name}, does not exist any more"
            raise NotFoundError(self._operation, message, advice=_DEPLOY, where=self._target.where)
        return Function.from_version(answer["Configuration"])

    def _checked(self, actual: RollbackState) -> tuple[Release, Release, Function]:
        """Return goal, withdrawn release and restored function. Raises an error if the rollback is impossible or refused."""
        function, releases, where = actual.function, actual.releases, self._target.where
        if not has_owner_tag(function.known_tags(self._name, where)):
            raise RefusedError(self._operation, FOREIGN, where=where)
        releases.guard(self._operation, where)
        if not (actual.goal and actual.withdrawn and actual.restored):
            current = releases.current
            message = f"no release before {current.name} is kept" if current else "no release of it is kept"
            raise RefusedError(self._operation, message, advice=_DEPLOY, where=where)
        for configuration in (function.configuration, actual.restored.configuration):
            if configuration.environment is None:
                raise unreadable_environment(configuration, f"{self._operation} with its environment", where)
        return actual.goal, actual.withdrawn, actual.restored

    def _plan_code(self, function: Function, goal: Release, restored: Function) -> list[Change]:
        before = {"code_sha256": function.code_sha256, "architecture": function.architecture}
        after = {"code_sha256": restored.code_sha256, "architecture": restored.architecture}
        if before == after:
            return []
        code_change = CodeChange(goal.version, restored.architecture)
        return [Change("update", CODE, self._name, before, after, payload=code_change)]

    def _plan_configuration(self, before: Configuration, after: Configuration, failure: str = "") -> list[Change]:
        """Return the change. The diff shows no value of the environment, because any may be secret."""
        names = differing(before, after)
        if not names and not failure:
            return []
        left, right = configuration_diff(names, before, after, ())
        if failure:
            left["last_update"], right["last_update"] = f"Failed ({failure})", "Successful"
        request = after.request(names or frozenset({"description"}))
        return [Change("update", CONFIGURATION, self._name, left, right, payload=request)]

    def _withdraw(self, withdrawal: Withdrawal) -> None:
        """Download the code, then write the first alias. A failed download then changes nothing."""
        if withdrawal.download:
            self._package(withdrawal.download)
        withdrawn = withdrawal.withdrawn
        self._api.put_alias(WITHDRAWN, withdrawn.version, withdrawn.description(), exists=False)

    def _complete(self, completion: Completion) -> None:
        """Write tag and aliases. `previous` is deleted last: without it, `withdrawn` shows a finished rollback."""
        goal, before = completion.goal, completion.before
        if completion.tag:
            self._api.write_tags(completion.tag)
        if goal != before.current:
            self._api.put_alias(CURRENT, goal.version, goal.description(), exists=before.current is not None)
        if before.previous:
            self._api.delete_alias(PREVIOUS)

    def _package(self, version: str) -> bytes:
        if version not in self._packages:
            self._packages[version] = self._api.download_package(version)
        return self._packages[version]


def choose_goal(releases: Releases, function: Function, *, complete: bool) -> tuple[Release | None, Release | None]:
    """Return the release to restore and the withdrawn one. Both are None if no release is kept to go back to.

    complete    whether the function equals its current release
    """
    current, previous, withdrawn = releases.current, releases.previous, releases.withdrawn
    if not current:
        return None, None
    if withdrawn:
        is_begun = previous is not None and not withdrawn.unfinished
        return previous if is_begun else current, withdrawn
    if not complete:
        name = released((function.tags or {}).get(RELEASE_KEY)) or current.name
        return current, Release(current.version, name, digest_of(function), unfinished=True)
    return (previous, current) if previous else (None, None)


def _during_code_update(before: Configuration, goal: Configuration) -> Configuration:
    """Return the configuration while the code changes."""
    return replace(goal, layers=before.layers) if set(goal.layers) < set(before.layers) else goal


def roll_back(
    target: Target, name: str, *, variables: Sequence[str] = (), wait_seconds: float = 180, check_mode: bool
) -> Result:
    """Roll the function back to the release before.

    variables       environment variables of the restored release whose values the result shows
    wait_seconds    for each update
    """
    resource = FunctionRollback(target, name, variables=variables, wait_seconds=wait_seconds)
    return converge(resource, check_mode=check_mode)
