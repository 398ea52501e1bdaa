# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points of a trend, read from a history."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report import history
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, TargetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.points import SHOWN, Point, points

from .fleets import EVERY_STATE


def report(made_at: int, *rows: CoverageRow, status: str = "read") -> FleetReport:
    return FleetReport(made_at, (TargetReport("a", "1", "r", status, log_groups=rows),))


def test_points_are_those_of_the_reports(tmp_path: Path) -> None:
    reports = [
        report(100, CoverageRow("a", "covered"), CoverageRow("b", "missing")),
        report(200, CoverageRow("a", "covered"), status="partly_read"),
        report(300, CoverageRow("a", "not_checked")),
        FleetReport(400, EVERY_STATE.targets),
    ]
    for each in reports:
        history.add(tmp_path, each)
    assert points(tmp_path, 1000) == tuple(map(Point.of, reports))
    assert [point.is_complete for point in points(tmp_path, 400)] == [True, False, False]


def test_points_of_a_long_history_begin_with_the_first_and_end_with_the_last(tmp_path: Path) -> None:
    for made_at in range(1000, 1000 + 3 * SHOWN):
        history.add(tmp_path, report(made_at))
    found = [point.made_at for point in points(tmp_path, 9000)]
    assert len(found) == SHOWN
    assert (found[0], found[-1]) == (1000, 999 + 3 * SHOWN)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b'{"kind": "target"}'),
        gzip.compress(b'{"kind": "target", '),
        gzip.compress(b"x" * 999)[:20],
    ],
    ids=["empty", "other", "no counts", "no json", "cut"],
)
def test_file_that_cannot_be_read_is_a_point_without_counts(tmp_path: Path, content: bytes) -> None:
    history.add(tmp_path, report(100, CoverageRow("a", "covered")))
    history.add(tmp_path, report(200)).write_bytes(content)
    assert [point.counts is None for point in points(tmp_path, 1000)] == [False, True]


def test_directory_that_does_not_exist_has_no_points(tmp_path: Path) -> None:
    assert points(tmp_path / "none", 1000) == ()
