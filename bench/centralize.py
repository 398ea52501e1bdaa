# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first deployment of an organisation by AWS's centralization, against filters in every target. Writes build/bench/centralize.json.

    python bench/centralize.py [--accounts 500] [--filter-targets 40]

The playbook centralize serves all accounts in four regions: calls, CPU seconds and wall time of one run, and of a second one that
changes nothing. The playbook deploy gives filters to some targets; its figures for all of them are those of one target, multiplied.
The bench fails unless a line of an account in another region is at the sink.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from _figures import write_figures
from _fleet_aws import GROUPS, REGIONS, ROOT, RunningAws, deployers, inventory, organisation, targets_of
from _fleet_run import Ansible, Measured
from deployed import Deployed
from waits import wait_until

GROUP = "/aws/lambda/service-00"


def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=500, help="of the organisation, in four regions each (500)")
    parser.add_argument("--filter-targets", type=int, default=40, help="that are deployed with filters (40)")
    options = parser.parse_args()
    size = options.accounts * len(REGIONS)
    figures: dict[str, Any] = {"targets": size, "centralized": centralize(options.accounts)}
    figures["filters"] = filters(options.filter_targets, size)
    write_figures("centralize", figures)
    print(json.dumps(figures, indent=2))


def policy() -> dict[str, Any]:
    """Return the permissions of the deployer, the administrator and the destination."""
    names = ("deployer", "administrator", "destination")
    texts = [(ROOT / "docs" / "iam" / f"{name}-policy.json").read_text(encoding="utf-8") for name in names]
    statements = [statement for text in texts for statement in json.loads(text)["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


def centralize(accounts: int) -> dict[str, Any]:
    """Return the figures of the playbook centralize."""
    targets = targets_of(accounts * len(REGIONS))
    (management, home), destination = targets[0], targets[-len(REGIONS)]
    with tempfile.TemporaryDirectory() as name, organisation(targets, policy()) as aws:
        rule = {
            "name": "central",
            "organization_id": "o-embeddedaws",
            "source_regions": list(REGIONS),
            "destination_account": destination[0],
            "destination_region": destination[1],
        }
        variables = {
            "centralization_rules": [rule],
            "centralization_administrator": f"{management}.{home}",
            "centralization_enable_trusted_access": True,
        }
        ansible = Ansible(aws.deploy_environment(), inventory(Path(name), targets), Path(name))
        first = playbook(aws, ansible, "centralize", variables)
        check_line(aws, targets[1], destination)
        again = playbook(aws, ansible, "centralize", variables)
        if again["changed"]:
            raise SystemExit(f"The second run changed {again['changed']} tasks.")
    return {"first": first, "no_change": again}


def check_line(aws: RunningAws, source: tuple[str, str], destination: tuple[str, str]) -> None:
    """Write a line in the source, and wait until it is at the sink under the source's log group."""
    message = f"line {time.time_ns()}"
    Deployed(aws, *source).write(GROUP, message)
    wait_until(
        lambda: [message, GROUP] in [[line.get("message"), line.get("logGroup")] for line in aws.sink.lines()],
        "the line at the sink",
        seen=lambda: str(Deployed(aws, *destination).accounts()),
    )


def filters(number: int, size: int) -> dict[str, Any]:
    """Return the figures of the playbook deploy, of some targets and for all of them."""
    targets = targets_of(number)
    with tempfile.TemporaryDirectory() as name, organisation(targets) as aws:
        ansible = Ansible(aws.deploy_environment(), inventory(Path(name), targets), Path(name))
        variables = {"deploy_verify": False, "deploy_waves": "100%"}
        found = {run: playbook(aws, ansible, "deploy", variables) for run in ("first", "no_change")}
    for figures in found.values():
        figures["of_all"] = {key: round(figures[key] / number * size) for key in ("calls", "writes", "cpu_s", "wall_s")}
    return {"targets": number, "groups_each": GROUPS, **found}


def playbook(aws: RunningAws, ansible: Ansible, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Run a playbook and return its figures."""
    aws.front.clear_journal()
    run: Measured = ansible.run(f"logreflector.aws.{name}", extra=variables).expect()
    calls = deployers(aws.front.calls())
    writes = sum(call.write and call.operation != "AssumeRole" for call in calls)
    return {
        "calls": len(calls),
        "writes": writes,
        "cpu_s": round(run.cpu_s, 1),
        "wall_s": round(run.wall_s, 1),
        "peak_mb": round(run.peak_mb),
        "changed": run.total("changed"),
    }


if __name__ == "__main__":
    main()
