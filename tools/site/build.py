# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation site into build/site: the command of `make site`. A warning is an error.

The pages in docs/ stay Markdown, because GitHub, Galaxy and editors show Markdown: MyST reads the same files for Sphinx, so
no page exists twice, and no tool translates one. antsibull-docs writes the pages of modules, plugins and roles beside them,
and guides.yml has the order of the guides. Only links change: `links.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from guides import for_site, sections
from links import FOLDER, ROOT, Pages
from reference import adjusted

SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"
HERE = Path(__file__).resolve().parent
COLLECTION = "collections/logreflector/aws"


def main() -> None:
    """Write the source files, and let Sphinx build the site."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    (SOURCE / "_static").mkdir(parents=True)
    SOURCE.chmod(0o755)  # antsibull-docs refuses a folder that others may write to
    for name in (
        "conf.py",
        "ansible.rst",
    ):  # the second one has the labels of Ansible's own pages, so no build needs the network
        shutil.copy(HERE / name, SOURCE)
    shutil.copy(HERE / "site.css", SOURCE / "_static")
    command = ["antsibull-docs", "--config-file", str(HERE / "antsibull-docs.cfg"), "collection", "--use-current"]
    run(*command, "--fail-on-error", "--dest-dir", str(SOURCE), "logreflector.aws")
    for page in SOURCE.glob("collections/**/*.rst"):
        page.write_text(adjusted(page.read_text()))
    listing = SOURCE / COLLECTION / "docsite/guides.rst"
    listing.write_text(for_site(listing.read_text(), FOLDER))
    write_pages()
    run("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html", str(SOURCE), str(SITE))
    sys.stdout.write(f"The site is {SITE / 'index.html'}\n")


def run(*command: str) -> None:
    """Run a command, and end with its status if it fails."""
    if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(status)


def write_pages() -> None:
    """Write the Markdown pages with the links of the site, and the files that they show or offer."""
    pages = Pages({"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"})
    for page, target in pages.targets.items():
        place = SOURCE / target
        place.parent.mkdir(parents=True, exist_ok=True)
        text = pages.rewritten(page, (ROOT / page).read_text())
        place.write_text(text + "".join(toctrees()) if page == "README.md" else text)
    for file, target in pages.copied.items():
        place = SOURCE / target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, place)


def toctrees() -> Iterator[str]:
    """Yield the parts of the site's menu, which the first page holds invisibly."""
    for title, names in sections().items():
        yield toctree(title, [f"{FOLDER}/{name}" for name in names])
    yield toctree("Reference", [f"Modules, roles and plugins <{COLLECTION}/index>", "changelog", "contributing"])


def toctree(title: str, names: list[str]) -> str:
    """Return a hidden list of pages in MyST's syntax."""
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```", ""])


if __name__ == "__main__":
    main()
