# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up alone needs a reflector that CloudWatch Logs may invoke, in check mode too."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import subscription_filters

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


@pytest.mark.parametrize("must_complete", [True, False])
def test_catch_up_whose_time_ran_out_fails_only_if_it_must_complete(
    aws: Any, monkeypatch: pytest.MonkeyPatch, must_complete: bool
) -> None:
    for name in ("/a", "/b"):
        aws.client("logs").create_log_group(logGroupName=name)
    aws.run("execution_roles")
    assert not aws.run("reflector", **OPTIONS).get("failed")
    seconds = itertools.chain([0.0, 0.0], itertools.repeat(1000.0))  # the time is up after the first log group
    monkeypatch.setattr(subscription_filters, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    result = aws.run("catch_up", max_seconds=100, must_complete=must_complete)
    assert result["catch_up"]["complete"] is False
    assert result["changes"] == ["create subscription of log group /a"]
    assert bool(result.get("failed")) is must_complete
    if must_complete:
        assert result["msg"] == (
            "Could not serve all log groups in 123456789012/eu-west-1: its time limit of 100 s (catch_up_max_seconds) ended the "
            "run after log group /a. Run it again: it continues there. Or raise catch_up_max_seconds."
        )
        assert result["error"]["kind"] == "IncompleteError"
