# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the path of one log group's events. Changes nothing in AWS, but for the test line that `send` asks for."""

from __future__ import annotations

import re

from ..._errors import InvalidInputError
from ..._options.catch_up import ModeOptions
from ..._options.log_group_path import LogGroupPathOptions
from ..._options.option import read
from ..._plan import Params, Result
from ..._session import Target
from .centralized import CentralizedPath
from .read import TargetPath
from .stations import ORDER, verdict

_NAME = re.compile(r"[-._/#A-Za-z0-9]{1,512}", re.ASCII)
"""PutSubscriptionFilter's pattern of a log group's name (API reference)."""


def read_log_group_path(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module log_group_path."""
    options = read(LogGroupPathOptions, params)
    if not options.log_group:
        raise InvalidInputError(
            "log_group", "it is missing. Give one log group, as in -e log_group=/aws/lambda/payments"
        )
    if not _NAME.fullmatch(options.log_group):
        message = (
            f"{options.log_group!r} is not the exact name of a log group: up to 512 letters, digits and any of -._/#."
            " Give one log group without a pattern, such as /aws/lambda/payments"
        )
        raise InvalidInputError("log_group", message)
    is_centralized = read(ModeOptions, params).mode == "centralized"
    path = (CentralizedPath if is_centralized else TargetPath)(target, params, options)
    path.read()
    if options.send:
        path.send(check_mode=check_mode)
    stations = [path.stations[name] for name in ORDER if name in path.stations]
    found = {
        "log_group": options.log_group,
        "exists": path.exists,
        "account_id": target.identity.account,
        "region": target.region,
        "stations": [station.plain() for station in stations],
        "verdict": verdict(options.log_group, stations).plain(),
        "seconds_to_delivery": path.seconds,
        "notes": path.notes,
    }
    return {"changed": False, "log_group_path": found}
