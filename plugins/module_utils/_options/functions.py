# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts and options that both functions have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .option import option

RUNTIMES = ("python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")
REFLECTOR = "log-reflector"
SUBSCRIBER = "log-reflector-subscriber"
REFLECTOR_ROLE = "log-reflector"
SUBSCRIBER_ROLE = "log-reflector-subscriber"

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Days that PutRetentionPolicy takes (its API reference)."""

INLINE_BYTES = 2500
"""Settings up to this size go into the function's environment, which has 4,096 bytes for all variables."""

_NO_TAGS: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class FunctionOptions:
    """The options that the reflector and the subscriber have as Lambda functions."""

    runtime: str = option("python3.13", "Runtime of the function.", choices=RUNTIMES)
    architecture: str = option("arm64", "Instruction set of the function.", choices=ARCHITECTURES)
    memory_size: int = option(256, "Memory of the function in MB.", low=128, high=32768)
    log_retention_days: int = option(
        30, "Days that the function's own log group keeps events. V(0) is for ever.", choices=(0, *RETENTION_DAYS)
    )
    maximum_retry_attempts: int = option(
        2,
        "How often a failed invocation is tried again before its event goes to the dead-letter queue.",
        choices=(0, 1, 2),
    )
    maximum_event_age: int = option(
        21600, "Seconds after which the event of a failed invocation goes to the dead-letter queue.", low=60, high=21600
    )
    subnet_ids: tuple[str, ...] | None = option(
        None,
        "Subnets that the function runs in. Needs O(security_group_ids). An empty list takes the function out of its VPC."
        " Left alone if not given.",
    )
    security_group_ids: tuple[str, ...] | None = option(
        None, "Security groups of the function in its VPC. Needs O(subnet_ids). Left alone if not given."
    )
    log_kms_key_arn: str | None = option(
        None,
        "ARN of the KMS key that encrypts the function's own log group. Left alone if not given.",
        no_log=False,
    )
    tags: Mapping[str, Any] = option(
        _NO_TAGS, "Tags of everything that belongs to the function. Other tags stay.", aliases=("resource_tags",)
    )
