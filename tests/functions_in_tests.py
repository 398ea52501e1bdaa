"""Shared by tests of functions: settings with a package, and time that passes at once."""

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


@pytest.fixture
def settings(cloud: Cloud, tmp_path: Path) -> SettingsFactory:
    """Return a function that packs `code` and returns settings for it."""

    def new_settings(name: str, code: str = RETURN_1, **given: Any) -> FunctionSettings:
        data = archive({"handler.py": code.encode()})
        path = tmp_path / f"{abs(hash(code))}.zip"
        path.write_bytes(data)
        defaults: dict[str, Any] = {
            "name": name,
            "description": "",
            "package": str(path),
            "code_sha256": code_sha256(data),
            "role": cloud.role_arn,
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
            "tags": {},
        }
        return FunctionSettings(**{**defaults, **given})

    return new_settings


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore's waiters ask after 50 ms instead of a second."""
    sleep = _retry.time.sleep
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=lambda _seconds: sleep(0.05)))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of retries and waiters, which take no time."""
    found: list[float] = []
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=found.append))
    monkeypatch.setattr(_retry, "random", SimpleNamespace(uniform=lambda _low, high: high))
    defaults = (60.0, 0.5, 8.0, found.append, lambda: sum(found))
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", defaults)
    return found
