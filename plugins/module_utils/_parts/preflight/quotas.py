# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quotas of Lambda: the concurrency of the account, and its storage of code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._resources.reserved_concurrency import (
    UNRESERVED,
    choose_reservation,
    own_reservation,
    read_account_settings,
)
from ..._session import Target
from ..deployment import Deployment
from .findings import Finding, problem, warning

_NEARLY_FULL = 0.9
_COPIES = 2
"""A release is a published version, so the code is stored twice: as $LATEST and as that version."""


def concurrency_findings(target: Target, options: Deployment, settings: Mapping[str, Any]) -> list[Finding]:
    """Return whether the reflector gets its executions. `settings` are those of GetAccountSettings."""
    given, function = options.reflector.reserved_concurrency, options.reflector.function_name
    if given == "auto":
        reservation = choose_reservation(target, function, settings)
        return [warning("concurrency", reservation.note.removesuffix("."))] if reservation.note else []
    if not given.isdecimal() or given == "0":
        return []
    return fixed_reservation_findings(int(given), settings["AccountLimit"], lambda: own_reservation(target, function))


def fixed_reservation_findings(wanted: int, limits: Mapping[str, Any], own: Callable[[], int]) -> list[Finding]:
    """Return a problem if AWS would refuse the reservation.

    own     returns the function's present reservation; called only if the rest is not enough
    """
    free = int(limits["UnreservedConcurrentExecutions"]) - UNRESERVED
    if wanted > free:
        free += own()
    if wanted <= free:
        return []
    return [
        problem(
            "concurrency",
            f"reflector_reserved_concurrency asks for {wanted:,} executions, and {max(free, 0):,} of the quota of"
            f" {int(limits['ConcurrentExecutions']):,} can be reserved: AWS keeps {UNRESERVED} unreserved",
            "Raise the quota, or reserve fewer.",
        )
    ]


def code_storage_findings(settings: Mapping[str, Any], package_bytes: int) -> list[Finding]:
    """Return whether the packages fit beside the code that the account and region already stores."""
    limit, used = int(settings["AccountLimit"]["TotalCodeSize"]), int(settings["AccountUsage"]["TotalCodeSize"])
    needed = used + _COPIES * package_bytes
    advice = "Delete old versions of functions and layers, or raise the quota of code storage."
    shown = f"{used / 2**30:.1f} of {limit / 2**30:.1f} GB are used"
    if needed > limit:
        return [
            problem("code_storage", f"{shown}, and a release adds {_COPIES * package_bytes / 2**20:.1f} MB", advice)
        ]
    if needed > limit * _NEARLY_FULL:
        return [
            warning("code_storage", f"{shown}, and each release adds {_COPIES * package_bytes / 2**20:.1f} MB", advice)
        ]
    return []


def quota_findings(target: Target, options: Deployment, package_bytes: int) -> list[Finding]:
    """Read Lambda's limits of the account and return what both checks find: one call, mostly."""
    settings = read_account_settings(target)
    return [*concurrency_findings(target, options, settings), *code_storage_findings(settings, package_bytes)]
