# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the sink and the stand-in in docs/SINKS.md."""

import re
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).resolve().parents[5] / "docs" / "SINKS.md"
TEXT = PAGE.read_text()
KIND = "betterstack"


def blocks(language: str) -> list[tuple[int, str]]:
    """Return the page's code blocks in that language, each with the number of lines before it."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [(TEXT.count("\n", 0, block.start(1)), block[1]) for block in found]


def section(kind: str) -> str:
    """Return the page's section about a type of sink, "" if there is none."""
    found = re.search(rf"^## `{kind}`\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def install() -> None:
    """Make the page's two modules importable. The test adds the type to `reflector.sinks.TYPES`, as the file would."""
    names = (f"reflector.sinks.{KIND}", f"service_{KIND}")
    for name, (before, code) in zip(names, blocks("python"), strict=True):
        module = ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        # Errors then name the page's own lines.
        exec(compile("\n" * before + code, str(PAGE), "exec"), module.__dict__)
