# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports in a directory, by time: files that are named after it, compressed NDJSON."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path

from .fleet import FleetReport
from .records import NotAReportError, lines, report_of

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"coverage-(\d{8}T\d{6}Z)\.ndjson\.gz")


class HistoryError(Exception):
    """The history has no such report, or it cannot be read."""


def add(directory: Path, report: FleetReport) -> Path:
    """Write the report into the history, and return its file."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    stamp = datetime.fromtimestamp(report.made_at, UTC).strftime(_STAMP)
    path = directory / f"coverage-{stamp}.ndjson.gz"
    draft = path.with_suffix(".part")
    content = gzip.compress("".join(f"{line}\n" for line in lines(report)).encode(), mtime=0)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
        file.write(content)
    draft.replace(path)
    return path


def latest(directory: Path, until: int | None = None) -> Path | None:
    """Return the file of the latest report, or of the latest that is not after `until` (seconds since 1970); None if there is none."""
    found = [(made_at, path) for made_at, path in files(directory) if until is None or made_at <= until]
    return max(found)[1] if found else None


def files(directory: Path) -> Iterator[tuple[int, Path]]:
    """Yield time and file of each report, in any order."""
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        if match := _NAME.fullmatch(path.name):
            with suppress(ValueError):  # digits that are no time: the file is not one of ours
                yield int(datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp()), path


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
