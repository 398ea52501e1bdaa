# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure in an AWS account what the project can only assume about AWS. docs/CHECK_AWS.md describes it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The collection, whose constants are the assumptions, and the embedded AWS, whose delays are assumptions too.
for _folder in (ROOT / "build" / "collections", ROOT / "extensions"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
