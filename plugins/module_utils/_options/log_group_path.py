# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the module that follows the path of a log group's events."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option, required


@dataclass(frozen=True, kw_only=True)
class LogGroupPathOptions:
    """Which log group, and whether a test line is sent through it."""

    log_group: str = required("Exact name of the log group. Patterns are refused.", aliases=("log_group_name",))
    send: bool = option(
        False,
        "Whether to write one test line to the log group, in a log stream of its own that is deleted afterwards, and to wait until"
        " the reflector reports what became of it. Everybody who reads the log group or the sink sees the line.",
        "No line is sent if the path is broken, or in check mode.",
    )
    timeout: int = option(300, "Seconds to wait for the test line.", low=1)
    lookback_minutes: int = option(60, "How far back the reflector's log and its metrics are read.", low=1, high=1440)
