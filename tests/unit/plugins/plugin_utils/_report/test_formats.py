# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats by name, and text of others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.formats import FORMATS
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import more, visible
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries import options
from hypothesis import given
from hypothesis import strategies as st

from .fleets import EVERY_STATE, copies_of, fleets, flow_of, texts

TEXT = ("ndjson", "json", "csv", "junit", "openmetrics", "markdown")
"""Formats whose file is plain text."""


def test_each_format_has_a_file_of_its_own() -> None:
    files = [each.file for each in FORMATS.values()]
    assert len(set(files)) == len(files)
    assert {each.file.split(".")[0] for each in FORMATS.values()} == {"report"}


def test_options_of_the_report_name_each_format() -> None:
    assert tuple(FORMATS) == options.FORMATS


def test_page_names_each_format_with_its_file() -> None:
    page = (Path(__file__).parents[5] / "docs" / "REPORT_FORMATS.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| `(report[\w.]+)`", page, re.MULTILINE) == [
        (name, each.file) for name, each in FORMATS.items()
    ]


def test_page_names_each_metric_with_its_labels() -> None:
    page = (Path(__file__).parents[5] / "docs" / "REPORT_FORMATS.md").read_text(encoding="utf-8")
    first, *others = EVERY_STATE.targets
    events = replace(flow_of(written=1), facts={"Errors": 1})
    with_events = replace(first, flow=events, copy_flows=(copies_of(written=1),))
    report_with_events = replace(EVERY_STATE, targets=(with_events, *others))
    text = "".join(FORMATS["openmetrics"].text(report_with_events, None))
    samples = re.findall(r"^(log_reflector_\w+)(?:{(.*)})? ", text, re.MULTILINE)
    labels = {name: ", ".join(re.findall(r'(\w+)="', found)) for name, found in samples}
    assert dict(re.findall(r"^\| `(log_reflector_\w+)` \| ([\w, ]*?) ?\|", page, re.MULTILINE)) == labels


@pytest.mark.parametrize("name", TEXT)
def test_format_yields_its_text_in_pieces_and_ends_with_a_line_end(name: str) -> None:
    pieces = list(FORMATS[name].text(EVERY_STATE, None))
    assert len(pieces) > len(EVERY_STATE.targets)
    assert pieces[-1].endswith("\n")
    assert list(FORMATS[name].text(EVERY_STATE, None)) == pieces


@pytest.mark.parametrize("name", TEXT)
def test_each_target_is_in_each_format(name: str) -> None:
    text = "".join(FORMATS[name].text(EVERY_STATE, None))
    missing = [each.host for each in EVERY_STATE.unread_targets if each.host not in text]
    assert missing == []


@pytest.mark.parametrize("name", TEXT)
@given(fleets)
def test_format_can_be_written_for_any_report(name: str, fleet: FleetReport) -> None:
    text = "".join(FORMATS[name].text(fleet, None))
    assert text.encode().decode() == text
    assert text.replace("\r\n", "").replace("\n", "").isprintable()


@given(texts)
def test_visible_text_can_be_seen_and_is_legal_in_xml(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert ElementTree.fromstring(f"<a>{shown.translate({38: '&amp;', 60: '&lt;', 62: '&gt;'})}</a>").text == (
        shown or None
    )
    assert visible(shown) == shown


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_visible_leaves_text_alone_that_can_be_seen(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u202eb", r"a\u202eb"),
        ("a\nb\tc\x00", r"a\u000ab\u0009c\u0000"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("a b", "a b"),
        ("a\xa0b", r"a\u00a0b"),
    ],
)
def test_visible_escapes_characters_that_cannot_be_seen(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("total", "shown", "expected"), [(5, 5, []), (6, 5, ["and 1 more"]), (4000, 5, ["and 3,995 more"])]
)
def test_more_counts_entries_that_are_not_shown(total: int, shown: int, expected: list[str]) -> None:
    assert more(total, shown) == expected
