# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CSV table, by Python's csv module."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.as_csv import COLUMNS, table
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given

from .fleets import EVERY_STATE, fleet, fleets, group, target


def parsed(report: FleetReport) -> list[dict[str, str]]:
    """Return the rows. A strict parser accepts the table, and each row has each column."""
    text = "".join(table(report, None))
    text.encode()
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert all(len(row) == len(COLUMNS) for row in found)
    assert tuple(found[0]) == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in found[1:]]


@given(fleets)
def test_table_has_each_log_group_and_each_unread_target(report: FleetReport) -> None:
    rows = parsed(report)
    groups = [row for row in rows if row["log_group"]]
    assert Counter(row["state"] for row in groups) == Counter({k: n for k, n in report.counts.items() if n})
    expected = [visible(row.log_group) for each in report.targets for row in each.log_groups]
    assert [row["log_group"].removeprefix("'") for row in groups] == [name.removeprefix("'") for name in expected]
    unread = [row for row in rows if not row["log_group"]]
    assert [(row["target_status"], row["state"]) for row in unread] == [
        (each.status, "not_checked") for each in report.unread_targets
    ]
    assert all("was not read" in row["reason"] for row in unread)


@given(fleets)
def test_no_cell_is_a_formula_or_has_characters_that_cannot_be_seen(report: FleetReport) -> None:
    for row in parsed(report):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
            assert cell.isprintable()


@pytest.mark.parametrize("letter", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_cell_that_begins_like_a_formula_gets_an_apostrophe(letter: str) -> None:
    name = f"{letter}1+1"
    assert parsed(fleet(target("a", group(name, "covered"))))[0]["log_group"] == f"'{visible(name)}"


def test_row_has_the_facts_of_the_log_group() -> None:
    row = next(row for row in parsed(EVERY_STATE) if row["host"] == "prod-eu" and row["log_group"] == "/a")
    assert row == {
        **dict.fromkeys(COLUMNS, ""),
        "account": "111111111111",
        "region": "eu-west-1",
        "host": "prod-eu",
        "target_status": "read",
        "log_group": "/a",
        "state": "covered",
        "means": "filter",
        "known_by": "tag",
        "since": "2023-11-14T22:13:20Z",
        "checked_at": "2026-11-18T11:05:00Z",
    }


def test_others_that_were_not_read_are_not_the_same_as_none() -> None:
    names = ["/unread", "/none", "/two"]
    others = [None, (), ("arn:1", "arn:2")]
    log_groups = [group(name, "covered", others=each) for name, each in zip(names, others, strict=True)]
    found = {row["log_group"]: row["others"] for row in parsed(fleet(target("a", *log_groups)))}
    assert found == {"/unread": "", "/none": "none", "/two": "arn:1 arn:2"}


def test_unread_target_has_a_row_with_its_error() -> None:
    rows = [row for row in parsed(EVERY_STATE) if not row["log_group"]]
    assert [(row["host"], row["target_status"], row["reason"]) for row in rows] == [
        ("stage-us", "not_checked", "the target was not read: Could not assume the role."),
        ("stage-eu", "partly_read", "the target was not read to its end: Throttled."),
    ]


def test_table_is_never_capped() -> None:
    log_groups = [group(f"/{number:06}", "covered") for number in range(20_000)]
    pieces = list(table(fleet(target("a", *log_groups)), None))
    assert len(pieces) == 20_001
    assert max(map(len, pieces)) < 200
