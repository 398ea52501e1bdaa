# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grid of accounts x regions: the coverage of each target as text and colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ....module_utils._subscriptions.coverage import STATES, State
from ..._outcomes import plural
from ..fleet import CHOSEN, FleetReport, TargetReport, percentage
from ..words import STATUSES
from .markup import Markup, tag
from .summary import view_link

_Counts = dict[State, int]
_Regions = dict[str, list[TargetReport]]


def grid(report: FleetReport) -> Markup:
    """Return the section with the grid. The account with most unread targets, then with the lowest coverage is first."""
    regions = sorted({_region(target) for target in report.targets})
    accounts: dict[str, _Regions] = {}
    for target in report.targets:
        accounts.setdefault(target.account or target.host, {}).setdefault(_region(target), []).append(target)
    rows = sorted(accounts.items(), key=lambda item: (*_rank(item[1]), item[0]))
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


def _rank(regions: _Regions) -> tuple[int, float]:
    found = [target for each in regions.values() for target in each]
    part = percentage(_total(found))
    return -sum(target.status != "read" for target in found), 101.0 if part is None else part


def _total(targets: Iterable[TargetReport]) -> _Counts:
    total: Counter[State] = Counter()
    for target in targets:
        total.update(target.counts())
    return {state: total[state] for state in STATES}


def _row(account: str, targets: _Regions, regions: list[str]) -> Markup:
    found = [target for each in targets.values() for target in each]
    name = tag("a", account, href=view_link(account=account)) if found[0].account else account
    cells = (_cell(targets[region]) if region in targets else tag("td", class_="absent") for region in regions)
    return tag("tr", tag("th", name, scope="row"), tag("td", _text(found), class_="whole"), *cells)


def _cell(targets: list[TargetReport]) -> Markup:
    """Return the cell of an account in a region. It has several targets only if their region is unknown, or if two hosts name the same one."""
    title = "; ".join(map(_title, targets))
    if all(target.status == "not_checked" for target in targets):
        return tag("td", tag("a", "not read", href="#unread", title=title), class_="cell unread")
    href = view_link(account=targets[0].account, region=targets[0].region)
    level = _level(percentage(_total(targets)))
    is_read = all(target.status == "read" for target in targets)
    link = tag("a", _text(targets), href=href, title=title)
    return tag("td", link, class_=f"cell {level}" + ("" if is_read else " partly"))


def _title(target: TargetReport) -> str:
    if target.status == "not_checked":
        return f"{target.host}: {target.error}"
    counts = target.counts()
    chosen = sum(counts[state] for state in CHOSEN)
    rest = "" if target.status == "read" else f". {STATUSES[target.status]}: {target.error}"
    return f"{target.host}: {counts['covered']:,} of {plural(chosen, 'log group')}{rest}"


def _text(targets: Iterable[TargetReport]) -> str:
    """Return the percentage; "?" marks log groups that were not read."""
    found = list(targets)
    counts = _total(found)
    part = percentage(counts)
    is_read = all(target.status == "read" for target in found) and not counts["not_checked"]
    return ("none" if part is None else f"{part:g}") + ("" if is_read else " ?")


def _level(part: float | None) -> str:
    if part is None:
        return "empty"
    levels = ((100.0, "full"), (98.0, "high"), (90.0, "middle"))
    return next((name for limit, name in levels if part >= limit), "low")
