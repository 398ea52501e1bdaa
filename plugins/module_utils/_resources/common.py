# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Shared by resources of several services: a write as a value, and checks of settings before the first call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInputError

IAM_SECONDS = 60.0
"""Until a new role or policy is known everywhere: IAM is eventually consistent (IAM User Guide, "Troubleshoot IAM")."""


@dataclass(frozen=True, slots=True)
class Call:
    """One write to AWS as a value, so that a plan can hold it: the boto3 client's method and its parameters."""

    method: str
    request: Mapping[str, Any]

    def made_with(self, client: Any) -> Mapping[str, Any]:
        """Make the call and return AWS's answer. Raises botocore's errors."""
        answer: Mapping[str, Any] = getattr(client, self.method)(**self.request)
        return answer


def compact_json(value: Any) -> str:
    """Return JSON without spaces, because sizes of policies are limited. Values that JSON lacks (dates) become text."""

    def plain(other: Any) -> Any:
        return dict(other) if isinstance(other, Mapping) else str(other)

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=plain)


def check_number(option: str, value: float | None, lowest: float, highest: float) -> None:
    """Raise InvalidInputError if a number is outside the range that AWS's API reference states; None is allowed."""
    if value is not None and not lowest <= value <= highest:
        raise InvalidInputError(option, f"{value} is not between {lowest} and {highest}")
