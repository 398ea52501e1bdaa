# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the share of lines that the tests run, a line for each folder: `make coverage` runs it after the tests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the table."""
    measured = Coverage(config_file=str(ROOT / "pyproject.toml"), data_file=str(ROOT / "build" / "coverage" / "data"))
    measured.load()
    lines, missed = count_lines(measured)
    print(f"{'folder':60} {'lines':>6} {'run':>7}")
    for folder in sorted(lines):
        print(row(folder, lines[folder], missed[folder]))
    print(row("all", lines.total(), missed.total()))


def count_lines(measured: Coverage) -> tuple[Counter[str], Counter[str]]:
    """Return the number of lines, and of lines that no test ran, by folder. Files that were never imported count too."""
    lines: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for file in (path for source in measured.get_option("run:source") for path in (ROOT / source).rglob("*.py")):
        _name, statements, _excluded, missing, _text = measured.analysis2(str(file))
        folder = str(file.relative_to(ROOT).parent)
        lines[folder] += len(statements)
        missed[folder] += len(missing)
    return lines, missed


def row(folder: str, lines: int, missed: int) -> str:
    """Return a line of the table."""
    return f"{folder:60} {lines:6,} {(lines - missed) / max(lines, 1):7.1%}"


if __name__ == "__main__":
    main()
