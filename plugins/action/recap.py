# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the recap of a run, or of a wave. Runs on the control node only: plugins/modules/recap.py is its documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils._output import print_lines
from ..plugin_utils._plain import read_variable
from ..plugin_utils._recap import Recap, wave_line
from ..plugin_utils._target_state import VARIABLES, TargetState, target_state
from ..plugin_utils._waves import exceeds, wave_with

OPTIONS: dict[str, Any] = {
    "scope": {"type": "str", "choices": ["run", "wave"], "default": "run"},
    "title": {"type": "str", "default": "Log Reflector"},
    "waves": {"type": "bool", "default": False},
    "lines": {"type": "int", "default": 30},
    "retry_file": {"type": "str", "default": ""},
    "sizes": {"type": "list", "elements": "str", "default": ["100%"]},
    "allowed_failures": {"type": "str", "default": "0%"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Ansible's entry point."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=OPTIONS)
        report = _report_wave if options["scope"] == "wave" else _report_run
        lines, found = report(options, task_vars or {})
        print_lines(lines)
        return {**result, "changed": False, "lines": lines, **found}


def _report_run(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return the recap of all targets, and write the retry file."""
    hosts = task_vars["ansible_play_hosts_all"]
    check_mode = bool(task_vars.get("ansible_check_mode"))
    states = [_state(host, task_vars, waves=options["waves"]) for host in hosts]
    recap = Recap(
        options["title"], states, check_mode=check_mode, lines=options["lines"], retry_file=options["retry_file"]
    )
    left = recap.left()
    if options["retry_file"] and not check_mode:
        write_retry_file(Path(options["retry_file"]).expanduser(), left, hosts, task_vars["groups"]["all"])
    return recap.text(), {"left": left, "counts": recap.counts(), "report": recap.report()}


def _report_wave(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
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
