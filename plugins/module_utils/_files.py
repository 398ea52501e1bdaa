# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with names of log groups, which not everybody may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o640


def create_file(path: Path) -> BinaryIO:
    """Return a new, empty file of the mode 0640."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb")


@contextmanager
def replacing(path: Path, *, keeps_incomplete: bool = False) -> Iterator[BinaryIO]:
    """Yield a new file, which replaces `path` when the block ends: a reader never sees half of it.

    keeps_incomplete    whether it also replaces `path` if the block ends with an error
    """
    # Two hosts of one account and region, in two workers, write the same file.
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    is_done = keeps_incomplete
    try:
        with create_file(draft) as file:
            yield file
        is_done = True
    finally:
        if is_done:
            draft.replace(path)
