# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""target_info against moto."""

from __future__ import annotations

from typing import Any


def test_target_info_returns_the_target(aws: Any) -> None:
    result = aws.run("target_info", account_id="123456789012")
    assert not result["changed"]
    assert result["target"]["account_id"] == "123456789012"
    assert result["target"]["region"] == "eu-west-1"
    assert result["target"]["partition"] == "aws"
    assert aws.calls == ["GetCallerIdentity"]


def test_target_info_refuses_another_account(aws: Any) -> None:
    result = aws.run("target_info", account_id="999999999999")
    assert result["failed"]
    assert "Could not reach account 999999999999" in result["msg"]
    assert "belong to account 123456789012" in result["msg"]
