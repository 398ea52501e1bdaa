"""A burst of new log groups through a real deployment, in real time, at AWS's rates: what becomes of each group and its first line.

`build/bench/burst.json`: groups; events (CloudTrail's, with those that came twice); filters; seconds from the first group to the
last filter, and until nothing was left to do; dead_letters; first_lines, written before their group had a filter: once, twice,
missing at the sink; calls, refused, share_of_rate of the operation that took the most of its rate. README.md says what the figures are.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from _fleet_aws import ROOT, Target, inventory, organisation
from _sweep_aws import use_of_the_rate
from bursts import FUNCTION, burst, dead_letters
from deployed import Deployed
from embedded_aws import RunningAws

from playbooks import Ansible

GROUPS = 500
TARGET: Target = ("111111111111", "eu-west-1")
WITHIN = 900.0


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="?", type=int, default=GROUPS, help=f"log groups that are made ({GROUPS})")
    groups = parser.parse_args().groups
    with organisation([TARGET]) as aws, tempfile.TemporaryDirectory() as folder:
        found = measured(deployed(aws, Path(folder)), groups)
    path = ROOT / "build" / "bench" / "burst.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, value in found.items():
        print(f"{name:>14} {value}")


def deployed(aws: RunningAws, folder: Path) -> Deployed:
    """By the playbook."""
    run = Ansible(aws.deploy_environment(), inventory(folder, [TARGET]), folder).run("logreflector.aws.deploy")
    if run.status:
        sys.exit(run.output)
    return Deployed(aws, *TARGET)


def measured(place: Deployed, number: int) -> dict[str, Any]:
    """One burst."""
    told = burst(place, number, WITHIN)
    calls = [call for call in place.aws.front.calls() if f"/{FUNCTION}/" in call.caller]
    times = told.first_lines(place)
    use = use_of_the_rate(calls, 1)
    return {
        "groups": number,
        "events": sum('"log_group": "/burst/' in line for line in place.log(f"/aws/lambda/{FUNCTION}")),
        "filters": sum(ours(place, group) for group in told.groups),
        "seconds_to_filters": round(seconds_to_filters(place), 1),
        "seconds": round(told.seconds, 1),
        "dead_letters": dead_letters(place),
        "first_lines": {
            "once": sum(times[group] == 1 for group in told.groups),
            "twice": sum(times[group] > 1 for group in told.groups),
            "missing": sum(not times[group] for group in told.groups),
        },
        "calls": use["calls"],
        "refused": use["refused"],
        "busiest": use["busiest"],
        "share_of_rate": round(use["share_of_rate"], 3),
    }


def seconds_to_filters(place: Deployed) -> float:
    """From the first group that was made to the last filter that was put."""
    made = min(call.time for call in place.aws.front.calls(operation="CreateLogGroup"))
    return max(call.time for call in place.aws.front.calls(operation="PutSubscriptionFilter")) - made


def ours(place: Deployed, group: str) -> int:
    """How many of our filters a log group has."""
    found = place.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return sum(item["destinationArn"].endswith(":log-reflector") for item in found)


if __name__ == "__main__":
    main()
