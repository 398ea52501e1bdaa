# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where AWS's centralization writes its copies: an account and region with a reflector of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..._errors import CredentialsError, InvalidInputError
from ..._plan import Params
from ..._session import Target

ACCOUNT, REGION, LOG_GROUP = "${source.accountId}", "${source.region}", "${source.logGroup}"
_VARIABLES = (ACCOUNT, REGION, LOG_GROUP)


def copy_name(pattern: str, account: str, region: str, log_group: str) -> str:
    """Return the name of the copy's log group for a pattern that the reflector accepts: it has these three variables only."""
    for variable, value in zip(_VARIABLES, (account, region, log_group), strict=True):
        pattern = pattern.replace(variable, value, 1)
    return pattern


def connect(params: Params, given: Mapping[str, Any], account: str) -> Target:
    """Return another target than the task's own: `given` are its connection options, the rest is as in `params`.

    CredentialsError if the credentials lead into another account.
    """
    target = Target.from_params({**params, **given})
    if (found := target.identity.account) != account:
        message = f"its credentials belong to account {found}, and the inventory says {account}"
        raise CredentialsError(f"connect to {account}/{target.region}", message, where=target.where)
    return target


@dataclass(frozen=True)
class Destination:
    """An account and region that receives copies.

    function_name   of the reflector there
    name_pattern    of the log groups of copies
    """

    target: Target
    function_name: str
    name_pattern: str

    def copy_of(self, source: Target, log_group: str) -> str:
        """Return the name of the log group's copy."""
        return copy_name(self.name_pattern, source.identity.account, source.region, log_group)

    @cached_property
    def where(self) -> str:
        """Account and region, for messages."""
        return self.target.where


def destinations_of(params: Params) -> list[Destination]:
    """Return the destinations in a module's parameters. InvalidInputError without one, or for one without its members."""
    found = [_destination(params, dict(given)) for given in params["destinations"] or ()]
    if not found:
        message = "no destination is known. Set centralization_rules, and have a host for the destination of each rule"
        raise InvalidInputError("destinations", message)
    return found


def _destination(params: Params, given: dict[str, Any]) -> Destination:
    try:
        account, function, pattern = (
            str(given.pop(key)) for key in ("account_id", "function_name", "log_group_name_pattern")
        )
    except KeyError as error:
        raise InvalidInputError("destinations", f"one of them has no {error.args[0]}") from None
    return Destination(connect(params, given, account), function, pattern)
