# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check of a target that AWS's centralization copies."""

from __future__ import annotations

from ..._options.delivery_check import DeliveryCheckOptions
from ..._plan import Params
from ..._resources.copy_check import CopyCheck
from ..._session import Target
from .destinations import check_line_group, copy_destinations, read_rules_of


def copy_check(target: Target, options: DeliveryCheckOptions, params: Params) -> CopyCheck:
    """Return the check of a target, through the rules that its administrator has now."""
    rules = read_rules_of(target, params)
    return CopyCheck(target, options, copy_destinations(target, params, rules, check_line_group(options)))
