# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A burst of new log groups through a real deployment, in real time, at AWS's rates. Writes build/bench/burst.json.

events               CloudTrail's events, duplicates included
filters              subscription filters at the end
seconds_to_filters   from the first log group to the last filter
seconds              until the subscriber has no work left
first_lines          lines that were written before their group had a filter: once, twice, missing at the sink
share_of_rate        of the operation that used the largest part of its rate

README.md explains the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from _figures import write_figures
from _fleet_aws import Target, inventory, organisation
from _sweep_aws import use_of_the_rate
from bursts import FUNCTION, burst, dead_letters
from deployed import Deployed
from embedded_aws import RunningAws

from playbooks import Ansible

GROUPS = 500
TARGET: Target = ("111111111111", "eu-west-1")
WITHIN = 900.0


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="?", type=int, default=GROUPS, help=f"number of log groups ({GROUPS})")
    groups = parser.parse_args().groups
    with organisation([TARGET]) as aws, tempfile.TemporaryDirectory() as folder:
        found = measure_burst(deploy(aws, Path(folder)), groups)
    write_figures("burst", found)
    for name, value in found.items():
        print(f"{name:>14} {value}")


def deploy(aws: RunningAws, folder: Path) -> Deployed:
    """Deploy one target by the playbook."""
    run = Ansible(aws.deploy_environment(), inventory(folder, [TARGET]), folder).run("logreflector.aws.deploy")
    if run.status:
        sys.exit(run.output)
    return Deployed(aws, *TARGET)


def measure_burst(place: Deployed, number: int) -> dict[str, Any]:
    """Run one burst and return its figures."""
    result = burst(place, number, WITHIN)
    calls = [call for call in place.aws.front.calls() if f"/{FUNCTION}/" in call.caller]
    times = result.first_lines(place)
    use = use_of_the_rate(calls, 1)
    return {
        "groups": number,
        "events": sum('"log_group": "/burst/' in line for line in place.log(f"/aws/lambda/{FUNCTION}")),
        "filters": sum(count_our_filters(place, group) for group in result.groups),
        "seconds_to_filters": round(seconds_to_filters(place), 1),
        "seconds": round(result.seconds, 1),
        "dead_letters": dead_letters(place),
        "first_lines": {
            "once": sum(times[group] == 1 for group in result.groups),
            "twice": sum(times[group] > 1 for group in result.groups),
            "missing": sum(not times[group] for group in result.groups),
        },
        "calls": use["calls"],
        "refused": use["refused"],
        "busiest": use["busiest"],
        "share_of_rate": round(use["share_of_rate"], 3),
    }


def seconds_to_filters(place: Deployed) -> float:
    """Return the seconds from the first log group to the last filter."""
    made = min(call.time for call in place.aws.front.calls(operation="CreateLogGroup"))
    return max(call.time for call in place.aws.front.calls(operation="PutSubscriptionFilter")) - made


def count_our_filters(place: Deployed, group: str) -> int:
    """Return how many of our filters a log group has."""
    found = place.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return sum(item["destinationArn"].endswith(":log-reflector") for item in found)


if __name__ == "__main__":
    main()
