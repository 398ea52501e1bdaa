# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module delivery_check: through the target's own reflector, or through AWS's copy."""

from __future__ import annotations

from .._errors import ReflectorError
from .._options.delivery_check import DeliveryCheckOptions
from .._options.option import read
from .._plan import Params, Result
from .._resources.delivery_check import LEFTOVER_SECONDS, DeliveryCheck
from .._session import Target
from .centralized.check import copy_check


def check_delivery(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module delivery_check. Only log groups that other runs left behind count as a change."""
    options = read(DeliveryCheckOptions, params)
    check = _check_of(target, options, params)
    if options.state == "absent":
        leftovers = check.list_leftovers(0)
    else:
        check.require_reflector()
        # older than any run that still waits
        leftovers = check.list_leftovers(max(LEFTOVER_SECONDS, 4 * check.timeout))
    if check_mode:
        return {**_removed([group.name for group in leftovers]), "delivery_check": None, "notes": []}
    removed: list[str] = []
    try:
        for log_group in leftovers:
            log_group.remove()
            removed.append(log_group.name)
        if options.state == "absent":
            return {**_removed(removed), "delivery_check": None, "notes": []}
        if options.subscription == "any":
            check.by_policy = check.read_policy() is not None
        check.require_trail()
        return {**_removed(removed), "delivery_check": check.run(), "notes": check.notes}
    except ReflectorError as error:
        error.done = _removed(removed)
        raise


def remove_check_log_groups(target: Target, reflector: str, prefix: str, check_mode: bool) -> Result:
    """Remove all log groups of delivery checks with this prefix, which killed runs left behind."""
    params = {"function_name": reflector, "log_group_prefix": prefix, "state": "absent"}
    found = check_delivery(target, params, check_mode)
    return {name: found[name] for name in ("changed", "changes", "removed_leftovers")}


def _check_of(target: Target, options: DeliveryCheckOptions, params: Params) -> DeliveryCheck:
    if options.subscription == "centralized":
        return copy_check(target, options, params)
    return DeliveryCheck(target, options)


def _removed(leftovers: list[str]) -> Result:
    return {
        "changed": bool(leftovers),
        "changes": [f"delete log group {log_group}" for log_group in leftovers],
        "removed_leftovers": list(leftovers),
    }
