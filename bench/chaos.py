# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random histories of the reflector among faults, and how many events they lose. Writes build/bench/chaos.json.

    python bench/chaos.py --histories 1000000 --seed 1 --processes 2 [--seconds 600]

The real handler runs on a virtual clock; tests/unit/lambda_src/reflector/histories.py has the model and the checks. A history depends
on its seed only: `--seed N --histories 1` repeats the history of seed N. The exit status is 1 if an event was lost or not accounted for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit" / "lambda_src" / "reflector"))

from _figures import write_figures  # noqa: E402
from histories import Record, ViolationError, run_history  # noqa: E402
from virtual_lambda import Code  # noqa: E402

SHARE = 250
"""Histories that a process runs before it reports."""

KEPT_FAILURES = 20


@dataclass
class Total:
    """The figures of all shares. `failures` has the text of each history that failed, with its seed."""

    record: Record = field(default_factory=Record)
    failures: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def add(self, other: Total) -> None:
        self.record.add(other.record)
        self.failures += other.failures
        self.cpu_seconds += other.cpu_seconds


def main() -> None:
    options = argparse.ArgumentParser(description="Run random histories of the reflector among faults.")
    options.add_argument("--histories", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=1, help="seed of the first history; the next ones follow")
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after this time")
    chosen = options.parse_args()
    started = time.monotonic()
    total = run(chosen.seed, chosen.histories, chosen.processes, started + chosen.seconds)
    found = figures(total, time.monotonic() - started) | {"first_seed": chosen.seed}
    report(found)
    write_figures("chaos", found)
    sys.exit(bool(total.failures))


def run(first: int, count: int, processes: int, ends_at: float) -> Total:
    """Run the histories in several processes, at most until `ends_at`."""
    total = Total()
    shown = time.monotonic()
    waiting = shares(first, count)
    with ProcessPoolExecutor(processes) as workers:
        while time.monotonic() < ends_at and (some := list(islice(waiting, processes))):
            for share in workers.map(run_share, *zip(*some, strict=True)):
                total.add(share)
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"{total.record.histories:,} histories, {len(total.failures)} failed", flush=True)
    return total


def shares(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield first seed and end of each share."""
    end = first + count
    return ((seed, min(seed + SHARE, end)) for seed in range(first, end, SHARE))


@cache
def code() -> Code:
    """Return the reflector's modules, imported once in a process."""
    return Code()


def run_share(first: int, end: int) -> Total:
    """Run the histories of these seeds."""
    total = Total()
    started = time.process_time()
    for seed in range(first, end):
        try:
            run_history(code(), seed, total.record)
        except ViolationError as violation:
            total.failures.append(str(violation))
    total.cpu_seconds = time.process_time() - started
    return total


def figures(total: Total, seconds: float) -> dict[str, Any]:
    record = total.record
    millions = max(record.copies, 1) / 1_000_000
    return {
        "histories": record.histories,
        "steps": record.steps,
        "invocations": record.invocations,
        "events": record.events,
        "copies": record.copies,
        "lost": record.lost,
        "unaccounted": record.unaccounted,
        "failed_histories": len(total.failures),
        "failures": total.failures[:KEPT_FAILURES],
        "duplicates": record.duplicates.total(),
        "duplicates_per_million": round(record.duplicates.total() / millions),
        "duplicates_by_cause": {
            cause: {
                "per_million": round(record.duplicates[cause] / millions),
                "per_occurrence": round(record.duplicates[cause] / happened, 3),
                "occurrences": happened,
            }
            for cause, happened in record.causes.most_common()
            if happened
        },
        "worst_delay_seconds": {
            kind: {"seconds": round(delay, 1), "cause": cause} for kind, (delay, cause) in sorted(record.worst.items())
        },
        "cpu_seconds_per_1000_histories": round(total.cpu_seconds / max(record.histories, 1) * 1000, 2),
        "seconds": round(seconds, 1),
    }


def report(found: dict[str, Any]) -> None:
    print(f"{found['histories']:,} histories, {found['steps']:,} steps, {found['invocations']:,} invocations")
    print(f"{found['events']:,} events; sinks got {found['copies']:,} different copies of them")
    print(f"lost {found['lost']}, unaccounted {found['unaccounted']}, failed histories {found['failed_histories']}")
    for failure in found["failures"]:
        print(f"  {failure}")
    print(f"duplicates per million copies: {found['duplicates_per_million']:,}")
    for cause, count in found["duplicates_by_cause"].items():
        print(f"  {count['per_million']:>7,}  {cause} ({count['per_occurrence']} for each of {count['occurrences']:,})")
    print("worst delay until a sink had an event, in virtual seconds, without replays:")
    for kind, worst in found["worst_delay_seconds"].items():
        print(f"  {worst['seconds']:>9,.1f}  {kind}: {worst['cause']}")
    print(f"{found['cpu_seconds_per_1000_histories']} CPU seconds per 1,000 histories; {found['seconds']} s in all")


if __name__ == "__main__":
    main()
