# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary as a message of SNS: short enough, with whole counts, and with the number of rows that are left out."""

from __future__ import annotations

import re

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.markdown import summary
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.sns import region_of, shortened, subject
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from .fleets import EVERY_STATE, HOSTILE, drifts, fleet, fleets, group, target

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
LIMIT = 262_144
NAMED = (
    "Targets that were not read",
    "Targets with log groups that are not covered",
    "Targets with unexplained or unread events",
    "Targets with unexplained or unread copies",
    "Targets that were read then and are not now",
    "Notes",
    "Worse than then",
)


def sections(text: str) -> dict[str, tuple[list[list[str]], int]]:
    """Return the rows of each table, and how many more there are, by the heading above."""
    found: dict[str, tuple[list[list[str]], int]] = {}
    title, rows = "", []
    parsed = PARSER.parse(text)
    for index, token in enumerate(parsed):
        if token.type == "heading_open":
            title, rows = parsed[index + 1].content, []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and parsed[index - 1].type in ("td_open", "th_open"):
            rows[-1].append(token.content)
        elif token.type == "table_close":
            found[title] = rows[1:], 0
        elif token.type == "inline" and (match := re.fullmatch(r"and ([\d,]+) more", token.content)):
            found[title] = found.get(title, ([], 0))[0], int(match[1].replace(",", ""))
    return found


def big_fleet() -> FleetReport:
    """Return a report whose summary has 500 KB, because every character of its texts is escaped."""
    long = "\u202e" * 300
    targets = [
        target(
            f"host-{number:03}{long}", group(f"/a{long}", "missing", "missing", long), status="partly_read", error=long
        )
        for number in range(60)
    ]
    return fleet(*targets)


def test_summary_that_fits_is_not_changed() -> None:
    text = "".join(summary(EVERY_STATE, None))
    assert shortened(text, LIMIT) == text


def test_long_summary_has_fewer_rows_whole_counts_and_says_so() -> None:
    text = "".join(summary(big_fleet(), None))
    short = shortened(text, 60_000)
    assert len(text.encode()) > 60_000 >= len(short.encode())
    assert "**Lists are shortened**" in short
    before, after = sections(text), sections(short)
    assert after["Log groups"] == before["Log groups"]
    assert after["Why log groups are not covered"] == before["Why log groups are not covered"]
    for title in NAMED[:2]:
        (rows, more), (fewer, now) = before[title], after[title]
        assert len(fewer) < len(rows)
        assert fewer == rows[: len(fewer)]
        assert len(fewer) + now == len(rows) + more == 60


@given(fleets, drifts, st.integers(0, 20_000))
def test_shortened_summary_keeps_counts_and_loses_no_number(report: FleetReport, change: object, limit: int) -> None:
    text = "".join(summary(report, change))  # type: ignore[arg-type]
    before, after = sections(text), sections(shortened(text, limit))
    for title, (rows, more) in before.items():
        fewer, now = after.get(title, ([], 0))
        assert len(fewer) + now == len(rows) + more
        if title not in NAMED:
            assert fewer == rows


@pytest.mark.parametrize("name", HOSTILE)
def test_subject_holds_no_text_of_others(name: str) -> None:
    report = fleet(target(name, group(name, "missing", name, name), status="partly_read", error=name))
    found = subject(report)
    assert found == "Log coverage: 0 % of 1, 1 of 1 targets not read"


def test_region_is_the_topics_and_other_arns_are_refused() -> None:
    assert region_of("arn:aws-us-gov:sns:us-gov-west-1:111111111111:on-call") == "us-gov-west-1"
    for wrong in ("on-call", "arn:aws:sqs:eu-west-1:111111111111:x", "arn:aws:sns:eu-west-1:111111111111:a:b", ""):
        with pytest.raises(InvalidInputError, match="sns_topic"):
            region_of(wrong)
