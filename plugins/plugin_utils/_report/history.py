# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports in a directory, by time: files that are named after it, compressed NDJSON."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import zlib
from contextlib import suppress
from datetime import UTC, date, datetime, time
from itertools import count
from pathlib import Path

from ...module_utils._files import create_file
from .fleet import FleetReport
from .records import NotAReportError, lines, report_of

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"coverage-(\d{8}T\d{6}Z)(?:-(\d{1,6}))?\.ndjson\.gz")


class HistoryError(Exception):
    """The history has no such report, or it cannot be read."""


def add(directory: Path, report: FleetReport) -> Path:
    """Write the report into the history, and return its file. A second report of the same second has a number in its name."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    stamp = datetime.fromtimestamp(report.made_at, UTC).strftime(_STAMP)
    draft = directory / f"coverage-{stamp}.{secrets.token_hex(8)}.part"
    content = gzip.compress("".join(f"{line}\n" for line in lines(report)).encode(), mtime=0)
    with create_file(draft) as file:
        file.write(content)
    for number in count(1):
        path = directory / f"coverage-{stamp}{f'-{number}' if number > 1 else ''}.ndjson.gz"
        if _has_moved(draft, path):
            return path
    raise AssertionError  # count has no end


def _has_moved(draft: Path, path: Path) -> bool:
    """Give the draft that name, unless a file has it: a report never replaces another one."""
    try:
        os.link(draft, path)  # fails if the file exists, and never leaves half a file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        draft.replace(path)
    draft.unlink(missing_ok=True)
    return True


def latest(directory: Path, until: int | None = None) -> Path | None:
    """Return the file of the latest report, or of the latest that is not after `until` (seconds since 1970); None if there is none."""
    found = [path for made_at, path in files(directory) if until is None or made_at <= until]
    return found[-1] if found else None


def files(directory: Path) -> list[tuple[int, Path]]:
    """Return time and file of each report, in the order in which they were added."""
    found = []
    for path in directory.iterdir() if directory.is_dir() else ():
        if match := _NAME.fullmatch(path.name):
            with suppress(ValueError):  # digits that are no time: the file is not one of ours
                moment = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
                found.append((int(moment.timestamp()), int(match[2] or 1), path))
    return [(made_at, path) for made_at, _number, path in sorted(found)]


def read(path: Path) -> FleetReport:
    """Return the report in a file, compressed or not. Raises HistoryError, which names the file and the reason."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return report_of(file)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, NotAReportError) as error:
        raise HistoryError(f"{path} cannot be read: {error}") from error


def end_of(moment: str) -> int:
    """Return the time that a date or a date and time in ISO 8601 means, in seconds since 1970: of a date its last second.

    UTC, if it has no zone. Raises ValueError.
    """
    try:
        found = datetime.combine(date.fromisoformat(moment), time(23, 59, 59))
    except ValueError:
        found = datetime.fromisoformat(moment)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
