# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of an account's concurrency that a function can reserve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._retry import RetryPolicy
from .._session import Target
from .function.api import FunctionApi

UNRESERVED = 100
"""Executions that AWS keeps unreserved in every account and region (page "Configuring reserved concurrency")."""
SHARE = 10
"""The function gets a tenth of the quota."""
MOST = 100
FEWEST = 10
"""With fewer the function would be throttled at every burst, which harms more than it protects."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The executions to reserve for a function.

    number  None leaves the function's reservation alone, -1 removes it
    note    why nothing is reserved, "" otherwise
    """

    number: int | None
    note: str = ""


def choose_reservation(target: Target, function: str, settings: Mapping[str, Any] | None = None) -> Reservation:
    """Return a tenth of the account's quota, at most 100, or less if other functions have reserved theirs.

    One call, and another one if little is left: then the function's own reservation matters.

    settings    of the account, if they were read already
    """
    limits = (settings or read_account_settings(target))["AccountLimit"]
    quota, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"]) - UNRESERVED
    desired = min(MOST, quota // SHARE)
    if free < desired:
        free += own_reservation(target, function)
    number = min(desired, free)
    if number >= FEWEST:
        return Reservation(number)
    return Reservation(
        None,
        f"Function {function} has no reserved concurrency, because too little is left of the account's quota of {quota}:"
        f" AWS keeps {UNRESERVED} unreserved. Raise the quota, or set reflector_reserved_concurrency.",
    )


def read_account_settings(target: Target) -> dict[str, Any]:
    """Return Lambda's limits in the account and region, and what is used of them (API reference, GetAccountSettings)."""
    with target.describe_operation("read Lambda's limits of the account"):
        answer: dict[str, Any] = target.client("lambda").get_account_settings()
    return answer


def own_reservation(target: Target, function: str) -> int:
    """Return the executions that are reserved for the function, 0 without a reservation or a function."""
    answer = FunctionApi(target, function, None, RetryPolicy()).get() or {}
    return int(answer.get("Concurrency", {}).get("ReservedConcurrentExecutions") or 0)
