# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the collection's tarball in build/, from tracked files only: `make build`.

What lies in the checkout untracked, such as a report or keys, cannot get into it. galaxy.yml has the tracked files that it leaves out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGED = ROOT / "build" / "tarball"
SOURCES = "lambda_src/"
MOVED = {SOURCES: "roles/reflector/files/lambda_src/", "tools/tarball.ansible-lint": ".ansible-lint"}
"""Where the tarball has a folder or file. A collection has to work with its folders plugins, roles, playbooks and meta alone (Ansible's
inclusion checklist), so the functions' sources move to where plugins/module_utils/_parts/packages.py looks first."""


def packed_path(name: str) -> str:
    """Return where the tarball has a tracked file."""
    for old, new in MOVED.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def tracked(root: Path) -> list[str]:
    """Return the tracked files that exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (root / name).is_file()]


def stage() -> None:
    """Copy the tracked files to a folder that has nothing else. Links become files: some lead out of a folder that moves."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for name in tracked(ROOT):
        copy = STAGED / packed_path(name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy)


def main() -> int:
    """Build the tarball and return the exit status of ansible-galaxy."""
    for old in (ROOT / "build").glob("logreflector-aws-*.tar.gz"):
        old.unlink()
    stage()
    command = ["ansible-galaxy", "collection", "build", str(STAGED), "--output-path", str(ROOT / "build")]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
