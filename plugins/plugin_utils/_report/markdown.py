# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A summary of the report in Markdown (GitHub's tables) for pull requests and chat. It is short, however large the fleet is.

Text of others is only in code spans: there it is neither markup nor a link nor a mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from ...module_utils._subscriptions.coverage import State
from .copies import FleetCopies
from .copies import sentences as copy_sentences
from .drift import WORSE, Change, Difference, Drift
from .fleet import FleetReport, TargetReport, iso
from .flow import FleetFlow
from .flow_text import rows, sentences
from .text import more, visible

_SHOWN = 20  # rows of a table
_LONGEST = 200  # characters of a text of others
_LONGEST_SENTENCE = 2000  # characters of a sentence that has such texts
_TO_DO: tuple[State, ...] = ("missing", "broken", "impossible", "not_checked")
# A code span ends at a backtick and a cell at a bar. Chat services parse <!channel> and &lt; in code spans too.
_FORBIDDEN = "`|<>&"

Row = Sequence[str]


def summary(report: FleetReport, drift: Drift | None) -> Iterator[str]:
    """Yield the lines."""
    yield from _headline(report)
    yield from _unread(report.unread_targets)
    yield from _notes(report.targets)
    if drift:
        yield from _drift(drift)
    yield from _causes(report)
    yield from _targets(report.targets)
    if report.flow:
        yield from _events(report.flow, report.targets)
    if report.copies:
        yield from _copies(report.copies, report.targets)


def code(text: str, longest: int = _LONGEST) -> str:
    """Return a code span with the text, cut if it is long; "" for no text."""
    text = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return f"`{visible(text, _FORBIDDEN)}`" if text else ""


def _headline(report: FleetReport) -> Iterator[str]:
    share = "no log group is chosen" if report.percentage is None else f"{report.percentage:g} %"
    yield f"## Log coverage: {share}\n\n"
    targets, unread = len(report.targets), len(report.unread_targets)
    yield f"{report.counts['covered']:,} of {report.chosen:,} chosen log groups are covered. "
    yield f"{targets - unread:,} of {targets:,} targets were read to their end. Report of {report.made_at_text}.\n"
    if not report.is_complete:
        yield "\n**The report is not complete**: what was not read may not be covered.\n"
    header = ("State", "Log groups")
    yield from table("Log groups", header, [(state, f"{n:,}") for state, n in report.counts.items()])


def _unread(targets: Sequence[TargetReport]) -> Iterator[str]:
    words = {"not_checked": "not read", "partly_read": "not read to its end"}
    rows = [(*_name(target), words[target.status], code(target.error)) for target in targets[:_SHOWN]]
    yield from table("Targets that were not read", (*_NAME, "Status", "Reason"), rows, len(targets))


def _notes(targets: Iterable[TargetReport]) -> Iterator[str]:
    found = [(target, note) for target in targets for note in target.notes]
    rows = [(*_name(target), code(note)) for target, note in found[:_SHOWN]]
    yield from table("Notes", (*_NAME, "Note"), rows, len(found))


def _drift(drift: Drift) -> Iterator[str]:
    title = f"Changes since {iso(drift.since)}"
    counts = [(change.replace("_", " "), f"{n:,}") for change in get_args(Change) if (n := drift.count(change))]
    if not counts and not drift.lost_targets:
        yield f"\n### {title}\n\nNone.\n"
    yield from table(title, ("Change", "Log groups"), counts)
    lost = [(code(host),) for host in drift.lost_targets[:_SHOWN]]
    yield from table("Targets that were read then and are not now", ("Host",), lost, len(drift.lost_targets))
    worse = [each for each in drift.differences if each.change in WORSE]
    header = ("Account", "Region", "Log group", "Before", "Now", "Reason")
    yield from table("Worse than then", header, map(_worse, worse[:_SHOWN]), len(worse))


def _worse(each: Difference) -> Row:
    place = (code(each.account), code(each.region), code(each.log_group))
    return (*place, each.before or "(none)", each.after or "(none)", code(each.reason))


def _causes(report: FleetReport) -> Iterator[str]:
    causes = [cause for cause in report.causes if cause.state in _TO_DO]
    rows = [(cause.state, code(cause.cause), f"{cause.log_groups:,}") for cause in causes[:_SHOWN]]
    yield from table("Why log groups are not covered", ("State", "Cause", "Log groups"), rows, len(causes))


def _targets(targets: Iterable[TargetReport]) -> Iterator[str]:
    """Yield the table of targets with log groups that are not covered; those with the most come first."""
    counted = [(target, [target.counts()[state] for state in _TO_DO]) for target in targets]
    found = sorted((each for each in counted if any(each[1])), key=lambda each: -sum(each[1]))
    rows = [(*_name(target), *(f"{n:,}" for n in numbers), _example(target)) for target, numbers in found[:_SHOWN]]
    yield from table("Targets with log groups that are not covered", (*_NAME, *_TO_DO, "Example"), rows, len(found))


def _events(flow: FleetFlow, targets: Iterable[TargetReport]) -> Iterator[str]:
    """Yield the sums of the fleet, and the targets with events that are unexplained or unknown; those with the most come first."""
    title = f"Events from {iso(flow.flow.begin)} to {iso(flow.flow.end)}"
    figures = [(station, code(way), _figure(number)) for station, way, number in rows(flow.flow.stations())]
    yield from table(title, ("Station", "Then", "Events"), figures)
    yield f"\n{' '.join(sentences(flow))}\n"  # no text of others
    found = sorted(_unexplained(targets), key=lambda each: -each[1])
    lines = [
        (*_name(target), _figure(rest) if rest else "unknown", code(note)) for target, rest, note in found[:_SHOWN]
    ]
    yield from table("Targets with unexplained or unread events", (*_NAME, "Events", "Note"), lines, len(found))


def _copies(copies: FleetCopies, targets: Iterable[TargetReport]) -> Iterator[str]:
    """Yield the sums of copied events, and the targets with those that are unexplained or unknown."""
    title = f"Copies of AWS's centralization from {iso(copies.flow.begin)} to {iso(copies.flow.end)}"
    figures = [(station, code(way), _figure(number)) for station, way, number in rows(copies.flow.stations())]
    yield from table(title, ("Station", "Then", "Events"), figures)
    # Types of errors are text of others.
    yield f"\n{code(' '.join(copy_sentences(copies)), _LONGEST_SENTENCE)}\n"
    found = []
    for target in targets:
        for flow in target.copy_flows or ():
            rest = [station.unexplained for station in flow.stations()]
            if any(each is None or each for each in rest):
                number = sum(abs(each or 0) for each in rest)
                found.append(
                    (*_name(target), _figure(number) if number else "unknown", code(next(iter(flow.notes), "")))
                )
    header = (*_NAME, "Events", "Note")
    yield from table("Targets with unexplained or unread copies", header, found[:_SHOWN], len(found))


def _unexplained(targets: Iterable[TargetReport]) -> Iterator[tuple[TargetReport, int, str]]:
    for target in targets:
        if target.flow is None:
            continue
        rest = [station.unexplained for station in target.flow.flow.stations()]
        if any(each is None or each for each in rest):
            yield target, sum(abs(each or 0) for each in rest), next(iter(target.flow.notes), "")


def _figure(value: int | None) -> str:
    return "not read" if value is None else f"{value:,}"


def _example(target: TargetReport) -> str:
    row = next(row for row in target.log_groups if row.state in _TO_DO)
    return f"{code(row.log_group)} {code(row.reason)}" if row.reason else code(row.log_group)


_NAME = ("Account", "Region", "Host")


def _name(target: TargetReport) -> Row:
    return code(target.account), code(target.region), code(target.host)


def table(title: str, header: Row, rows: Iterable[Row], total: int = 0) -> Iterator[str]:
    """Yield a section with a table, and how many rows of all are not shown; nothing without rows."""
    lines = [f"| {' | '.join(row)} |\n" for row in rows]
    if lines:
        yield f"\n### {title}\n\n| {' | '.join(header)} |\n|{' --- |' * len(header)}\n"
        yield from lines
        yield from (f"\n{line}\n" for line in more(total, len(lines)))
