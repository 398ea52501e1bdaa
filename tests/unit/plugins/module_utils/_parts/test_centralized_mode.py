# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mode in which nothing is deployed to a target: modules of single parts refuse it. See centralized/test_switch.py."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("subscriber", {"mode": "centralized"}),
        ("catch_up", {"mode": "centralized"}),
    ],
)
def test_deploy_centralized_target_is_refused_before_any_call(aws: Any, module: str, options: dict[str, Any]) -> None:
    result = aws.run(module, **options)
    assert "a target with the mode centralized, so nothing is deployed there" in result["msg"]
    assert aws.calls == []
