# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account and region that a target leads to."""

from __future__ import annotations

from .._errors import CredentialsError
from .._plan import Params, Result
from .._session import Target


def read_target(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module target_info. Raises CredentialsError if the credentials belong to another account."""
    identity, expected = target.read_identity(), params["account_id"]
    if expected and identity.account != expected:
        raise CredentialsError(
            f"reach account {expected}",
            f"the credentials belong to account {identity.account} ({identity.arn})",
            advice="Check the role to assume, the profile or the keys that the inventory has for this target.",
            where=target.where,
        )
    return {
        "changed": False,
        "target": {
            "account_id": identity.account,
            "region": target.region,
            "partition": identity.partition,
            "caller_arn": identity.arn,
        },
    }
