# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grid of accounts x regions: the coverage of each target as text and colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ....module_utils._subscriptions.coverage import STATES, State
from ..fleet import CHOSEN, FleetReport, TargetReport, percentage
from .markup import Markup, tag
from .summary import plural, view_link
from .words import STATUSES

_Counts = dict[State, int]


def grid(report: FleetReport) -> Markup:
    """Return the section with the grid. The account with most unread targets, then with the lowest coverage is first."""
    regions = sorted({_region(target) for target in report.targets})
    accounts: dict[str, dict[str, TargetReport]] = {}
    for target in report.targets:
        accounts.setdefault(target.account or target.host, {})[_region(target)] = target
    rows = sorted(accounts.items(), key=lambda item: (*_rank(item[1].values()), item[0]))
    head = (
        tag("th", "Account", scope="col"),
        tag("th", "All", scope="col"),
        *(tag("th", tag("span", region), scope="col") for region in regions),
    )
    return tag(
        "section",
        tag("h2", "Accounts and regions", id="grid-title"),
        tag(
            "p",
            f"{plural(len(accounts), 'account')} in {plural(len(regions), 'region')}: covered log groups per hundred that the"
            " rules choose, rounded down. A question mark: some log groups were not read.",
            class_="note",
        ),
        tag(
            "div",
            tag("table", tag("thead", tag("tr", *head)), tag("tbody", *(_row(*row, regions) for row in rows))),
            class_="grid",
            tabindex=0,
            role="region",
            aria_labelledby="grid-title",
        ),
        id="grid",
        class_="card",
        aria_labelledby="grid-title",
    )


def _region(target: TargetReport) -> str:
    return target.region or "unknown region"


def _rank(targets: Iterable[TargetReport]) -> tuple[int, float]:
    found = list(targets)
    unread = sum(target.status != "read" for target in found)
    part = percentage(_total(found))
    return -unread, 101.0 if part is None else part


def _total(targets: Iterable[TargetReport]) -> _Counts:
    total: Counter[State] = Counter()
    for target in targets:
        total.update(target.counts())
    return {state: total[state] for state in STATES}


def _row(account: str, targets: dict[str, TargetReport], regions: list[str]) -> Markup:
    name = tag("a", account, href=view_link(account=account)) if any(t.account for t in targets.values()) else account
    is_read = all(target.status == "read" for target in targets.values())
    cells = (_cell(targets[region]) if region in targets else tag("td", class_="absent") for region in regions)
    whole = _text(_total(targets.values()), is_read=is_read)
    return tag("tr", tag("th", name, scope="row"), tag("td", whole, class_="whole"), *cells)


def _cell(target: TargetReport) -> Markup:
    counts = target.counts()
    if target.status == "not_checked":
        return tag("td", tag("a", "not read", href="#unread", title=target.error), class_="cell unread")
    chosen = sum(counts[state] for state in CHOSEN)
    status = "" if target.status == "read" else f". {STATUSES[target.status]}: {target.error}"
    link = tag(
        "a",
        _text(counts, is_read=target.status == "read"),
        href=view_link(account=target.account, region=target.region),
        title=f"{target.host}: {counts['covered']:,} of {plural(chosen, 'log group')}{status}",
    )
    return tag("td", link, class_=f"cell {_level(percentage(counts))}" + ("" if target.status == "read" else " partly"))


def _text(counts: _Counts, *, is_read: bool) -> str:
    """Return the percentage; "?" stands for log groups that were not read."""
    part = percentage(counts)
    return ("none" if part is None else f"{part:g}") + ("" if is_read and not counts["not_checked"] else " ?")


def _level(part: float | None) -> str:
    if part is None:
        return "empty"
    levels = ((100.0, "full"), (98.0, "high"), (90.0, "middle"))
    return next((name for limit, name in levels if part >= limit), "low")
