# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the functions' packages, and a helper that starts one. conftest.py has the fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambda_runtime import Runtime

Start = Callable[..., Runtime]


@dataclass(frozen=True, slots=True)
class Packages:
    """Zips."""

    reflector: Path
    subscriber: Path
