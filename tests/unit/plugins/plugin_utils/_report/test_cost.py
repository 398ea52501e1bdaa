# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume and cost in the report: on the page, in Markdown and in JSON, with hostile names as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.fleet import FleetCost, TargetCost
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.as_json import document
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.cost_markdown import section
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.formats import FORMATS
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.cost import cost_section
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from .._cost.test_fleet import UNREAD, fleet, fleets, row, target
from .._cost.test_modes import USAGE
from .fleets import EVERY_STATE, HOSTILE

SCHEMA = json.loads((Path(__file__).parents[5] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
TAGS = {
    "section",
    "h2",
    "p",
    "ul",
    "li",
    "span",
    "details",
    "summary",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "bdi",
}


class _Page(HTMLParser):
    """Collects the tags and the text of a section."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _value in attrs} <= {"id", "class", "aria-labelledby", "scope"}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def hostile_fleet() -> FleetCost:
    return fleet(target("a", *(row(name, 10**9) for name in HOSTILE)), TargetCost("b", error=HOSTILE[7]))


@given(fleets)
def test_page_has_our_elements_only_and_names_what_was_not_read(found: FleetCost) -> None:
    page = _Page(cost_section(found))
    assert page.tags <= TAGS
    for each in found.unread_targets:
        assert visible(f"{each.host}: was not read.") in page.text


def test_page_shows_hostile_names_as_text() -> None:
    page = _Page(cost_section(hostile_fleet()))
    assert page.tags <= TAGS
    assert "<script>alert(1)</script>" in page.text
    assert "\u202e" not in page.text


def test_page_without_cost_says_that_it_was_not_read() -> None:
    assert "were not read" in _Page(cost_section(None)).text


def test_page_has_what_is_deployed_from_actual_usage() -> None:
    found = fleet(target("a", row("/a", 10**10), usage=USAGE), UNREAD)
    text = _Page(cost_section(found)).text
    assert "Items of what is deployed" in text
    assert "measured" in text
    assert "What is deployed on 1 target is unknown" in text
    assert "/a" in text


def _code(tokens: Any) -> Iterator[str]:
    for token in tokens:
        if token.type == "code_inline":
            yield token.content
        yield from _code(token.children or ())


def test_markdown_has_hostile_names_in_code_spans_only() -> None:
    text = "".join(section(hostile_fleet()))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "softbreak"}, kinds
    assert any("script" in each for each in _code(tokens))
    assert sum(token.type == "table_open" for token in tokens) == 1


@given(fleets)
def test_report_with_cost_follows_its_schema(found: FleetCost) -> None:
    report = replace(EVERY_STATE, cost=found)
    parsed = json.loads("".join(document(report, None)), parse_constant=pytest.fail)
    Draft202012Validator(SCHEMA).validate(parsed)
    assert parsed["cost"]["targets_read"] == len(found.read_targets)


def test_report_without_cost_has_null_and_no_section() -> None:
    assert json.loads("".join(document(EVERY_STATE, None)))["cost"] is None
    assert "Volume and cost" not in "".join(FORMATS["markdown"].text(EVERY_STATE, None))
    with_cost = replace(EVERY_STATE, cost=fleet(target("a", row("/a", 1))))
    assert "## Volume and cost" in "".join(FORMATS["markdown"].text(with_cost, None))
