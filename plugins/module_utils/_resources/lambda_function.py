# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A Lambda function from a zip: log group, code, configuration, concurrency, asynchronous invocation, tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._errors import AccessDeniedError, AwsError, InvalidInputError, LimitReachedError, ReflectorError
from .._plan import Change, Params, Result
from .._retry import Patience
from .._session import Target
from .function_api import FunctionApi, failure_reason, in_progress
from .function_environment import LARGEST_ENVIRONMENT, environment_size, wanted_environment
from .function_log_group import (
    KIND as LOG_GROUP,
)
from .function_log_group import (
    FunctionLogGroup,
    LogGroupApi,
    WantedLogGroup,
    default_log_group,
    plan_deletion,
)
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
from .lambda_package import LARGEST_PACKAGE, code_sha256

FUNCTION = "function"
CONFIGURATION = "configuration of function"
CODE = "code of function"
CONCURRENCY = "reserved concurrency of function"
ASYNC = "asynchronous invocation of function"
TAGS = "tags of function"


@dataclass(frozen=True, slots=True)
class AsyncInvocation:
    """What becomes of an asynchronous invocation that fails; AWS's defaults where nothing is configured."""

    on_failure_destination: str = ""
    maximum_retry_attempts: int = 2
    maximum_event_age: int = 21600
    on_success_destination: str = ""  # no option of ours, and lost if a put does not repeat it

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> AsyncInvocation:
        """From GetFunctionEventInvokeConfig's answer; an empty one gives the defaults."""
        destinations = answer.get("DestinationConfig") or {}
        retries, age = answer.get("MaximumRetryAttempts"), answer.get("MaximumEventAgeInSeconds")
        return cls(
            (destinations.get("OnFailure") or {}).get("Destination") or "",
            2 if retries is None else retries,
            age or 21600,
            (destinations.get("OnSuccess") or {}).get("Destination") or "",
        )

    def request(self) -> dict[str, Any]:
        """The parameters of PutFunctionEventInvokeConfig, which replaces the whole."""
        both = {"OnFailure": self.on_failure_destination, "OnSuccess": self.on_success_destination}
        return {
            "MaximumRetryAttempts": self.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": self.maximum_event_age,
            "DestinationConfig": {key: {"Destination": value} for key, value in both.items() if value},
        }

    def plain(self) -> Result:
        """For diffs and results."""
        return {
            "on_failure_destination": self.on_failure_destination,
            "maximum_retry_attempts": self.maximum_retry_attempts,
            "maximum_event_age": self.maximum_event_age,
        }


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it stands.

    reserved    reserved concurrent executions; None where there is no reservation
    tags        None where the caller may not read them
    failure     why it, or its last update, failed; "" if not
    """

    arn: str
    code_sha256: str
    architecture: str
    settings: Settings
    state: str = "Active"
    failure: str = ""
    failed_for_good: bool = False
    version: str = "$LATEST"
    last_modified: str = ""
    reserved: int | None = None
    tags: Mapping[str, str] | None = field(default_factory=dict)
    asynchronous: AsyncInvocation = AsyncInvocation()

    @classmethod
    def from_api(cls, answer: Mapping[str, Any], event_invoke: Mapping[str, Any]) -> Function:
        """From the answers of GetFunction and GetFunctionEventInvokeConfig."""
        configuration = answer["Configuration"]
        return cls(
            arn=configuration["FunctionArn"],
            code_sha256=configuration.get("CodeSha256") or "",
            architecture=(configuration.get("Architectures") or ["x86_64"])[0],
            settings=Settings.from_api(configuration),
            state=configuration.get("State") or "Active",
            failure=failure_reason(configuration),
            failed_for_good=configuration.get("State") == "Failed",
            version=configuration.get("Version") or "$LATEST",
            last_modified=configuration.get("LastModified") or "",
            reserved=(answer.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
            tags=None if answer.get("TagsError") else dict(answer.get("Tags") or {}),
            asynchronous=AsyncInvocation.from_api(event_invoke),
        )

    def plain(self, name: str) -> Result:
        """For results: of the environment only the names, since any value may be a secret."""
        return {
            "name": name,
            "arn": self.arn,
            "state": self.state,
            "version": self.version,
            "last_modified": self.last_modified,
            "code_sha256": self.code_sha256,
            "architecture": self.architecture,
            **self.settings.plain(ALL_SETTINGS),
            "environment_names": sorted(self.settings.environment or ()),
            "reserved_concurrent_executions": self.reserved,
            **self.asynchronous.plain(),
            "tags": dict(self.tags or {}),
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands: the function and its log group."""

    function: Function | None
    log_group_name: str
    log_group: FunctionLogGroup | None


@dataclass(frozen=True, slots=True)
class LocalCode:
    """The package here: its hash, known beforehand or from the file, which is read again only to be uploaded."""

    path: str | None
    sha256: str | None

    @classmethod
    def from_options(cls, path: str | None, sha256: str | None) -> LocalCode:
        """From zip_file and code_sha256. Without the hash the file has to be there."""
        if sha256 and not re.fullmatch(r"[A-Za-z0-9+/]{43}=", sha256):
            raise InvalidInputError(
                "code_sha256", f"{sha256!r} is not the base64 of a SHA-256, as lambda_package returns"
            )
        if path and not sha256:
            sha256 = code_sha256(_read_package(path))
        return cls(path, sha256)

    def package(self) -> bytes:
        """The bytes to upload; an error if they are not those that were promised."""
        if not self.path:
            raise InvalidInputError("zip_file", "code has to be uploaded, so it has to be given")
        data = _read_package(self.path)
        found = code_sha256(data)
        if found != self.sha256:
            why = f"its hash is {found}, but {self.sha256} was expected"
            hint = "Build the package again, or give the code_sha256 that belongs to it."
            raise ReflectorError(f"upload {self.path}", why, hint=hint)
        return data


def _read_package(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > LARGEST_PACKAGE:
            why = f"it has more than {LARGEST_PACKAGE} bytes, the most that Lambda takes directly"
            raise LimitReachedError(f"upload {path}", why)
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInputError("zip_file", f"{path}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Upload:
    """Payload of a change of code."""

    architecture: str


@dataclass(frozen=True, slots=True)
class Tagging:
    """Payload of a change of tags."""

    arn: str
    add: Mapping[str, str]
    remove: tuple[str, ...]


class LambdaFunction:
    """Identity: the function's name. Updated in place, in an order in which code and configuration fit all the time."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        if not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", self._name):
            raise InvalidInputError("name", f"{self._name!r} is not 1 to 64 letters, digits, '-' or '_'")
        self._present = params["state"] == "present"
        self._delete_log_group: bool = params["delete_log_group"]
        self._log_group_option: str = (params["logging_config"] or {}).get("log_group") or ""
        patience = Patience(seconds=params["wait_timeout"])
        environment = wanted_environment(target.expand(params["environment"]), params["secret_environment"])
        self._wanted = wanted_settings(target, params, environment)
        self._wanted_log_group = WantedLogGroup(
            params["log_group_retention_days"], _optional_key(target, params["log_group_kms_key_id"])
        )
        self._architecture: str | None = params["architecture"]
        self._reserved: int | None = params["reserved_concurrent_executions"]
        self._async = _given_async(target, params)
        self._tags = None if params["tags"] is None else {str(key): str(tag) for key, tag in params["tags"].items()}
        self._purge_tags: bool = params["purge_tags"]
        self._code = LocalCode(None, None)
        if self._present:
            self._code = LocalCode.from_options(params["zip_file"], params["code_sha256"])
        self._api = FunctionApi(target, self._name, environment, patience)
        self._logs = LogGroupApi(target, patience)

    def read(self) -> Standing:
        """Three calls for a function that stands: GetFunction, GetFunctionEventInvokeConfig, DescribeLogGroups."""
        answer = self._api.get()
        if answer and self._present and in_progress(answer["Configuration"]):
            answer = self._settled(answer)
        function = None
        if answer:
            function = Function.from_api(answer, self._api.get_event_invoke_config())
        name = self._log_group_name(function)
        wanted = self._present or self._delete_log_group
        return Standing(function, name, self._logs.find(name) if wanted else None)

    def plan(self, actual: Standing) -> list[Change]:
        """The log group first, then the function; away in the other order, or Lambda would make the group again."""
        function = actual.function
        if not self._present:
            gone = [Change("delete", FUNCTION, self._name, function.plain(self._name))] if function else []
            return [*gone, *(plan_deletion(actual.log_group) if self._delete_log_group else [])]
        log_group = self._wanted_log_group.plan(actual.log_group_name, actual.log_group)
        if function is None:
            return [*log_group, *self._plan_creation()]
        changes = [*log_group, *self._plan_update(function)]
        if function.failed_for_good and not changes:
            raise AwsError(
                f"use function {self._name}",
                f"it stands as its options say, but failed: {function.failure}",
                hint="Mend the cause, delete the function and run again.",
            )
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
            TAGS: lambda change: api.tag(change.payload.arn, change.payload.add, list(change.payload.remove)),
        }

    def _create_or_delete(self, change: Change) -> None:
        if change.action == "delete":
            self._api.delete()
        else:
            self._api.create(change.payload, self._code.package())

    def _settled(self, answer: dict[str, Any]) -> dict[str, Any]:
        """GetFunction's answer once what is under way has ended. How it ended is for the plan to judge."""
        configuration = answer["Configuration"]
        waiter = "function_active_v2" if configuration.get("State") == "Pending" else "function_updated_v2"
        try:
            self._api.wait(waiter, "wait for the update in progress of")
        except AwsError:
            later = self._api.get()
            if later and in_progress(later["Configuration"]):
                raise
            return later or answer
        return self._api.get() or answer

    def _log_group_name(self, function: Function | None) -> str:
        """Where the function is to write. A group that only AWS names may serve others: it is never the one to delete."""
        if self._log_group_option:
            return self._log_group_option
        if function and self._present:
            return function.settings.logging_config.log_group
        return default_log_group(self._name)

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
            why = f"function {self._name} does not exist yet, so {' and '.join(missing)} {verb} to be given"
            raise InvalidInputError(missing[0], why)
        architecture = self._architecture or ARCHITECTURE
        start = Settings(runtime=RUNTIME, logging_config=Logging(log_group=default_log_group(self._name)))
        settings = wanted.on(start)
        _left, right = wanted.diff(ALL_SETTINGS, None, settings)
        tags = self._tags or {}
        request = {**settings.request(wanted.given | {"runtime"}), "Architectures": [architecture]}
        if tags:
            request["Tags"] = tags
        shown = {"code_sha256": self._code.sha256, "architecture": architecture, **right, "tags": tags}
        return [
            Change("create", FUNCTION, self._name, None, shown, payload=request),
            *self._plan_concurrency(None),
            *self._plan_async(AsyncInvocation()),
        ]

    def _plan_update(self, function: Function) -> list[Change]:
        first, code, last = self._plan_settings_and_code(function)
        return [
            *first,
            *code,
            *last,
            *self._plan_concurrency(function.reserved),
            *self._plan_async(function.asynchronous),
            *self._plan_tags(function),
        ]

    def _plan_settings_and_code(self, function: Function) -> tuple[list[Change], list[Change], list[Change]]:
        """What new code needs goes before it, what only old code needs goes after it."""
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
        if self._tags is None:
            return []
        if function.tags is None:
            why = "AWS does not let this caller read them, so they cannot be compared"
            hint = "The caller needs the IAM action for ListTags."
            raise AccessDeniedError(f"read the tags of function {self._name}", why, hint=hint)
        add = {key: value for key, value in self._tags.items() if function.tags.get(key) != value}
        surplus = [key for key in function.tags if key not in self._tags and not key.startswith("aws:")]
        remove = tuple(sorted(surplus)) if self._purge_tags else ()
        if not add and not remove:
            return []
        after = {key: value for key, value in {**function.tags, **add}.items() if key not in remove}
        payload = Tagging(function.arn, add, remove)
        return [Change("update", TAGS, self._name, dict(function.tags), after, payload=payload)]

    def _check_environment(self, before: Settings, wanted: Settings) -> None:
        """Values that AWS could not decrypt cannot be compared: not writing them anew on every run, but saying so."""
        if before.environment is None and wanted.environment is not None and wanted.kms_key_arn == before.kms_key_arn:
            raise AccessDeniedError(
                f"read the environment of function {self._name}",
                f"AWS could not decrypt it with the key {before.kms_key_arn or 'of the account'}",
                hint="The caller needs kms:Decrypt for that key, and the key has to be enabled.",
            )


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
