# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: `up` leaves an embedded AWS running, `down` stops it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import library
from .function_processes import function_processes
from .settings import FULL_ACCESS, Configuration, Organization, Settings


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # Ignore the caller's own AWS settings: boto3 would look for the profile that they name.
    if options.command in ("up", "supervise"):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
    match options.command:
        case "up":
            return _up(options)
        case "down":
            stopped = library.down(options.state.absolute())
            print("The embedded AWS is stopped." if stopped else "The embedded AWS was not running.")
        case "supervise":
            from . import supervisor  # noqa: PLC0415  # boto3 takes a while, and `down` needs none

            return supervisor.main(options.stay, options.log)
        case "server":
            processes = function_processes()
            from . import server  # noqa: PLC0415  # MiniStack reads its environment on import

            server.main(options.descriptor, options.directory, processes)
    return 0


def _up(options: argparse.Namespace) -> int:
    try:
        policy = json.loads(options.deployer_policy.read_text()) if options.deployer_policy else FULL_ACCESS
        configuration = Configuration(
            organization=Organization(
                management=options.management, members=tuple(options.members), regions=tuple(options.regions)
            ),
            settings=Settings().changed(dict(options.set)),
            deployer_policy=policy,
            idle_timeout=options.idle_timeout or None,
        )
        state_file = options.state.absolute()
        former = state_file.read_text() if state_file.exists() else ""
        state = library.up(state_file, configuration)
        started = state.to_json() != former
        if started and options.populate is not None:
            _populate(state_file, options.populate)
    except (OSError, TypeError, ValueError, library.StartError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"The embedded AWS {'is' if started else 'was already'} at {state.endpoint_url}, the sink at {state.sink_url}."
    )
    return 0


def _populate(state_file: Path, groups: int) -> None:
    """Fill every target, or stop the instance: the next `up` would take a half-filled one for complete."""
    from .population import populate  # noqa: PLC0415  # most of what boto3's clients cost

    aws = library.RunningAws.read(state_file)
    accounts, regions = aws.state.accounts, aws.state.regions
    try:
        with ThreadPoolExecutor(4) as pool:
            for done in [
                pool.submit(populate, aws, account, region, groups) for account in accounts for region in regions
            ]:
                done.result()
    except BaseException:
        library.down(state_file)
        raise


def _setting(text: str) -> tuple[str, float | bool]:
    name, _unused, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER or NAME=true or NAME=false") from error


def _parser() -> argparse.ArgumentParser:
    organization = Organization()
    parser = argparse.ArgumentParser(prog="embedded_aws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down")
    up = commands.add_parser("up", help="start it and return when it is ready")
    up.add_argument(
        "--state", type=Path, required=True, metavar="FILE", help="state file to write (JSON): its URLs and keys"
    )
    up.add_argument("--management", default=organization.management, metavar="ID", help="the management account")
    up.add_argument("--members", nargs="*", default=organization.members, metavar="ID", help="the member accounts")
    up.add_argument("--regions", nargs="+", default=organization.regions, metavar="NAME")
    up.add_argument("--deployer-policy", type=Path, metavar="FILE", help="the deployer role's policy (JSON)")
    up.add_argument(
        "--idle-timeout",
        type=float,
        default=1800,
        metavar="SECONDS",
        help="stop after this time without a request; 0: never",
    )
    up.add_argument(
        "--populate",
        type=int,
        metavar="NUMBER",
        help="create this many log groups in each target, four unusual ones, another team's resources, and the secret",
    )
    up.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, for example filter_slots=2",
    )
    down = commands.add_parser("down", help="stop it")
    down.add_argument("--state", type=Path, required=True, metavar="FILE")
    # Internal commands: library and supervisor start these processes.
    supervise = commands.add_parser("supervise")
    supervise.add_argument("--stay", action="store_true")
    supervise.add_argument("--log")
    server = commands.add_parser("server")
    server.add_argument("descriptor", type=int)
    server.add_argument("directory")
    return parser
