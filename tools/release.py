# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare a release in build/: `make release`. Publishes nothing; the last lines are the commands that do.

    python tools/release.py [--sign KEY]

The tarball is imported by Galaxy's importer, as after an upload. Any complaint of it stops the release.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import build_tarball
import yaml

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
IMPORTER = BUILD / "release" / "bin"


def complaints(log: str) -> list[str]:
    """Return the warnings and errors in the importer's log."""
    return re.findall(r"^(?:WARNING|ERROR|CRITICAL): .*", log, re.MULTILINE)


def notes(changelog: str, version: str) -> str:
    """Return a version's part of CHANGELOG.md. Raises ValueError if there is none."""
    name = re.escape(version.replace(".", "\\."))
    found = re.search(rf"^## v{name}\n(.*?)(?=^<a id=\"v\d[^\n]*\n## v|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        message = f"CHANGELOG.md has no version {version}: run `make changelog`"
        raise ValueError(message)
    return found[1].strip() + "\n"


def import_tarball(tarball: Path) -> list[str]:
    """Import the tarball as Galaxy does, and return its complaints."""
    done = subprocess.run(
        [IMPORTER / "python", "-m", "galaxy_importer.main", tarball],
        env={
            **os.environ,
            "GALAXY_IMPORTER_CONFIG": str(ROOT / "tools" / "galaxy-importer.cfg"),
            "PATH": f"{IMPORTER}{os.pathsep}{os.environ['PATH']}",
        },
        cwd=BUILD,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    (BUILD / "galaxy-importer.log").write_text(done.stdout, encoding="utf-8")
    return complaints(done.stdout) or ([] if done.returncode == 0 else [done.stdout])


def sign(tarball: Path, key: str) -> Path:
    """Sign the tarball's manifest, as `ansible-galaxy collection install --keyring` checks it."""
    signature = BUILD / f"{tarball.name}.MANIFEST.json.asc"
    manifest = subprocess.run(["tar", "-xzOf", tarball, "MANIFEST.json"], check=True, capture_output=True).stdout
    command = ["gpg", "--batch", "--yes", "--armor", "--detach-sign", "--local-user", key, "--output", str(signature)]
    subprocess.run(command, input=manifest, check=True)
    return signature


def main() -> int:
    """Prepare the release of galaxy.yml's version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sign", default="", metavar="KEY", help="sign with this key of gpg")
    key = parser.parse_args().sign
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    if changed:
        sys.exit(f"The checkout has changes that are not committed:\n{changed}")
    text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if build_tarball.main():
        return 1
    tarball = BUILD / f"logreflector-aws-{version}.tar.gz"
    if found := import_tarball(tarball):
        sys.exit("Galaxy's importer complains:\n" + "\n".join(found))
    (BUILD / "release-notes.md").write_text(text, encoding="utf-8")
    signature = sign(tarball, key) if key else None
    print(f"Galaxy's importer has no complaint. Release notes: {BUILD / 'release-notes.md'}")
    print(f"Signature: {signature}" if signature else "Not signed: --sign KEY was not given.")
    print(f"Next:\n  git tag {version} && git push origin {version}\n  ansible-galaxy collection publish {tarball}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
