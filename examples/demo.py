# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy to the embedded AWS: several accounts, two regions, real playbooks, real Lambda code, a real HTTP sink.

    make demo                       run the demo and stop the embedded AWS
    make demo MODE=centralized      the same for AWS's centralization
    make demo KEEP=1                run the demo and leave the embedded AWS and the sink running
    make demo-stop                  stop what KEEP=1 left running

The exit status is 0 only if every expectation held.
"""

from __future__ import annotations

import argparse
import sys
import time

from demo_centralized import CentralizedDemo
from demo_filters import Demo
from demo_stage import STATE, Stage, next_steps, prepare, print_heading, write_environment
from embedded_aws import EmbeddedAws, RunningAws, up

STAGES: dict[str, type[Stage]] = {"filters": Demo, "centralized": CentralizedDemo}


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS and the sink running")
    parser.add_argument("--mode", choices=sorted(STAGES), default="filters", help="how log groups are served")
    given = parser.parse_args()
    stage, keep = STAGES[given.mode], given.keep
    configuration = prepare(stage.organization)
    started = time.monotonic()
    if keep:
        up(STATE, configuration)
        demo = stage(RunningAws.read(STATE), keeps=True)
        write_environment(demo.aws, stage.inventory)
        demo.run()
    else:
        with EmbeddedAws(configuration) as aws:
            demo = stage(aws)
            demo.run()
    print_heading(f"Result, after {time.monotonic() - started:.0f} seconds\n")
    print(demo.table())
    for failure in demo.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    print("\nEvery expectation held." if not demo.failures else "\nNot every expectation held.")
    print(next_steps(demo.aws if keep else None, stage))
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
