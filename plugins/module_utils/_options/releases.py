# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a rollback."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option


@dataclass(frozen=True, kw_only=True)
class RollbackOptions:
    """When a target returns to its release before."""

    release: str = option(
        "",
        "Return only if the target runs this release, ran it before a rollback, or has it unfinished. The part of the name"
        " before a C(+) matches too.",
    )
    wait_timeout: int = option(
        180,
        "Seconds to wait for each update, and for what passes by itself, such as another update in progress.",
        low=0,
    )
