# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current state of a Lambda function and its log group, and the package on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._errors import AccessDeniedError, LimitReachedError, ReflectorError, check_name
from ..._plan import Result
from .api import failure_reason
from .configuration import ALL_ATTRIBUTES, Configuration
from .log_group import FunctionLogGroup
from .package import LARGEST_PACKAGE, code_sha256
from .release import Releases, without_version_mark

FUNCTION = "function"
CONFIGURATION = f"configuration of {FUNCTION}"
CODE = f"code of {FUNCTION}"
CONCURRENCY = f"reserved concurrency of {FUNCTION}"
ASYNC = f"asynchronous invocation of {FUNCTION}"


def check_function_name(value: str) -> str:
    """Return the name. Raises InvalidInputError if it is not a function's plain name."""
    check_name("function_name", value, r"[a-zA-Z0-9-_]{1,64}", "1 to 64 letters, digits, '-' or '_'")
    return value


@dataclass(frozen=True, slots=True)
class AsyncInvocation:
    """Configuration for asynchronous invocations that fail. AWS's defaults if nothing is configured."""

    on_failure_destination: str = ""
    maximum_retry_attempts: int = 2
    maximum_event_age: int = 21600
    on_success_destination: str = ""  # has no setting, and a put that omits it would reset it

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> AsyncInvocation:
        """Return the values in GetFunctionEventInvokeConfig's answer, the defaults for an empty one."""
        destinations = answer.get("DestinationConfig") or {}
        retries, age = answer.get("MaximumRetryAttempts"), answer.get("MaximumEventAgeInSeconds")
        return cls(
            (destinations.get("OnFailure") or {}).get("Destination") or "",
            2 if retries is None else retries,
            age or 21600,
            (destinations.get("OnSuccess") or {}).get("Destination") or "",
        )

    def request(self) -> dict[str, Any]:
        """Return the parameters of PutFunctionEventInvokeConfig, which replaces all of them."""
        both = {"OnFailure": self.on_failure_destination, "OnSuccess": self.on_success_destination}
        return {
            "MaximumRetryAttempts": self.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": self.maximum_event_age,
            "DestinationConfig": {key: {"Destination": value} for key, value in both.items() if value},
        }

    def plain(self) -> Result:
        """Return the values for diffs and results."""
        return {
            "on_failure_destination": self.on_failure_destination,
            "maximum_retry_attempts": self.maximum_retry_attempts,
            "maximum_event_age": self.maximum_event_age,
        }


@dataclass(frozen=True, slots=True)
class Function:
    """A function as AWS has it.

    failure         why it or its last update failed, "" if neither did
    failed_for_good whether its creation failed
    reserved        reserved concurrent executions, None without a reservation
    tags            None if the caller must not read them
    """

    arn: str
    code_sha256: str
    architecture: str
    configuration: Configuration
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
        """Return the function in the answers of GetFunction and GetFunctionEventInvokeConfig."""
        configuration = answer["Configuration"]
        return cls(
            arn=configuration["FunctionArn"],
            code_sha256=configuration.get("CodeSha256") or "",
            architecture=(configuration.get("Architectures") or ["x86_64"])[0],
            configuration=Configuration.from_api(configuration),
            state=configuration.get("State") or "Active",
            failure=failure_reason(configuration),
            failed_for_good=configuration.get("State") == "Failed",
            version=configuration.get("Version") or "$LATEST",
            last_modified=configuration.get("LastModified") or "",
            reserved=(answer.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
            tags=None if answer.get("TagsError") else dict(answer.get("Tags") or {}),
            asynchronous=AsyncInvocation.from_api(event_invoke),
        )

    @classmethod
    def from_version(cls, configuration: Mapping[str, Any]) -> Function:
        """Return the function that a version keeps, by the version's configuration."""
        return cls.from_api({"Configuration": without_version_mark(configuration)}, {})

    def known_tags(self, name: str, where: str) -> Mapping[str, str]:
        """Return the tags. Raises AccessDeniedError if the caller must not read them."""
        if self.tags is None:
            raise AccessDeniedError(
                f"read the tags of function {name}",
                "AWS does not let this caller read them, and they show whether this collection created the function",
                advice="The caller needs the IAM action lambda:ListTags.",
                where=where,
            )
        return self.tags

    def plain(self, name: str) -> Result:
        """Return the values for results. The environment is shown by names only, because any value may be secret."""
        return {
            "name": name,
            "arn": self.arn,
            "state": self.state,
            "version": self.version,
            "last_modified": self.last_modified,
            "code_sha256": self.code_sha256,
            "architecture": self.architecture,
            **self.configuration.plain(ALL_ATTRIBUTES),
            "environment_names": sorted(self.configuration.environment or ()),
            "reserved_concurrency": self.reserved,
            **self.asynchronous.plain(),
            "tags": dict(self.tags or {}),
        }


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The function, its log group, and its releases if the settings name one."""

    function: Function | None
    log_group_name: str
    log_group: FunctionLogGroup | None
    releases: Releases = field(default_factory=Releases)

    def plain(self, name: str) -> Result:
        """Return the values for results, null for what does not exist."""
        return {
            "function": self.function.plain(name) if self.function else None,
            "log_group": self.log_group.plain() if self.log_group else None,
        }


@dataclass(frozen=True, slots=True)
class LocalPackage:
    """The zip on this machine. Its hash is known; the file is read only to be uploaded."""

    path: str
    code_sha256: str

    def read(self) -> bytes:
        """Return the bytes to upload. Raises an error if the file is missing, too large, or has another hash."""
        operation = f"upload {self.path}"
        try:
            if Path(self.path).stat().st_size > LARGEST_PACKAGE:
                message = f"it has more than {LARGEST_PACKAGE} bytes, the most that Lambda takes directly"
                raise LimitReachedError(operation, message)
            data = Path(self.path).read_bytes()
        except OSError as error:
            raise ReflectorError(operation, error.strerror or str(error), advice="Build the package again.") from error
        found = code_sha256(data)
        if found != self.code_sha256:
            message = f"its hash is {found}, but {self.code_sha256} was expected"
            raise ReflectorError(operation, message, advice="Build the package again.")
        return data
