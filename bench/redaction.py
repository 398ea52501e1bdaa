# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recall, false positives and CPU of the ready-made redactions. Writes build/bench/redaction.json.

Recall and false positives: the corpus of the tests (`redaction_corpus`), whose lines are invented. CPU: milliseconds per MB of
an ordinary payload's messages, and seconds per MB of the costliest text that is known.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "lambda_src" / "reflector"), str(ROOT / "tests" / "unit" / "lambda_src" / "reflector")]

from _figures import write_figures  # noqa: E402
from _payloads import mixed  # noqa: E402
from redaction_corpus import COSTLY_UNITS, ordinary_lines, private_lines, score  # noqa: E402
from reflector.redactions import REDACTIONS  # noqa: E402

COSTLY_SIZE = 200_000
ROUNDS = 5


def main() -> None:
    """Measure and write the figures."""
    ordinary = ordinary_lines()
    messages = [event["message"] for event in mixed(5000)["logEvents"]]
    figures: dict[str, Any] = {}
    for kind, redact in REDACTIONS.items():
        got = score(redact, private_lines(kind), ordinary)
        seconds, unit = max((cpu_seconds(redact, [costly(unit)], 2) / COSTLY_SIZE, unit) for unit in COSTLY_UNITS)
        figures[kind] = {
            "secrets": got.secrets,
            "found": got.found,
            "ordinary_lines": got.ordinary,
            "changed": got.changed,
            "missed_styles": got.missed_styles,
            "changed_styles": got.changed_styles,
            "ms_per_mb": round(cpu_seconds(redact, messages, ROUNDS) / sum(map(len, messages)) * 1e9, 1),
            "worst_s_per_mb": round(seconds * 1e6, 2),
            "worst_unit": unit,
        }
        print(kind, json.dumps(figures[kind], ensure_ascii=False))
    write_figures("redaction", figures)


def costly(unit: str) -> str:
    """Return a text that repeats the unit."""
    return ("!" + unit * COSTLY_SIZE)[:COSTLY_SIZE]


def cpu_seconds(redact: Callable[[str], str], messages: list[str], rounds: int) -> float:
    """Return the least CPU time of several rounds over the messages."""
    taken = []
    for _unused in range(rounds):
        began = time.process_time()
        for message in messages:
            redact(message)
        taken.append(time.process_time() - began)
    return min(taken)


if __name__ == "__main__":
    main()
