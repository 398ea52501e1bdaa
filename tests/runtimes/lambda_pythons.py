# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lambda's Pythons on this machine, each in an environment with AWS's runtime client and SDK.

    python tests/runtimes/lambda_pythons.py                     creates the environments and lists them
    python tests/runtimes/lambda_pythons.py ARGUMENTS           also runs pytest with these under each

Versions are those that can be deployed, and the current one only if this machine has none of these.
pythonX.Y is searched on the PATH and in pyenv. Environments are in build/runtimes/X.Y, and are created again when the
requirements or the Python change.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "build" / "collections"))

from ansible_collections.logreflector.aws.plugins.module_utils._options.functions import RUNTIMES  # noqa: E402

HOME = ROOT / "build" / "runtimes"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
NATIVE_REQUIREMENTS = Path(__file__).with_name("requirements-native.txt")
CONTROL = ".".join(platform.python_version_tuple()[:2])
_PROBE = "import platform, ssl, venv; print(platform.python_version())"


def declared() -> tuple[str, ...]:
    """Return the versions ("3.13") that can be deployed."""
    return tuple(runtime.removeprefix("python") for runtime in RUNTIMES)


@functools.cache
def found() -> dict[str, tuple[Path, str]]:
    """Return interpreters by version, oldest first, each with its full version ("3.13.0"): the declared ones.

    Without any of them it is this one. The embedded AWS runs the functions under this one in any case.
    """
    this = (Path(sys.executable), platform.python_version())
    usable = {}
    for version in declared():
        interpreter = this if version == CONTROL else next(_interpreters(version), None)
        if interpreter:
            usable[version] = interpreter
    return usable or {CONTROL: this}


@functools.cache
def environments() -> dict[str, Path]:
    """Return the Python of each environment by version. Create missing environments, which needs the package index.

    Raises CalledProcessError with pip's output on stderr.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        return {version: _environment(version, *interpreter) for version, interpreter in found().items()}


def _interpreters(version: str) -> Iterator[tuple[Path, str]]:
    """Return the interpreters of a version that run: a name on the PATH may be pyenv's shim for one that is not selected."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    patches = [path for path in pyenv.glob(f"{version}.*") if re.fullmatch(rf"{re.escape(version)}\.\d+", path.name)]
    patches.sort(key=lambda path: int(path.name.rpartition(".")[2]), reverse=True)
    for candidate in [*([Path(on_path)] if on_path else []), *(path / "bin" / "python" for path in patches)]:
        probe = subprocess.run([candidate, "-c", _PROBE], capture_output=True, text=True, check=False)
        if probe.returncode == 0 and probe.stdout.startswith(f"{version}."):
            yield candidate, probe.stdout.strip()


def _environment(version: str, interpreter: Path, full_version: str) -> Path:
    folder = HOME / version
    python = folder / "bin" / "python"
    pinned = hashlib.sha256(REQUIREMENTS.read_bytes() + NATIVE_REQUIREMENTS.read_bytes()).hexdigest()
    made_of = f"{full_version} {pinned}\n"
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != made_of or not python.exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        # This Python's pip: installing one in each environment takes as long as half of the packages.
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
        for options in (["-r", REQUIREMENTS], ["--target", folder / "native", "-r", NATIVE_REQUIREMENTS]):
            subprocess.run([*install, *options], check=True)
        ready.write_text(made_of)
    return python


def summary() -> str:
    """Return a sentence on the Pythons that the tests use, and on Lambda's that are missing here."""
    missing = [version for version in declared() if version not in found()]
    here = f"Lambda's Pythons: {', '.join(full_version for _unused, full_version in found().values())}"
    return f"{here}; not on this machine, and not tested: {', '.join(missing)}" if missing else here


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 if the tests failed under any Python."""
    print(summary(), flush=True)
    pythons = environments()
    if not arguments:
        return 0
    failed = [version for version in pythons if not _passes(version, arguments)]
    if failed:
        print("Failed under Python", ", ".join(failed))
    return int(bool(failed))


def _passes(version: str, arguments: list[str]) -> bool:
    """Run pytest under one Python, with the conftest files of lambda_src: the others need Ansible."""
    print(f"\nPython {version}: pytest {' '.join(arguments)}", flush=True)
    # As tests/conftest.py does, which is not loaded here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true"}
    options = [
        "--confcutdir=tests/unit/lambda_src",
        "--hypothesis-profile=runtimes",
        "-o",
        f"cache_dir={HOME / version / 'cache'}",
    ]
    command: list[str | Path] = [environments()[version], "-m", "pytest", "-q", *options, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
