# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The share of AWS's rates that a sweep of a target's log groups reaches, beside a plain loop. Writes build/bench/sweep.json.

    python bench/sweep.py [SIZE ...] [--scale FACTOR] [--without-twenty]

One target has 200, 1,000 and 5,000 log groups. Each pass is a process of its own. Time passes `--scale` times as fast for
AWS's rates, our rate limiter and botocore's pauses. One ansible-playbook then serves 20 targets at once with 200 log groups
each, in real time. README.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _figures import write_figures
from _fleet_aws import Target, inventory
from _fleet_run import Ansible, Measured
from _sweep_aws import RunningAws, front_calls_per_second, names, targets_with, unsubscribe, use_of_the_rate

SIZES = (200, 1000, 5000)
SCALE = 10.0
TWENTY, GROUPS_OF_EACH = 20, 200
REGION = "eu-west-1"
ONE: Target = ("111111111111", REGION)
OURS = {"destination_arn": "log-reflector"}
LOOPS = {"plain_loop": 1, "plain_loop_8_threads": 8}
_CHILD = Path(__file__).with_name("_sweep_child.py")


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE", help="log groups of one target (200 1000 5000)")
    parser.add_argument("--scale", type=float, default=SCALE, help=f"how much faster time passes ({SCALE:g})")
    parser.add_argument("--without-twenty", action="store_true", help="leave the 20 targets at once out")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    front: list[float] = []
    for size in sorted(options.sizes or SIZES):
        with targets_with({ONE: size}) as aws:
            front.append(front_calls_per_second(aws, ONE))
            found[str(size)] = rounded(one_target(aws, size, options.scale))
    if not options.without_twenty:
        found["twenty_targets"] = rounded(twenty_targets())
    found["scale"] = options.scale
    found["front_calls_per_second"] = round(min(front))
    nowhere = {"endpoint_url": "http://127.0.0.1:1", "region": REGION, "access_key": ONE[0], "secret_key": "embedded"}
    found["empty_process_peak_mb"] = round(child("empty", {"connection": nowhere, "options": OURS})["peak_mb"], 1)
    write_figures("sweep", found)
    report(found)


def one_target(aws: RunningAws, size: int, scale: float) -> dict[str, dict[str, Any]]:
    """Return the figures of every kind of pass over one target."""
    connection = connection_to(aws)

    def measured(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        aws.front.enforce_rates(scale)
        aws.front.clear_journal()
        child_figures = run()
        aws.front.enforce_rates(None)
        return {**use_of_the_rate(aws.front.calls(account=ONE[0]), scale), **child_figures}

    def ours(**more: Any) -> dict[str, Any]:
        task = {"connection": connection, "scale": scale, "options": {**OURS, **more}}
        return measured(lambda: child("module", task))

    def loop(threads: int) -> dict[str, Any]:
        task = {
            "connection": connection,
            "scale": scale,
            "destination": arn(ONE, f"loop-{threads}"),
            "threads": threads,
        }
        return measured(lambda: child("loop", task))

    passes = {"first": ours(), "nochange_cheap": ours(), "nochange_full": ours(audit=True)}
    unsubscribe(aws, ONE, names(size)[::100])
    passes["one_percent_missing"] = ours()
    for name, changed in {
        "first": size,
        "nochange_cheap": 0,
        "nochange_full": 0,
        "one_percent_missing": len(names(size)[::100]),
    }.items():
        counts = passes[name].pop("counts")
        if (counts["groups"], counts["subscribed"], counts["changed"]) != (size, size, changed):
            sys.exit(f"{name} of {size} log groups gave {counts}")
    for name, threads in LOOPS.items():
        passes[name] = loop(threads)
        del passes[name]["counts"]
    return passes


def twenty_targets() -> dict[str, dict[str, Any]]:
    """Measure 20 accounts by one ansible-playbook with 20 forks at AWS's rates, and the loops in a process each."""
    targets = [(f"{200_000_000_000 + number}", REGION) for number in range(TWENTY)]
    with (
        tempfile.TemporaryDirectory() as name,
        targets_with(dict.fromkeys(targets, GROUPS_OF_EACH)) as aws,
    ):
        home = Path(name)
        ansible = Ansible({**aws.deploy_environment(), "ANSIBLE_FORKS": str(TWENTY)}, inventory(home, targets), home)

        def measured(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            aws.front.enforce_rates(1)
            aws.front.clear_journal()
            figures = run()
            aws.front.enforce_rates(None)
            return {**fleet_use(aws, targets), **figures}

        def ours(changed: int, **more: Any) -> dict[str, Any]:
            book = playbook(home, {**OURS, **more})
            return measured(lambda: of_ansible(ansible.run(book).expect(ok=TWENTY, changed=changed, failed=0)))

        passes = {
            "first": ours(TWENTY),
            "nochange_cheap": ours(0),
            "nochange_full": ours(0, audit=True),
        }
        for target in targets:
            unsubscribe(aws, target, names(GROUPS_OF_EACH)[::100])
        passes["one_percent_missing"] = ours(TWENTY)
        for loop, threads in LOOPS.items():
            passes[loop] = measured(lambda threads=threads: loops_at_once(aws, targets, threads))  # type: ignore[misc]
    return passes


def playbook(folder: Path, options: dict[str, Any]) -> Path:
    """Write a playbook with one task for every target."""
    connection = {"region": "{{ target_region }}", "assume_role_arn": "{{ target_role_arn }}"}
    task = {"logreflector.aws.subscription_filters": {**connection, **options}}
    path = folder / "sweep.json"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    return path


def of_ansible(run: Measured) -> dict[str, Any]:
    return {"peak_mb": run.peak_mb, "tree_peak_mb": run.tree_mb, "seconds": run.wall_s, "cpu_seconds": run.cpu_s}


def fleet_use(aws: RunningAws, targets: list[Target]) -> dict[str, Any]:
    """Return the least and the median share of all targets, and the sums of calls and refused calls."""
    journal = aws.front.calls()
    uses = [use_of_the_rate([call for call in journal if call.account == account], 1) for account, _unused in targets]
    return {
        "share_of_rate": statistics.median(use["share_of_rate"] for use in uses),
        "least_share_of_rate": min(use["share_of_rate"] for use in uses),
        "calls": sum(use["calls"] for use in uses),
        "refused": sum(use["refused"] for use in uses),
        "busiest": uses[0]["busiest"],
    }


def loops_at_once(aws: RunningAws, targets: list[Target], threads: int) -> dict[str, Any]:
    """Run the plain loop over all targets at the same time."""
    running = [
        start(
            "loop",
            {
                "connection": connection_to(aws, target),
                "scale": 1,
                "destination": arn(target, f"loop-{threads}"),
                "threads": threads,
            },
        )
        for target in targets
    ]
    ended = [wait_for_figures(process) for process in running]
    return {
        "left_out": sum(figures["left_out"] for figures in ended),
        "peak_mb": max(figures["peak_mb"] for figures in ended),
        "seconds": max(figures["seconds"] for figures in ended),
        "cpu_seconds": sum(figures["cpu_seconds"] for figures in ended),
    }


def connection_to(aws: RunningAws, target: Target = ONE) -> dict[str, Any]:
    """Return the connection options of the account's root."""
    account, region = target
    return {"endpoint_url": aws.endpoint_url, "region": region, "access_key": account, "secret_key": "embedded"}


def arn(target: Target, function: str) -> str:
    return f"arn:aws:lambda:{target[1]}:{target[0]}:function:{function}"


def child(what: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run a pass in its own process and return its figures."""
    return wait_for_figures(start(what, task))


def start(what: str, task: dict[str, Any]) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return subprocess.Popen(
        [sys.executable, str(_CHILD), what, json.dumps(task)],
        env={**environment, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_figures(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _unused = process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, process.args[1:3]))} failed.")  # type: ignore[index]
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures


def rounded(passes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}
        for name, figures in passes.items()
    }


def report(found: dict[str, Any]) -> None:
    """Print a table."""
    print(f"{'log groups':>14} {'pass':<22} {'share':>6} {'calls':>7} {'refused':>8} {'left out':>9} {'AWS min':>8}"
          f" {'peak MB':>8} {'CPU s':>6}")  # fmt: skip
    for size, passes in found.items():
        if not isinstance(passes, dict):
            continue
        for name, one in passes.items():
            minutes = one.get("aws_seconds", one["seconds"]) / 60
            print(
                f"{size:>14} {name:<22} {one['share_of_rate']:6.3f} {one['calls']:7} {one['refused']:8}"
                f" {one.get('left_out', 0):9} {minutes:8.1f} {one['peak_mb']:8.1f} {one['cpu_seconds']:6.1f}"
            )
    print(
        f"Time passed {found['scale']:g} times as fast for one target. The embedded AWS alone answers "
        f"{found['front_calls_per_second']} calls a second here. An empty process has {found['empty_process_peak_mb']} MB."
    )


if __name__ == "__main__":
    main()
