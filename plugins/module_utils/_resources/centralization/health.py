# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health of a centralization rule in plain sentences. Pure."""

from __future__ import annotations

TRUSTED = "observabilityadmin.amazonaws.com"
"""Service principal of trusted access and of delegated administrators."""
_FAILURES = {
    "TRUSTED_ACCESS_NOT_ENABLED": f"Trusted access of {TRUSTED} is not enabled in the organisation, so nothing is copied. Enable it"
    " in the management account.",
    "DESTINATION_ACCOUNT_NOT_IN_ORGANIZATION": "The destination account is not in the organisation, so nothing is copied. Choose"
    " one of its accounts.",
    "INTERNAL_SERVER_ERROR": "AWS reports an internal error, so events may not be copied. Ask AWS Support if it lasts.",
}


def problem(health: str, failure: str) -> str | None:
    """Return why a rule does not copy, for AWS's RuleHealth and FailureReason; None for a healthy rule."""
    if health == "Healthy":
        return None
    if health == "Provisioning":
        return "AWS is still setting up the rule, so nothing is copied yet."
    return _FAILURES.get(
        failure, f"AWS reports the rule as {health or 'unknown'}, with the reason {failure or 'unknown'}."
    )


NOT_POSSIBLE = (
    "AWS offers centralization neither in GovCloud nor in China nor in every other region. Targets there need filters or an account policy.",
    "Rules select log groups by name, not by tag or date, and copies have no tags.",
    "AWS bills each copy of the same events beyond the first.",
)
"""Limits of every centralization rule. `RuleSettings.notes` returns those of one rule."""
