# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check that the credentials last as long as the run."""

from __future__ import annotations

from ..._session import Target
from .findings import Finding, warning

SHORTEST = 900.0
"""Seconds of the shortest session that STS gives (API reference, AssumeRole)."""


def session_findings(target: Target, seconds: float | None) -> list[Finding]:
    """Return a warning if keys that nothing renews may end before the run does.

    seconds     that the catch-up takes; None if that is not known
    """
    if not target.has_temporary_keys or seconds is None or seconds < SHORTEST:
        return []
    return [
        warning(
            "session",
            f"the run has temporary keys that nothing renews, and the catch-up takes about {round(seconds / 60):,} minutes",
            "Use a profile, an instance's role or SSO, which botocore renews, or keys that last longer than the whole run.",
        )
    ]
