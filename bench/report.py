# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of a report of 500 targets with 200 log groups each, and its page in Chromium. Writes build/bench/report.json.

    python bench/report.py [--targets 500] [--filter-targets 20]     0 for none: the page alone

Needs Debian's packages chromium and chromium-driver, and fails without them. Before it measures, it uses the page as a reader
does (_report_checks.py): search, links, keys, CSV, print, hostile names.

html_mb          size of the file
render_s         CPU seconds of Python for the file
first_paint_ms   first contentful paint, from the start of the load
table_ms         the table can be used, from the start of the load
filter_ms        the slowest filter, from the event to the end of layout; of each filter the median of ROUNDS
sort_ms          the slowest column, at its first sort

The playbook `report` reads two deployed fleets on the embedded AWS (_report_aws.py), and writes every format:

targets, groups               of the fleet with the account policy; "filters" has those of the fleet with a filter for each group
cpu_s_per_target              CPU seconds of ansible-playbook and all its descendants
calls_per_target              API calls of the playbook
wall_s, peak_mb, files_mb     duration, memory of the process ansible-playbook, and size of each file

table_cpu_ms and filter_cpu_ms are the processor time of the page's thread for the same, with what the measuring itself takes. They
are the figures to compare on a machine that does other things, too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "build" / "collections"))

from _chromium import Browser, BrowserError, browser  # noqa: E402
from _report_aws import read_fleet  # noqa: E402
from _report_checks import CHECKS  # noqa: E402
from _report_fleet import Fleet, fleet, hostile  # noqa: E402
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.document import render  # noqa: E402

GROUPS, TARGETS = 100_000, 500
ROUNDS = 7
LIMITS = {"html_mb": 5.0, "first_paint_ms": 1000.0, "filter_ms": 50.0}
PATH = ROOT / "build" / "bench" / "report.json"

FILTERS = {
    "a word": "query('payments')",
    "two words": "query('lambda worker')",
    "no match": "query('no such name')",
    "a state": "change((next) => { next.query = ''; toggle(next, 'state', 'missing', true); })",
    "a region": "change((next) => { toggle(next, 'state', 'missing', false); toggle(next, 'region', 'eu-west-1', true); })",
    "region and word": "query('api')",
    "nothing": "change((next) => Object.assign(next, { query: '', selected: {} }))",
}
MEASURE = """
const query = (text) => {
  const input = document.getElementById('query');
  input.value = text;
  input.dispatchEvent(new Event('input'));
};
const begin = performance.now();
ACTION;
document.body.offsetHeight;
return performance.now() - begin;
"""


def main() -> None:
    """Check, measure, write the figures and compare them with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=TARGETS, help=f"with the account policy ({TARGETS})")
    parser.add_argument("--filter-targets", type=int, default=20, help="with a filter for each group (20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        path = write(Path(folder) / "large.html", fleet(GROUPS, TARGETS))
        figures: dict[str, Any] = {"html_mb": round(path.stat().st_size / 1e6, 2)}
        figures["render_s"] = round(time.process_time() - begin, 1)
        try:
            with browser() as chromium:
                check(chromium, Path(folder))
                figures |= measure(chromium, path)
        except BrowserError as error:
            sys.exit(str(error))
    if options.targets:
        figures |= read_fleet(options.targets, GROUPS // TARGETS, mode="account_policy")
    if options.filter_targets:
        figures["filters"] = read_fleet(options.filter_targets, GROUPS // TARGETS, mode="filters")
    before = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json.dumps({**before, **figures}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    if over := [name for name, limit in LIMITS.items() if figures[name] > limit]:
        sys.exit(f"Over the limit: {', '.join(f'{name} {figures[name]} > {LIMITS[name]:g}' for name in over)}")


def write(path: Path, shown: Fleet) -> Path:
    """Write the page of a fleet."""
    path.write_text("".join(render(shown.report, shown.drift, shown.history)), encoding="utf-8")
    return path


def check(chromium: Browser, folder: Path) -> None:
    """Use the page as a reader does. Raises AssertionError."""
    chromium.size(1600, 1000)
    pages = {"fleet": fleet(4_000, 40), "hostile": hostile()}
    for name, shown in pages.items():
        write(folder / f"{name}.html", shown)
    for one in CHECKS:
        print(f"check: {one.__name__}")
        one(chromium, folder, pages)


def measure(chromium: Browser, path: Path) -> dict[str, Any]:
    """Return the figures of the browser."""
    paints, tables = [], []
    table_cpu = []
    chromium.command("Performance.enable", timeDomain="threadTicks")
    for _unused in range(ROUNDS):
        chromium.open(path)
        table_cpu.append(cpu_ms(chromium))
        paints.append(chromium.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        tables.append(chromium.run("return performance.getEntriesByName('ready')[0].startTime"))
    filters: dict[str, list[float]] = {name: [] for name in FILTERS}
    filters_cpu: dict[str, list[float]] = {name: [] for name in FILTERS}
    for _unused in range(ROUNDS):
        for name, action in FILTERS.items():
            before = cpu_ms(chromium)
            filters[name].append(chromium.run(MEASURE.replace("ACTION", action)))
            filters_cpu[name].append(cpu_ms(chromium) - before)
    sorts = {
        key: chromium.run(MEASURE.replace("ACTION", f"document.querySelector('th.{key} button').click()"))
        for key in ("log_group", "account", "region", "why", "since", "means", "others")
    }
    medians = {name: round(median(values), 1) for name, values in filters.items()}
    return {
        "first_paint_ms": round(median(paints), 1),
        "table_ms": round(median(tables), 1),
        "filter_ms": max(medians.values()),
        "filters_ms": medians,
        "table_cpu_ms": round(median(table_cpu), 1),
        "filter_cpu_ms": round(max(median(values) for values in filters_cpu.values()), 1),
        "sort_ms": round(max(sorts.values()), 1),
    }


def cpu_ms(chromium: Browser) -> float:
    """Return the processor time that the page's thread has used."""
    metrics = {item["name"]: item["value"] for item in chromium.command("Performance.getMetrics")["metrics"]}
    return metrics["TaskDuration"] * 1000


if __name__ == "__main__":
    main()
