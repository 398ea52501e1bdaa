# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions boundary of the execution roles: whether its policy exists."""

from __future__ import annotations

from ..._errors import NotFoundError, ReflectorError
from ..._resources.execution_role.api import require_boundary
from ..._session import Target
from .findings import Finding, from_error, unread


def boundary_findings(target: Target, boundary: str | None) -> list[Finding]:
    """Return a problem if the policy does not exist. `boundary` has placeholders, and is empty if the roles have none."""
    if not boundary:
        return []
    try:
        require_boundary(target, str(target.expand(boundary)))
    except NotFoundError as error:
        return [from_error("problem", "boundary", error)]
    except ReflectorError as error:
        return [unread("boundary", error)]
    return []
