# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The calls to Lambda that managing a function needs: one small method an API call, errors translated, no secret in them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from .._errors import (
    AwsError,
    ConflictError,
    DownloadError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
    translate,
)
from .._retry import RetryPolicy
from .._session import Target
from .common import Call
from .function_environment import Environment, without_secrets
from .lambda_package import code_sha256

try:
    from botocore.exceptions import ClientError, WaiterError
except ImportError:  # the host says what to install, before anything here is raised

    class ClientError(Exception):  # type: ignore[no-redef]
        """Stands in where botocore is missing."""

    class WaiterError(Exception):  # type: ignore[no-redef]
        """Stands in where botocore is missing."""


T = TypeVar("T")

PROPAGATION = 60.0
"""Seconds until a role or policy that was just written is known everywhere (IAM is eventually consistent)."""


class FunctionApi:
    """Lambda in one target, for one function.

    environment what the options give: no error may hold a value that is not public
    patience    for what passes by itself: another update in progress, a role or queue that Lambda does not see yet
    """

    def __init__(self, target: Target, name: str, environment: Environment | None, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._public = frozenset(environment.public) if environment else frozenset()
        self._secret = set(environment.secret.values()) if environment else set()
        self._patience = retry_policy

    def get(self) -> dict[str, Any] | None:
        """GetFunction's answer: configuration, tags, reserved concurrency. None if there is no such function."""
        try:
            answer: dict[str, Any] = self._call("read", lambda: self._client.get_function(FunctionName=self._name))
        except NotFoundError:
            return None
        return answer

    def get_settled(self) -> dict[str, Any] | None:
        """The same once what is under way has ended. How it ended is for the plan to judge."""
        answer = self.get()
        if not (answer and in_progress(answer["Configuration"])):
            return answer
        waiter = "function_active_v2" if answer["Configuration"].get("State") == "Pending" else "function_updated_v2"
        try:
            self.wait(waiter, "wait for the update in progress of")
        except AwsError:
            later = self.get()
            if later and in_progress(later["Configuration"]):
                raise
            return later or answer
        return self.get() or answer

    def get_version(self, version: str) -> dict[str, Any] | None:
        """GetFunction's answer for a published version; None if there is no such version."""
        operation = f"read version {version} of"
        try:
            answer: dict[str, Any] = self._call(
                operation, lambda: self._client.get_function(FunctionName=self._name, Qualifier=version)
            )
        except NotFoundError:
            return None
        return answer

    def list_aliases(self) -> list[dict[str, Any]]:
        """All the function's aliases."""
        return self._list("list_aliases", "Aliases", "read the aliases of")

    def list_versions(self) -> list[dict[str, Any]]:
        """The configurations of all published versions, and of $LATEST."""
        return self._list("list_versions_by_function", "Versions", "read the versions of")

    def publish(self, description: str, code_sha256: str) -> dict[str, Any]:
        """The configuration of the version published, or of the last one where AWS sees no difference from it.

        code_sha256  what is to be published: nothing is if somebody else has exchanged the code
        """
        answer: dict[str, Any] = self._write(
            "publish a version of",
            lambda: self._client.publish_version(
                FunctionName=self._name, Description=description, CodeSha256=code_sha256
            ),
        )
        return answer

    def put_alias(self, alias: str, version: str, description: str, *, exists: bool) -> None:
        """Let an alias name a version."""
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
            except ConflictError:  # it was made before, by a try whose answer was lost
                exists = True
        if exists:
            self._write(operation, lambda: self._client.update_alias(**request))

    def delete_alias(self, alias: str) -> None:
        """Delete it; AWS takes one that is gone already for deleted."""
        with contextlib.suppress(NotFoundError):
            self._write(
                f"delete the alias {alias} of",
                lambda: self._client.delete_alias(FunctionName=self._name, Name=alias),
            )

    def delete_version(self, version: str) -> None:
        """Delete a version. One that is gone, or that an alias has come to name, is left at that."""
        with contextlib.suppress(NotFoundError, ConflictError):
            self._call(
                f"delete version {version} of",
                lambda: self._client.delete_function(FunctionName=self._name, Qualifier=version),
            )

    def package_of(self, version: str) -> bytes:
        """The package of a version, from the address that GetFunction gives for it; ReflectorError if it is another."""
        operation = f"fetch the code of version {version} of function {self._name}"
        where = self._target.where
        answer = self.get_version(version)
        location = ((answer or {}).get("Code") or {}).get("Location")
        if not (answer and location):
            message = "it does not exist any more" if not answer else "it is no zip, and AWS gives no address for it"
            raise NotFoundError(operation, message, where=where)
        package = replace(self._patience, seconds=min(self._patience.seconds, 30)).wait_out(
            lambda: self._target.download(location, operation), lambda error: isinstance(error, DownloadError)
        )
        expected = answer["Configuration"].get("CodeSha256")
        if code_sha256(package) != expected:
            message = f"the hash of what came is {code_sha256(package)}, and that of the version {expected}"
            raise AwsError(operation, message, advice="Run again.", where=where)
        return package

    def get_event_invoke_config(self) -> dict[str, Any]:
        """GetFunctionEventInvokeConfig's answer; empty where AWS's defaults hold."""
        try:
            answer: dict[str, Any] = self._call(
                "read the asynchronous invocation of",
                lambda: self._client.get_function_event_invoke_config(FunctionName=self._name),
            )
        except NotFoundError:
            return {}
        return answer

    def create(self, request: Mapping[str, Any], package: bytes) -> None:
        """Create and wait until it is active."""
        self._keep_secret(request)
        self._write(
            "create",
            lambda: self._client.create_function(
                FunctionName=self._name, PackageType="Zip", Code={"ZipFile": package}, **request
            ),
        )
        self.wait("function_active_v2", "create")

    def update_configuration(self, request: Mapping[str, Any]) -> None:
        """Update the given attributes and wait until that is done."""
        self._keep_secret(request)
        operation = "update the configuration of"
        self._write(operation, lambda: self._client.update_function_configuration(FunctionName=self._name, **request))
        self.wait("function_updated_v2", operation)

    def update_code(self, package: bytes, architecture: str) -> None:
        """Upload the package and wait until it is what runs."""
        operation = "update the code of"
        self._write(
            operation,
            lambda: self._client.update_function_code(
                FunctionName=self._name, ZipFile=package, Architectures=[architecture]
            ),
        )
        self.wait("function_updated_v2", operation)

    def set_concurrency(self, reserved: int | None) -> None:
        """Reserve executions; None gives the reservation back."""
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
        """Set how asynchronous invocations fail; replaces the whole."""
        self._write(
            "set the asynchronous invocation of",
            lambda: self._client.put_function_event_invoke_config(FunctionName=self._name, **request),
        )

    def write_tags(self, call: Call) -> None:
        """Make one call that sets tags or takes them away."""
        self._write("update the tags of", lambda: call.made_with(self._client))

    def delete(self) -> None:
        """Delete it with all its versions; one that is gone already is no error."""
        try:
            self._write("delete", lambda: self._client.delete_function(FunctionName=self._name))
        except NotFoundError:
            return

    def wait(self, waiter: str, operation: str) -> None:
        """Wait for botocore's waiter, a second between looks, within the patience. AwsError with AWS's reason if it ends badly."""
        looks = max(1, math.ceil(self._patience.seconds))
        operation = f"{operation} function {self._name}"
        with self._target.describe_operation(operation):
            try:
                self._client.get_waiter(waiter).wait(
                    FunctionName=self._name, WaiterConfig={"Delay": 1, "MaxAttempts": looks}
                )
            except WaiterError as error:
                raise without_secrets(self._ended_badly(error, operation), self._secret) from None

    def _keep_secret(self, request: Mapping[str, Any]) -> None:
        """Also the values that were found in AWS and are sent again: AWS may quote them in a refusal."""
        sent = request.get("Environment", {}).get("Variables", {})
        self._secret.update(value for name, value in sent.items() if name not in self._public)

    def _ended_badly(self, error: WaiterError, operation: str) -> ReflectorError:
        last = error.last_response
        where = self._target.where
        if last.get("Error"):
            return translate(ClientError(last, "GetFunction"), operation, where)
        configuration = last.get("Configuration") or {}
        reason = failure_reason(configuration)
        if reason:
            return AwsError(operation, reason, where=where, advice="Mend the cause and run again.")
        state = f"{configuration.get('State')}, last update {configuration.get('LastUpdateStatus')}"
        return AwsError(
            operation,
            f"it is still not ready after {self._patience.seconds:g} seconds (state {state})",
            advice="Run again, or raise wait_timeout.",
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
        started = self._patience.clock()

        def passes(error: ReflectorError) -> bool:
            if not_seen_hint(error):
                return self._patience.clock() - started < PROPAGATION
            return _passes(error)

        try:
            return self._patience.wait_out(lambda: self._call(operation, call), passes)
        except ReflectorError as error:
            advice = not_seen_hint(error)
            if advice and not error.advice:
                raise AwsError(
                    error.operation, error.message, advice=advice, code=error.code, where=error.where
                ) from None
            raise

    def _call(self, operation: str, call: Callable[[], T]) -> T:
        """One call. What it raises has lost every secret, its cause included."""
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
    "Lambda asks for; a role that was just made is waited for, and this one was not ready in time."
)
_DESTINATION_HINT = (
    "Check that the destination exists and that the function's role may send to it; one that was just made is waited "
    "for, and this one was not ready in time."
)
# AWS gives none of them a code of its own: all come as InvalidParameterValueException. (words of the refusal, hint)
_NOT_SEEN = (
    (("cannot be assumed",), _ROLE_HINT),
    (("does not have permissions to call",), _ROLE_HINT),
    # KMS, of the role that is to use the environment's key. Other words after "invalid for CreateGrant" do not pass.
    (("KMS key is invalid for CreateGrant", "does not refer to a valid principal"), _ROLE_HINT),
    (("destination ARN", "is invalid"), _DESTINATION_HINT),
)


def failure_reason(configuration: Mapping[str, Any]) -> str:
    """Why the function or its last update failed, in AWS's words; "" if neither did."""
    if configuration.get("State") == "Failed":
        prefix = "State"
    elif configuration.get("LastUpdateStatus") == "Failed":
        prefix = "LastUpdateStatus"
    else:
        return ""
    code = configuration.get(f"{prefix}ReasonCode") or ""
    text = configuration.get(f"{prefix}Reason") or "AWS gives no reason"
    return f"{code}: {text}" if code else text


def in_progress(configuration: Mapping[str, Any]) -> bool:
    """Whether a creation or an update is still under way."""
    return configuration.get("State") == "Pending" or configuration.get("LastUpdateStatus") == "InProgress"


def not_seen_hint(error: ReflectorError) -> str:
    """Return advice for a role, a permission or a queue that does not exist or is not visible everywhere yet.

    "" for every other error.
    """
    if error.code != "InvalidParameterValueException":
        return ""
    return next((advice for words, advice in _NOT_SEEN if all(word in error.message for word in words)), "")


def _passes(error: ReflectorError) -> bool:
    """Another update in progress, a quota shared with others, a bad moment. "Function already exist" does not pass."""
    if isinstance(error, ConflictError):
        return error.code == "ResourceConflictException" and "already exist" not in error.message
    return isinstance(error, ThrottledError) or error.code == "ServiceException"
