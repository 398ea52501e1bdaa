# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace MiniStack's private functions, with a clear error if one has moved."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

Function = Callable[..., Any]


class HookMovedError(RuntimeError):
    """MiniStack is not the version that these patches were written for."""


def original(module: ModuleType, name: str, *parameters: str) -> Function:
    """Return a private function of MiniStack. Raises HookMovedError unless its first parameters have these names."""
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
    """Replace a function by the one that the decorated factory makes from the original."""

    def put(make: Callable[[Function], Function]) -> None:
        former = original(module, name, *parameters)
        new = make(former)
        setattr(module, name, new)
        # Some services have a table of operations that was made on import.
        for table in (value for value in vars(module).values() if isinstance(value, dict)):
            table.update({key: new for key, value in table.items() if value is former})

    return put
