# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A function of a deployment: its settings, its releases and its package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._plan import Result, converge
from .._session import Target
from . import lambda_function
from .lambda_function_info import read_function
from .lambda_package import LambdaPackage
from .lambda_rollback import LambdaRollback


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """The desired state of a function.

    package                 path of the zip; `code_sha256` is Lambda's CodeSha256 of it
    release                 name of the release that is kept, "" for none
    role                    name or ARN
    environment             variables; values that are no text are stored as JSON
    secret_environment      more variables, whose values are shown nowhere
    on_failure_destination  name or ARN of a queue
    reserved_concurrency    None leaves it alone, -1 gives it back
    log_retention_days      of the function's own log group; 0 is for ever
    kms_key_arn             of the key for the environment; None leaves it alone, as log_group_kms_key_arn does
    subnet_ids              of the VPC; None leaves it alone, () is no VPC
    delete_log_group        whether the log group goes with the function
    """

    name: str
    present: bool = True
    description: str = ""
    package: str = ""
    code_sha256: str = ""
    release: str = ""
    role: str = ""
    handler: str = ""
    runtime: str = "python3.13"
    architecture: str = "arm64"
    memory_size: int = 256
    timeout: int = 120
    environment: Mapping[str, Any] = field(default_factory=dict)
    secret_environment: Mapping[str, str] = field(default_factory=dict)
    on_failure_destination: str = ""
    maximum_retry_attempts: int = 2
    maximum_event_age: int = 21600
    reserved_concurrency: int | None = None
    log_retention_days: int = 30
    log_group_kms_key_arn: str | None = None
    subnet_ids: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    kms_key_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    delete_log_group: bool = False
    wait_seconds: float = 180


_UNUSED = dict.fromkeys(
    (
        *("zip_file", "code_sha256", "release", "role", "handler", "runtime", "architecture", "memory_size", "timeout"),
        *("description", "environment", "secret_environment", "kms_key_arn", "vpc_config", "layers", "tracing_mode"),
        *("ephemeral_storage", "logging_config", "reserved_concurrent_executions", "on_failure_destination"),
        *("maximum_retry_attempts", "maximum_event_age", "log_group_retention_days", "log_group_kms_key_id", "tags"),
    )
)


class LambdaFunction(lambda_function.LambdaFunction):
    """See the base class."""

    def __init__(self, target: Target, settings: FunctionSettings) -> None:
        super().__init__(target, _params(settings))


def _params(settings: FunctionSettings) -> dict[str, Any]:
    """Return the settings as the base class takes them: None leaves an attribute alone."""
    common = {
        "name": settings.name,
        "state": "present" if settings.present else "absent",
        "delete_log_group": settings.delete_log_group,
        "wait_timeout": settings.wait_seconds,
    }
    if not settings.present:
        return {**_UNUSED, **common}
    same = (
        *(
            "code_sha256",
            "release",
            "role",
            "handler",
            "runtime",
            "architecture",
            "memory_size",
            "timeout",
            "description",
        ),
        *("kms_key_arn", "on_failure_destination", "maximum_retry_attempts", "maximum_event_age"),
    )
    return {
        **_UNUSED,
        **common,
        **{name: getattr(settings, name) for name in same},
        "zip_file": settings.package,
        "environment": dict(settings.environment),
        "secret_environment": dict(settings.secret_environment),
        "reserved_concurrent_executions": settings.reserved_concurrency,
        "log_group_retention_days": settings.log_retention_days,
        "log_group_kms_key_id": settings.log_group_kms_key_arn,
        "vpc_config": _vpc(settings),
        "tags": dict(settings.tags),
    }


def _vpc(settings: FunctionSettings) -> dict[str, list[str]] | None:
    if settings.subnet_ids is None:
        return None
    return {"subnet_ids": list(settings.subnet_ids), "security_group_ids": list(settings.security_group_ids or ())}


def release_info(target: Target, name: str) -> Result:
    """Return which release the function runs, which ones are kept, and whether it is still what its release was."""
    return read_function(target, {"function_name": name}, False)


def roll_back(
    target: Target, name: str, *, variables: Sequence[str] = (), wait_seconds: float = 180, check_mode: bool
) -> Result:
    """Return the function to its release before.

    variables       environment variables of the restored release whose values the result shows
    wait_seconds    for each update
    """
    params = {"function_name": name, "variables": list(variables), "wait_timeout": wait_seconds}
    return converge(LambdaRollback(target, params), check_mode=check_mode)


def build_package(
    dest: str,
    sources: Sequence[Mapping[str, str]],
    *,
    requirements: str | None = None,
    runtime: str,
    architecture: str,
    check_mode: bool,
) -> Result:
    """Build a zip on this machine, without tests. The same sources give the same bytes.

    sources         folders and files: `src`, and where they go in the zip: `dest`
    requirements    pinned wheels to add, for the runtime and architecture
    """
    params = {
        "dest": dest,
        "sources": [{"dest": "", **each} for each in sources],
        "requirements": requirements,
        "runtime": runtime,
        "architecture": architecture,
        "exclude": ["tests"],
        "check_syntax": True,
    }
    return converge(LambdaPackage(None, params), check_mode=check_mode)
