# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to Lambda for one function, a method for each API operation. Errors are translated and hold no secret."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..._errors import (
    AwsError,
    ConflictError,
    DownloadError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
    translate,
)
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import IAM_SECONDS, Call
from .environment import Environment, without_secrets
from .package import code_sha256

try:
    from botocore.exceptions import ClientError, WaiterError
except ImportError:  # the host reports the missing library before these are raised

    class ClientError(Exception):  # type: ignore[no-redef]
        """Replaces botocore's class if it is missing."""

    class WaiterError(Exception):  # type: ignore[no-redef]
        """Replaces botocore's class if it is missing."""


T = TypeVar("T")


class FunctionApi:
    """Lambda in one target, for one function.

    environment     the desired one: no error contains a value of it that is not public
    retry_policy    for transient errors: another update in progress, a role or queue that Lambda does not see yet
    """

    def __init__(self, target: Target, name: str, environment: Environment | None, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._public = frozenset(environment.public) if environment else frozenset()
        self._secret = set(environment.secret.values()) if environment else set()
        self._retry_policy = retry_policy

    def get(self) -> dict[str, Any] | None:
        """Return GetFunction's answer: configuration, tags, reserved concurrency. None if the function does not exist."""
        try:
            answer: dict[str, Any] = self._call("read", lambda: self._client.get_function(FunctionName=self._name))
        except NotFoundError:
            return None
        return answer

    def get_settled(self) -> dict[str, Any] | None:
        """Return the same after an update in progress has ended, whether it succeeded or failed."""
        answer = self.get()
        if not (answer and is_in_progress(answer["Configuration"])):
            return answer
        waiter = "function_active_v2" if answer["Configuration"].get("State") == "Pending" else "function_updated_v2"
        try:
            self.wait(waiter, "wait for the update in progress of")
        except AwsError:
            later = self.get()
            if later and is_in_progress(later["Configuration"]):
                raise
            return later or answer
        return self.get() or answer

    def get_version(self, version: str) -> dict[str, Any] | None:
        """Return GetFunction's answer for a published version, None if the version does not exist."""
        operation = f"read version {version} of"
        try:
            answer: dict[str, Any] = self._call(
                operation, lambda: self._client.get_function(FunctionName=self._name, Qualifier=version)
            )
        except NotFoundError:
            return None
        return answer

    def list_aliases(self) -> list[dict[str, Any]]:
        """Return all aliases of the function, none if it does not exist."""
        try:
            return self._list("list_aliases", "Aliases", "read the aliases of")
        except NotFoundError:
            return []

    def list_versions(self) -> list[dict[str, Any]]:
        """Return the configurations of all published versions and of $LATEST."""
        return self._list("list_versions_by_function", "Versions", "read the versions of")

    def publish(self, description: str, code_sha256: str) -> dict[str, Any]:
        """Publish a version and return its configuration. Without a difference, AWS returns the last version.

        code_sha256  of the code to publish: AWS refuses if another writer changed the code
        """
        answer: dict[str, Any] = self._write(
            "publish a version of",
            lambda: self._client.publish_version(
                FunctionName=self._name, Description=description, CodeSha256=code_sha256
            ),
        )
        return answer

    def put_alias(self, alias: str, version: str, description: str, *, exists: bool) -> None:
        """Set the version that an alias names."""
        request = {
            "FunctionName": self._name,
            "Name": alias,
            "FunctionVersion": version,
            "Description": description,
        }
        operation = f"set the alias {alias} of"
        if not exists:
            try:
                self._write(operation, lambda: self._client.create_alias(**request))
            except ConflictError:  # an earlier try created it and lost the answer
                exists = True
        if exists:
            self._write(operation, lambda: self._client.update_alias(**request))

    def delete_alias(self, alias: str) -> None:
        """Delete an alias. A missing one is no error."""
        with contextlib.suppress(NotFoundError):
            self._write(
                f"delete the alias {alias} of",
                lambda: self._client.delete_alias(FunctionName=self._name, Name=alias),
            )

    def delete_version(self, version: str) -> None:
        """Delete a version. A missing one, or one that an alias names, is no error."""
        with contextlib.suppress(NotFoundError, ConflictError):
            self._call(
                f"delete version {version} of",
                lambda: self._client.delete_function(FunctionName=self._name, Qualifier=version),
            )

    def download_package(self, version: str) -> bytes:
        """Return the package of a version, from the URL in GetFunction's answer. Raises an error if its hash differs."""
        operation = f"download the code of version {version} of function {self._name}"
        where = self._target.where
        answer = self.get_version(version)
        location = ((answer or {}).get("Code") or {}).get("Location")
        if not (answer and location):
            message = "it does not exist any more" if not answer else "it is not a zip, and AWS gives no URL for it"
            raise NotFoundError(operation, message, where=where)
        package = replace(self._retry_policy, seconds=min(self._retry_policy.seconds, 30)).wait_out(
            lambda: self._target.download(location, operation), lambda error: isinstance(error, DownloadError)
        )
        expected = answer["Configuration"].get("CodeSha256")
        if code_sha256(package) != expected:
            message = f"the hash of the download is {code_sha256(package)}, and that of the version {expected}"
            raise AwsError(operation, message, advice="Run again.", where=where)
        return package

    def get_event_invoke_config(self) -> dict[str, Any]:
        """Return GetFunctionEventInvokeConfig's answer, empty if AWS's defaults apply."""
        try:
            answer: dict[str, Any] = self._call(
                "read the asynchronous invocation of",
                lambda: self._client.get_function_event_invoke_config(FunctionName=self._name),
            )
        except NotFoundError:
            return {}
        return answer

    def create(self, request: Mapping[str, Any], package: bytes) -> None:
        """Create the function and wait until it is active."""
        self._add_secrets(request)
        self._write(
            "create",
            lambda: self._client.create_function(
                FunctionName=self._name, PackageType="Zip", Code={"ZipFile": package}, **request
            ),
        )
        self.wait("function_active_v2", "create")

    def update_configuration(self, request: Mapping[str, Any]) -> None:
        """Update the given attributes and wait until the update is done."""
        self._add_secrets(request)
        operation = "update the configuration of"
        self._write(operation, lambda: self._client.update_function_configuration(FunctionName=self._name, **request))
        self.wait("function_updated_v2", operation)

    def update_code(self, package: bytes, architecture: str) -> None:
        """Upload the package and wait until the function runs it."""
        operation = "update the code of"
        self._write(
            operation,
            lambda: self._client.update_function_code(
                FunctionName=self._name, ZipFile=package, Architectures=[architecture]
            ),
        )
        self.wait("function_updated_v2", operation)

    def set_concurrency(self, reserved: int | None) -> None:
        """Reserve executions; None removes the reservation."""
        operation = "set the reserved concurrency of"
        if reserved is None:
            self._write(operation, lambda: self._client.delete_function_concurrency(FunctionName=self._name))
        else:
            self._write(
                operation,
                lambda: self._client.put_function_concurrency(
                    FunctionName=self._name, ReservedConcurrentExecutions=reserved
                ),
            )

    def put_event_invoke_config(self, request: Mapping[str, Any]) -> None:
        """Set what Lambda does with failed asynchronous invocations. Replaces the whole."""
        self._write(
            "set the asynchronous invocation of",
            lambda: self._client.put_function_event_invoke_config(FunctionName=self._name, **request),
        )

    def write_tags(self, call: Call) -> None:
        """Make one call that sets or removes tags."""
        self._write("update the tags of", lambda: call.made_with(self._client))

    def delete(self) -> None:
        """Delete the function with all its versions. A missing one is no error."""
        with contextlib.suppress(NotFoundError):
            self._write("delete", lambda: self._client.delete_function(FunctionName=self._name))

    def wait(self, waiter: str, operation: str) -> None:
        """Wait for botocore's waiter, which asks every second. Raises AwsError with AWS's reason if it fails."""
        tries = max(1, math.ceil(self._retry_policy.seconds))
        operation = f"{operation} function {self._name}"
        with self._target.describe_operation(operation):
            try:
                self._client.get_waiter(waiter).wait(
                    FunctionName=self._name, WaiterConfig={"Delay": 1, "MaxAttempts": tries}
                )
            except WaiterError as error:
                raise without_secrets(self._waiter_error(error, operation), self._secret) from None

    def _add_secrets(self, request: Mapping[str, Any]) -> None:
        """Hide also values that were read from AWS and are sent again: AWS may quote them in an error."""
        sent = request.get("Environment", {}).get("Variables", {})
        self._secret.update(value for name, value in sent.items() if name not in self._public)

    def _waiter_error(self, error: WaiterError, operation: str) -> ReflectorError:
        last = error.last_response
        where = self._target.where
        if last.get("Error"):
            return translate(ClientError(last, "GetFunction"), operation, where)
        configuration = last.get("Configuration") or {}
        reason = failure_reason(configuration)
        if reason:
            return AwsError(operation, reason, where=where, advice="Remove the cause and run again.")
        state = f"{configuration.get('State')}, last update {configuration.get('LastUpdateStatus')}"
        return AwsError(
            operation,
            f"it is still not ready after {self._retry_policy.seconds:g} seconds (state {state})",
            advice="Run again later.",
            where=where,
        )

    def _list(self, method: str, items: str, operation: str) -> list[dict[str, Any]]:
        def pages() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (
                self._client.get_paginator(method).paginate(FunctionName=self._name).build_full_result()[items]
            )
            return found

        return self._call(operation, pages)

    def _write(self, operation: str, call: Callable[[], T]) -> T:
        started = self._retry_policy.clock()

        def is_transient(error: ReflectorError) -> bool:
            if not_seen_hint(error):
                return self._retry_policy.clock() - started < IAM_SECONDS
            return _is_transient(error)

        try:
            return self._retry_policy.wait_out(lambda: self._call(operation, call), is_transient)
        except ReflectorError as error:
            advice = not_seen_hint(error)
            if advice and not error.advice:
                raise error.with_advice(advice) from None
            raise

    def _call(self, operation: str, call: Callable[[], T]) -> T:
        """Make one call. Its errors, and their causes, contain no secret."""
        try:
            with self._target.describe_operation(f"{operation} function {self._name}"):
                return call()
        except ReflectorError as error:
            raise without_secrets(error, self._secret) from None

    @property
    def _client(self) -> Any:
        return self._target.client("lambda")


_ROLE_HINT = (
    "Check that the role exists, that its trust policy lets lambda.amazonaws.com assume it and that it allows what "
    "Lambda needs. A new role is retried for a minute, and this one was not ready in time."
)
_DESTINATION_HINT = (
    "Check that the destination exists and that the function's role may send to it. A new one is retried for a minute, and "
    "this one was not ready in time."
)
# All have the code InvalidParameterValueException, so the words of the message decide: (words, advice).
_NOT_SEEN = (
    (("cannot be assumed",), _ROLE_HINT),
    (("does not have permissions to call",), _ROLE_HINT),
    # From KMS, about the role that uses the environment's key. Other messages with "invalid for CreateGrant" are permanent.
    (("KMS key is invalid for CreateGrant", "does not refer to a valid principal"), _ROLE_HINT),
    (("destination ARN", "is invalid"), _DESTINATION_HINT),
)


def failure_reason(configuration: Mapping[str, Any]) -> str:
    """Return why the function or its last update failed, in AWS's words; "" if neither did."""
    if configuration.get("State") == "Failed":
        prefix = "State"
    elif configuration.get("LastUpdateStatus") == "Failed":
        prefix = "LastUpdateStatus"
    else:
        return ""
    code = configuration.get(f"{prefix}ReasonCode") or ""
    text = configuration.get(f"{prefix}Reason") or "AWS gives no reason"
    return f"{code}: {text}" if code else text


def is_in_progress(configuration: Mapping[str, Any]) -> bool:
    """Return whether a creation or an update is in progress."""
    return configuration.get("State") == "Pending" or configuration.get("LastUpdateStatus") == "InProgress"


def not_seen_hint(error: ReflectorError) -> str:
    """Return advice for a role, a permission or a queue that does not exist or is not visible everywhere yet.

    "" for every other error.
    """
    if error.code != "InvalidParameterValueException":
        return ""
    return next((advice for words, advice in _NOT_SEEN if all(word in error.message for word in words)), "")


def _is_transient(error: ReflectorError) -> bool:
    """Return whether to retry: another update in progress, throttling, a failure in AWS; not "Function already exist"."""
    if isinstance(error, ConflictError):
        return error.code == "ResourceConflictException" and "already exist" not in error.message
    return isinstance(error, ThrottledError) or error.code == "ServiceException"
