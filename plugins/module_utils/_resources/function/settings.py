# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of a function, as the parts of a deployment describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """The desired state of a function.

    package                 path of the zip; `code_sha256` is Lambda's CodeSha256 of it
    release                 name of the release to keep, "" for none
    role                    name or ARN
    environment             variables; values that are not text are stored as JSON
    secret_environment      more variables; their values never appear in results, diffs or errors
    on_failure_destination  name or ARN of a queue, "" for none
    maximum_event_age       seconds
    reserved_concurrency    None leaves it as it is, -1 removes the reservation
    log_retention_days      of the function's own log group; 0 keeps events forever
    kms_key_arn             of the key for the environment; None leaves it as it is, as log_group_kms_key_arn does
    subnet_ids              of the VPC; None leaves it as it is, () means no VPC
    wait_seconds            for each write
    """

    name: str
    description: str
    package: str
    code_sha256: str
    release: str = ""
    role: str
    handler: str
    runtime: str
    architecture: str
    memory_size: int
    timeout: int
    environment: Mapping[str, Any]
    secret_environment: Mapping[str, Any] = field(default_factory=dict)
    on_failure_destination: str
    maximum_retry_attempts: int
    maximum_event_age: int
    reserved_concurrency: int | None = None
    log_retention_days: int
    log_group_kms_key_arn: str | None = None
    subnet_ids: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    kms_key_arn: str | None = None
    tags: Mapping[str, str]
    wait_seconds: float = 180
