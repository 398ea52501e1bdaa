# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""boto3 clients that tests prepare and inspect with, at an eighth of their cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_in_tests import answer_one_call_at_a_time, read_models_once  # noqa: F401  # pylint: disable=unused-import

if TYPE_CHECKING:
    import pytest

FIRST = (
    "test_new_groups.py",
    "test_switch.py",
    "test_examples.py",
    "test_check_measurements.py",
    "test_permissions.py",
    "test_delays.py",
)
"""Files whose tests mostly wait, for AWS's rates and delays, the longest first. At the end they would keep the other processes idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let these files begin first."""
    order = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(FIRST)))
