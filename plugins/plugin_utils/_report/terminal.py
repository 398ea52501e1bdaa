# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from .drift import Change, Drift
from .fleet import FleetReport, iso, percentage
from .flow_text import sentences

_SHOWN = 5
_STATES = {
    "missing": "chosen, but not subscribed",
    "broken": "broken",
    "impossible": "impossible",
    "not_checked": "NOT CHECKED",
    "excluded": "excluded",
}
_CHANGES: dict[Change, str] = {
    "newly_uncovered": "no longer covered",
    "new_uncovered": "new and not covered",
    "no_longer_checked": "no longer checked",
    "newly_covered": "newly covered",
    "gone": "gone",
    "changed": "changed otherwise",
}


def summary(report: FleetReport, drift: Drift | None) -> Iterator[str]:
    """Yield the lines: the percentage, the counts, targets that were not read, and what changed."""
    yield headline(report)
    for state, words in _STATES.items():
        if number := report.counts[state]:  # type: ignore[index]
            yield f"  {number:,} {words}{_first(report, state)}"
    if report.flow:
        yield from sentences(report.flow)
    for target in report.unread_targets:
        what = "was not read" if target.status == "not_checked" else "was not read to its end"
        yield f"  {target.host}: {what}. {target.error}"
    for target in report.targets:
        for note in (*target.notes, *(target.flow.notes if target.flow else ())):
            yield f"  {target.host}: note: {note}"
    if drift:
        yield from changes(drift)


def headline(report: FleetReport) -> str:
    """Return the percentage and what it is a percentage of."""
    share = percentage(report.counts)
    of = f"{report.counts['covered']:,} of {report.chosen:,} chosen log groups"
    found = "No log group is chosen" if share is None else f"{share:g} % covered: {of}"
    targets = len(report.targets)
    unread = len(report.unread_targets)
    read = f"{targets - unread:,} of {targets:,} targets read" if unread else f"{targets:,} targets read"
    return f"{found}, {read}."


def changes(drift: Drift) -> Iterator[str]:
    """Yield what changed since the earlier report."""
    found = [f"{drift.count(change):,} {words}" for change, words in _CHANGES.items() if drift.count(change)]
    found += [f"{len(drift.lost_targets):,} targets no longer read"] if drift.lost_targets else []
    yield f"Since {iso(drift.since)}: {', '.join(found) or 'no change'}."


def _first(report: FleetReport, state: str) -> str:
    """Return the first log groups in this state with their reasons, for states that ask for work."""
    if state == "excluded":
        return ""
    found = (
        f"\n    {target.host} {row.log_group}: {row.reason}"
        for target in report.targets
        for row in target.log_groups
        if row.state == state
    )
    left = report.counts[state] - _SHOWN  # type: ignore[index]
    return "".join([*islice(found, _SHOWN), *([f"\n    and {left:,} more"] if left > 0 else [])])
