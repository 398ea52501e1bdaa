#!/usr/bin/env python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test sanity of everything that is shipped, with the package index as only source.

    python tests/sanity/run.py [arguments of ansible-test sanity]

ansible-test needs a folder ansible_collections/logreflector/aws under git, a home for its virtual environments, and a
get-pip script that it would download. All three are created under build/sanity, and the environments are kept. ruff checks tests and
tools too (`make lint`): pylint, whose work is most of this, would take twice as long with them.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import ansible_test
import pip
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "sanity" / "home"
COLLECTION = ROOT / "build" / "sanity" / "ansible_collections" / "logreflector" / "aws"
BIN = Path(sys.executable).parent

# Called as get-pip, with the version of pip that ansible-test names. A copy of .venv's pip does the same, without a
# download. ensurepip would take two CPU-seconds for each of nine environments.
GET_PIP = """\
import pathlib, shutil, sysconfig
for folder in pathlib.Path({packages!r}).glob("pip*"):
    shutil.copytree(folder, pathlib.Path(sysconfig.get_path("purelib"), folder.name))
"""
# Only the Python of .venv: other Pythons of the machine would take minutes, or fail.
ONE_PYTHON = ("--controller", "origin:python=default", "--target-python", "default")
# ansible-test only warns if it skips a test because a tool or a Python is missing.
SKIPPED = re.compile(r"^WARNING: (Required program .*|Skipping .*)", re.MULTILINE)


def main() -> int:
    """Return ansible-test's exit status, or 1 if it skipped a test that applies."""
    export()
    prepare_home()
    command = [BIN / "ansible-test", "sanity", "--color", "no", *ONE_PYTHON, *sys.argv[1:]]
    environment = {**os.environ, "HOME": str(HOME), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        command, cwd=COLLECTION, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        output += line
    skipped = SKIPPED.findall(output)
    for what in skipped:
        print(f"Not allowed here: {what}")
    return process.wait() or int(bool(skipped))


def export() -> None:
    """Copy the tracked and new files that galaxy.yml does not leave out to the folder where ansible-test finds a collection."""
    if any((ROOT / "tests" / "sanity").glob("ignore*")):
        sys.exit("tests/sanity has an ignore file: correct the finding instead")
    shutil.rmtree(COLLECTION, ignore_errors=True)
    COLLECTION.mkdir(parents=True)
    left_out = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    names = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if any(fnmatch(name.partition("/")[0], pattern) for pattern in left_out):
            continue
        source, copy = ROOT / name, COLLECTION / name
        if source.is_symlink() or source.exists():  # a tracked file may be deleted already
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    _git(COLLECTION, "init", "--quiet")
    _git(COLLECTION, "add", "--all", "--force")


def prepare_home() -> None:
    """Write a replacement for get-pip, and pip's settings: ansible-test passes HOME to pip, but no PIP_ variable."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    copy_pip = GET_PIP.format(packages=str(Path(pip.__file__).parents[1]))
    for version in _pip_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(copy_pip)
    settings = configparser.RawConfigParser()
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    settings["global"] = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed.stdout, re.MULTILINE))
    (HOME / ".config" / "pip").mkdir(parents=True, exist_ok=True)
    with (HOME / ".config" / "pip" / "pip.conf").open("w") as file:
        settings.write(file)


def _pip_versions() -> list[str]:
    """Return the versions of pip that this ansible-test bootstraps."""
    source = Path(ansible_test.__file__).parent / "_internal" / "python_requirements.py"
    return re.findall(r"pip='([\d.]+)'", source.read_text())


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
