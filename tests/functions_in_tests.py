# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared by tests of functions: settings with a package, and waits that take little or no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.waiter
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.package import archive, code_sha256
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.settings import FunctionSettings
from aws_in_tests import Cloud

RETURN_1 = "def handler(event, context):\n    return 1\n"
RETURN_2 = "def handler(event, context):\n    return 2\n"
SettingsFactory = Callable[..., FunctionSettings]


def function_settings(**given: Any) -> FunctionSettings:
    """Return settings of a function. `given` has at least its name, package, hash and role."""
    defaults: dict[str, Any] = {
        "description": "",
        "handler": "handler.handler",
        "runtime": "python3.13",
        "architecture": "arm64",
        "memory_size": 128,
        "timeout": 20,
        "environment": {},
        "on_failure_destination": "",
        "maximum_retry_attempts": 2,
        "maximum_event_age": 21600,
        "log_retention_days": 0,
        "wait_seconds": 3600,  # a busy machine takes its time, and waiters ask often here
        "tags": {},
    }
    return FunctionSettings(**{**defaults, **given})


@pytest.fixture
def settings(cloud: Cloud, tmp_path: Path) -> SettingsFactory:
    """Return a function that packs `code` and returns settings for it."""

    def new_settings(name: str, code: str = RETURN_1, **given: Any) -> FunctionSettings:
        data = archive({"handler.py": code.encode()})
        path = tmp_path / f"{abs(hash(code))}.zip"
        path.write_bytes(data)
        package = {"package": str(path), "code_sha256": code_sha256(data)}
        return function_settings(**{"name": name, "role": cloud.role_arn, **package, **given})

    return new_settings


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore's waiters poll every 50 ms instead of every second."""
    sleep = _retry.time.sleep
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=lambda _seconds: sleep(0.05)))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list that records the pauses of retries. They take no time. Waiters wait for AWS's own work (`short_waits`)."""
    found: list[float] = []
    monkeypatch.setattr(_retry, "random", SimpleNamespace(uniform=lambda _low, high: high))
    defaults = (60.0, 0.5, 8.0, found.append, lambda: sum(found))
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", defaults)
    return found
