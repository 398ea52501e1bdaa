# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files are replaced as a whole, and not everybody may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._files import replacing


def test_file_is_replaced_at_the_end_with_mode_0640(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_bytes(b"old")
    before = os.umask(0o022)
    try:
        with replacing(path) as file:
            file.write(b"new")
            file.flush()
            assert path.read_bytes() == b"old"
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("keeps_incomplete", "content"), [(False, b"old"), (True, b"half")])
def test_incomplete_file_replaces_only_if_it_is_kept(tmp_path: Path, content: bytes, *, keeps_incomplete: bool) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path, keeps_incomplete=keeps_incomplete) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert path.read_bytes() == content
