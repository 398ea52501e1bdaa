# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups with a filter or an account policy that a centralization rule copies, too: their events arrive twice."""

from __future__ import annotations

from dataclasses import replace

from ..._plan import Params
from ..._session import Target
from ..._subscriptions.choice import LogGroup
from ..._subscriptions.coverage import CoverageRow
from .destinations import read_rules_of
from .places import Places
from .rules import Rules, SourceTarget, decide_all

_UNREAD = "whether a centralization rule copies log groups of this target, too, was not checked"


def read_rules_to_inventory(target: Target, params: Params) -> Rules:
    """Return the rules that copy to a destination of the inventory, none if the inventory has no rules. `unread` has notes."""
    destinations = {(place.account, place.region) for place in Places.from_params(params).destinations}
    if not destinations:
        return Rules(SourceTarget("", target.region))
    found = read_rules_of(target, params)
    copying = tuple(rule for rule in found.rules if rule.destination in destinations and not rule.problem)
    return Rules(found.source, copying, tuple(f"{_UNREAD}: {each}" for each in found.unread))


def copied_too(row: CoverageRow, rules: Rules) -> CoverageRow:
    """Return the row of a log group that is covered without the rules; broken if one of them certainly copies it."""
    if row.state != "covered":
        return row
    # Whether the log group has a key is not known here.
    certain = tuple(rule for rule in rules.rules if not rule.skips_encrypted)
    names = [
        each.rule.name
        for each in decide_all(certain, rules.source, LogGroup(row.log_group))
        if each.outcome == "copied" and each.rule
    ]
    if not names:
        return row
    reason = f"its {row.means.replace('_', ' ')} sends its events, and the rule {' and '.join(names)} copies them, so they arrive twice"
    return replace(row, state="broken", cause="duplicate", reason=reason)
