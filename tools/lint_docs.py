# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""antsibull-docs lint-collection-docs COLLECTION, which fails in one of 37 runs without this program.

It writes the path of a temporary folder into reStructuredText, where a name that ends with "_" is a reference.
"""

from __future__ import annotations

import sys
import tempfile

from antsibull_docs.cli.antsibull_docs import run

OPTIONS = [
    "--plugin-docs",
    "--check-extra-docs-refs",
    "--validate-collection-refs=all",
    "--disallow-unknown-collection-refs",
]

if __name__ == "__main__":
    names = tempfile._RandomNameSequence  # type: ignore[attr-defined]
    names.characters = names.characters.replace("_", "")
    sys.exit(run(["antsibull-docs", "lint-collection-docs", *OPTIONS, *sys.argv[1:]]))
