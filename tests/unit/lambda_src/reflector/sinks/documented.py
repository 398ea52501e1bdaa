"""The sink and its stand-in that docs/SINKS.md builds, run as they stand there."""

import re
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).resolve().parents[5] / "docs" / "SINKS.md"
TEXT = PAGE.read_text()
KIND = "betterstack"


def blocks(language: str) -> list[tuple[int, str]]:
    """The page's code blocks in that language, each with the number of lines before it."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [(TEXT.count("\n", 0, block.start(1)), block[1]) for block in found]


def section(kind: str) -> str:
    """What the page says of a type of sink; empty when it says nothing."""
    found = re.search(rf"^## `{kind}`\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def install() -> None:
    """Make the page's two modules those that are imported. The test adds its name to `reflector.sinks.TYPES`."""
    names = (f"reflector.sinks.{KIND}", f"service_{KIND}")
    for name, (before, code) in zip(names, blocks("python"), strict=True):
        module = ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        # Errors then name the page's own lines.
        exec(compile("\n" * before + code, str(PAGE), "exec"), module.__dict__)
