# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quotas of Lambda."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.quotas import (
    code_storage_findings,
    fixed_reservation_findings,
)


@pytest.mark.parametrize(
    ("wanted", "free", "own", "levels"), [(50, 200, 0, []), (150, 200, 50, []), (151, 200, 50, ["problem"])]
)
def test_fixed_reservation_must_leave_a_hundred_executions(wanted: int, free: int, own: int, levels: list[str]) -> None:
    limits = {"UnreservedConcurrentExecutions": free, "ConcurrentExecutions": 1000}
    found = fixed_reservation_findings(wanted, limits, lambda: own)
    assert [each.level for each in found] == levels
    assert all("AWS keeps 100 unreserved" in each.sentence for each in found)


def test_own_reservation_is_read_only_if_it_matters() -> None:
    def own() -> int:
        raise AssertionError

    limits = {"UnreservedConcurrentExecutions": 1000, "ConcurrentExecutions": 1000}
    assert fixed_reservation_findings(900, limits, own) == []


@pytest.mark.parametrize(("used", "levels"), [(800, []), (895, ["warning"]), (998, ["problem"])])
def test_code_storage_counts_a_release_twice(used: int, levels: list[str]) -> None:
    settings: Any = {"AccountLimit": {"TotalCodeSize": 1000}, "AccountUsage": {"TotalCodeSize": used}}
    assert [each.level for each in code_storage_findings(settings, 3)] == levels
