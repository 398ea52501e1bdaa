# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure in one AWS account and region what this project can only assume about AWS (docs/CHECK_AWS.md).

It creates resources whose names begin with log-reflector-check-, and removes them again. It asks first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import BotoCoreError, ClientError

from .lab import CONFIG, Lab, NotInTimeError, is_denied
from .limits import Limits
from .measurements import MEASUREMENTS
from .needs import costs, policy
from .removal import PREFIX, Resource, find_resources, remove
from .results import ALLOW, Finding, Measurement, Result, not_measured, table, write_json

REPORT = Path("build") / "check-aws.json"
FAILED, REFUSED, INTERRUPTED = 1, 2, 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LONGER = "Run it again with a larger --wait-seconds."
_PLAN = """\
This check measures {number} assumptions in account {account}, region {region}, as {caller}.
It creates roles, functions, queues, rules, a parameter and log groups named {prefix}*, and removes them again.
It takes about ten minutes. Each wait ends after {wait:g} s at the latest.
It also
  * puts an account-level subscription policy for some minutes, if there is none. Its pattern matches no event of others;
  * uses up AWS's rates of five reading calls to CloudWatch Logs for some seconds each: other tools may be throttled;
  * lets Lambda stop an endless loop, about which AWS may notify the owner of the account.
A subscriber in this region subscribes the check's log groups. Leave measurements out with --skip, see --list.

It costs at most ${dollars:.2f} (list prices of docs/COST.md):"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(arguments)
    chosen = [each for each in MEASUREMENTS if _is_chosen(each.name, options.only, options.skip)]
    if options.list:
        _say(*(f"{each.name:<36}{each.assumption}" for each in chosen))
        return 0
    try:
        session = boto3.Session(profile_name=options.profile or None, region_name=options.region or None)
        if not session.region_name:
            _say("Name a region: make check-aws REGION=eu-west-1.")
            return REFUSED
        if options.policy:
            _say(json.dumps(policy(session.get_partition_for_region(session.region_name)), indent=2))
            return 0
        target = Target(session, session.region_name, config=CONFIG)
        limits = Limits(**{name: getattr(options, name) for name in Limits.texts()})
        return _check(Lab(target, limits), chosen, options.report)
    except (BotoCoreError, ClientError, ReflectorError) as error:
        _say(f"The check ended: {error}")
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="check_aws", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", help="profile of the AWS configuration")
    parser.add_argument("--region", help="region; the profile's by default")
    parser.add_argument("--policy", action="store_true", help="print the IAM policy that the caller needs, and end")
    parser.add_argument("--list", action="store_true", help="print the measurements, and end")
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FILE", help=f"results as JSON ({REPORT.name})")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these only")
    parser.add_argument("--skip", nargs="+", default=[], metavar="NAME", help="leave these out")
    for name, (default, text) in Limits.texts().items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=_positive, default=default, metavar="N", help=f"{text} ({default:g})")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if math.isnan(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _is_chosen(name: str, only: Sequence[str], skip: Sequence[str]) -> bool:
    """Whether a measurement is to run. The names of the options may be prefixes, such as "rate"."""
    return (not only or name.startswith(tuple(only))) and not name.startswith(tuple(skip) or "\0")


def _check(lab: Lab, chosen: Sequence[Measurement], report: Path) -> int:
    """Ask, remove what a killed run left, measure, and remove everything."""
    identity = lab.target.identity
    leftovers, problems = find_resources(lab.target)
    _print_plan(lab, len(chosen), leftovers, problems)
    if not _is_confirmed():
        return REFUSED
    results: list[Result] = []
    status = 0
    with _interrupted_once():
        try:
            if failed := remove(lab.target, leftovers):
                _say(*_remaining(failed))
            for number, each in enumerate(chosen, start=1):
                _say(f"[{number}/{len(chosen)}] {each.name} ...")
                results.append(_measure(lab, each))
        except KeyboardInterrupt:
            _say("", "Interrupted.")
            status = INTERRUPTED
        finally:
            status = _remove_everything(lab) or status
    _say("", table(results))
    write_json(report, {"account": identity.account, "region": lab.target.region}, results)
    _say(f"Figures: {report}")
    return status


def _print_plan(lab: Lab, number: int, leftovers: Iterable[Resource], problems: Iterable[str]) -> None:
    items = costs()
    identity = lab.target.identity
    _say(
        _PLAN.format(
            number=number,
            account=identity.account,
            region=lab.target.region,
            caller=identity.arn,
            wait=lab.limits.wait_seconds,
            prefix=PREFIX,
            dollars=sum(each.dollars for each in items) + 0.005,
        ),
        *(f"  * {each.quantity:,g} {each.what}: ${each.dollars:.4f}" for each in items),
        *(f"Could not list {each}." for each in problems),
        *(f"An earlier check left {each}, which is removed too." for each in leftovers),
    )


def _is_confirmed() -> bool:
    if os.environ.get("CONFIRM") == "yes":
        return True
    if not sys.stdin.isatty():
        _say("", "Nothing was created. There is no terminal to ask: run it with CONFIRM=yes.")
        return False
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        if input('\nType "yes" to begin: ').strip() == "yes":
            return True
    _say("", "Nothing was created.")
    return False


def _measure(lab: Lab, each: Measurement) -> Result:
    """Run one measurement. No error of one keeps the others from running."""
    try:
        finding = each.run(lab)
    except NotInTimeError as error:
        finding = not_measured(str(error), _LONGER)
    except (ClientError, BotoCoreError, ReflectorError) as error:
        finding = _failure(error)
    except Exception as error:  # noqa: BLE001
        finding = not_measured(f"{type(error).__name__}: {error}", "Please report it to the project.")
    return Result(each.name, each.assumption, finding)


def _failure(error: Exception) -> Finding:
    denied = isinstance(error, AccessDeniedError) or (isinstance(error, ClientError) and is_denied(error))
    return not_measured(str(error), ALLOW if denied else "Run it again, or report it to the project.")


@contextlib.contextmanager
def _interrupted_once() -> Iterator[None]:
    """Let each signal that would end the program do what Ctrl-C does, and ignore further ones: the removal comes next."""

    def interrupt(*_unused: Any) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _ignore_signals() -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _remove_everything(lab: Lab) -> int:
    """Remove the resources of this run, whatever signals arrive meanwhile. Return the exit status."""
    with contextlib.suppress(KeyboardInterrupt):
        _ignore_signals()
    _say(f"Removing {len(lab.created)} resources ...")
    failed = remove(lab.target, lab.created)
    if failed:
        _say(*_remaining(failed))
    return FAILED if failed else 0


def _remaining(failed: dict[Resource, str]) -> list[str]:
    lines = [f"Could not remove {each}: {reason}" for each, reason in failed.items()]
    return [*lines, "Run `make check-aws` again: it removes them first."]


def _say(*lines: str) -> None:
    """Print lines. A terminal that is gone must not keep the removal from running."""
    with contextlib.suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
