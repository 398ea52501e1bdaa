# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reserved concurrency that a function gets from an account's quota."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.reserved_concurrency import choose_reservation


def target(quota: int, unreserved: int, own: int | None) -> Any:
    client = MagicMock()
    client.get_account_settings.return_value = {
        "AccountLimit": {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved}
    }
    client.get_function.return_value = {} if own is None else {"Concurrency": {"ReservedConcurrentExecutions": own}}
    return SimpleNamespace(client=lambda _service: client, describe_operation=lambda _text: MagicMock())


@pytest.mark.parametrize(
    ("quota", "unreserved", "own", "number"),
    [
        (1000, 1000, None, 100),
        (1000, 900, 100, 100),
        (10_000, 10_000, None, 100),
        (500, 500, None, 50),
        (1000, 150, None, 50),
        (1000, 100, 50, 50),  # its own reservation and the rest of the quota
        (1000, 105, None, None),
        (110, 110, None, 10),
        (100, 100, None, None),
        (10, 10, None, None),
    ],
)
def test_choose_reservation_leaves_100_unreserved(
    quota: int, unreserved: int, own: int | None, number: int | None
) -> None:
    chosen = choose_reservation(target(quota, unreserved, own), "log-reflector")
    assert chosen.number == number
    assert (chosen.note == "") == (number is not None)
    if number is not None:
        assert unreserved + (own or 0) - number >= 100
