# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JUnit XML, which Jenkins and GitLab show: a test case for each target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from ...module_utils._subscriptions.coverage import State
from .drift import Drift
from .fleet import FleetReport, TargetReport
from .text import more, visible

_SHOWN = 50  # log groups of a target in one text
_FAILED: tuple[State, ...] = ("missing", "broken")
_WORDS: dict[State, str] = {
    "missing": "not subscribed",
    "broken": "broken",
    "impossible": "impossible",
    "not_checked": "not checked",
}

Verdict = Literal["error", "failure"]


def document(report: FleetReport, _drift: Drift | None) -> Iterator[str]:
    """Yield the document in pieces."""
    verdicts = [_verdict(target) for target in report.targets]
    numbers = f'tests="{len(verdicts)}" failures="{verdicts.count("failure")}" errors="{verdicts.count("error")}"'
    timestamp = f'timestamp="{report.made_at_text.removesuffix("Z")}"'  # the schema of Ant allows no zone
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="log coverage" {numbers}>\n'
    yield f'<testsuite name="log coverage" {numbers} skipped="0" {timestamp}>\n'
    for target, verdict in zip(report.targets, verdicts, strict=True):
        yield from _case(target, verdict)
    yield "</testsuite>\n</testsuites>\n"


def _verdict(target: TargetReport) -> Verdict | None:
    """Return error if something could not be read, failure if log groups should be covered and are not, None if all is well."""
    counts = target.counts()
    if target.status != "read" or counts["not_checked"]:
        return "error"
    return "failure" if any(counts[state] for state in _FAILED) else None


def _case(target: TargetReport, verdict: Verdict | None) -> Iterator[str]:
    # Targets of unknown accounts would have the same name without the host.
    class_name, name = (target.account, target.region) if target.account else ("unknown account", target.host)
    yield f'<testcase classname={_attribute(class_name)} name={_attribute(name)} time="{target.seconds:.3f}">\n'
    if verdict:
        states = ("not_checked", *_FAILED) if verdict == "error" else _FAILED
        text = "\n".join(_details(target, states))
        yield f"<{verdict} message={_attribute(_message(target))} type={_attribute(verdict)}>{escape(text)}</{verdict}>\n"
    if output := "\n".join(_output(target)):
        yield f"<system-out>{escape(output)}</system-out>\n"
    yield "</testcase>\n"


def _message(target: TargetReport) -> str:
    """Return what is wrong with the target in one sentence."""
    counts = target.counts()
    found = [f"{counts[state]:,} {words}" for state, words in _WORDS.items() if counts[state]]
    groups = f"{', '.join(found)}, of {len(target.log_groups):,} log groups" if found else ""
    if target.status == "read":
        return groups
    what = "The target was not read" if target.status == "not_checked" else "The target was not read to its end"
    error = f": {target.error}" if target.error else ""
    return f"{what}{error}{f' ({groups})' if groups else ''}"


def _details(target: TargetReport, states: tuple[State, ...]) -> Iterator[str]:
    """Yield a line for each log group in these states, state by state; at most _SHOWN of a state."""
    for state in states:
        rows = [row for row in target.log_groups if row.state == state]
        if rows:
            lines = [visible(f"{row.log_group}: {row.reason}") for row in rows[:_SHOWN]]
            yield f"{state}:"
            yield from (f"  {line}" for line in (*lines, *more(len(rows), _SHOWN)))


def _output(target: TargetReport) -> Iterator[str]:
    yield visible(f"target: {target.host}")
    yield from (visible(f"note: {note}") for note in target.notes)
    yield from _details(target, ("impossible",))


def _attribute(text: str) -> str:
    return quoteattr(visible(text))
