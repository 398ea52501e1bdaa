# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU of each type of sink for the messages that cost it most. Writes build/bench/sinks.json.

The figures are CPU-seconds of making and compressing the requests, per MB (10^6 bytes) of the decompressed payload. The
messages are those of the tests (`costly_inputs`), and an ordinary payload for comparison.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "lambda_src" / "reflector"), str(ROOT / "tests" / "unit" / "lambda_src" / "reflector")]

from _payloads import mixed  # noqa: E402
from costly_inputs import INPUTS, SINKS, costly_batch  # noqa: E402
from reflector.codec import dumps, utf8  # noqa: E402
from reflector.sinks import Batch, Sink, make  # noqa: E402

ROUNDS = 3


def main() -> None:
    """Measure and write the figures."""
    ordinary = [event["message"] for event in mixed(5000)["logEvents"]]
    figures: dict[str, Any] = {}
    for kind, options in SINKS.items():
        sink = make({"type": kind, **options}, "sinks.it")
        found = {name: seconds_per_mb(sink, costly_batch(messages)) for name, messages in INPUTS.items()}
        worst = max(found, key=lambda name: found[name])
        usual = seconds_per_mb(sink, costly_batch(ordinary))
        figures[kind] = {"ordinary": usual, "worst": found[worst], "worst_input": worst, "inputs": found}
        print(f"{kind:14} ordinary {usual:.3f}  worst {found[worst]:.3f}  {worst}", flush=True)
    path = ROOT / "build" / "bench" / "sinks.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def seconds_per_mb(sink: Sink[Any], batch: Batch) -> float:
    """Return the least CPU time of several rounds, per MB."""
    megabytes = len(utf8(dumps({"logEvents": batch.events}))) / 1_000_000
    taken = []
    for _unused in range(ROUNDS):
        began = time.process_time()
        for _chunk in sink.chunks(batch):
            pass
        taken.append(time.process_time() - began)
    return round(min(taken) / megabytes, 4)


if __name__ == "__main__":
    main()
