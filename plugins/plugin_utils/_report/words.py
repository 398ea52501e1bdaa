# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words for states and changes: labels and meanings for the page, and words after a number for lines of text."""

from __future__ import annotations

from ...module_utils._subscriptions.coverage import State
from .drift import Change
from .fleet import Status

STATES: dict[State, tuple[str, str, str]] = {
    "broken": (
        "Broken",
        "✕",
        "It has our filter or policy, and events are lost, doubled or delivered against the rules.",
    ),
    "missing": ("Missing", "▲", "The rules choose it, and nothing sends its events to the reflector yet."),
    "impossible": ("Impossible", "■", "AWS allows no filter: its class, or others hold all slots."),
    "not_checked": ("Not checked", "?", "It could not be read."),
    "excluded": ("Excluded", "○", "The rules leave it out."),
    "covered": ("Covered", "●", "Its events reach the reflector."),
}
"""Label, sign and meaning of each state, the worst first."""

COUNTED_STATES: dict[State, str] = {
    "missing": "chosen, but not subscribed",
    "broken": "broken",
    "impossible": "impossible",
    "not_checked": "NOT CHECKED",
    "excluded": "excluded",
}
"""Words after the number of log groups that are not covered, in the order of a summary."""

STATUSES: dict[Status, str] = {"read": "Read", "partly_read": "Partly read", "not_checked": "Not read"}

CHANGES: dict[Change, str] = {
    "newly_uncovered": "Newly uncovered",
    "new_uncovered": "New and not covered",
    "no_longer_checked": "No longer checked",
    "gone": "Gone",
    "newly_covered": "Newly covered",
    "changed": "Changed",
}
"""Label of each change, the worst first."""

COUNTED_CHANGES: dict[Change, str] = {
    "newly_uncovered": "no longer covered",
    "new_uncovered": "new and not covered",
    "no_longer_checked": "no longer checked",
    "newly_covered": "newly covered",
    "gone": "gone",
    "changed": "changed otherwise",
}
"""Words after the number of log groups that changed."""
