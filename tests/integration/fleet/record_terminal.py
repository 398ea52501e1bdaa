# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record docs/watching-*.svg: the fleet callback on a terminal during a real deployment to the embedded AWS.

.venv/bin/python tests/integration/fleet/record_terminal.py
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "extensions"), *map(str, Path(__file__).resolve().parents[:2])]

import terminal  # noqa: E402
from embedded_aws import Configuration, EmbeddedAws, Organization  # noqa: E402
from embedded_aws.population import populate  # noqa: E402

from playbooks import POLICY, write_inventory  # noqa: E402

ACCOUNTS = tuple(f"{digit * 12}" for digit in "123456")
REGIONS = ("eu-west-1", "us-east-1")
STRANGER = "999999999999"  # no account of the organisation: its role cannot be assumed
COMMAND = ["ansible-playbook", "logreflector.aws.deploy"]
ENVIRONMENT = {"ANSIBLE_STDOUT_CALLBACK": "logreflector.aws.fleet", "ANSIBLE_FORKS": "8", "TERM": "xterm-256color"}


def main() -> int:
    """Record both pictures. Return the exit status, 0 if both were made."""
    organization = Organization(management=ACCOUNTS[0], members=ACCOUNTS[1:], regions=REGIONS)
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as aws,
    ):
        folder = Path(name)
        targets = [(account, region) for account in ACCOUNTS for region in REGIONS]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda target: populate(aws, *target, groups=6), targets))
        inventory = write_inventory(folder, [*targets, (STRANGER, REGIONS[1])])
        environment = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("AWS_", "ANSIBLE_", "LOG_REFLECTOR_"))
            },
            **aws.deploy_environment(),
            **ENVIRONMENT,
            "HOME": name,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_INVENTORY": str(inventory),
        }
        arguments = ["-e", '{"deploy_waves": [1, 4, "100%"], "deploy_allowed_failures": "20%"}']
        frames: list[str] = []

        def seen(output: str) -> None:
            """Keep the screens of the last wave while it is half done."""
            now = terminal.screen(output)
            text = terminal.plain(now)
            share = re.search(r"wave 3 of 3(?s:.*) (\d+)% of", text)
            if share and 20 <= int(share[1]) <= 70 and "left in this wave" in text and "failed" in text:
                frames.append(now)

        status, output = terminal.run([*COMMAND, *arguments], folder, environment, seen=seen)
        whole = terminal.screen(output)
    if not frames or "Report of the run: " not in whole:
        print(f"The deployment ended with {status} and was not what is to be shown:\n{output}")  # noqa: T201
        return 1
    picture("watching-bar", frames[-1])
    lines = whole.rstrip().split("\n")
    # Between them is the playbook's recap.
    picture("watching-end", "\n".join([*lines[:8], "[...]", *lines[-14:]]))
    return 0


def picture(name: str, screen: str) -> None:
    """Write docs/NAME.svg."""
    console = Console(
        record=True, width=terminal.COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(
        Text.from_ansi(f"$ ANSIBLE_STDOUT_CALLBACK=logreflector.aws.fleet {' '.join(COMMAND)}\n{screen.rstrip()}")
    )
    path = ROOT / "docs" / f"{name}.svg"
    console.save_svg(str(path), title="logreflector.aws.fleet", unique_id=name)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
