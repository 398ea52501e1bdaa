# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports in a directory."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.history import (
    HistoryError,
    add,
    end_of,
    files,
    latest,
    read,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.records import lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .fleets import EVERY_STATE, MADE_AT, fleet, fleets, target

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@same_folder
@given(fleets)
def test_report_that_was_added_is_read(tmp_path: Path, report: FleetReport) -> None:
    path = add(tmp_path, report)
    assert read(path) == report
    assert latest(tmp_path, report.made_at) == path


def test_file_has_the_time_in_its_name_and_mode_0640(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = add(tmp_path / "new" / "history", EVERY_STATE)
    finally:
        os.umask(before)
    assert path.name == "coverage-20261118T110640Z.ndjson.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("has_links", [True, False])
def test_report_of_the_same_second_replaces_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    """The second report of a second replaced the first, and nobody saw that one was missing."""

    def refuse(*_paths: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    reports = [fleet(target(f"host-{number:02}")) for number in range(11)]
    paths = [add(tmp_path, report) for report in reports]
    assert [read(path) for path in paths] == reports
    assert sorted(tmp_path.iterdir()) == sorted(set(paths))
    assert latest(tmp_path) == paths[-1]
    assert latest(tmp_path, MADE_AT - 1) is None
    assert [path for _made_at, path in files(tmp_path)] == paths


def test_same_report_has_the_same_bytes(tmp_path: Path) -> None:
    first = add(tmp_path / "1", EVERY_STATE).read_bytes()
    assert add(tmp_path / "2", EVERY_STATE).read_bytes() == first


def test_report_file_is_read_without_compression(tmp_path: Path) -> None:
    path = tmp_path / "report.ndjson"
    path.write_text("".join(f"{line}\n" for line in lines(EVERY_STATE)), encoding="utf-8")
    assert read(path) == EVERY_STATE


@pytest.mark.parametrize(
    ("until", "expected"),
    [(None, 300), (1000, 300), (300, 300), (299, 200), (100, 100), (99, None)],
)
def test_latest_report_until_a_time(tmp_path: Path, until: int | None, expected: int | None) -> None:
    for made_at in (200, 300, 100):
        add(tmp_path, fleet(made_at=made_at))
    path = latest(tmp_path, until)
    assert (read(path).made_at if path else None) == expected


@pytest.mark.parametrize(
    "name",
    [
        "coverage-20261399T999999Z.ndjson.gz",
        "coverage-20261118T130640Z.ndjson.part",
        "coverage-20261118T130640Z.ndjson",
        "coverage-.ndjson.gz",
        "report.ndjson",
        ".coverage-20261118T130640Z.ndjson.gz",
    ],
)
def test_other_files_are_no_reports(tmp_path: Path, name: str) -> None:
    """A file name with an impossible date raised an error that nobody caught."""
    (tmp_path / name).write_bytes(b"")
    assert latest(tmp_path) is None


def test_directory_that_does_not_exist_has_no_report(tmp_path: Path) -> None:
    assert latest(tmp_path / "missing") is None


@same_folder
@given(st.data())
def test_damaged_file_is_refused_or_means_the_same(tmp_path: Path, data: st.DataObject) -> None:
    """zlib.error was not caught: one flipped byte ended the playbook with a traceback."""
    path = add(tmp_path, EVERY_STATE)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(10, len(content) - 1))  # after the header, of which most bytes mean nothing here
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read(path)
    except HistoryError as error:
        assert path.name in str(error)  # noqa: PT017
    else:
        assert found == EVERY_STATE  # bits that fill up the last byte of the stream mean nothing


@pytest.mark.parametrize("place", [12, 40, -6, -2])
def test_file_with_another_byte_is_refused(tmp_path: Path, place: int) -> None:
    path = add(tmp_path, EVERY_STATE)
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=path.name):
        read(path)


@same_folder
@given(st.data())
def test_file_that_was_cut_off_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = add(tmp_path, EVERY_STATE)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(HistoryError, match=path.name):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}\n", b"text\n", b"\x1f\x8b\x08"])
def test_file_that_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("report.ndjson", "report.ndjson.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(HistoryError, match=f"{name} cannot be read"):
            read(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be read"):
        read(tmp_path / "report.ndjson")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20", "2026-11-20T23:59:59+00:00"),
        ("20261120", "2026-11-20T23:59:59+00:00"),
        ("2026-W47-5", "2026-11-20T23:59:59+00:00"),
        ("2026-11-20T14:30", "2026-11-20T14:30:00+00:00"),
        ("2026-11-20 14:30:15", "2026-11-20T14:30:15+00:00"),
        ("2026-11-20T14:30:15Z", "2026-11-20T14:30:15+00:00"),
        ("2026-11-20T14:30+02:00", "2026-11-20T12:30:00+00:00"),
        ("2026-11-20T00:00", "2026-11-20T00:00:00+00:00"),
        ("9999-12-31", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_end_of_a_moment(moment: str, expected: str) -> None:
    """A date in ISO's week form ended at its beginning, and the last day of the calendar raised OverflowError."""
    assert datetime.fromtimestamp(end_of(moment), UTC).isoformat() == expected


@pytest.mark.parametrize(
    "moment", ["", "yesterday", "2026-13-01", "2026-11-20T25:00", "20.11.2026", "2026-11", "1763600000"]
)
def test_end_of_something_else_is_refused(moment: str) -> None:
    with pytest.raises(ValueError):
        end_of(moment)
