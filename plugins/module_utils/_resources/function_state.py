# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A Lambda function as it stands, with its log group, and the package here that it is to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._errors import AccessDeniedError, InvalidInputError, LimitReachedError, ReflectorError, check_name
from .._plan import Result
from .function_api import failure_reason
from .function_log_group import FunctionLogGroup
from .function_release import Releases
from .function_settings import ALL_SETTINGS, Settings
from .lambda_package import LARGEST_PACKAGE, code_sha256

CONFIGURATION = "configuration of function"
CODE = "code of function"


def check_function_name(option: str, value: str) -> str:
    """The name; InvalidInputError if it is no function's plain name."""
    check_name(option, value, r"[a-zA-Z0-9-_]{1,64}", "1 to 64 letters, digits, '-' or '_'")
    return value


@dataclass(frozen=True, slots=True)
class AsyncInvocation:
    """Settings for asynchronous invocations that fail. AWS's defaults if nothing is configured."""

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

    def known_tags(self, name: str, where: str, otherwise: str = "") -> Mapping[str, str]:
        """The tags; AccessDeniedError where AWS keeps them from this caller. `otherwise` ends the hint."""
        if self.tags is None:
            raise AccessDeniedError(
                f"read the tags of function {name}",
                "AWS does not let this caller read them, and they tell whether this collection made it",
                advice=f"The caller needs the IAM action for ListTags{otherwise}.",
                where=where,
            )
        return self.tags

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
    """Return the actual state: the function, its log group, and its releases if asked for."""

    function: Function | None
    log_group_name: str
    log_group: FunctionLogGroup | None
    releases: Releases = field(default_factory=Releases)


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
            message = f"its hash is {found}, but {self.sha256} was expected"
            advice = "Build the package again, or give the code_sha256 that belongs to it."
            raise ReflectorError(f"upload {self.path}", message, advice=advice)
        return data


def _read_package(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > LARGEST_PACKAGE:
            message = f"it has more than {LARGEST_PACKAGE} bytes, the most that Lambda takes directly"
            raise LimitReachedError(f"upload {path}", message)
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInputError("zip_file", f"{path}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Upload:
    """Payload of a change of code."""

    architecture: str
