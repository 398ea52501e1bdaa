# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release takes from the changelog and from the log of Galaxy's importer."""

from __future__ import annotations

from pathlib import Path

import pytest
import release

ROOT = Path(__file__).resolve().parents[3]

CHANGELOG = """# Notes

- <a href="#v0-2-0">v0\\.2\\.0</a>

<a id="v0-2-0"></a>
## v0\\.2\\.0

Second\\.

<a id="v0-1-0"></a>
## v0\\.1\\.0

First\\.
"""


def test_notes_of_a_version_are_its_part_of_the_changelog() -> None:
    assert release.notes(CHANGELOG, "0.2.0") == "Second\\.\n"
    assert release.notes(CHANGELOG, "0.1.0") == "First\\.\n"


@pytest.mark.parametrize("version", ["0.3.0", "0.2", "0x2x0"])
def test_notes_of_a_missing_version_are_an_error(version: str) -> None:
    with pytest.raises(ValueError, match="make changelog"):
        release.notes(CHANGELOG, version)


def test_changelog_has_notes_of_the_present_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "first release" in release.notes(changelog, "0.1.0")


def test_complaints_are_the_importers_warnings_and_errors() -> None:
    log = "Loading role account\nWARNING: a\nERROR: Timeout on call to ansible-lint\nImporter processing completed successfully\n"
    assert release.complaints(log) == ["WARNING: a", "ERROR: Timeout on call to ansible-lint"]
