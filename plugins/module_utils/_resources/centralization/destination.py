# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where AWS's centralization writes its copies: an account and region with a reflector of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ..._session import Target
from .names import origin_name


@dataclass(frozen=True, slots=True)
class Destination:
    """An account and region that receives copies.

    where           account and region, for messages
    function_name   of the reflector there
    name_pattern    of the log groups of copies
    """

    target: Target
    where: str
    function_name: str
    name_pattern: str

    def copy_of(self, source: Target, log_group: str) -> str:
        """Return the name of the log group's copy."""
        return origin_name(self.name_pattern, source.identity.account, source.region, log_group)
