# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current settings, which all patches share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..settings import Settings


@dataclass(slots=True)
class Current:
    settings: Settings = field(default_factory=Settings)


current = Current()
