# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ...module_utils._subscriptions.coverage import State
from .._outcomes import plural
from .copies import CopyFlow
from .copies import sentences as copy_sentences
from .drift import Drift
from .fleet import FleetReport, iso, percentage
from .flow import Flow
from .flow_text import sentences
from .words import COUNTED_CHANGES, COUNTED_STATES

_SHOWN = 5


def summary(report: FleetReport, drift: Drift | None) -> Iterator[str]:
    """Yield the lines: the percentage, the counts, targets that were not read, and what changed."""
    yield headline(report)
    for state, words in COUNTED_STATES.items():
        if number := report.counts[state]:
            yield f"  {number:,} {words}{_first(report, state)}"
    if report.flow:
        yield from sentences(report.flow, f"Events{_period(report.flow.flow)}")
    if report.copies:
        yield from copy_sentences(report.copies, f"Copies{_period(report.copies.flow)}")
    for target in report.unread_targets:
        what = "was not read" if target.status == "not_checked" else "was not read to its end"
        yield f"  {target.host}: {what}. {target.error}"
    for target in report.targets:
        copied = (note for flow in target.copy_flows or () for note in flow.notes)
        for note in (*target.notes, *(target.flow.notes if target.flow else ()), *copied):
            yield f"  {target.host}: note: {note}"
    if drift:
        yield from changes(drift)


def _period(flow: Flow | CopyFlow) -> str:
    """Return the period of the counts. Without it, events of the last minutes seem to be lost."""
    return f" from {iso(flow.begin)} to {iso(flow.end)} (later ones are not counted yet)"


def headline(report: FleetReport) -> str:
    """Return the percentage and what it is a percentage of."""
    share = percentage(report.counts)
    of = f"{report.counts['covered']:,} of {report.chosen:,} chosen log groups"
    found = "No log group is chosen" if share is None else f"{share:g} % covered: {of}"
    targets = len(report.targets)
    unread = len(report.unread_targets)
    read = f"{targets - unread:,} of {targets:,} targets read" if unread else f"{plural(targets, 'target')} read"
    return f"{found}, {read}."


def changes(drift: Drift) -> Iterator[str]:
    """Yield what changed since the earlier report."""
    found = [f"{drift.count(change):,} {words}" for change, words in COUNTED_CHANGES.items() if drift.count(change)]
    found += [f"{len(drift.lost_targets):,} targets no longer read"] if drift.lost_targets else []
    yield f"Since {iso(drift.since)}: {', '.join(found) or 'no change'}."


def _first(report: FleetReport, state: State) -> str:
    """Return the first log groups in this state with their reasons, for states that ask for work."""
    if state == "excluded":
        return ""
    found = (
        f"\n    {target.host} {row.log_group}: {row.reason}"
        for target in report.targets
        for row in target.log_groups
        if row.state == state
    )
    left = report.counts[state] - _SHOWN
    return "".join([*islice(found, _SHOWN), *([f"\n    and {left:,} more"] if left > 0 else [])])
