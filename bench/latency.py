# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a no-change deployment takes where each API call takes 80 ms. Writes build/bench/latency.json.

    python bench/latency.py [TARGETS] [--latency MILLISECONDS] [--without-stock]

Wall time of ansible-playbook over 50 targets with ten forks and one wave: ours, and the same resources with amazon.aws and
community.aws (`_fleet_stock.yml`). Beside it the floor: the longest chain of one target's calls of which each began after
the one before it had ended, times the latency. README.md says what each includes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from math import ceil
from pathlib import Path
from typing import Any

from _fleet_aws import GROUPS, REGIONS, ROOT, RunningAws, Target, deployers, inventory, organisation, targets_of
from _fleet_run import FORKS, Ansible, Measured
from embedded_aws.front import GLOBAL_SERVICES, Call, Fault
from embedded_aws.settings import FULL_ACCESS
from fleet import DEPLOY, DEPLOYMENT, stock_collections

TARGETS, LATENCY_MS = 50, 80
ONE_WAVE = {"deploy_waves": "100%"}  # as the job with amazon.aws has it


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="?", type=int, default=TARGETS, help=f"number of targets ({TARGETS})")
    parser.add_argument("--latency", type=float, default=LATENCY_MS, help=f"milliseconds of each call ({LATENCY_MS})")
    parser.add_argument("--without-stock", action="store_true", help="leave amazon.aws out")
    options = parser.parse_args()
    targets, seconds = targets_of(options.targets), options.latency / 1000
    packages = ROOT / "build" / "bench" / "packages"
    found = {"ours": ours(targets, seconds, packages)}
    if not options.without_stock:
        found["amazon_aws"] = amazon_aws(targets, seconds, packages)
    conditions = {
        "targets": options.targets,
        "latency_ms": options.latency,
        "forks": FORKS,
        "log_groups_per_target": GROUPS,
    }
    path = ROOT / "build" / "bench" / "latency.json"
    path.write_text(json.dumps({**conditions, **found}, indent=2) + "\n", encoding="utf-8")
    report(found)


def ours(targets: list[Target], latency: float, packages: Path) -> dict[str, Any]:
    """Measure our second deployment. Leave the function packages that it built at `packages`."""
    with tempfile.TemporaryDirectory() as name, organisation(targets) as aws:
        home = Path(name)
        ansible = Ansible(aws.deploy_environment(), inventory(home, targets), home)

        def deploy(**expected: int) -> Measured:
            return ansible.run(DEPLOY, extra={**DEPLOYMENT, **ONE_WAVE}).expect(**expected, failed=0, unreachable=0)

        figures = second_run(aws, deploy, len(targets), latency)
        shutil.copytree(home / ".cache" / "log-reflector", packages, dirs_exist_ok=True)
    return figures


def amazon_aws(targets: list[Target], latency: float, packages: Path) -> dict[str, Any]:
    """Measure the second run of the same resources with amazon.aws. Its modules need more permissions than ours."""
    collections = str(stock_collections())
    extra = {"stock_packages": str(packages), "stock_first_region": REGIONS[0]}
    with tempfile.TemporaryDirectory() as name, organisation(targets, FULL_ACCESS) as aws:
        home = Path(name)
        ansible = Ansible(aws.deploy_environment(), inventory(home, targets), home, collections)

        def run(**expected: int) -> Measured:
            playbook = ROOT / "bench" / "_fleet_stock.yml"
            return ansible.run(playbook, extra=extra).expect(**expected, failed=0, unreachable=0)

        return second_run(aws, run, len(targets), latency)


def second_run(aws: RunningAws, run: Callable[..., Measured], targets: int, latency: float) -> dict[str, Any]:
    """Run it once without latency, and measure a second run, which changes nothing, with it."""
    run()
    aws.front.clear_journal()
    aws.front.add(Fault(kind="delay", seconds=latency))
    measured = run(changed=0)
    calls = deployers(aws.front.calls())
    aws.front.clear_faults()
    if wrote := sorted({call.operation for call in calls if call.write}):
        raise SystemExit(f"The second run wrote: {', '.join(wrote)}")
    return figures_of(measured, calls, targets, latency)


def figures_of(run: Measured, calls: list[Call], targets: int, latency: float) -> dict[str, Any]:
    """Return the wall time beside what its calls alone would take.

    chain_s   the longest chain of one target
    floor_s   the same for all targets, ten at a time
    """
    chains = [longest_chain(some) for some in by_target(calls).values()]
    chain_s = max(chains, default=0) * latency
    return {
        "wall_s": round(run.wall_s, 1),
        "cpu_s": round(run.cpu_s, 1),
        "calls_per_target": round(len(calls) / targets, 1),
        "longest_chain": max(chains, default=0),
        "median_chain": statistics.median(chains or [0]),
        "chain_s": round(chain_s, 2),
        "floor_s": round(chain_s * ceil(targets / FORKS), 1),
    }


def by_target(calls: Iterable[Call]) -> dict[Target, list[Call]]:
    """Group calls by account and region. Calls of global services are made once for the account and belong to the first region.

    AssumeRole is left out: it is a call of the account that assumes, so the journal does not show its target.
    """
    found: dict[Target, list[Call]] = defaultdict(list)
    for call in calls:
        if call.operation != "AssumeRole":
            region = REGIONS[0] if call.service in GLOBAL_SERVICES else call.region
            found[call.account, region].append(call)
    return found


def longest_chain(calls: Iterable[Call]) -> int:
    """Return the length of the longest chain of calls of which each began after the one before it had ended."""
    length, ended = 0, 0.0
    for call in sorted(calls, key=lambda call: call.time):
        if call.began >= ended:
            length, ended = length + 1, call.time
    return length


def report(found: dict[str, dict[str, Any]]) -> None:
    """Print a table."""
    columns = {
        "wall_s": "wall s",
        "cpu_s": "CPU s",
        "calls_per_target": "calls",
        "longest_chain": "chain",
        "chain_s": "chain s",
        "floor_s": "floor s",
    }
    print(" " * 10 + "".join(f"{title:>9}" for title in columns.values()))
    for name, one in found.items():
        print(f"{name:10}" + "".join(f"{one[column]:>9}" for column in columns))
    if "amazon_aws" in found:
        print(f"amazon_aws takes {found['amazon_aws']['wall_s'] / found['ours']['wall_s']:.1f} times as long as ours.")


if __name__ == "__main__":
    main()
