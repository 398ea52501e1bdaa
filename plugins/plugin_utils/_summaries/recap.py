# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the recap of a run, or the result of a wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .._files import describe_files
from .._output import print_lines
from .._plain import read_variable
from .._recap import Recap, wave_line
from .._target_state import VARIABLES, TargetState, target_state
from .._waves import exceeds, wave_with


def summarize(options: Mapping[str, Any], task_vars: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Print the recap or the result of the wave. A recap also writes the retry file."""
    if options["scope"] == "wave":
        lines, found = _summarize_wave(options, task_vars)
    else:
        lines, found = _summarize_run(options, task_vars, check_mode)
    print_lines(lines)
    return {"changed": False, "lines": lines, **found}


def _summarize_run(
    options: Mapping[str, Any], task_vars: Mapping[str, Any], check_mode: bool
) -> tuple[list[str], dict[str, Any]]:
    """Return the recap of all targets, and write the retry file."""
    hosts = task_vars["ansible_play_hosts_all"]
    states = [_state(host, task_vars, waves=options["waves"]) for host in hosts]
    recap = Recap(
        options["title"], states, check_mode=check_mode, lines=options["lines"], retry_file=options["retry_file"]
    )
    left = recap.left()
    if options["retry_file"] and not check_mode:
        with describe_files("write the retry file"):
            write_retry_file(Path(options["retry_file"]).expanduser(), left, hosts, task_vars["groups"]["all"])
    return recap.text(), {"left": left, "counts": recap.counts(), "report": recap.report()}


def _summarize_wave(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return the result of the wave that has just ended."""
    remaining = task_vars["ansible_play_batch"]
    wave = wave_with(remaining[0], options["sizes"], task_vars["ansible_play_hosts_all"])
    hostvars = task_vars["hostvars"]
    # Ansible removes unreachable targets from the batch. They failed.
    failed = len(wave.hosts) - sum("recap_failure" not in hostvars[host] for host in remaining)
    counts = {"ok": len(wave.hosts) - failed, "failed": failed}
    allowed = options["allowed_failures"]
    stops = exceeds(failed, len(wave.hosts), allowed)
    line = wave_line(wave.number, wave.of, counts, allowed, stops=stops)
    return [line], {"number": wave.number, "of": wave.of, "failures": failed, "stops": stops}


def _state(host: str, task_vars: Mapping[str, Any], *, waves: bool) -> TargetState:
    variables = task_vars["hostvars"][host]
    # A variable that cannot be templated may be the very reason why the target failed.
    found = {name: read_variable(variables, name) for name in VARIABLES if name in variables}
    return target_state(host, found, waves=waves, lost=host not in task_vars["ansible_play_hosts"])


def write_retry_file(path: Path, left: Iterable[str], run: Iterable[str], known: Iterable[str]) -> None:
    """Write the targets that are left, one a line, or remove the file if none is.

    Targets in it that this run did not include stay, so that a run over some targets forgets no other.

    run     all targets of this run
    known   all targets of the inventory
    """
    before = path.read_text(encoding="utf-8").split() if path.is_file() else []
    kept = set(before).difference(run).intersection(known)
    targets = sorted(kept.union(left))
    if targets:
        path.write_text("".join(f"{name}\n" for name in targets), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
