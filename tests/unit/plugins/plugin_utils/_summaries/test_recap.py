# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The retry file of the summary `recap`."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.recap import write_retry_file


def test_write_retry_file_lists_the_targets_that_are_left(tmp_path: Path) -> None:
    path = tmp_path / "x.retry"
    write_retry_file(path, ["b", "a"], ["a", "b", "c"], ["a", "b", "c"])
    assert path.read_text() == "a\nb\n"


def test_write_retry_file_keeps_targets_that_the_run_did_not_include(tmp_path: Path) -> None:
    path = tmp_path / "x.retry"
    path.write_text("a\nc\ngone\n")
    write_retry_file(path, [], ["a"], ["a", "b", "c"])
    assert path.read_text() == "c\n"


def test_write_retry_file_nothing_left_removes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.retry"
    path.write_text("a\n")
    for _again in range(2):
        write_retry_file(path, [], ["a"], ["a"])
        assert not path.exists()
