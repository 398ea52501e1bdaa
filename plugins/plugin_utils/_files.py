# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that reports write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..module_utils._errors import ReflectorError
from ..module_utils._files import replacing


@contextlib.contextmanager
def describe_files(operation: str) -> Iterator[None]:
    """Translate the errors of the file system inside this context."""
    try:
        yield
    except OSError as error:
        raise ReflectorError(operation, str(error)) from error


def replace_file(path: Path, pieces: Iterable[str]) -> None:
    """Write a file of the mode 0640. A reader never sees half of it."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    with replacing(path) as file:
        file.writelines(piece.encode() for piece in pieces)
