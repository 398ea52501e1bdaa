# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the report: what the file contains."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, TargetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.document import render, source_hash
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.points import Point
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given
from hypothesis import strategies as st

from .fleets import fleets, flow_of

DAY = 86_400
NOW = 20_000 * DAY
ACCOUNT = "111111111111"
HOSTILE = (
    "<script>x=1</script>",
    '"><img src=x onerror=x>',
    "</template></script><!--",
    "$" + "{data}",
    "a\u202eb",
    "\x00\n",
    "\ud800",
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and their text by name of the element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for name in {*self._open, "all"}:
            self.text[name] = self.text.get(name, "") + data

    def attribute(self, tag, key):
        return [attributes[key] for name, attributes in self.elements if name == tag and key in attributes]

    @property
    def data(self):
        return json.loads(gzip.decompress(base64.b64decode(self.text["template"])))


def target(*rows, region="eu-central-1", **values):
    return TargetReport(
        **{
            "host": region,
            "account": ACCOUNT,
            "region": region,
            "status": "read",
            "checked_at": NOW,
            "log_groups": rows,
            **values,
        }
    )


def report(*targets):
    return FleetReport(NOW, targets)


def page(*arguments, **values):
    return Page("".join(render(*arguments, **values)))


def rows_of(data):
    """Return the rows of the packed data as the page's script unpacks them."""
    columns = data["rows"]
    hosts = [index for index, size in enumerate(data["targets"]["rows"]) for _unused in range(size)]
    for number, name in enumerate(columns["log_group"]):
        values = {
            key: columns[key]["values"][columns[key]["codes"][number]]
            for key in ("state", "cause", "reason", "means", "known_by", "others")
        }
        others = values["others"]
        times = {key: columns[key][number] * 1000 for key in ("since", "created")}
        yield (
            data["targets"]["region"][hosts[number]],
            CoverageRow(name, **{**values, **times, "others": others if others is None else tuple(others)}),
        )


def test_page_policy_permits_only_its_own_script_and_style():
    found = page(report(target()))
    (policy,) = [value for value in found.attribute("meta", "content") if value.startswith("default-src 'none'")]
    assert f"script-src '{source_hash(found.text['script'])}';" in policy
    assert f"style-src '{source_hash(found.text['style'])}';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


def test_page_has_no_style_attribute_handler_or_address():
    """The policy would block them: the page would look broken, or ask the network."""
    found = page(
        report(target(CoverageRow("a", "missing"), flow=flow_of(written=9, forwarded=9))),
        history=[Point(NOW - DAY, report(target(CoverageRow("a", "covered"))).counts)],
    )
    for name, attributes in found.elements:
        assert not {
            key for key in attributes if key in ("style", "src", "srcset", "action", "data") or key.startswith("on")
        }, name
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in found.text["style"]
    assert "@import" not in found.text["style"]


@pytest.mark.parametrize(
    "forbidden",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttpRequest", "import("],
)
def test_script_makes_no_html_and_no_request(forbidden):
    assert forbidden not in page(report(target())).text["script"]


def test_page_data_keeps_every_field_of_every_row():
    rows = (
        CoverageRow("a", "covered", means="filter", known_by="filter", since=5_000, created=1_000, others=()),
        CoverageRow(
            "b", "impossible", "slots", "two others", known_by="filter", created=7_000, others=("arn:1", "arn:2")
        ),
        CoverageRow("c", "not_checked", "denied", "no"),
    )
    fleet = report(target(*rows), target(region="eu-west-1"), target(*rows[::-1], region="us-east-1"))
    expected = [(item.region, row) for item in fleet.targets for row in item.log_groups]
    assert list(rows_of(page(fleet).data)) == expected


def test_page_data_has_the_change_of_each_row():
    before = report(target(CoverageRow("a", "covered"), CoverageRow("b", "covered"), CoverageRow("<gone>", "covered")))
    after = report(target(CoverageRow("a", "missing"), CoverageRow("b", "covered")))
    found = page(after, drift(before, after))
    change = found.data["rows"]["change"]
    assert [change["values"][code] for code in change["codes"]] == ["newly_uncovered", ""]
    assert "<gone>" in found.text["details"]
    assert "#change=newly_uncovered" in found.attribute("a", "href")


def page_of_name(name):
    """Return a page in which everything that others can name has this name."""
    rows = tuple(CoverageRow(name, state, name, name, others=(name,)) for state in ("missing", "covered"))
    unread = target(host=name, account="", region=name, error=name, status="not_checked")
    events = replace(flow_of(written=9, forwarded=9, received=9, dropped={name: 4}, sinks={name: 5}), notes=(name,))
    fleet = report(target(*rows, host=name, error=name, status="partly_read", flow=events), unread)
    before = report(target(CoverageRow(f"{name}x", "covered"), host=name), replace(unread, status="read"))
    after = report(target(*rows, host=name, flow=events), unread)
    return "".join(render(fleet, drift(before, after)))


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_name_is_text(name):
    """The page has the elements of one with a harmless name, and shows the name."""
    content = page_of_name(name)
    found, harmless = Page(content), Page(page_of_name("harmless"))
    assert sorted(element for element, _unused in found.elements) == sorted(
        element for element, _unused in harmless.elements
    )
    assert all(visible(name) in found.text[element] for element in ("ul", "th", "svg", "details"))
    assert found.data["rows"]["log_group"] == [visible(name)] * 2
    content.encode("utf-8")


@given(fleets, st.booleans())
def test_any_report_is_a_page_with_all_rows(fleet, has_drift):
    content = "".join(render(fleet, drift(FleetReport(0, ()), fleet) if has_drift else None))
    content.encode("utf-8")
    found = Page(content)
    assert found.elements.count(("script", {})) == 1
    rows = [row for target in fleet.targets for row in target.log_groups]
    assert [row for _unused, row in rows_of(found.data)] == [shown(row) for row in rows]


def shown(row):
    """Return the row as the page has it: text that can be seen, and whole seconds."""
    texts = {key: visible(getattr(row, key)) for key in ("log_group", "cause", "reason", "means", "known_by")}
    times = {key: getattr(row, key) // 1000 * 1000 for key in ("since", "created")}
    return replace(row, **texts, **times, others=None if row.others is None else tuple(map(visible, row.others)))


def test_summary_needs_no_script():
    """Percentage, counts and failures are elements of the file, outside of what the script makes."""
    failed = target(region="eu-west-1", status="not_checked", error="Could not assume the role.", checked_at=0)
    partly = target(CoverageRow("a", "not_checked"), region="us-east-1", status="partly_read", error="Throttled.")
    fleet = report(
        target(*(CoverageRow(str(number), "covered") for number in range(2)), CoverageRow("z", "missing")),
        failed,
        partly,
    )
    found = page(fleet)
    assert "66.6%" in found.text["p"]
    assert "2 of 3 log groups that the rules choose are covered, of what was read." in found.text["p"]
    assert "2 of 3 targets not read to the end, 1 log group not checked" in found.text["p"]
    assert "Could not assume the role." in found.text["ul"]
    assert "Throttled." in found.text["ul"]
    assert "JavaScript" in found.text["noscript"]


def test_unread_target_has_no_percentage_in_the_grid():
    fleet = report(target(CoverageRow("a", "covered")), target(region="eu-west-1", status="not_checked", error="no"))
    cells = re.findall(r'<td class="(cell [a-z ]+)"><a [^>]*>([^<]*)</a>', "".join(render(fleet)))
    assert cells == [("cell full", "100"), ("cell unread", "not read")]


def test_partly_read_target_is_marked_in_the_grid():
    fleet = report(target(CoverageRow("a", "covered"), status="partly_read", error="broke off"))
    assert re.search(
        r'<td class="cell full partly"><a [^>]*title="[^"]*broke off"[^>]*>100 \?</a>', "".join(render(fleet))
    )


def test_grid_hides_no_target_that_shares_its_cell():
    """Two hosts of an account whose region is unknown are one cell, and it is not read only if neither was."""
    good = target(CoverageRow("a", "covered"), region="", host="good")
    bad = target(region="", host="bad", status="not_checked", error="no role")
    (cell,) = re.findall(
        r'<td class="(cell [^"]+)"><a [^>]*title="([^"]*)"[^>]*>([^<]*)', "".join(render(report(bad, good)))
    )
    assert cell == ("cell full partly", "bad: no role; good: 1 of 1 log group", "100 ?")


def test_complete_report_says_so():
    assert "Everything was read" in page(report(target(CoverageRow("a", "covered")))).text["all"]


def test_report_without_chosen_groups_has_no_percentage():
    found = page(report(target(CoverageRow("a", "excluded"))))
    assert "The rules choose no log group that was read." in found.text["p"]
    assert "100" not in found.text["p"]


def test_page_names_what_it_was_not_given():
    found = page(report(target()))
    assert "No earlier report was read, so changes are unknown." in found.text["section"]
    assert "No history was read, so the trend is unknown." in found.text["section"]
    assert "No counts of events were read, so nothing is known about delivery." in found.text["section"]


def test_notes_of_targets_are_on_the_page():
    assert "could not list tags" in page(report(target(notes=("could not list tags",)))).text["ul"]


def test_trend_names_reports_that_could_not_be_read():
    found = page(report(target(CoverageRow("a", "covered"))), history=[Point(NOW - DAY, None, is_complete=False)])
    assert "1 earlier report could not be read." in found.text["section"]
    assert "svg" not in [tag for tag, attributes in found.elements if attributes.get("class") == "trend"]


def test_trend_marks_reports_that_are_not_complete():
    counts = report(target(CoverageRow("a", "covered"))).counts
    found = page(
        report(target(CoverageRow("a", "covered"))),
        history=[Point(NOW - 2 * DAY, counts), Point(NOW - DAY, counts, is_complete=False)],
    )
    assert found.attribute("circle", "class") == ["dot", "dot partial", "dot"]
    assert "100 %, of what was read" in found.text["svg"]


def test_page_of_hundred_thousand_groups_is_small():
    chance = random.Random(1)
    targets = []
    for number in range(500):
        names = (
            f"/aws/lambda/stack-{chance.randrange(40)}-Function-{chance.getrandbits(48):012X}" for _unused in range(200)
        )
        rows = (
            CoverageRow(
                name, "covered", means="filter", since=chance.randrange(1 << 40), created=chance.randrange(1 << 40)
            )
            for name in names
        )
        targets.append(target(*rows, account=f"{number:012d}"))
    assert len("".join(render(report(*targets))).encode()) < 5_000_000
