# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a deployment costs the control node, per target, over 50, 200 and 1,000 targets. Writes build/bench/fleet.json.

    python bench/fleet.py [SIZE ...] [--without-stock]

CPU seconds (user + system) of ansible-playbook and all its workers; the embedded AWS is another process tree and does not
count. Beside it, in the same run: (a) the same resources with amazon.aws and community.aws, (b) the same calls in a bare
boto3 script, (c) as many empty `debug` tasks on the same hosts in the same waves. README.md says what each includes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from _fleet_aws import GROUPS, REGIONS, ROOT, RunningAws, Target, deployers, inventory, organisation, targets_of
from _fleet_replay import Call, Recorder
from _fleet_run import FORKS, Ansible, Measured, measure
from embedded_aws.organization import role_arn
from embedded_aws.settings import FULL_ACCESS

SIZES = (50, 200, 1000)
STOCK = 8
"""Targets of (a): what a module costs does not depend on how many there are (half of them are measured to show it)."""
BARE = 200
"""Targets of (b), at most: its cost is the same for each."""
WAVES = ["1", "5%", "25%", "100%"]
# No delivery check: it would run thousands of Lambda functions, one a second.
DEPLOYMENT = {"deploy_verify": False}
DEPLOY = "logreflector.aws.deploy"


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE", help="numbers of targets (50 200 1000)")
    parser.add_argument("--without-stock", action="store_true", help="leave (a) out")
    options = parser.parse_args()
    sizes = sorted(options.sizes or SIZES)
    packages = ROOT / "build" / "bench" / "packages"
    found = {str(size): fleet(size, packages) for size in sizes}
    stock = None if options.without_stock else with_stock_modules(packages)
    figures = summary(found, stock)
    path = ROOT / "build" / "bench" / "fleet.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    report(figures)


def fleet(size: int, packages: Path) -> dict[str, Any]:
    """Return the figures of one size. Leave the function packages that it built at `packages`."""
    targets = targets_of(size)
    with tempfile.TemporaryDirectory() as name, organisation(targets) as aws:
        home = Path(name)
        ansible = Ansible(aws.deploy_environment(), inventory(home, targets), home)
        first, first_calls = deployment(ansible, aws)
        nochange, calls = deployment(ansible, aws, changed=0)
        assumed = [call for call in calls if call.operation == "AssumeRole"]
        wrote = [call.operation for call in calls if call.write]
        if wrote:
            raise SystemExit(f"The second deployment wrote: {Counter(wrote)}")
        bare = bare_boto3(aws, ansible, targets[:BARE], calls)
        tasks = round(nochange.total("ok", "skipped") / size)
        empty = ansible.run(empty_tasks(home, tasks)).expect(ok=tasks * size)
        shutil.copytree(home / ".cache" / "log-reflector", packages, dirs_exist_ok=True)
    bare_cpu = bare.cpu_s / min(size, BARE)
    nochange_cpu, empty_cpu = nochange.cpu_s / size, empty.cpu_s / size
    one = {
        "nochange_cpu_s_per_target": nochange_cpu,
        "first_cpu_s_per_target": first.cpu_s / size,
        "api_calls_per_target": len(calls) / size,
        "peak_mb": nochange.peak_mb,
        "first_api_calls_per_target": len(first_calls) / size,
        "first_peak_mb": first.peak_mb,
        "tree_peak_mb": max(first.tree_mb, nochange.tree_mb),
        "assume_role_calls_per_target": len(assumed) / size,
        "tasks_per_target": nochange.total("ok", "skipped") / size,
        "boto3_cpu_s_per_target": bare_cpu,
        "empty_tasks_cpu_s_per_target": empty_cpu,
        "ratio_to_twice_boto3_plus_empty": nochange_cpu / (2 * bare_cpu + empty_cpu),
        "first_wall_s": first.wall_s,
        "nochange_wall_s": nochange.wall_s,
    }
    return rounded(one)


def deployment(ansible: Ansible, aws: RunningAws, **expected: int) -> tuple[Measured, list[Any]]:
    """Run one deployment over all targets, and return it with its calls."""
    aws.front.clear_journal()
    run = ansible.run(DEPLOY, extra=DEPLOYMENT).expect(**expected, failed=0, unreachable=0)
    return run, deployers(aws.front.calls())


def empty_tasks(folder: Path, count: int) -> Path:
    """Write a playbook of `count` tasks that do nothing."""
    task = {"ansible.builtin.debug": {"msg": "x"}}
    play = {"hosts": "all", "gather_facts": False, "serial": WAVES, "tasks": [task] * count}
    path = folder / "empty.json"
    path.write_text(json.dumps([play]), encoding="utf-8")
    return path


def bare_boto3(aws: RunningAws, ansible: Ansible, targets: list[Target], calls: list[Any]) -> Measured:
    """Make the calls of the no-change deployment in bare boto3: recorded in one account, made in all."""
    accounts = {account for account, _unused in targets}
    recorded = record(aws, ansible, targets[0][0])
    work = {
        "endpoint_url": aws.endpoint_url,
        "credentials": credentials(aws, accounts),
        "targets": targets,
        "recorded": targets[0][0],
        "calls": recorded,
    }
    path = ansible.home / "work.json"
    path.write_text(json.dumps(work), encoding="utf-8")
    aws.front.clear_journal()
    script = f'exec "{sys.executable}" "{Path(__file__).with_name("_fleet_boto3.py")}" < "{path}"'
    run = measure(
        ["/bin/sh", "-c", script], ansible.home, {"HOME": str(ansible.home), "PATH": "/usr/bin:/bin"}
    ).expect()
    made = operations(deployers(aws.front.calls()), accounts)
    if made != (wanted := operations(calls, accounts)):
        raise SystemExit(
            f"Bare boto3 made other calls than the deployment: {made - wanted} more, {wanted - made} less."
        )
    return run


def record(aws: RunningAws, ansible: Ansible, account: str) -> dict[str, list[Call]]:
    """Record what a no-change deployment calls in each region of an account."""
    with Recorder(aws.endpoint_url).recording() as recorder:
        ansible.run(DEPLOY, "--limit", f"account_{account}", extra=DEPLOYMENT, endpoint_url=recorder.url).expect(
            changed=0, failed=0, unreachable=0
        )
        return recorder.by_region(leader=REGIONS[0])


def credentials(aws: RunningAws, accounts: set[str]) -> dict[str, Mapping[str, str]]:
    """Assume the deployer's role in each account and return the credentials."""
    keys = aws.state.environment
    sts = botocore.session.Session().create_client(
        "sts",
        region_name=REGIONS[0],
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    found = {}
    for account in accounts:
        answer = sts.assume_role(RoleArn=role_arn(account), RoleSessionName="bench")["Credentials"]
        found[account] = {key: answer[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    return found


def operations(calls: list[Any], accounts: set[str]) -> Counter[tuple[str, str]]:
    """Count the calls in these accounts by operation, without AssumeRole."""
    return Counter(
        (call.service, call.operation) for call in calls if call.account in accounts and call.operation != "AssumeRole"
    )


def with_stock_modules(packages: Path) -> dict[str, Any]:
    """Measure (a): the second run with as many forks, over all its targets and over half of them."""
    targets = targets_of(STOCK)
    collections = stock_collections()
    # Their modules need more permissions than the deployer's policy has.
    with tempfile.TemporaryDirectory() as name, organisation(targets, FULL_ACCESS) as aws:
        home = Path(name)
        ansible = Ansible(aws.deploy_environment(), inventory(home, targets), home, str(collections))
        playbook = ROOT / "bench" / "_fleet_stock.yml"
        extra = {"stock_packages": str(packages), "stock_first_region": REGIONS[0]}
        ansible.run(playbook, extra=extra).expect(failed=0, unreachable=0)
        aws.front.clear_journal()
        run = ansible.run(playbook, extra=extra).expect(changed=0, failed=0, unreachable=0)
        calls = deployers(aws.front.calls())
        half = ansible.run(playbook, "--limit", f"account_{targets[0][0]}", extra=extra).expect(changed=0, failed=0)
    return rounded(
        {
            "targets": STOCK,
            "nochange_cpu_s_per_target": run.cpu_s / STOCK,
            "nochange_cpu_s_per_target_on_half": half.cpu_s / len(half.recap()),
            "api_calls_per_target": len(calls) / STOCK,
            "tasks_per_target": run.total("ok", "skipped") / STOCK,
        }
    )


def stock_collections() -> Path:
    """Return a collections path with amazon.aws and community.aws, from the PyPI package `ansible` that goes with ansible-core 2.19."""
    path = ROOT / "build" / "bench" / "stock"
    if not (path / "ready").exists():
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*command, "--no-deps", "--dest", name, "ansible==12.*"], check=True)
            with zipfile.ZipFile(next(Path(name).glob("ansible-12*.whl"))) as wheel:
                wanted = ("ansible_collections/amazon/aws/", "ansible_collections/community/aws/")
                wheel.extractall(path, [item for item in wheel.namelist() if item.startswith(wanted)])
        (path / "ready").touch()
    return path


def summary(found: dict[str, dict[str, Any]], stock: dict[str, Any] | None) -> dict[str, Any]:
    """Return the content of build/bench/fleet.json. The ratios are those of the largest size."""
    largest, smallest = max(found, key=int), min(found, key=int)
    one, least = found[largest], found[smallest]
    figures: dict[str, Any] = {
        "targets": found,
        "amazon_aws_nochange_cpu_s_per_target": stock and stock["nochange_cpu_s_per_target"],
        "boto3_cpu_s_per_target": one["boto3_cpu_s_per_target"],
        "empty_tasks_cpu_s_per_target": one["empty_tasks_cpu_s_per_target"],
        "amazon_aws": stock,
        "forks": FORKS,
        "log_groups_per_target": GROUPS,
        "ratio_amazon_aws_to_nochange": stock
        and round(stock["nochange_cpu_s_per_target"] / one["nochange_cpu_s_per_target"], 1),
        "ratio_nochange_to_twice_boto3_plus_empty": one["ratio_to_twice_boto3_plus_empty"],
    }
    if largest != smallest:
        growth = one["nochange_cpu_s_per_target"] / least["nochange_cpu_s_per_target"]
        slope = (one["peak_mb"] - least["peak_mb"]) * 1024 / (int(largest) - int(smallest))
        figures["growth_of_nochange_cpu_from_smallest_to_largest"] = round(growth, 2)
        figures["peak_kb_per_further_target"] = round(slope, 1)
    return figures


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if name.endswith("_per_target") else round(value, 2) for name, value in figures.items()
    }


def report(figures: dict[str, Any]) -> None:
    """Print a table."""
    print(f"{'targets':>7} {'no change':>10} {'first':>8} {'2 x (b) + (c)':>14} {'(b) boto3':>10} {'(c) empty':>10}"
          f" {'calls':>6} {'tasks':>6} {'peak MB':>8}")  # fmt: skip
    for size, one in figures["targets"].items():
        bare, empty = one["boto3_cpu_s_per_target"], one["empty_tasks_cpu_s_per_target"]
        print(
            f"{size:>7} {one['nochange_cpu_s_per_target']:10.3f} {one['first_cpu_s_per_target']:8.3f} {2 * bare + empty:14.3f}"
            f" {bare:10.3f} {empty:10.3f} {one['api_calls_per_target']:6.1f} {one['tasks_per_target']:6.1f} {one['peak_mb']:8.0f}"
        )
    for name, value in figures.items():
        if name != "targets":
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
