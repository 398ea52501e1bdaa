# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's page in Chromium, used as a reader uses it. bench/report.py runs the functions of CHECKS."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path

from _chromium import Browser
from _report_fleet import HOSTILE, Fleet

Pages = dict[str, Fleet]


def opens_without_requests_or_complaints(chromium: Browser, folder: Path, _pages: Pages) -> None:
    """The page requests nothing, and the policy blocks nothing of it."""
    chromium.open(folder / "fleet.html")
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    assert chromium.messages() == []


def draws_few_rows_of_many(chromium: Browser, folder: Path, pages: Pages) -> None:
    """The document has some forty rows, and names the number of all."""
    chromium.open(folder / "fleet.html")
    total = _total(pages)
    assert chromium.run("return document.querySelectorAll('#body [aria-rowindex]').length") <= 45
    assert chromium.run("return document.getElementById('rows').getAttribute('aria-rowcount')") == str(total + 1)


def searches_and_links_the_view(chromium: Browser, folder: Path, pages: Pages) -> None:
    """A search shows the right number of rows, and its link opens the same view."""
    chromium.open(folder / "fleet.html")
    chromium.run("const q = document.getElementById('query'); q.value = 'worker'; q.dispatchEvent(new Event('input'))")
    chromium.run("document.querySelector('#facet-lists input[type=checkbox]').click()")
    expected = sum(row.state == "broken" and "worker" in row.log_group for _unused, row in _rows(pages))
    assert 0 < expected == _found(chromium)
    fragment = chromium.run(
        "while (!location.hash.includes('state')) await new Promise((resolve) => setTimeout(resolve, 10)); return location.hash"
    )
    assert fragment == "#state=broken&q=worker"
    chromium.open(folder / "fleet.html", fragment)
    assert _found(chromium) == expected
    assert chromium.run("return document.getElementById('query').value") == "worker"


def links_of_the_summary_filter_the_table(chromium: Browser, folder: Path, pages: Pages) -> None:
    """A tile shows the log groups of its state."""
    chromium.open(folder / "fleet.html")
    chromium.run("""document.querySelector('.tile[href="#state=impossible"]').click()""")
    assert _found(chromium) == pages["fleet"].report.counts["impossible"]


def moves_with_keys(chromium: Browser, folder: Path, pages: Pages) -> None:
    """End, Home, arrows and pages move the focus, and the focused row is in the document."""
    chromium.open(folder / "fleet.html")
    chromium.run("document.querySelector('#body .name').focus()")
    last = _total(pages) + 1
    for key, row in (("End", last), ("ArrowUp", last - 1), ("Home", 2), ("ArrowDown", 3), ("ArrowDown", 4)):
        chromium.command("Input.dispatchKeyEvent", type="keyDown", key=key)
        found = chromium.run("return document.activeElement.closest('[aria-rowindex]').getAttribute('aria-rowindex')")
        assert found == str(row), (key, found, row)
    chromium.command("Input.dispatchKeyEvent", type="keyDown", key="PageDown")
    assert _is_in_view(chromium)
    chromium.command("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r")
    assert chromium.run("return document.getElementById('details').open")


def scrolls_to_each_part(chromium: Browser, folder: Path, pages: Pages) -> None:
    """At each position of the scroll bar, rows fill the view; at its end, the last row is there."""
    chromium.open(folder / "fleet.html")
    for part in (0.37, 0.9, 1):
        chromium.run(
            f"const view = document.getElementById('view'); view.scrollTop = view.scrollHeight * {part};"
            "for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);"
        )
        edges = chromium.run(
            "const box = document.getElementById('view').getBoundingClientRect();"
            "const rows = [...document.querySelectorAll('#body [aria-rowindex]')].map((row) => row.getBoundingClientRect());"
            "return [rows[0].top - box.top, box.bottom - rows.at(-1).bottom]"
        )
        assert edges[0] <= 40, (part, edges)
        assert edges[1] <= 2, (part, edges)
    last = chromium.run("return [...document.querySelectorAll('#body [aria-rowindex]')].at(-1).ariaRowIndex")
    assert last == str(_total(pages) + 1)


def survives_a_hostile_link(chromium: Browser, folder: Path, _pages: Pages) -> None:
    """Values of a link that the report does not have are shown as text, and match nothing."""
    chromium.open(folder / "fleet.html", "#state=constructor&account=%3Cimg%20src%3Dx%3E&sort=__proto__&q=%")
    assert _found(chromium) == 0
    assert "Account: <img src=x>" in chromium.run("return document.getElementById('chips').textContent")
    assert chromium.messages() == []


def exports_the_filtered_rows(chromium: Browser, folder: Path, pages: Pages) -> None:
    """The CSV file has the rows of the view."""
    chromium.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    chromium.open(folder / "fleet.html", "#state=impossible&sort=-log_group")
    chromium.run("document.getElementById('export').click()")
    deadline = time.monotonic() + 30
    while not (files := list(folder.glob("*.csv"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    unread = [line["host"] for line in lines if not line["log_group"]]
    assert unread == [target.host for target in pages["fleet"].report.unread_targets]
    found = [(line["account"], line["log_group"], line["reason"]) for line in lines if line["log_group"]]
    wanted = [(target, row) for target, row in _rows(pages) if row.state == "impossible"]
    assert [name for _index, name, _state in found] == sorted((row.log_group for _unused, row in wanted), reverse=True)
    assert sorted(found) == sorted((target.account, row.log_group, row.reason) for target, row in wanted)


def prints_what_is_not_covered(chromium: Browser, folder: Path, pages: Pages) -> None:
    """A print has a line for each log group that is not covered, and the PDF can be made."""
    chromium.open(folder / "fleet.html")
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    expected = sum(row.state not in ("covered", "excluded") for _unused, row in _rows(pages))
    assert chromium.run("return document.querySelectorAll('#print-rows tbody tr').length") == expected
    assert chromium.command("Page.printToPDF")["data"]


def switches_colours(chromium: Browser, folder: Path, _pages: Pages) -> None:
    """The switch changes the background."""
    chromium.open(folder / "fleet.html")
    colours = "return getComputedStyle(document.body).backgroundColor"
    before = chromium.run(colours)
    chromium.run("document.getElementById('theme').click()")
    assert chromium.run(colours) != before


def every_control_has_a_name(chromium: Browser, folder: Path, _pages: Pages) -> None:
    """A screen reader has something to say of each control."""
    chromium.open(folder / "fleet.html")
    controls = {"button", "link", "checkbox", "searchbox", "textbox", "DisclosureTriangle"}
    nodes = chromium.command("Accessibility.getFullAXTree")["nodes"]
    found = [node for node in nodes if node.get("role", {}).get("value") in controls and not node["ignored"]]
    assert len(found) > 50
    assert [node for node in found if not node.get("name", {}).get("value", "").strip()] == []


def shows_hostile_names_as_text(chromium: Browser, folder: Path, _pages: Pages) -> None:
    """Nothing of a name becomes an element, a script or a request, and each row shows its name."""
    chromium.open(folder / "hostile.html")
    assert chromium.messages() == []
    assert chromium.run("return document.title") == "Log coverage"
    assert chromium.run("return document.querySelectorAll('img, b, i, script + script').length") == 0
    shown = chromium.run("return [...document.querySelectorAll('#body .name')].map((name) => name.textContent)")
    escaped = {name.replace("\u202e", "\\u202e").replace("\u200b", "\\u200b") for name in HOSTILE}
    assert set(shown) == escaped
    chromium.run("document.querySelector('#body .name').click()")
    assert chromium.messages() == []


def _rows(pages: Pages) -> list[tuple]:
    return [(target, row) for target in pages["fleet"].report.targets for row in target.log_groups]


def _total(pages: Pages) -> int:
    return len(_rows(pages))


def _found(chromium: Browser) -> int:
    return int(chromium.run("return document.getElementById('rows').getAttribute('aria-rowcount')")) - 1


def _is_in_view(chromium: Browser) -> bool:
    return chromium.run(
        "const box = document.getElementById('view').getBoundingClientRect();"
        "const row = document.activeElement.getBoundingClientRect();"
        "return row.top >= box.top && row.bottom <= box.bottom"
    )


CHECKS: tuple[Callable[[Browser, Path, Pages], None], ...] = (
    opens_without_requests_or_complaints,
    draws_few_rows_of_many,
    searches_and_links_the_view,
    links_of_the_summary_filter_the_table,
    moves_with_keys,
    scrolls_to_each_part,
    survives_a_hostile_link,
    exports_the_filtered_rows,
    prints_what_is_not_covered,
    switches_colours,
    every_control_has_a_name,
    shows_hostile_names_as_text,
)
