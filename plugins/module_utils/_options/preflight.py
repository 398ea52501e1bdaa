# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the checks before a deployment."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option


@dataclass(frozen=True, kw_only=True)
class PreflightOptions:
    """The filters to read, and the test line to the sinks."""

    slots: bool = option(
        False,
        "Whether to read the filters of all log groups that the catch-up would read, and not only of a sample of 25.",
        "AWS allows five reads a second, so 5,000 log groups take 17 minutes.",
    )
    send: bool = option(
        False,
        "Whether to send one test line to each sink from the machine where the module runs. The secrets of the sinks are read for that,"
        " and everybody who reads a sink sees the line. Not in check mode.",
        "The network of the reflector may be another one than that of this machine.",
    )
