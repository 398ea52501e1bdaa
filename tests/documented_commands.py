# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands and files that README and guides tell a user to type. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ("START", "GROW", "TROUBLESHOOTING", "UPGRADE", "MIGRATION", "SECURITY_MODEL", "FAQ")
_BLOCK = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}|\t)(.*)$", re.MULTILINE)
_INLINE = re.compile(r"`(ansible-[a-z]+ [^`]*)`")
_PROGRAMS = ("ansible", "ansible-playbook", "ansible-inventory", "ansible-galaxy", "ansible-doc", "aws", "make")


@dataclass(frozen=True, slots=True)
class Step:
    """A command, or a file to write: `path` is "" for a command."""

    text: str
    path: str = ""


def steps(text: str) -> list[Step]:
    """Return the commands of ```bash blocks and the files of ```yaml blocks that begin with "# inventory/...", in order."""
    found: list[Step] = []
    for indent, language, block in _BLOCK.findall(text):
        body = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        if language == "bash":
            found += [Step(line) for line in commands(body)]
        if language == "yaml" and (path := re.match(r"# (inventory/\S+)\n", body)):
            found.append(Step(body, path[1]))
    return found


def commands(script: str) -> list[str]:
    """Return the commands of a script, each in one line."""
    lines = script.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def all_commands(text: str) -> list[str]:
    """Return each command of a page that begins with one of our programs: of blocks, of indented lines, and within sentences."""
    blocks = [line for _indent, _language, block in _BLOCK.findall(text) for line in commands(block)]
    indented = commands("\n".join(line.rstrip() for line in _INDENTED.findall(_BLOCK.sub("", text))))
    found = [*blocks, *indented, *_INLINE.findall(text)]
    return [command for line in found for command in (without_assignment(line),) if command.split(" ")[0] in _PROGRAMS]


def without_assignment(line: str) -> str:
    """Return the command behind `$ `, `NAME=value`, or within `NAME=$(...)`."""
    line = re.sub(r"^\$ ", "", line)
    if within := re.match(r"\w+=\$\((.*)\)$", line):
        return within[1]
    return re.sub(r"^(?:[A-Z_]+=\S* )+", "", line)


def words(command: str) -> list[str]:
    """Return the words of a command, without a comment and without what follows a pipe, `>` or `;`."""
    found = shlex.split(command, comments=True)
    ends = [
        number for number, word in enumerate(found) if word in ("|", ">", "2>&1", "&", "&&", ";") or word.endswith(";")
    ]
    return found[: ends[0]] if ends else found
