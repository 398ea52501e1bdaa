# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the progress and the outcome of a run over many targets."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
type: aggregate
short_description: Watch a playbook over hundreds of targets
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Shows the progress of a run by wave (batch of C(serial)). At the end it prints a table by account and region, and writes a report as JSON.
  - As the only display (C(ANSIBLE_STDOUT_CALLBACK=logreflector.aws.fleet)) it draws a progress bar on a terminal and prints a line every
    O(interval) seconds elsewhere. Failures are one line each, as they happen. Warnings, diffs (C(--diff)), the recap and
    C(debug) tasks with C(run_once) are shown; C(debug) on each host only with C(-v). A run without changes and failures prints no table.
  - Beside another display (C(ANSIBLE_CALLBACKS_ENABLED=logreflector.aws.fleet)) it adds the lines, the table and the report
    only.
  - It works with every playbook. Accounts and regions are the variables C(target_account_id),
    C(target_account_name) and C(target_region) of a host.
  - Results with C(no_log) are not read.
requirements:
  - rich, on the control node, for the progress bar. Without it the progress comes as lines.
notes:
  - It is an C(aggregate) callback because Ansible enables only these beside the callback that is the display.
options:
  interval:
    description: Seconds between two lines of progress if there is no bar. A line is only printed after a result.
    type: float
    default: 30
    env:
      - name: LOG_REFLECTOR_FLEET_INTERVAL
    ini:
      - section: callback_fleet
        key: interval
  report:
    description:
      - File for the report as JSON, relative to the current directory. Its owner and group can read it. V("") writes none.
      - It is also written between waves, at most every O(interval) seconds, so that a killed run leaves a report.
    type: str
    default: log-reflector-report.json
    env:
      - name: LOG_REFLECTOR_FLEET_REPORT
    ini:
      - section: callback_fleet
        key: report
  rows:
    description: Most accounts in the table at the end. More are counted by region, and only accounts with failures are listed.
    type: int
    default: 30
    env:
      - name: LOG_REFLECTOR_FLEET_ROWS
    ini:
      - section: callback_fleet
        key: rows
"""

import atexit
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812 - its name everywhere in Ansible
from ansible import context
from ansible.errors import AnsibleError
from ansible.playbook.block import Block
from ansible.plugins.callback import CallbackBase

from ..module_utils._errors import error_sentence
from ..plugin_utils._failures import failure_parts, failure_sentence, is_hidden, one_line, printable
from ..plugin_utils._fleet import FORMAT, Fleet, Place, change_lines, progress_line, summary_line, table
from ..plugin_utils._fleet_bar import Bar

NAME = "logreflector.aws.fleet"
RECAP = "logreflector.aws.recap"
# The fact in which the playbooks store a failure that they rescued, to fail the target at the end.
FAILURE_FACT = "recap_failure"
_SET_FACT = frozenset({"set_fact", "ansible.builtin.set_fact", "ansible.legacy.set_fact"})
_DEBUG = frozenset({"debug", "ansible.builtin.debug", "ansible.legacy.debug"})
_META = frozenset({"meta", "ansible.builtin.meta", "ansible.legacy.meta"})


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Ansible's entry point."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = NAME
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._fleet = Fleet()
        self._alone = C.DEFAULT_STDOUT_CALLBACK in (NAME, f"ansible_collections.{NAME}")
        self._process = os.getpid()
        self._bar: Bar | None = None
        self._no_bar = not sys.stdout.isatty() or not self._alone
        self._removed: list[str] = []
        self._bounded = self._lockstep = False
        self._definition: Any = None
        self._plays = self._known = 0
        self._hostvars: Mapping[str, Any] = {}
        self._recap: Mapping[str, Any] = {}
        self._places: dict[str, Place] = {}
        self._began = self._next_line = self._next_report = time.monotonic()
        self._started = _utc()

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Start a playbook."""
        if not self._fleet.playbooks:
            atexit.register(self._interrupted)
            self._began = time.monotonic()
            self._started = _utc()
            self._next_line = self._next_report = self._began + self.get_option("interval")
        self._fleet.begin_playbook(Path(playbook._file_name).name)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Start a play, or its next wave."""
        variables = play.get_variable_manager().get_vars(play=play)
        self._hostvars = variables.get("hostvars", {})
        # All batches of a play have one definition. Their ids differ under ansible-runner (so in AWX): its callback changes them.
        if play.get_ds() is not self._definition:
            self._definition, self._known = play.get_ds(), _count_tasks(play, variables)
            self._plays += 1
        # Ansible changes this list: the hosts that left the play and were not rescued.
        self._removed = play._removed_hosts
        self._bounded = play.max_fail_percentage is not None
        self._lockstep = not str(play.strategy).endswith(("free", "host_pinned"))
        hosts = variables.get("ansible_play_hosts_all", [])
        now = time.monotonic()
        self._fleet.begin_wave(
            str(self._plays),
            play.get_name().strip(),
            hosts,
            # In a play without hosts the batch is the whole inventory.
            set(hosts).intersection(variables.get("ansible_play_batch", [])),
            serial=play.serial,
            known=self._known,
            lockstep=self._lockstep,
            now=now,
        )
        if now >= self._next_report:
            self._next_report = now + self.get_option("interval")
            self._write("running")
        self._draw()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Start a task. Its name is a template later."""
        del is_conditional
        self._fleet.begin_task(task._uuid, task.get_name().strip(), time.monotonic())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Start a handler."""
        self._fleet.begin_task(task._uuid, task.get_name().strip(), time.monotonic())

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Note that a worker got a task for a host."""
        self._fleet.begin(host.name, task._uuid, time.monotonic())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a task that succeeded."""
        self._note(result)
        action = result._task.action
        if action in _SET_FACT:
            failure = (_uncopied(result).get("ansible_facts") or {}).get(FAILURE_FACT)
            if failure:
                self._fleet.store_failure(result._host.name, _stored_sentence(failure))
        elif action == RECAP:
            self._recap = _uncopied(result).get("report") or self._recap
        elif self._alone and action in _DEBUG:
            self._show_debug(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Note a skipped task."""
        self._note(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a failed task. Ansible has already decided whether the target failed."""
        self._note(result)
        if not ignore_errors:
            self._fail(result, failure_sentence(result._result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a target that cannot be connected to."""
        self._note(result)
        if result._host.name in self._removed:
            self._fail(result, f"Unreachable: {failure_sentence(result._result)}")

    def v2_on_file_diff(self, result: Any) -> None:
        """Print a diff."""
        if not self._alone or is_hidden(result._result):
            return
        items = result._result.get("results") if result._task.loop else [result._result]
        for item in items or []:
            if isinstance(item, dict) and item.get("changed") and item.get("diff") and not is_hidden(item):
                text = self._get_diff(item["diff"])
                if text:
                    self._print(f"{result._host.name}: {result._task.get_name().strip()}\n{text}")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Print that a play has no hosts."""
        if self._alone:
            self._print("No hosts matched.", color=C.COLOR_SKIP)

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """Note the end of the play. With max_fail_percentage the failures of some hosts stop the others."""
        if self._bounded:
            self._fleet.stop(self._removed)

    def v2_playbook_on_vars_prompt(self, *prompt: Any, **more: Any) -> None:
        """Remove the bar while Ansible asks the user."""
        del prompt, more
        self._undraw()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """End a playbook."""
        failures = {host: stats.failures.get(host, 0) + stats.dark.get(host, 0) for host in stats.processed}
        self._fleet.end(failures, time.monotonic())
        self._last_words("finished")

    def _note(self, result: Any) -> None:
        """Note a result. This runs for each task of each target."""
        changed = result.is_changed()
        now = time.monotonic()
        self._fleet.result(
            result._host.name,
            result._task._uuid,
            now,
            changed=changed,
            changes=change_lines(_uncopied(result)) if changed else (),
        )
        if self._alone and _has_warnings(result):
            self._handle_warnings(result._result)
        if self._bar is None and now >= self._next_line:
            self._next_line = now + self.get_option("interval")
            progress = self._fleet.progress(now)
            if progress:
                self._print(progress_line(progress))

    def _fail(self, result: Any, reason: str) -> None:
        host = result._host.name
        final = host in self._removed
        new = self._fleet.fail(host, result._task._uuid, reason, final=final)
        if final and self._lockstep and (result._task.run_once or result._task.any_errors_fatal):
            self._fleet.stop()
        if new and self._alone:
            # The recap prints the whole reason of a stored failure.
            shown = reason if final else _short_reason(result._result)
            self._print(f"{host}: {shown}", color=C.COLOR_ERROR)

    def _show_debug(self, result: Any) -> None:
        """Print the output of a debug task that runs once, or with -v of every debug task."""
        if is_hidden(result._result) or not (result._task.run_once or self._display.verbosity):
            return
        message = result._result.get("msg")
        if isinstance(message, str):
            text = message
        elif isinstance(message, list) and all(isinstance(line, str) for line in message):
            text = "\n".join(message)
        else:
            text = self._dump_results(result._result)
        self._print(text if result._task.run_once else f"{result._host.name}: {text}")

    def _print(self, text: str, color: str | None = None) -> None:
        """Print a text. If the reader of the output has gone (`| head`), the report is written all the same."""
        with contextlib.suppress(BrokenPipeError):
            self._display.display(text, color=color)

    def _draw(self) -> None:
        """Start the bar if there are a terminal and rich. Without a bar `_note` prints lines."""
        if self._bar or self._no_bar:
            return
        try:
            live = Bar(
                lambda: self._fleet.progress(time.monotonic()), self._display._lock, no_color=bool(C.ANSIBLE_NOCOLOR)
            )
        except ImportError:
            self._no_bar = True
            self._print("Progress comes as lines: the bar needs the Python package rich.")
        except OSError:
            self._no_bar = True
        else:
            self._bar = live
            live.start()

    def _undraw(self) -> None:
        if self._bar:
            live, self._bar = self._bar, None
            live.stop()

    def _last_words(self, status: str) -> None:
        """Print the table and the summary, and write the report."""
        self._undraw()
        self._find_places()
        fleet = self._fleet
        counts = fleet.counts()
        if sum(counts.values()) != counts["ok"]:
            outcomes = {host: fleet.outcome(host) for host in sorted(fleet.targets)}
            for line in [
                "",
                *table(outcomes, self._places, rows=self.get_option("rows"), check_mode=_check_mode()),
                "",
            ]:
                self._print(line)
        line = summary_line(
            counts, time.monotonic() - self._began, check_mode=_check_mode(), interrupted=status == "interrupted"
        )
        written = self._write(status)
        bad = counts["failed"] or counts["not_started"] or counts["unfinished"]
        color = C.COLOR_ERROR if bad else C.COLOR_CHANGED if counts["changed"] else C.COLOR_OK
        self._print(f"{line} Report of the run: {written}" if written else line, color=color)

    def _interrupted(self) -> None:
        """End an interrupted run when the process exits: Ctrl-C and errors of Ansible cause no event."""
        if os.getpid() == self._process and not self._fleet.complete:
            self._fleet.interrupt()
            self._last_words("interrupted")

    def _find_places(self) -> None:
        for host in self._fleet.targets:
            if host not in self._places:
                self._places[host] = _place(self._hostvars, host)

    def _report_file(self) -> Path | None:
        given = self.get_option("report")
        return Path(given).expanduser() if given else None

    def _write(self, status: str) -> str:
        """Write the report. Return the name of the file, "" if none was written."""
        path = self._report_file()
        if path is None:
            return ""
        self._find_places()
        report = {
            "format": FORMAT,
            "status": status,
            "playbooks": self._fleet.playbooks,
            "check_mode": _check_mode(),
            "started": self._started,
            "ended": None if status == "running" else _utc(),
            "seconds": round(time.monotonic() - self._began, 3),
            **({"recap": self._recap} if self._recap else {}),
            **self._fleet.report(self._places),
        }
        try:
            _replace(path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            self._display.warning(
                f"The report could not be written to {path}: {error.strerror or error}. Option report names another file."
            )
            return ""
        return str(path)


def _replace(path: Path, text: str) -> None:
    """Replace a file, so that readers see the old or the new content."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _place(hostvars: Mapping[str, Any], host: str) -> Place:
    """Return the place of a host from its variables."""
    try:
        variables = hostvars[host]
        return Place(
            *(
                printable(str(variables[name])) if name in variables else ""
                for name in ("target_account_id", "target_account_name", "target_region")
            )
        )
    except (AnsibleError, KeyError, TypeError):  # a variable that cannot be templated: its task fails too
        return Place()


def _count_tasks(play: Any, variables: Mapping[str, Any]) -> int:
    """Return the number of tasks of a play that are known before it runs and that its tags select."""
    found = 0
    left: list[Any] = list(play.compile())
    while left:
        item = left.pop()
        if isinstance(item, Block):
            left += [*item.block, *item.always]
        elif item.action not in _META and item.evaluate_tags(play.only_tags, play.skip_tags, variables):
            found += 1
    return found


def _uncopied(result: Any) -> Mapping[str, Any]:
    """Return a result without a copy. `_result` of ansible-core 2.19 copies all of it: 0.2 ms for a large one."""
    data: Mapping[str, Any] = getattr(result, "_return_data", None) or result._result
    return data


def _stored_sentence(failure: Any) -> str:
    """Return the sentence of a stored failure: parts of an error, or the text of another playbook."""
    if isinstance(failure, Mapping) and failure.get("message"):
        return one_line(error_sentence(failure))
    return failure_sentence({"msg": failure})


def _short_reason(result: Mapping[str, Any]) -> str:
    """Return operation and code of an error if it has both, otherwise its sentence."""
    parts = failure_parts(result)
    if parts.get("operation") and parts.get("code"):
        return f"Could not {parts['operation']}: {parts['code']}"
    return failure_sentence(result)


def _has_warnings(result: Any) -> bool:
    if hasattr(result, "warnings"):  # ansible-core 2.19: without copying the result
        return bool(result.warnings or result.deprecations)
    data = result._result
    return bool(data.get("warnings") or data.get("deprecations"))


def _check_mode() -> bool:
    return bool(context.CLIARGS.get("check"))


def _utc() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
