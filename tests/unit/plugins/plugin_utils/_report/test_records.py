# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as NDJSON, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.records import (
    NotAReportError,
    lines,
    report_of,
    rows_of,
)
from hypothesis import given
from hypothesis import strategies as st

from .fleets import EVERY_STATE, fleet, fleets, group, target

ONE_GROUP = fleet(target("a", group("/a", "covered")))

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


@given(fleets)
def test_report_of_lines_is_the_report(report: FleetReport) -> None:
    text = [f"{line}\n".encode().decode("ascii") for line in lines(report)]
    assert report_of(text) == report


@given(fleets, st.data())
def test_report_without_its_last_lines_is_refused(report: FleetReport, data: st.DataObject) -> None:
    """A file that was cut off at a line end was read as a smaller fleet."""
    text = list(lines(report))
    kept = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(NotAReportError):
        report_of(text[:kept])


@given(fleets, st.data())
def test_report_with_any_other_value_is_refused_or_read(report: FleetReport, data: st.DataObject) -> None:
    """Infinite times, text in place of numbers and lists in place of text raised other errors, here or in a format."""
    records = [json.loads(line) for line in lines(report)]
    record = data.draw(st.sampled_from(records))
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(json_values)
    try:
        read = report_of(json.dumps(each) for each in records)
    except NotAReportError:
        return
    assert report_of(lines(read)) == read


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("report", {"version": 2}, "version 2 is unknown"),
        ("report", {"made_at": float("inf")}, "made_at has a wrong value"),
        ("report", {"made_at": 10**20}, "made_at has a wrong value"),
        ("report", {"targets": 5}, "4 of 5 targets"),
        ("report", {"kind": "other"}, "the kind 'other' is unknown"),
        ("target", {"kind": "report", "version": 1}, "second line of the kind report"),
        ("target", {"status": "fine"}, "status has a wrong value: 'fine'"),
        ("target", {"notes": "text"}, "notes has a wrong value"),
        ("target", {"calls": {"A": "1"}}, "calls has a wrong value"),
        ("target", {"seconds": float("nan")}, "seconds has a wrong value"),
        ("target", {"host": 5}, "host has a wrong value: '5'"),
        ("log_group", {"state": "fine"}, "state has a wrong value: 'fine'"),
        ("log_group", {"state": "missing"}, "log groups of the target"),
        ("log_group", {"log_group": ""}, "log_group has no name"),
        ("log_group", {"since": "yesterday"}, "since has a wrong value"),
        ("log_group", {"others": "arn"}, "others has a wrong value"),
    ],
)
def test_damaged_report_is_refused_with_the_reason(kind: str, change: dict[str, Any], reason: str) -> None:
    records = [json.loads(line) for line in lines(EVERY_STATE)]
    next(each for each in records if each["kind"] == kind).update(change)
    with pytest.raises(NotAReportError, match=reason):
        report_of(json.dumps(each) for each in records)


@pytest.mark.parametrize("member", ["kind", "made_at", "version", "targets", "host", "counts", "log_group", "state"])
def test_report_without_a_member_is_refused(member: str) -> None:
    records = [json.loads(line) for line in lines(EVERY_STATE)]
    del next(each for each in records if member in each)[member]
    with pytest.raises(NotAReportError, match=member):
        report_of(json.dumps(each) for each in records)


@pytest.mark.parametrize("line", ["", "text", "[]", "5", "null", '"kind"', "{", "[" * 100_000])
def test_line_that_is_no_record_is_named(line: str) -> None:
    text = list(lines(EVERY_STATE))
    with pytest.raises(NotAReportError, match="line 3 is not one of a report"):
        report_of([*text[:2], line, *text[2:]])


def test_log_group_before_its_target_is_refused() -> None:
    head, _target, row = lines(ONE_GROUP)
    with pytest.raises(NotAReportError, match=r"line 2 .* comes too early"):
        report_of([head, row])


def test_log_group_that_is_listed_twice_is_refused() -> None:
    head, first, row = lines(ONE_GROUP)
    with pytest.raises(NotAReportError, match="in it twice"):
        report_of([head, first, row, row])


def test_last_line_of_a_log_group_counts() -> None:
    found = [group("/b", "missing"), group("/a", "covered"), group("/b", "covered", others=())]
    assert rows_of(json.dumps(row.plain()) for row in found) == (found[1], found[2])
