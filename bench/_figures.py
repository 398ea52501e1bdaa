# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files with the figures of the benches."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[1] / "build" / "bench"


def write_figures(bench: str, figures: Mapping[str, Any]) -> None:
    """Write the figures to build/bench/BENCH.json."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    (_FOLDER / f"{bench}.json").write_text(f"{text}\n", encoding="utf-8")
