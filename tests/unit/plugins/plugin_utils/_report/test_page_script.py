# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure functions of the page's script (logic.js), in V8: the engine of Chromium."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report import page
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.as_csv import table
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, TargetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.columns import columns
from py_mini_racer import MiniRacer

LOGIC = Path(page.__path__[0]) / "logic.js"
ACCOUNTS = ("111111111111", "222222222222", "333333333333")
FACETS = ("state", "cause", "account", "region", "status")


@pytest.fixture(scope="module")
def engine():
    context = MiniRacer()
    context.eval(LOGIC.read_text(encoding="utf-8"))
    # Typed arrays as lists.
    context.eval("const list = (key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value;")
    return context


@pytest.fixture(scope="module")
def js(engine):
    """Return a function that evaluates an expression of JavaScript with these names, and returns its value."""

    def evaluate(expression, **names):
        values = "".join(f"const {name} = {json.dumps(value)};" for name, value in names.items())
        return json.loads(engine.eval(f"(() => {{ {values} return JSON.stringify({expression}, list); }})()"))

    return evaluate


def fleet():
    """Return a report with every state, a target without rows and one that was not read."""
    chance = random.Random(3)
    rows = [
        CoverageRow(
            f"/aws/{chance.choice(('lambda', 'ECS'))}/{number:03d}",
            *chance.choice(
                (
                    ("covered", "", ""),
                    ("missing", "missing", "m"),
                    ("broken", "outdated", "o"),
                    ("impossible", "slots", "s"),
                    ("excluded", "rule", "r"),
                    ("not_checked", "denied", "d"),
                )
            ),
            since=chance.choice((0, 1_700_000_000_000 + number * 1000)),
            others=chance.choice((None, (), ("arn:b",), ("arn:a", "arn:b"))),
        )
        for number in range(120)
    ]
    places = [(account, region) for account in ACCOUNTS[:2] for region in ("eu-central-1", "us-east-1")]
    targets = [
        TargetReport(
            f"{account}.{region}",
            account,
            region,
            "partly_read" if index == 1 else "read",
            "broke off" if index == 1 else "",
            1,
            log_groups=tuple(rows[index::4]),
        )
        for index, (account, region) in enumerate(places)
    ]
    unread = TargetReport("lost", ACCOUNTS[2], "eu-central-1", "not_checked", "no role")
    return FleetReport(1_700_000_000, (*targets, unread))


REPORT = fleet()
ROWS = [(target, row) for target in REPORT.targets for row in target.log_groups]
DATA = columns(REPORT, None)


def value_of(facet, target, row):
    return getattr(target, facet) if facet in ("account", "region", "status") else getattr(row, facet)


def passes(selected, query, target, row, without=None):
    words = query.lower().split()
    return all(word in row.log_group.lower() for word in words) and all(
        value_of(facet, target, row) in values for facet, values in selected.items() if values and facet != without
    )


VIEWS = [
    ({}, ""),
    ({"state": ["missing"]}, ""),
    ({"state": ["missing", "broken"], "account": [ACCOUNTS[0]]}, ""),
    ({"region": ["us-east-1"], "status": ["partly_read"], "cause": ["slots"]}, "lambda"),
    ({"state": ["covered"]}, "  ECS 1 "),
    ({"account": ["999999999999"]}, ""),
    ({"account": []}, "no such name"),
]


@pytest.mark.parametrize(("selected", "query"), VIEWS, ids=str)
def test_filter_finds_the_rows_that_pass(js, selected, query):
    found = js(
        "(() => { const model = modelOf(data); const view = {...emptyView(), selected, query, sort: 'account'};"
        " return filterRows(model, view, Uint32Array.from({length: model.count}, (_, row) => row), searchNames(model, query)).rows; })()",
        data=DATA,
        selected=selected,
        query=query,
    )
    assert found == [number for number, (target, row) in enumerate(ROWS) if passes(selected, query, target, row)]


@pytest.mark.parametrize(("selected", "query"), VIEWS, ids=str)
def test_facet_counts_leave_out_the_filter_of_the_facet_itself(js, selected, query):
    counts = js(
        "(() => { const model = modelOf(data); const view = {...emptyView(), selected, query};"
        " const {counts} = filterRows(model, view, orderOf(model, view), searchNames(model, query));"
        " const pairs = (name) => model.columns[name].values.map((value, code) => [value, counts[name][code]]);"
        " return Object.fromEntries(model.facets.map((name) => [name, Object.fromEntries(pairs(name))])); })()",
        data=DATA,
        selected=selected,
        query=query,
    )
    assert set(counts) == set(FACETS)
    for facet in FACETS:
        for value, count in counts[facet].items():
            expected = [
                pair
                for pair in ROWS
                if passes(selected, query, *pair, without=facet) and value_of(facet, *pair) == value
            ]
            assert count == len(expected), (facet, value)


def items(js, facet, selected):
    return js(
        "(() => { const model = modelOf(data); const view = {...emptyView(), selected};"
        " return facetItems(model, view, facet, filterRows(model, view, orderOf(model, view), null).counts[facet]); })()",
        data=DATA,
        facet=facet,
        selected=selected,
    )


def test_facet_value_of_an_unread_target_is_not_reported_as_empty(js):
    found = {item["value"]: item for item in items(js, "account", {})}
    assert found[ACCOUNTS[2]] == {"value": ACCOUNTS[2], "count": 0, "isChosen": False, "isUnread": True}
    assert not found[ACCOUNTS[0]]["isUnread"]


def test_facet_shows_a_chosen_value_that_the_report_does_not_have(js):
    found = items(js, "account", {"account": ["<b>"]})
    assert found[0] == {"value": "<b>", "count": 0, "isChosen": True, "isUnread": False}


def test_facet_of_states_has_the_worst_first(js):
    assert [item["value"] for item in items(js, "state", {"state": ["covered"]})] == list(DATA["words"]["state"])


def test_facet_of_changes_exists_only_with_an_earlier_report(js):
    changed = drift(FleetReport(1, ()), REPORT)
    facets = js("[modelOf(data).facets, modelOf(other).facets]", data=DATA, other=columns(REPORT, changed))
    assert facets == [list(FACETS), [*FACETS, "change"]]


def test_unread_targets_follow_the_filters(js):
    def found(**selected):
        numbers = js("unreadTargets(modelOf(data), {selected})", data=DATA, selected=selected)
        return [REPORT.targets[number].host for number in numbers]

    assert found() == [f"{ACCOUNTS[0]}.us-east-1", "lost"]
    assert found(account=[ACCOUNTS[2]]) == ["lost"]
    assert found(region=["us-east-1"], state=["covered"]) == [f"{ACCOUNTS[0]}.us-east-1"]
    assert found(status=["read"]) == []


SORTS = {
    "state": lambda target, row: list(DATA["words"]["state"]).index(row.state),
    "log_group": lambda target, row: row.log_group,
    "account": lambda target, row: target.account,
    "region": lambda target, row: target.region,
    "why": lambda target, row: (row.cause, row.reason),
    "since": lambda target, row: row.since,
    "means": lambda target, row: row.means,
    "others": lambda target, row: "not read" if row.others is None else " ".join(row.others) or "none",
}


@pytest.mark.parametrize("key", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_order_is_stable_and_by_the_chosen_column(js, key, descending):
    order = js(
        "orderOf(modelOf(data), {...emptyView(), sort: key, descending})", data=DATA, key=key, descending=descending
    )
    # Python's reverse keeps the order of equal items, too.
    assert order == sorted(range(len(ROWS)), key=lambda number: SORTS[key](*ROWS[number]), reverse=descending)


@pytest.mark.parametrize(
    "view",
    [
        {"query": "", "sort": "state", "descending": False, "selected": {}},
        {"query": "a&b=c #%\u202e\"'<", "sort": "since", "descending": True, "selected": {}},
        {
            "query": "",
            "sort": "state",
            "descending": True,
            "selected": {"state": ["missing", "broken"], "account": ["a&b=%41+"]},
        },
    ],
    ids=str,
)
def test_link_of_a_view_opens_the_same_view(js, view):
    fragment = js("fragmentOf(view)", view=view)
    assert js("viewOf(fragment)", fragment=fragment) == view
    assert fragment.isascii()


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("log-groups", None),
        ("state=%", {"query": "", "sort": "state", "descending": False, "selected": {"state": ["%"]}}),
        ("sort=__proto__&x=1&constructor=2&q", {"query": "", "sort": "state", "descending": False, "selected": {}}),
        ("state=a&state=a", {"query": "", "sort": "state", "descending": False, "selected": {"state": ["a"]}}),
    ],
)
def test_hostile_fragment_is_a_view_or_none(js, fragment, expected):
    assert js("viewOf(fragment)", fragment=fragment) == expected


@pytest.mark.parametrize(
    ("facet", "value", "label"),
    [
        ("state", "not_checked", "Not checked"),
        ("status", "read", "Read"),
        ("state", "constructor", "constructor"),
        ("cause", "slots", "slots"),
    ],
)
def test_label_of_a_value_is_its_word_or_itself(js, facet, value, label):
    assert js("labelOf(modelOf(data), facet, value)", data=DATA, facet=facet, value=value) == label


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ('a,"b"', '"a,""b"""'),
        ('=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'),
        ("a=1", "a=1"),
    ],
)
def test_csv_cell_is_no_formula(js, value, expected):
    assert js("csvCell(value)", value=value) == expected


def test_csv_of_the_whole_table_is_that_of_the_report(js):
    """The page exports the lines of report.csv: also those of targets that were not read."""
    expression = "(() => { const model = modelOf(data); return [...csvLines(model, numbers, unreadTargets(model, emptyView()))].join(''); })()"
    text = js(expression, data=DATA, numbers=list(range(len(ROWS))))
    lines, expected = (
        list(csv.reader(io.StringIO(found, newline=""))) for found in (text, "".join(table(REPORT, None)))
    )
    assert lines[0] == expected[0]
    assert sorted(lines) == sorted(expected)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (86400 * 3, "3 days ago")],
)
def test_age_is_in_the_largest_unit_that_has_two(js, seconds, text):
    assert js("ageText(seconds)", seconds=seconds) == text


@pytest.mark.parametrize("count", [0, 1, 10, 100_000, 3_000_000])
@pytest.mark.parametrize("part", [0, 0.3, 0.999, 1])
def test_virtual_scroll_draws_the_rows_in_view(js, count, part):
    """The drawn rows cover the whole view at each position, also where the table is higher than browsers can draw."""
    height, view = 46, 700
    whole = js("windowOf(0, view, count, height).height", view=view, count=count, height=height)
    top = max(0, whole - view) * part
    place = js("windowOf(top, view, count, height)", top=top, view=view, count=count, height=height)
    rows = place["last"] - place["first"]
    assert 0 <= rows <= 40
    assert place["space"] <= top + 1e-6
    assert place["space"] + rows * height >= min(whole, top + view) - 1e-6
    assert place["space"] + rows * height <= whole + 1e-6
    if part == 1:
        assert place["last"] == count


@pytest.mark.parametrize("count", [100, 100_000, 3_000_000])
def test_scroll_to_a_row_shows_it(js, count):
    for row in (0, count // 3, count - 1):
        place = js("windowOf(scrollTopOf(row, 300, 700, count, 46), 700, count, 46)", row=row, count=count)
        assert place["first"] <= row < place["last"]


def test_print_has_the_rows_that_are_not_covered(js):
    numbers = js("uncoveredRows(modelOf(data), Uint32Array.from(numbers))", data=DATA, numbers=list(range(len(ROWS))))
    expected = [number for number, (_unused, row) in enumerate(ROWS) if row.state not in ("covered", "excluded")]
    assert numbers == expected
