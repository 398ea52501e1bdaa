# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber as Lambda runs it: the content of the zip in a folder, imported again for each execution environment."""

from __future__ import annotations

import compileall
import importlib
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from subscriber_support import SWEEP_AT, Aws, Clock, boto3_of

ROOT = Path(__file__).resolve().parents[4]
PARTS = ("handler", "subscriber", "logreflector")
KEPT = re.compile(r"logreflector(\._errors|\._options(\..*)?)?")
"""Modules without state or a clock, which a new worker takes from the one before: creating their classes takes long."""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the content of the function's zip."""
    root = tmp_path_factory.mktemp("subscriber")
    utilities = ROOT / "plugins" / "module_utils"
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lambda_src" / "subscriber", root, ignore=without_caches, dirs_exist_ok=True)
    for package in ("_subscriptions", "_options"):
        shutil.copytree(utilities / package, root / "logreflector" / package, ignore=without_caches)
    for module in ("_errors.py", "_retry.py"):
        shutil.copy(utilities / module, root / "logreflector" / module)
    compileall.compile_dir(root, quiet=1)  # it is imported hundreds of times
    return root


def _is_imported_again(name: str) -> bool:
    return name.partition(".")[0] in PARTS and not KEPT.fullmatch(name)


class Sleeps(list[float]):
    """Records pauses. They take no time: the clock is advanced."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = time.monotonic

    def monotonic(self) -> float:
        return self._clock() + sum(self)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Sleeps:
    slept = Sleeps()
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("time.monotonic", slept.monotonic)
    return slept


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, sleeps: Sleeps) -> type[Clock]:
    monkeypatch.setattr(Clock, "slept", sleeps)
    monkeypatch.setattr("time.time_ns", Clock.read)
    Clock.set(SWEEP_AT)
    return Clock


@pytest.fixture
def start(
    package: Path, monkeypatch: pytest.MonkeyPatch, sleeps: Sleeps, clock: type[Clock]
) -> Iterator[Callable[..., ModuleType]]:
    """Return a function that starts a worker: it imports the handler again, with a server and an environment."""
    before = {name: module for name, module in sys.modules.items() if _is_imported_again(name)}

    def forget() -> None:
        for name in [name for name in sys.modules if _is_imported_again(name)]:
            del sys.modules[name]

    def worker(server: Aws, reflector: str = "log-reflector", **settings: Any) -> ModuleType:
        forget()
        monkeypatch.syspath_prepend(str(package))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("REFLECTOR", reflector)
        monkeypatch.setenv("SUBSCRIPTIONS", json.dumps(settings) if settings else "")
        boto3_of(server, monkeypatch)
        return importlib.import_module("handler")

    yield worker
    forget()
    sys.modules.update(before)
