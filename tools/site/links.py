# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rewrite the links of a Markdown page for the documentation site. They lead to pages of the site if it has them, or else to GitHub."""

from __future__ import annotations

import os.path
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/logreflector/logreflector.aws"
RAW = "https://raw.githubusercontent.com/logreflector/logreflector.aws/main"
FOLDER = "guides"  # of the site, for the pages in docs/
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_FENCE = re.compile(r"(^```.*?^```[ \t]*$)", re.MULTILINE | re.DOTALL)
_PICTURES = (".svg", ".png")


class Pages:
    """The pages of the site by their path in the repository.

    targets  the path of each Markdown page in the site's source
    copied   the path of each picture and schema there that a page leads to, filled by `rewritten`
    """

    def __init__(self, first: dict[str, str], collection: str = "collections/logreflector/aws") -> None:
        guides = {f"docs/{path.name}": f"{FOLDER}/{path.name}" for path in (ROOT / "docs").glob("*.md")}
        self.targets = {**first, **guides}
        self.copied: dict[str, str] = {}
        self._reference = {
            **{
                f"roles/{path.name}/README.md": f"{collection}/{path.name}_role.rst"
                for path in (ROOT / "roles").iterdir()
            },
            **{
                f"plugins/modules/{path.name}": f"{collection}/{path.stem}_module.rst"
                for path in (ROOT / "plugins/modules").glob("*.py")
            },
        }

    def rewritten(self, page: str, text: str) -> str:
        """Return the text of a page with the site's links. Blocks of code stay as they are."""
        parts = _FENCE.split(text)
        parts[::2] = [_LINK.sub(lambda match: self._link(page, match[1]), part) for part in parts[::2]]
        return "".join(parts)

    def _link(self, page: str, link: str) -> str:
        url, _hash, anchor = link.partition("#")
        path = repository_path(page, url)
        if path is None:
            return link
        end = f"#{anchor}" if anchor else ""
        here = os.path.dirname(self.targets[page])
        if target := self.targets.get(path) or self._reference.get(path):
            return f"{os.path.relpath(target, here or '.')}{end if path in self.targets else ''}"
        if path.endswith(_PICTURES):
            self.copied[path] = f"_pictures/{os.path.basename(path)}"
            return os.path.relpath(self.copied[path], here or ".")
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{path}{end}"


def repository_path(page: str, url: str) -> str | None:
    """Return the path in the repository to which a link of a page leads, None if it leads elsewhere or within the page."""
    for beginning in (f"{REPOSITORY}/blob/main/", f"{REPOSITORY}/tree/main/", f"{RAW}/"):
        if url.startswith(beginning):
            return url.removeprefix(beginning).rstrip("/")
    if not url or re.match(r"[a-z]+:", url):
        return None
    return os.path.normpath(os.path.join(os.path.dirname(page), url))
