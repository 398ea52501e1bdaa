# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A Lambda function from a zip: log group, code, configuration, concurrency, asynchronous invocation, tags.

A function that does not carry our mark is neither changed nor deleted, and its log group with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._errors import AwsError, InvalidInputError
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.choice import default_log_group
from .common import Call
from .function_api import FunctionApi
from .function_environment import LARGEST_ENVIRONMENT, environment_size, wanted_environment
from .function_keeper import KIND as RELEASE
from .function_keeper import ReleaseKeeper
from .function_log_group import KIND as LOG_GROUP
from .function_log_group import LogGroupApi, WantedLogGroup, plan_deletion
from .function_release import Releases, unreadable_environment
from .function_settings import (
    ALL_SETTINGS,
    ARCHITECTURE,
    RUNTIME,
    Logging,
    Settings,
    differing,
    key_arn,
    queue_arn,
    wanted_settings,
)
from .function_state import (
    CODE,
    CONFIGURATION,
    AsyncInvocation,
    Function,
    LocalCode,
    Standing,
    Upload,
    check_function_name,
)
from .ownership import RELEASE_KEY, Ownership

FUNCTION = "function"
CONCURRENCY = "reserved concurrency of function"
ASYNC = "asynchronous invocation of function"
TAGS = "tags of function"


class LambdaFunction:
    """Identity: the function's name. Updated in place, in an order in which code and configuration fit all the time."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name = check_function_name("name", params["name"])
        self._present = params["state"] == "present"
        self._delete_log_group: bool = params["delete_log_group"]
        self._log_group_option: str = (params["logging_config"] or {}).get("log_group") or ""
        retry_policy = RetryPolicy(seconds=params["wait_timeout"])
        environment = wanted_environment(target.expand(params["environment"]), params["secret_environment"])
        self._wanted = wanted_settings(target, params, environment)
        self._wanted_log_group = WantedLogGroup(
            params["log_group_retention_days"], _optional_key(target, params["log_group_kms_key_id"])
        )
        self._architecture: str | None = params["architecture"]
        self._reserved: int | None = params["reserved_concurrent_executions"]
        self._async = _given_async(target, params)
        self._own = Ownership(f"function {self._name}", lambda: target.where, params["tags"] or {})
        self._code = LocalCode(None, None)
        if self._present:
            self._code = LocalCode.from_options(params["zip_file"], params["code_sha256"])
        self._api = FunctionApi(target, self._name, environment, retry_policy)
        self._logs = LogGroupApi(target, retry_policy)
        self._keeper = ReleaseKeeper.from_params(self._name, self._api, lambda: target.where, params)

    def read(self) -> Standing:
        """Three calls for a function that stands, GetFunction, GetFunctionEventInvokeConfig, DescribeLogGroups; with a
        release ListAliases too."""
        answer = self._api.get_settled() if self._present else self._api.get()
        function = None
        releases = Releases()
        if answer:
            function = Function.from_api(answer, self._api.get_event_invoke_config())
            if self._keeper and self._present:
                releases = Releases.from_aliases(self._api.list_aliases())
        name = self._log_group_name(function)
        wanted = self._present or self._delete_log_group
        return Standing(function, name, self._logs.find(name) if wanted else None, releases)

    def plan(self, actual: Standing) -> list[Change]:
        """The log group first, then the function; away in the other order, or Lambda would make the group again.

        RefusedError if the function is foreign: its log group is as untouched as itself.
        """
        function = actual.function
        if not self._present:
            return self._plan_deletion(actual)
        log_group = self._wanted_log_group.plan(actual.log_group_name, actual.log_group)
        if function is None:
            return [*log_group, *self._plan_creation()]
        update = self._plan_update(function)
        changes = [*self._plan_tags(function), *log_group, *update]
        if function.failed_for_good and not changes:
            raise AwsError(
                f"use function {self._name}",
                f"it stands as its options say, but failed: {function.failure}",
                advice="Mend the cause, delete the function and run again.",
            )
        changes += self._plan_release(function, actual.releases)
        if changes:
            self._own.guard_changes(self._known_tags(function), changes)
        return changes

    def apply(self, change: Change) -> None:
        """Carry out one change; returns when it is in force."""
        if change.kind == LOG_GROUP:
            self._logs.apply(change)
        else:
            self._writers[change.kind](change)

    def facts(self, actual: Standing) -> Result:
        """The function and its log group as they stand; null where they do not."""
        function, log_group = actual.function, actual.log_group
        return {
            "function": function.plain(self._name) if function else None,
            "log_group": log_group.plain() if log_group else None,
        }

    @property
    def _writers(self) -> Mapping[str, Callable[[Change], None]]:
        api = self._api
        return {
            FUNCTION: self._create_or_delete,
            CONFIGURATION: lambda change: api.update_configuration(change.payload),
            CODE: lambda change: api.update_code(self._code.package(), change.payload.architecture),
            CONCURRENCY: lambda change: api.set_concurrency(change.payload),
            ASYNC: lambda change: api.put_event_invoke_config(change.payload),
            TAGS: self._write_tags,
            RELEASE: self._write_release,
        }

    def _write_tags(self, change: Change) -> None:
        for call in change.payload:
            self._api.write_tags(call)

    def _write_release(self, change: Change) -> None:
        if self._keeper:
            self._keeper.apply(change)

    def _create_or_delete(self, change: Change) -> None:
        if change.action == "delete":
            self._api.delete()
        else:
            self._api.create(change.payload, self._code.package())

    def _log_group_name(self, function: Function | None) -> str:
        """Where the function is to write. A group that only AWS names may serve others: it is never the one to delete."""
        if self._log_group_option:
            return self._log_group_option
        if function and self._present:
            return function.settings.logging_config.log_group
        return default_log_group(self._name)

    def _plan_deletion(self, actual: Standing) -> list[Change]:
        """The function, if it is ours, then its log group. One left over by a teardown that was cut short goes too."""
        function = actual.function
        gone = []
        if function:
            self._own.guard_deletion(self._known_tags(function))
            gone.append(Change("delete", FUNCTION, self._name, function.plain(self._name)))
        return [*gone, *(plan_deletion(actual.log_group) if self._delete_log_group else [])]

    def _plan_creation(self) -> list[Change]:
        wanted = self._wanted
        missing = [
            option
            for option, given in (
                ("role", "role" in wanted.attributes),
                ("handler", "handler" in wanted.attributes),
                ("zip_file", self._code.path),
            )
            if not given
        ]
        if missing:
            verb = "has" if len(missing) == 1 else "have"
            message = f"function {self._name} does not exist yet, so {' and '.join(missing)} {verb} to be given"
            raise InvalidInputError(missing[0], message)
        architecture = self._architecture or ARCHITECTURE
        start = Settings(runtime=RUNTIME, logging_config=Logging(log_group=default_log_group(self._name)))
        settings = wanted.on(start)
        _left, right = wanted.diff(ALL_SETTINGS, None, settings)
        tags = self._own.creation_tags()
        keeper = self._keeper
        if keeper:
            tags[RELEASE_KEY] = keeper.tag(self._code.sha256 or "")
        request = {**settings.request(wanted.given | {"runtime"}), "Architectures": [architecture], "Tags": tags}
        shown = {"code_sha256": self._code.sha256, "architecture": architecture, **right, "tags": tags}
        return [
            Change("create", FUNCTION, self._name, None, shown, payload=request),
            *self._plan_concurrency(None),
            *self._plan_async(AsyncInvocation()),
            *(keeper.plan_first(self._code.sha256 or "", settings.description) if keeper else []),
        ]

    def _plan_update(self, function: Function) -> list[Change]:
        first, code, last = self._plan_settings_and_code(function)
        return [
            *first,
            *code,
            *last,
            *self._plan_concurrency(function.reserved),
            *self._plan_async(function.asynchronous),
        ]

    def _plan_settings_and_code(self, function: Function) -> tuple[list[Change], list[Change], list[Change]]:
        """Return the changes in order: first those that new code needs, last those that only old code needed."""
        before = function.settings
        wanted = self._wanted.on(before)
        self._check_environment(before, wanted)
        code = self._plan_code(function)
        between = _between(before, wanted) if code else wanted
        first = self._plan_configuration(before, between)
        last = self._plan_configuration(between, wanted)
        if not (first or code or last) and function.failure and not function.failed_for_good:
            first = self._plan_repair(function)
        return first, code, last

    def _plan_release(self, function: Function, releases: Releases) -> list[Change]:
        """That what the function will be is kept: its tags are to be known for it."""
        if not self._keeper:
            return []
        self._keeper.guard(function, releases)
        after = replace(
            function,
            settings=self._wanted.on(function.settings),
            code_sha256=self._code.sha256 or function.code_sha256,
            architecture=self._architecture or function.architecture,
            tags=self._known_tags(function),
        )
        return self._keeper.plan(after, releases)

    def _plan_configuration(self, before: Settings, after: Settings) -> list[Change]:
        names = differing(before, after)
        if not names:
            return []
        left, right = self._wanted.diff(names, before, after)
        return [Change("update", CONFIGURATION, self._name, left, right, payload=after.request(names))]

    def _plan_repair(self, function: Function) -> list[Change]:
        """The last update failed in AWS although its values stand: send it again."""
        names = self._wanted.given or frozenset({"description"})
        request = self._wanted.on(function.settings).request(names)
        left, right = {"last_update": f"Failed ({function.failure})"}, {"last_update": "Successful"}
        return [Change("update", CONFIGURATION, self._name, left, right, payload=request)]

    def _plan_code(self, function: Function) -> list[Change]:
        architecture = self._architecture or function.architecture
        sha256 = self._code.sha256 or function.code_sha256
        before = {"code_sha256": function.code_sha256, "architecture": function.architecture}
        after = {"code_sha256": sha256, "architecture": architecture}
        if before == after:
            return []
        if not self._code.path:
            raise InvalidInputError("zip_file", f"the code of function {self._name} changes, so it has to be given")
        return [Change("update", CODE, self._name, before, after, payload=Upload(architecture))]

    def _plan_concurrency(self, before: int | None) -> list[Change]:
        if self._reserved is None:
            return []
        wanted = None if self._reserved == -1 else self._reserved
        if wanted == before:
            return []
        key = "reserved_concurrent_executions"
        return [Change("update", CONCURRENCY, self._name, {key: before}, {key: wanted}, payload=wanted)]

    def _plan_async(self, before: AsyncInvocation) -> list[Change]:
        wanted = replace(before, **self._async)
        if wanted == before:
            return []
        return [Change("update", ASYNC, self._name, before.plain(), wanted.plain(), payload=wanted.request())]

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
        """The function's tags; AccessDeniedError where AWS keeps them from this caller."""
        return function.known_tags(self._name, self._own.where())

    def _check_environment(self, before: Settings, wanted: Settings) -> None:
        """Values that AWS could not decrypt cannot be compared: not writing them anew on every run, but saying so."""
        if before.environment is None and wanted.environment is not None and wanted.kms_key_arn == before.kms_key_arn:
            raise unreadable_environment(before, f"read the environment of function {self._name}", self._own.where())


def _between(before: Settings, wanted: Settings) -> Settings:
    """The configuration while code is exchanged: all that the new code needs, and still what the old one does.

    Variables and layers that go away stay until then, and the handler changes after the code: a careful zip has the
    old one as well.
    """
    between = replace(wanted, handler=before.handler)
    if set(wanted.layers) < set(before.layers):
        between = replace(between, layers=before.layers)
    if wanted.environment is not None and before.environment is not None:
        both = {**before.environment, **wanted.environment}
        if environment_size(both) <= LARGEST_ENVIRONMENT:
            between = replace(between, environment=both)
    return between


def _given_async(target: Target, params: Params) -> dict[str, Any]:
    options = ("maximum_retry_attempts", "maximum_event_age")
    given = {name: params[name] for name in options if params[name] is not None}
    if params["on_failure_destination"] is not None:
        given["on_failure_destination"] = queue_arn(target, params["on_failure_destination"])
    return given


def _optional_key(target: Target, value: str | None) -> str | None:
    return None if value is None else key_arn(target, "log_group_kms_key_id", value)
