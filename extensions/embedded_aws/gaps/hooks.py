# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replacing MiniStack's private functions, with a clear sentence when they are not where they were."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

Function = Callable[..., Any]


class HookMovedError(RuntimeError):
    """MiniStack is not the version that these patches were written for."""


def original(module: ModuleType, name: str, *parameters: str) -> Function:
    """A private function of MiniStack. Raises HookMovedError unless it begins with these parameters."""
    function: Function | None = getattr(module, name, None)
    needs = "this embedded AWS needs the version of ministack in its requirements.txt"
    if not callable(function):
        raise HookMovedError(f"{module.__name__}.{name} is gone: {needs}.")
    actual = tuple(inspect.signature(function).parameters)
    if actual[: len(parameters)] != parameters:
        takes = f"takes ({', '.join(actual)}) and not ({', '.join(parameters)})"
        raise HookMovedError(f"{module.__name__}.{name} {takes}: {needs}.")
    return function


def replace(module: ModuleType, name: str, *parameters: str) -> Callable[[Callable[[Function], Function]], None]:
    """Puts what a function makes of the original into the original's place."""

    def put(make: Callable[[Function], Function]) -> None:
        former = original(module, name, *parameters)
        new = make(former)
        setattr(module, name, new)
        # Some services look their operations up in a table that was made on import.
        for table in (value for value in vars(module).values() if isinstance(value, dict)):
            table.update({key: new for key, value in table.items() if value is former})

    return put
