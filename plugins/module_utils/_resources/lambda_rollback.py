# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Back to the release before, code and configuration, without a moment in which the function fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._errors import NotFoundError, RefusedError
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call
from .function_api import FunctionApi
from .function_environment import shown_after, shown_before
from .function_keeper import KIND as RELEASE
from .function_release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    digest_of,
    release_tag,
    released,
    unmarked,
    unreadable_environment,
)
from .function_settings import Settings, differing
from .function_state import CODE, CONFIGURATION, Function, check_function_name
from .ownership import FOREIGN, RELEASE_KEY, has_owner_tag

INTENTION = "withdrawn release of function"
_DEPLOY = "Deploy a release instead."


@dataclass(frozen=True, slots=True)
class Standing:
    """Return the actual state.

    goal        the release to go to, or that was gone to; None where there is none
    withdrawn   what is to be known as withdrawn
    restored    the function as the goal's version keeps it
    """

    function: Function
    releases: Releases
    goal: Release | None = None
    withdrawn: Release | None = None
    restored: Function | None = None


@dataclass(frozen=True, slots=True)
class Intention:
    """Payload of the first change. `fetched` is the version whose code will be needed, "" if none."""

    withdrawn: Release
    fetched: str


@dataclass(frozen=True, slots=True)
class Restoration:
    """Payload of a change of code."""

    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Payload of the last change: the goal, and what has to be written for it."""

    goal: Release
    before: Releases
    tag: Call | None


class LambdaRollback:
    """Identity: the function's name.

    The configuration goes first: a newer package works under an older configuration, and what a newer configuration
    does to an older package nobody knows. Layers are left as they are until the code has been exchanged, where the
    goal has fewer.
    """

    def __init__(self, target: Target, params: Params) -> None:
        self._name = check_function_name("function_name", params["function_name"])
        self._tried = f"roll back function {self._name}"
        self._shown: list[str] = params["variables"]
        self._target = target
        self._api = FunctionApi(target, self._name, None, RetryPolicy(seconds=params["wait_timeout"]))
        self._packages: dict[str, bytes] = {}

    def read(self) -> Standing:
        """At most four calls: GetFunction, ListAliases, GetFunction for the current version and for the one before."""
        answer = self._api.get_settled()
        if not answer:
            raise NotFoundError(self._tried, "it does not exist", where=self._target.where)
        function = Function.from_api(answer, {})
        releases = Releases.from_aliases(self._api.list_aliases())
        if not releases.current:
            return Standing(function, releases)
        current = self._version(releases.current)
        goal, withdrawn = way_back(releases, function, complete=digest_of(current) == digest_of(function))
        restored = current
        if goal and goal.version != releases.current.version:
            restored = self._version(goal)
        return Standing(function, releases, goal, withdrawn, restored)

    def plan(self, actual: Standing) -> list[Change]:
        """Return the changes that remain. None for a function that was rolled back already.

        RefusedError for a function that is not ours or that has no release to go back to.
        """
        goal, withdrawn, restored = self._checked(actual)
        function, releases = actual.function, actual.releases
        code = self._plan_code(function, goal, restored)
        between = _between(function.settings, restored.settings) if code else restored.settings
        work = [
            *self._plan_configuration(function.settings, between, function.failure),
            *code,
            *self._plan_configuration(between, restored.settings),
        ]
        tag, tagged = release_tag(goal.name, restored.code_sha256), (function.tags or {}).get(RELEASE_KEY)
        write = None if tagged == tag else Call("tag_resource", {"Resource": function.arn, "Tags": {RELEASE_KEY: tag}})
        if goal != releases.current or releases.previous or write:
            left = {"tag": released(tagged), **releases.plain()}
            right = {"tag": goal.name, **Releases(goal, None, withdrawn).plain()}
            work.append(Change("update", RELEASE, self._name, left, right, Arrival(goal, releases, write)))
        if work and not releases.withdrawn:
            intention = Intention(withdrawn, goal.version if code else "")
            work.insert(0, Change("create", INTENTION, self._name, None, withdrawn.plain(), intention))
        return work

    def apply(self, change: Change) -> None:
        """Carry out one change; returns when it is in force."""
        writers: Mapping[str, Callable[[Any], None]] = {
            INTENTION: self._intend,
            CONFIGURATION: self._api.update_configuration,
            CODE: lambda code: self._api.update_code(self._package(code.version), code.architecture),
            RELEASE: self._arrive,
        }
        writers[change.kind](change.payload)

    def facts(self, actual: Standing) -> Result:
        """The releases as they stand, and those variables of the goal that were asked for by name."""
        environment = (actual.restored.settings.environment if actual.restored else None) or {}
        return {
            "releases": actual.releases.plain(),
            "restored": actual.goal.plain() if actual.goal else None,
            "variables": {name: environment[name] for name in self._shown if name in environment},
        }

    def _version(self, release: Release) -> Function:
        answer = self._api.get_version(release.version)
        if not answer:
            message = f"version {release.version}, which kept its release {release.name}, does not exist any more"
            raise NotFoundError(self._tried, message, advice=_DEPLOY, where=self._target.where)
        return Function.from_api({**answer, "Configuration": unmarked(answer["Configuration"])}, {})

    def _checked(self, actual: Standing) -> tuple[Release, Release, Function]:
        """Goal, what is withdrawn, and the function as the goal keeps it; an error if it cannot or must not be done."""
        function, releases, where = actual.function, actual.releases, self._target.where
        if not has_owner_tag(function.known_tags(self._name, where)):
            raise RefusedError(self._tried, FOREIGN, where=where)
        releases.guard(self._tried, where)
        if not (actual.goal and actual.withdrawn and actual.restored):
            current = releases.current
            message = f"no release before {current.name} is kept" if current else "no release of it is kept"
            raise RefusedError(self._tried, message, advice=_DEPLOY, where=where)
        for settings in (function.settings, actual.restored.settings):
            if settings.environment is None:
                raise unreadable_environment(settings, f"{self._tried} with its environment", where)
        return actual.goal, actual.withdrawn, actual.restored

    def _plan_code(self, function: Function, goal: Release, restored: Function) -> list[Change]:
        before = {"code_sha256": function.code_sha256, "architecture": function.architecture}
        after = {"code_sha256": restored.code_sha256, "architecture": restored.architecture}
        if before == after:
            return []
        restoration = Restoration(goal.version, restored.architecture)
        return [Change("update", CODE, self._name, before, after, payload=restoration)]

    def _plan_configuration(self, before: Settings, after: Settings, failure: str = "") -> list[Change]:
        """The environment's values stay out of the difference: any may be a secret."""
        names = differing(before, after)
        if not names and not failure:
            return []
        left, right = before.plain(names), after.plain(names)
        if "environment" in names:
            left["environment"] = shown_before(before.environment or {}, ())
            right["environment"] = shown_after(after.environment or {}, (), before.environment or {})
        if failure:
            left["last_update"], right["last_update"] = f"Failed ({failure})", "Successful"
        request = after.request(names or frozenset({"description"}))
        return [Change("update", CONFIGURATION, self._name, left, right, payload=request)]

    def _intend(self, intention: Intention) -> None:
        """The code is fetched before anything is written: where that fails, nothing has been changed."""
        if intention.fetched:
            self._package(intention.fetched)
        withdrawn = intention.withdrawn
        self._api.put_alias(WITHDRAWN, withdrawn.version, withdrawn.description(), exists=False)

    def _arrive(self, arrival: Arrival) -> None:
        """`previous` goes last: with it gone, and `withdrawn` there, the function is known to be rolled back."""
        goal, before = arrival.goal, arrival.before
        if arrival.tag:
            self._api.write_tags(arrival.tag)
        if goal != before.current:
            self._api.put_alias(CURRENT, goal.version, goal.description(), exists=before.current is not None)
        if before.previous:
            self._api.delete_alias(PREVIOUS)

    def _package(self, version: str) -> bytes:
        if version not in self._packages:
            self._packages[version] = self._api.package_of(version)
        return self._packages[version]


def way_back(releases: Releases, function: Function, *, complete: bool) -> tuple[Release | None, Release | None]:
    """The release to go to, and what is then withdrawn; None for both where no release is kept to go to.

    complete    whether the function is what its current release was
    """
    current, previous, withdrawn = releases.current, releases.previous, releases.withdrawn
    if not current:
        return None, None
    if withdrawn:
        begun = previous is not None and not withdrawn.unfinished
        return previous if begun else current, withdrawn
    if not complete:
        name = released((function.tags or {}).get(RELEASE_KEY)) or current.name
        return current, Release(current.version, name, digest_of(function), unfinished=True)
    return (previous, current) if previous else (None, None)


def _between(before: Settings, goal: Settings) -> Settings:
    """The configuration while code is exchanged."""
    return replace(goal, layers=before.layers) if set(goal.layers) < set(before.layers) else goal
