# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-builder creates the build context with the tarball, and the tests inspect it. No image is built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "execution-environment"
SCRIPTS = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return its output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(cwd),
            "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needed() -> list[str]:
    """Return the collection's Python requirements."""
    lines = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the build context of the example, with the tarball of `make build`."""
    tarballs = list((ROOT / "build").glob("logreflector-aws-*.tar.gz"))
    assert len(tarballs) == 1, "run `make installed` first, as `make integration` does"
    folder = tmp_path_factory.mktemp("environment")
    shutil.copy(EXAMPLE / "execution-environment.yml", folder)
    shutil.copy(tarballs[0], folder / "logreflector-aws.tar.gz")
    run("ansible-builder", "create", "--output-filename", "Containerfile", cwd=folder)
    return folder / "context"


def test_context_installs_the_tarball_and_its_requirements(context: Path, tmp_path: Path) -> None:
    # The steps of the Containerfile that need no container, unchanged.
    steps = (context / "Containerfile").read_text(encoding="utf-8")
    assert "ansible-galaxy collection install $ANSIBLE_GALAXY_CLI_COLLECTION_OPTS -r requirements.yml" in steps
    assert re.search(
        r"introspect\.py introspect .*--user-pip=requirements\.txt .*--write-pip=/tmp/src/requirements\.txt", steps
    )
    build = context / "_build"
    run("ansible-galaxy", "collection", "install", "--offline", "-r", "requirements.yml", "-p", tmp_path, cwd=build)
    wanted = tmp_path / "requirements.txt"
    introspect = build / "scripts" / "introspect.py"
    run(sys.executable, introspect, "introspect", f"--write-pip={wanted}", tmp_path, cwd=tmp_path)
    found = [line.partition("#")[0].strip() for line in wanted.read_text(encoding="utf-8").splitlines()]
    assert [line for line in found if line] == needed() != []
    assert (build / "requirements.txt").read_text(encoding="utf-8").split() == ["rich"]


def test_ansible_builder_finds_requirements_of_the_installed_collection(tmp_path: Path) -> None:
    collection = ROOT / "build" / "installed" / "ansible_collections" / "logreflector" / "aws"
    # Without this file ansible-builder would guess.
    named = yaml.safe_load((collection / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))[
        "dependencies"
    ]
    assert (collection / named["python"]).is_file()
    found = yaml.safe_load(run("ansible-builder", "introspect", ROOT / "build" / "installed", cwd=tmp_path))
    assert [line.partition("#")[0].strip() for line in found["python"]] == needed()
    assert found["system"] == []


def test_image_has_the_newest_ansible_core_and_a_python_for_it() -> None:
    definition = yaml.safe_load((EXAMPLE / "execution-environment.yml").read_text(encoding="utf-8"))
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    oldest = runtime["requires_ansible"].removesuffix(".0")
    assert definition["dependencies"]["ansible_core"]["package_pip"] == f"ansible-core{oldest}"
    minor = definition["dependencies"]["python_interpreter"]["package_system"].removeprefix("python3.")
    assert int(minor) >= 12  # which ansible-core 2.20 needs
    assert definition["dependencies"]["python"] == ["rich"]
