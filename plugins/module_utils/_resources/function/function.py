# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Lambda function from a zip: log group, code, configuration, concurrency, asynchronous invocation, tags, release.

A function without the owner tag is neither changed nor deleted, and neither is its log group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..._errors import AwsError
from ..._plan import Change, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.choice import default_log_group
from ..common import Call
from ..ownership import RELEASE_KEY, Ownership
from .api import FunctionApi, is_in_progress
from .configuration import (
    Configuration,
    desired_configuration,
    differing,
    key_arn,
    queue_arn,
)
from .environment import LARGEST_ENVIRONMENT, environment_size
from .log_group import KIND as LOG_GROUP
from .log_group import DesiredLogGroup, LogGroupApi, plan_deletion
from .publisher import KIND as RELEASE
from .publisher import ReleasePublisher
from .release import Releases, unreadable_environment
from .settings import FunctionSettings
from .state import (
    ASYNC,
    CODE,
    CONCURRENCY,
    CONFIGURATION,
    FUNCTION,
    AsyncInvocation,
    CurrentState,
    Function,
    LocalPackage,
    check_function_name,
)

TAGS = f"tags of {FUNCTION}"


class LambdaFunction:
    """Identity: the function's name. Updated in place, in an order in which code and configuration always fit."""

    def __init__(self, target: Target, settings: FunctionSettings) -> None:
        self._target, self._settings = target, settings
        self._name = check_function_name(settings.name)
        self._desired = desired_configuration(target, settings)
        key = settings.log_group_kms_key_arn
        self._desired_log_group = DesiredLogGroup(
            settings.log_retention_days, None if key is None else key_arn(target, "log_group_kms_key_arn", key)
        )
        self._on_failure = queue_arn(target, settings.on_failure_destination)
        self._own = Ownership(f"{FUNCTION} {self._name}", lambda: target.where, settings.tags)
        self._package = LocalPackage(settings.package, settings.code_sha256)
        retry_policy = RetryPolicy(seconds=settings.wait_seconds)
        self._api = FunctionApi(target, self._name, self._desired.environment, retry_policy)
        self._logs = LogGroupApi(target, retry_policy)
        self._publisher: ReleasePublisher | None = None
        if settings.release:
            self._publisher = ReleasePublisher(self._name, settings.release, self._api, self._own.where)

    def read(self) -> CurrentState:
        """Return the function, its log group and its releases.

        Three calls at once: GetFunction, GetFunctionEventInvokeConfig, DescribeLogGroups. A release needs ListAliases too.
        """
        answer, event_invoke, aliases, log_group = self._read_with(self._api.get)
        if answer and is_in_progress(answer["Configuration"]):
            settled = self._api.get_settled()
            answer, event_invoke, aliases, log_group = self._read_with(lambda: settled)
        usual = default_log_group(self._name)
        if not answer:
            return CurrentState(None, usual, log_group)
        function = Function.from_api(answer, event_invoke)
        name = function.configuration.logging_config.log_group
        return CurrentState(
            function, name, log_group if name == usual else self._logs.find(name), Releases.from_aliases(aliases)
        )

    def _read_with(self, get: Callable[[], dict[str, Any] | None]) -> list[Any]:
        """Return GetFunction's answer, the asynchronous invocation, the aliases, and the log group of the usual name."""
        return self._target.together(
            get,
            self._api.get_event_invoke_config,
            self._api.list_aliases if self._publisher else list,
            lambda: self._logs.find(default_log_group(self._name)),
        )

    def plan(self, actual: CurrentState) -> list[Change]:
        """Return the changes: the log group first, because Lambda would create it without retention.

        Raises RefusedError if the function is foreign.
        """
        function = actual.function
        log_group = self._desired_log_group.plan(actual.log_group_name, actual.log_group)
        if function is None:
            return [*log_group, *self._plan_creation()]
        changes = [*self._plan_tags(function), *log_group, *self._plan_update(function)]
        if function.failed_for_good and not changes:
            raise AwsError(
                f"use function {self._name}",
                f"its settings are as desired, but it failed: {function.failure}",
                advice="Remove the cause, delete the function and run again.",
            )
        changes += self._plan_release(function, actual.releases)
        if changes:
            self._own.guard_changes(self._known_tags(function), changes)
        return changes

    def apply(self, change: Change) -> None:
        """Carry out one change. Returns when it is in force."""
        if change.kind == LOG_GROUP:
            self._logs.apply(change)
        else:
            self._writers[change.kind](change)

    def facts(self, actual: CurrentState) -> Result:
        """Return the function and its log group, null if they do not exist."""
        return actual.plain(self._name)

    @property
    def _writers(self) -> Mapping[str, Callable[[Change], None]]:
        api = self._api
        return {
            FUNCTION: lambda change: api.create(change.payload, self._package.read()),
            CONFIGURATION: lambda change: api.update_configuration(change.payload),
            CODE: lambda _change: api.update_code(self._package.read(), self._settings.architecture),
            CONCURRENCY: lambda change: api.set_concurrency(change.payload),
            ASYNC: lambda change: api.put_event_invoke_config(change.payload),
            TAGS: self._write_tags,
            RELEASE: self._write_release,
        }

    def _write_tags(self, change: Change) -> None:
        for call in change.payload:
            self._api.write_tags(call)

    def _write_release(self, change: Change) -> None:
        if self._publisher:
            self._publisher.apply(change)

    def _plan_creation(self) -> list[Change]:
        sha256, architecture, publisher = self._package.code_sha256, self._settings.architecture, self._publisher
        configuration = self._desired.applied_to(Configuration())
        _left, right = self._desired.diff(self._desired.names, None, configuration)
        tags = self._own.creation_tags()
        if publisher:
            tags[RELEASE_KEY] = publisher.tag(sha256)
        request = {**configuration.request(self._desired.names), "Architectures": [architecture], "Tags": tags}
        shown = {"code_sha256": sha256, "architecture": architecture, **right, "tags": tags}
        return [
            Change("create", FUNCTION, self._name, None, shown, payload=request),
            *self._plan_concurrency(None),
            *self._plan_async(AsyncInvocation()),
            *(publisher.plan_first(sha256, configuration.description) if publisher else []),
        ]

    def _plan_update(self, function: Function) -> list[Change]:
        return [
            *self._plan_configuration_and_code(function),
            *self._plan_concurrency(function.reserved),
            *self._plan_async(function.asynchronous),
        ]

    def _plan_configuration_and_code(self, function: Function) -> list[Change]:
        """Return the changes in order: what the new code needs, the code, then what only the old code needed."""
        before = function.configuration
        desired = self._desired.applied_to(before)
        self._check_environment(before, desired)
        code = self._plan_code(function)
        between = _during_code_update(before, desired) if code else desired
        changes = [
            *self._plan_configuration(before, between),
            *code,
            *self._plan_configuration(between, desired),
        ]
        if not changes and function.failure and not function.failed_for_good:
            return [self._plan_repair(function)]
        return changes

    def _plan_release(self, function: Function, releases: Releases) -> list[Change]:
        """Return the change that keeps the function as it will be."""
        if not self._publisher:
            return []
        self._publisher.guard(function, releases)
        after = replace(
            function,
            configuration=self._desired.applied_to(function.configuration),
            code_sha256=self._package.code_sha256,
            architecture=self._settings.architecture,
            tags=self._known_tags(function),
        )
        return self._publisher.plan(after, releases)

    def _plan_configuration(self, before: Configuration, after: Configuration) -> list[Change]:
        names = differing(before, after)
        if not names:
            return []
        left, right = self._desired.diff(names, before, after)
        return [Change("update", CONFIGURATION, self._name, left, right, payload=after.request(names))]

    def _plan_repair(self, function: Function) -> Change:
        """Return the change that sends the configuration again: the last update failed although its values are set."""
        request = self._desired.applied_to(function.configuration).request(self._desired.names)
        left, right = {"last_update": f"Failed ({function.failure})"}, {"last_update": "Successful"}
        return Change("update", CONFIGURATION, self._name, left, right, payload=request)

    def _plan_code(self, function: Function) -> list[Change]:
        before = {"code_sha256": function.code_sha256, "architecture": function.architecture}
        after = {"code_sha256": self._package.code_sha256, "architecture": self._settings.architecture}
        return [Change("update", CODE, self._name, before, after)] if before != after else []

    def _plan_concurrency(self, before: int | None) -> list[Change]:
        reserved = self._settings.reserved_concurrency
        if reserved is None:
            return []
        desired = None if reserved == -1 else reserved
        if desired == before:
            return []
        key = "reserved_concurrency"
        return [Change("update", CONCURRENCY, self._name, {key: before}, {key: desired}, payload=desired)]

    def _plan_async(self, before: AsyncInvocation) -> list[Change]:
        desired = replace(
            before,
            on_failure_destination=self._on_failure,
            maximum_retry_attempts=self._settings.maximum_retry_attempts,
            maximum_event_age=self._settings.maximum_event_age,
        )
        if desired == before:
            return []
        return [Change("update", ASYNC, self._name, before.plain(), desired.plain(), payload=desired.request())]

    def _plan_tags(self, function: Function) -> list[Change]:
        if self._own.tags:
            self._known_tags(function)
        return self._own.tag_update(
            FUNCTION,
            self._name,
            function.tags,
            tag=lambda tags: Call("tag_resource", {"Resource": function.arn, "Tags": tags}),
        )

    def _known_tags(self, function: Function) -> Mapping[str, str]:
        """Return the function's tags. Raises AccessDeniedError if the caller must not read them."""
        return function.known_tags(self._name, self._own.where())

    def _check_environment(self, before: Configuration, desired: Configuration) -> None:
        """Raise AccessDeniedError if AWS could not decrypt the environment: every run would write it anew."""
        if before.environment is None and desired.kms_key_arn == before.kms_key_arn:
            raise unreadable_environment(before, f"read the environment of function {self._name}", self._own.where())


class FunctionRemoval:
    """The removal of a function and of its log group, also of a log group that an interrupted removal left."""

    def __init__(self, target: Target, name: str, *, wait_seconds: float = 180) -> None:
        self._name = check_function_name(name)
        retry_policy = RetryPolicy(seconds=wait_seconds)
        self._own = Ownership(f"{FUNCTION} {name}", lambda: target.where)
        self._api = FunctionApi(target, name, None, retry_policy)
        self._logs = LogGroupApi(target, retry_policy)

    def read(self) -> CurrentState:
        """Return the function and the log group of its name. A group with another name may serve other functions."""
        answer = self._api.get()
        function = Function.from_api(answer, self._api.get_event_invoke_config()) if answer else None
        name = default_log_group(self._name)
        return CurrentState(function, name, self._logs.find(name))

    def plan(self, actual: CurrentState) -> list[Change]:
        """Return the deletions: the function first, because it would create its log group again.

        Raises RefusedError if the function is foreign.
        """
        changes = plan_deletion(actual.log_group)
        function = actual.function
        if function:
            self._own.guard_deletion(function.known_tags(self._name, self._own.where()))
            changes.insert(0, Change("delete", FUNCTION, self._name, function.plain(self._name)))
        return changes

    def apply(self, change: Change) -> None:
        """Delete one of both."""
        if change.kind == LOG_GROUP:
            self._logs.apply(change)
        else:
            self._api.delete()

    def facts(self, actual: CurrentState) -> Result:
        """Return the function and its log group, null if they do not exist."""
        return actual.plain(self._name)


def _during_code_update(before: Configuration, desired: Configuration) -> Configuration:
    """Return the configuration while the code changes: what the new code needs, and still what the old code needs.

    Removed variables stay until then. The handler changes after the code: a careful zip still contains the old handler.
    """
    between = replace(desired, handler=before.handler)
    if desired.environment is not None and before.environment is not None:
        both = {**before.environment, **desired.environment}
        if environment_size(both) <= LARGEST_ENVIRONMENT:
            between = replace(between, environment=both)
    return between
