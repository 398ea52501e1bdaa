# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `report` over a deployed fleet on the embedded AWS."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from _fleet_aws import deployers, inventory, organisation, targets_of
from _fleet_run import Ansible

FORMATS = ("html", "json", "csv", "ndjson", "junit", "openmetrics", "markdown")
FORKS = 60


def read_fleet(size: int, groups: int, *, mode: str) -> dict[str, Any]:
    """Return the figures of a report over so many targets with so many log groups each.

    mode   log_groups_mode of the deployment
    """
    targets = targets_of(size)
    extra = {"log_groups_mode": mode, "deploy_verify": False, "deploy_waves": "100%"}
    with tempfile.TemporaryDirectory() as name, organisation(targets, groups=groups) as aws:
        home = Path(name)
        hosts = inventory(home, targets)
        # Most of it is waiting: 200 log groups take 40 s at AWS's rate, in the deployment and in the report.
        ansible = Ansible({**aws.deploy_environment(), "ANSIBLE_FORKS": str(FORKS)}, hosts, home)
        deployed = ansible.run("logreflector.aws.deploy", extra=extra).expect()
        print(f"deployed {size} targets, {mode}: {deployed.wall_s:.0f} s", flush=True)
        aws.front.clear_journal()
        written = home / "report"
        options = {**extra, "report_directory": str(written), "report_formats": list(FORMATS)}
        run = ansible.run("logreflector.aws.report", extra=options).expect()
        calls = deployers(aws.front.calls())
        writes = {call.operation for call in calls if call.write} - {"StartQuery"}  # of Logs Insights: it reads
        if f"{size * groups:,} of {size * groups:,} chosen log groups, {size} targets read" not in run.output or writes:
            raise SystemExit(f"{run.output}\nExpected every log group of {size} targets, without writes: {writes}.")
        sizes = {path.name: round(path.stat().st_size / 1e6, 2) for path in sorted(written.iterdir())}
    return {
        "targets": size,
        "forks": FORKS,
        "deployed_s": round(deployed.wall_s, 1),
        "groups": size * groups,
        "cpu_s_per_target": round(run.cpu_s / size, 3),
        "calls_per_target": round(len(calls) / size, 1),
        "wall_s": round(run.wall_s, 1),
        "peak_mb": round(run.peak_mb),
        "files_mb": sizes,
    }
