# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Markdown summary, by the CommonMark parser markdown-it with GitHub's tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import Drift, drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.markdown import code, summary
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .fleets import EVERY_STATE, HOSTILE, drifts, fleet, fleets, group, target, texts

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
BLOCKS = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td"}
ALLOWED = {"inline", "text", "code_inline", "strong_open", "strong_close", "softbreak"} | {
    f"{block}_{end}" for block in BLOCKS for end in ("open", "close")
}


def tokens(text: str) -> Iterator[Token]:
    """Yield all tokens."""
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def tables(report: FleetReport, change: Drift | None = None) -> dict[str, list[list[str]]]:
    """Return the rows of each table by the heading above it. Nothing else but text, code and strong text is in the summary."""
    text = "".join(summary(report, change))
    text.encode()
    assert {token.type for token in tokens(text)} <= ALLOWED
    found: dict[str, list[list[str]]] = {}
    heading, before = "", ""
    for token in PARSER.parse(text):
        if token.type == "inline" and before == "heading_open":
            heading = token.content
        elif token.type == "tr_open":
            found.setdefault(heading, []).append([])
        elif token.type == "inline" and before in ("td_open", "th_open"):
            found[heading][-1].append(
                " ".join(child.content.strip() for child in token.children or () if child.content.strip())
            )
        before = token.type
    assert all(len(row) == len(rows[0]) for rows in found.values() for row in rows)
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert len(lines) == sum(len(rows) + 1 for rows in found.values())  # and the line below each header
    return {name: rows[1:] for name, rows in found.items()}


def shown(text: str) -> str:
    """Return the text of others as a table shows it."""
    return code(text)[1:-1].strip()


@given(fleets, drifts)
def test_summary_has_the_numbers_and_no_markup_of_others(report: FleetReport, change: Drift | None) -> None:
    found = tables(report, change)
    assert {state: int(number) for state, number in found["Log groups"]} == report.counts
    unread = found.get("Targets that were not read", [])
    assert [row[2] for row in unread] == [shown(each.host) for each in report.unread_targets]
    title = "Targets with log groups that are not covered"
    numbers = [sum(map(int, row[3:7])) for row in found.get(title, [])]
    to_do = ("missing", "broken", "impossible", "not_checked")
    assert sum(numbers) == sum(report.counts[state] for state in to_do)
    assert numbers == sorted(numbers, reverse=True)
    text = "".join(summary(report, change))
    assert text.replace("\n", "").isprintable()
    assert ("not complete" in text) == (not report.is_complete)


@given(texts)
def test_code_is_one_code_span(text: str) -> None:
    (paragraph,) = [token for token in PARSER.parse(f"a {code(text)} b") if token.type == "inline"]
    children = [token.type for token in paragraph.children or ()]
    assert children == (["text", "code_inline", "text"] if text else ["text"])
    assert not set("|<>&") & set(code(text))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_text(name: str) -> None:
    hostile = target(name, group(name, "missing", name, name), account=name, region=name, notes=(name,))
    unread = target(f"{name}2", account=f"{name}2", status="not_checked", error=name, checked_at=0)
    found = tables(fleet(hostile, unread), drift(fleet(target(f"{name}3", account="3")), fleet(hostile)))
    host = [shown(name)] * 3
    assert found["Notes"] == [[*host, shown(name)]]
    assert found["Targets that were not read"][0][4] == shown(name)
    assert found["Why log groups are not covered"] == [["missing", shown(name), "1"]]
    assert found["Targets that were read then and are not now"] == [[shown(f"{name}3")]]
    assert found["Worse than then"] == [[*host, "(none)", "missing", shown(name)]]
    assert found["Targets with log groups that are not covered"] == [
        [*host, "1", "0", "0", "0", f"{shown(name)} {shown(name)}"]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/aws/lambda/a", "`/aws/lambda/a`"),
        ("a`b|c", r"`a\u0060b\u007cc`"),
        ("<b>&lt;", r"`\u003cb\u003e\u0026lt;`"),
        ("a\u202eb\nc", r"`a\u202eb\u000ac`"),
        ("@org/team", "`@org/team`"),
        ("", ""),
        ("x" * 201, f"`{'x' * 197}...`"),
    ],
)
def test_code_makes_markup_and_direction_marks_visible(text: str, expected: str) -> None:
    assert code(text) == expected


def test_summary_begins_with_the_share_and_unread_targets() -> None:
    text = "".join(summary(EVERY_STATE, None))
    assert text.startswith(
        "## Log coverage: 50 %\n\n3 of 6 chosen log groups are covered. 2 of 4 targets were read to their end. "
        "Report of 2026-11-18T11:06:40Z.\n\n**The report is not complete**"
    )
    headings = [line for line in text.split("\n") if line.startswith("#")]
    assert headings[1:] == [
        "### Log groups",
        "### Targets that were not read",
        "### Notes",
        "### Why log groups are not covered",
        "### Targets with log groups that are not covered",
    ]


def test_summary_of_a_covered_fleet_is_one_table() -> None:
    report = fleet(target("a", group("/a", "covered")))
    assert list(tables(report, drift(report, report))) == ["Log groups"]
    assert "\n\nNone.\n" in "".join(summary(report, drift(report, report)))


def test_summary_of_a_large_fleet_is_short_and_says_what_is_left_out() -> None:
    bad = [
        target(
            f"{number:04}",
            *(group(f"/{each}", "missing", f"c{each}", "x" * 500) for each in range(30)),
            account=f"{number:04}",
        )
        for number in range(100)
    ]
    unread = [target(f"u{number}", account=f"u{number}", status="not_checked") for number in range(50)]
    report = fleet(*bad, *unread)
    change = drift(fleet(*(target(each.host, account=each.account) for each in report.targets)), report)
    text = "".join(summary(report, change))
    assert text.count("\nand 30 more\n") == 2  # unread targets, lost targets
    assert text.count("\nand 10 more\n") == 1  # causes
    assert text.count("\nand 80 more\n") == 1  # targets
    assert text.count("\nand 2,980 more\n") == 1  # log groups that are worse
    assert len(text) < 65_000  # characters of a comment on GitHub: 65,536


def test_drift_is_counted_and_what_is_worse_is_named() -> None:
    before = fleet(
        target("a", group("/a", "covered"), group("/b", "missing", "missing")), target("b", region="eu-west-2")
    )
    after = fleet(target("a", group("/a", "broken", "outdated", "old settings"), group("/b", "covered")))
    found = tables(after, drift(before, after))
    assert found["Changes since 2026-11-18T11:06:40Z"] == [["newly uncovered", "1"], ["newly covered", "1"]]
    assert found["Worse than then"] == [["111111111111", "eu-west-1", "/a", "covered", "broken", "old settings"]]
    assert found["Targets that were read then and are not now"] == [["b"]]


def test_visible_leaves_other_scripts_alone() -> None:
    assert visible("naïve 日本 😀") == "naïve 日本 😀"
