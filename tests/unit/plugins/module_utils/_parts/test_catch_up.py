# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up alone needs a reflector that CloudWatch Logs may invoke, in check mode too."""

from __future__ import annotations

from typing import Any

import pytest

OPTIONS: dict[str, Any] = {"sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}


@pytest.mark.parametrize("mode", ["filters", "account_policy"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_catch_up_without_reflector_fails_at_once(aws: Any, check_mode: bool, mode: str) -> None:
    """Check mode announced filters that the real run could not create."""
    aws.client("logs").create_log_group(logGroupName="/app")
    result = aws.run("catch_up", check_mode=check_mode, mode=mode)
    assert (result["failed"], result["changed"]) == (True, False)
    assert "Could not find the reflector log-reflector" in result["msg"]
    assert "Deploy first: ansible-playbook logreflector.aws.deploy." in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_catch_up_without_permission_fails_at_once(aws: Any, check_mode: bool) -> None:
    aws.client("logs").create_log_group(logGroupName="/app")
    aws.run("execution_roles")
    assert not aws.run("reflector", **OPTIONS).get("failed")
    announced = aws.run("catch_up", check_mode=True)
    assert announced["changes"] == ["create subscription of log group /app"]
    aws.client("lambda").remove_permission(FunctionName="log-reflector", StatementId="log-reflector-logs")
    result = aws.run("catch_up", check_mode=check_mode)
    assert "no statement of the function's policy lets CloudWatch Logs invoke it" in result["msg"]
    assert "Deploy again" in result["msg"]
    assert aws.writes == []


def test_catch_up_check_mode_believes_in_an_announced_reflector(aws: Any) -> None:
    aws.client("logs").create_log_group(logGroupName="/app")
    announced = aws.run("catch_up", check_mode=True, reflector_announced=True)
    assert announced["changes"] == ["create subscription of log group /app"]
    assert aws.run("catch_up", reflector_announced=True)["failed"]


def test_catch_up_removal_needs_no_reflector(aws: Any) -> None:
    assert not aws.run("catch_up", state="absent").get("failed")
