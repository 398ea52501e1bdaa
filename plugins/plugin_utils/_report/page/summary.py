# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The top of the page: the percentage, counts by state, the age of the data, and what was not read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from ..._outcomes import plural
from ..fleet import FleetReport, TargetReport
from ..text import visible
from ..words import STATES, STATUSES
from .markup import Markup, join, number, tag

BAR_WIDTH = 1000


def moment(seconds: int) -> Markup:
    """Return a time for a reader, in UTC. The script adds its age."""
    when = datetime.fromtimestamp(seconds, UTC)
    return tag("time", when.strftime("%Y-%m-%d %H:%M UTC"), datetime=when.strftime("%Y-%m-%dT%H:%M:%SZ"))


def view_link(**filters: str) -> str:
    """Return the link to the table with these filters."""
    return "#" + "&".join(f"{key}={quote(visible(value), safe='')}" for key, value in filters.items())


def hero(report: FleetReport) -> Markup:
    """Return the percentage, with what it does not know beside it, and the bar of states."""
    value = report.percentage
    large = "n/a" if value is None else f"{value:g}"
    what = (
        "The rules choose no log group that was read."
        if value is None
        else f"{report.counts['covered']:,} of {plural(report.chosen, 'log group')} that the rules choose are covered"
        + ("." if report.is_complete else ", of what was read.")
    )
    return tag(
        "div",
        tag(
            "p",
            tag("span", large, class_="digits"),
            tag("span", "" if value is None else "%", class_="unit"),
            class_="percentage",
        ),
        tag("div", tag("p", what, class_="what"), _limits(report), _age(report), class_="beside"),
        _bar(report),
        class_="hero",
    )


def _limits(report: FleetReport) -> Markup:
    unread, groups = len(report.unread_targets), report.counts["not_checked"]
    if report.is_complete:
        return tag("p", f"Everything was read: {plural(len(report.targets), 'target')}.", class_="complete")
    targets = tag("a", f"{unread:,} of {plural(len(report.targets), 'target')} not read to the end", href="#unread")
    rows = tag("a", f"{plural(groups, 'log group')} not checked", href=view_link(state="not_checked"))
    return tag(
        "p", tag("strong", "Unknown: "), *([targets] if unread else []), *_and(unread, groups, rows), class_="limits"
    )


def _and(unread: int, groups: int, rows: Markup) -> Iterator[str]:
    if unread and groups:
        yield ", "
    if groups:
        yield rows


def _age(report: FleetReport) -> Markup:
    begins = [target.checked_at for target in report.targets if target.checked_at]
    first = join(". The oldest data is of ", moment(min(begins))) if begins else Markup("")
    return tag("p", "Report of ", moment(report.made_at), first, class_="age")


def _bar(report: FleetReport) -> Markup:
    total = sum(report.counts.values())
    if not total:
        return Markup("")
    rects, x = [], 0.0
    for state in reversed(STATES):
        count = report.counts[state]
        # A state with few log groups stays visible.
        width = max(count / total * BAR_WIDTH, 4) if count else 0
        rects.append(tag("rect", x=f"{x:.1f}", y=0, width=f"{width:.1f}", height=10, class_=f"fill {state}"))
        x += width
    return tag("svg", *rects, class_="bar", viewBox=f"0 0 {x:.1f} 10", preserveAspectRatio="none", aria_hidden="true")


def tiles(report: FleetReport) -> Markup:
    """Return the number of log groups by state. Each one filters the table."""
    return tag("ul", *(_tile(state, report.counts[state]) for state in STATES), class_="tiles")


def _tile(state: str, count: int) -> Markup:
    label, sign, meaning = STATES[state]  # type: ignore[index]
    return tag(
        "li",
        tag(
            "a",
            tag("span", tag("span", sign, class_=f"sign {state}", aria_hidden="true"), label, class_="label"),
            tag("span", number(count), class_="count"),
            tag("span", meaning, class_="meaning"),
            href=view_link(state=state),
            class_="tile" if count else "tile zero",
        ),
    )


def unread_targets(report: FleetReport) -> Markup:
    """Return the targets that were not read to their end, each with its sentence."""
    targets = report.unread_targets
    if not targets:
        return Markup("")
    return tag(
        "section",
        tag("h2", f"{plural(len(targets), 'target')} not read to the end", id="unread-title"),
        tag(
            "p",
            "The report says nothing on their other log groups: they may exist, and may not be covered.",
            class_="note",
        ),
        tag("ul", *(_failure(target) for target in targets), class_="failures"),
        id="unread",
        class_="card warning",
        aria_labelledby="unread-title",
    )


def _failure(target: TargetReport) -> Markup:
    place = " ".join(filter(None, (target.account, target.region)))
    return tag(
        "li",
        tag("span", STATUSES[target.status], class_=f"badge {target.status}"),
        tag("span", tag("bdi", target.host), tag("span", place, class_="place"), class_="who"),
        tag("span", tag("bdi", target.error or "The report names no reason."), class_="why"),
    )


def notes(report: FleetReport) -> Markup:
    """Return what could not be checked in targets that were read."""
    found = [(target, note) for target in report.targets for note in target.notes]
    if not found:
        return Markup("")
    items = (
        tag("li", tag("span"), tag("span", tag("bdi", target.host), class_="who"), tag("span", note, class_="why"))
        for target, note in found
    )
    return tag(
        "section",
        tag("h2", plural(len(found), "note"), id="notes-title"),
        tag("ul", *items, class_="failures"),
        id="notes",
        class_="card warning",
        aria_labelledby="notes-title",
    )
