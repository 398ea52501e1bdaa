"""Where the collection and the embedded AWS are imported from, in every test."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# build/collections/ansible_collections/logreflector/aws is a link to the checkout, made by `make setup`.
for _folder in (ROOT / "build" / "collections", ROOT / "extensions"):
    sys.path.insert(0, str(_folder))
