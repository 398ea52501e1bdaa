# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet callback in real runs: its display with and without a terminal, and its report."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import terminal
from warm_ansible import warm_ansible

ROOT = Path(__file__).resolve().parents[3]
NAME = "logreflector.aws.fleet"
REPORT = "log-reflector-report.json"
DENIED = "The role of {} cannot be assumed."
SECRET = "hunter2"

# A host whose connection always fails.
CONNECTION = """
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
DOCUMENTATION = '''
name: nowhere
short_description: Never connects
description: Never connects.
'''
class Connection(ConnectionBase):
    transport = "nowhere"
    def _connect(self): raise AnsibleConnectionFailure("Nobody is there.")
    def exec_command(self, *args, **kwargs): self._connect()
    def put_file(self, *args, **kwargs): self._connect()
    def fetch_file(self, *args, **kwargs): self._connect()
    def close(self): pass
"""

# The shape of this collection's playbooks: waves, a rescue that keeps the failure, an end to the waves, an outcome.
WAVES = """
- name: Deploy
  hosts: all
  gather_facts: false
  serial: [1, 2, '100%']
  tasks:
    - block:
        - name: Function
          changing: {changes: "{{ changes | default([]) }}"}
        - name: Role
          ansible.builtin.fail: {msg: "The role of {{ inventory_hostname }} cannot be assumed."}
          when: broken | default(false)
      rescue:
        - ansible.builtin.set_fact: {recap_failure: "{{ ansible_failed_result.msg }}"}
    - name: Wave
      ansible.builtin.debug: {msg: [this wave, is over]}
      run_once: true
    - ansible.builtin.meta: end_play
      when: stop_at | default('') in ansible_play_batch
- name: Outcome
  hosts: all
  gather_facts: false
  tasks:
    - name: Outcome of the target
      ansible.builtin.assert: {that: recap_failure is not defined, fail_msg: "{{ recap_failure | default('') }}", quiet: true}
"""

ACTION = """
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        changes = self._task.args["changes"]
        warnings = [self._task.args["warning"]] if "warning" in self._task.args else []
        return {**super().run(tmp, task_vars), "changed": bool(changes), "changes": changes, "warnings": warnings}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one ansible-playbook."""

    status: int
    output: str
    report: dict[str, Any] | None

    def lines(self) -> list[str]:
        """Return the printed lines."""
        return self.output.replace("\r", "").strip("\n").split("\n")

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each target from the report."""
        assert self.report is not None
        return {host: target["outcome"] for host, target in self.report["targets"].items()}


class Folder:
    """A folder with playbooks to run and an inventory of accounts a, b, ... in one region or two."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name, text in {
            "connection_plugins/nowhere.py": CONNECTION,
            "action_plugins/changing.py": ACTION,
            "library/changing.py": "",
        }.items():
            (path / name).parent.mkdir()
            (path / name).write_text(text, encoding="utf-8")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the test's process without its user's own settings."""
        return {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("AWS_", "ANSIBLE_", "LOG_REFLECTOR_"))
            },
            "HOME": str(self.path),
            "TERM": "xterm-256color",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_STDOUT_CALLBACK": NAME,
            **more,
        }

    def command(self, playbook: str, hosts: Mapping[str, Mapping[str, Any]], *arguments: str) -> list[str]:
        """Write the playbook and the inventory to files. Return the command that runs them."""
        places = {
            host: {
                "target_account_id": host.split(".")[0] * 12,
                "target_account_name": f"account-{host.split('.')[0]}",
                "target_region": host.split(".")[-1],
                **variables,
            }
            for host, variables in hosts.items()
        }
        inventory = {
            "all": {
                "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                "hosts": places,
            }
        }
        (self.path / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        (self.path / "play.yml").write_text(playbook, encoding="utf-8")
        return ["ansible-playbook", "-i", "inventory.json", "play.yml", *arguments]

    def run(self, playbook: str, hosts: Mapping[str, Mapping[str, Any]], *arguments: str, **environment: str) -> Run:
        """Run a playbook without a terminal to its end."""
        given = self.environment(**environment)
        program, *rest = self.command(playbook, hosts, *arguments)
        done = warm_ansible(given).start(program, rest, given, self.path)
        output, _unused = done.communicate()
        assert done.returncode is not None
        return Run(done.returncode, output, self.report())

    def on_terminal(
        self,
        playbook: str,
        hosts: Mapping[str, Mapping[str, Any]],
        *,
        until: Callable[[str], bool] | None = None,
        send: int | str = 0,
        **environment: str,
    ) -> Run:
        """Run a playbook on a terminal, see `terminal.run`."""
        status, output = terminal.run(
            self.command(playbook, hosts), self.path, self.environment(**environment), until=until, send=send
        )
        return Run(status, output, self.report())

    def report(self) -> dict[str, Any] | None:
        """Return the report in the folder."""
        path = self.path / REPORT
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def targets(*broken: str, count: int = 6, **variables: Any) -> dict[str, dict[str, Any]]:
    """Return targets a.eu, a.us, b.eu, ...; the broken ones fail."""
    hosts = [f"{account}.{region}" for account in "abcdefghij" for region in ("eu", "us")][:count]
    return {host: {**variables, **({"broken": True} if host in broken else {})} for host in hosts}


QUIET = "[{hosts: all, gather_facts: false, tasks: [{name: t, changing: {changes: []}}]}]"


def test_callback_run_without_changes_prints_last_line_only(folder: Folder) -> None:
    run = folder.run(QUIET, targets(count=12))
    assert run.status == 0
    (line,) = run.lines()
    assert re.fullmatch(rf"12 targets: 12 ok in (\d+ min )?\d+ s\. Report of the run: {REPORT}", line)
    assert (folder.path / REPORT).stat().st_mode & 0o777 == 0o640


def test_callback_playbook_without_hosts_says_so(folder: Folder) -> None:
    run = folder.run("[{hosts: none_such, tasks: []}]", targets())
    said, line = run.lines()[-2:]
    assert said == "No hosts matched."
    assert re.fullmatch(rf"Nothing was done: the run had no targets\. Report of the run: {REPORT}", line)


def test_callback_prompt_between_plays_hides_bar(folder: Folder) -> None:
    asks = "[{hosts: all, gather_facts: false, vars_prompt: [{name: x, default: y}], tasks: []}]"
    # Ctrl-C would do, too, but Python misses a signal that comes between the prompt and the read.
    run = folder.on_terminal(
        f"{QUIET[:-1]}, {asks[1:]}",
        targets(count=1),
        until=lambda output: "x [y]:" in output,
        send="z\n",
    )
    assert run.status == 0
    assert "targets done" not in terminal.plain(terminal.screen(run.output.partition("x [y]:")[0]))
    assert "Callback dispatch" not in run.output


def test_callback_stopped_waves_reports_outcomes(folder: Folder) -> None:
    hosts = targets("a.us", stop_at="a.us")
    hosts["a.eu"]["changes"] = ["create function log-reflector"]
    run = folder.run(WAVES, hosts)
    assert run.status == 2
    assert run.report is not None
    assert run.outcomes() == {
        "a.eu": "changed",
        "a.us": "failed",
        "b.eu": "ok",
        "b.us": "not_started",
        "c.eu": "not_started",
        "c.us": "not_started",
    }
    assert run.report["counts"] == {"changed": 1, "ok": 1, "failed": 1, "unfinished": 0, "not_started": 3}
    assert [
        (wave["play"], wave["number"], wave["of"], wave["targets"], wave["failed"]) for wave in run.report["waves"]
    ] == [
        ("Deploy", 1, 3, 1, 0),
        ("Deploy", 2, 3, 2, 1),
        ("Outcome", 1, 1, 6, 0),
    ]
    changed, failed = run.report["targets"]["a.eu"], run.report["targets"]["a.us"]
    assert (changed["account"], changed["account_name"], changed["region"]) == ("a" * 12, "account-a", "eu")
    assert (changed["wave"], changed["changes"], changed["changes_total"]) == (1, ["create function log-reflector"], 1)
    assert (failed["wave"], failed["failure"], failed["failed_task"]) == (2, DENIED.format("a.us"), "Role")
    assert 0 < failed["seconds"] < run.report["seconds"]
    assert (run.report["status"], run.report["check_mode"], run.report["playbooks"]) == (
        "finished",
        False,
        ["play.yml"],
    )
    # The failure is shown once, when it happens, although the last play fails with the same sentence. The recap is shown.
    assert run.lines()[:-1] == [
        *["this wave", "is over"],
        f"a.us: {DENIED.format('a.us')}",
        *["this wave", "is over"],
        "",
        "account    eu           us",
        "account-a  changed      failed",
        "account-b  ok           not started",
        "account-c  not started  not started",
        "",
    ]
    assert run.lines()[-1].startswith("6 targets: 1 changed, 1 ok, 1 failed, 3 not started in ")


def test_callback_rescued_failure_is_shown_and_target_is_ok(folder: Folder) -> None:
    playbook = """
    - hosts: all
      gather_facts: false
      tasks:
        - block: [{name: Try, ansible.builtin.fail: {msg: Not today.}}]
          rescue: [{name: Repair, changing: {changes: [repaired]}}]
    """
    run = folder.run(playbook, targets(count=1))
    assert (run.status, run.outcomes()) == (0, {"a.eu": "changed"})
    assert run.lines()[0] == "a.eu: Not today."


def test_callback_unreachable_host_counts_as_failed_and_ignored_error_does_not(folder: Folder) -> None:
    playbook = """
    - hosts: all
      gather_facts: false
      tasks:
        - block: [{name: Try, ansible.builtin.command: "test {{ broken | default(false) }} = False", changed_when: false}]
          always: [{name: Tidy, changing: {changes: []}}]
        - {name: Ignored, ansible.builtin.fail: {msg: never mind}, ignore_errors: true}
    """
    hosts = targets("a.us", count=3)
    hosts["b.eu"]["ansible_connection"] = "nowhere"
    run = folder.run(playbook, hosts)
    assert run.outcomes() == {"a.eu": "ok", "a.us": "failed", "b.eu": "failed"}
    assert run.report is not None
    assert run.report["targets"]["b.eu"]["failure"].startswith("Unreachable: ")
    assert "Nobody is there." in run.report["targets"]["b.eu"]["failure"]
    assert "never mind" not in run.output


@pytest.mark.parametrize(
    ("play", "task", "other"),
    [
        ("any_errors_fatal: true", "when: broken | default(false)", "unfinished"),
        ("max_fail_percentage: 10", "when: broken | default(false)", "unfinished"),
        ("strategy: linear", "run_once: true", "unfinished"),
        ("strategy: free", "when: broken | default(false)", "ok"),
    ],
)
def test_callback_target_stopped_by_others_is_unfinished(folder: Folder, play: str, task: str, other: str) -> None:
    playbook = f"""
    - hosts: all
      gather_facts: false
      {play}
      tasks:
        - {{name: First, ansible.builtin.fail: {{msg: broken}}, {task}}}
        - {{name: Second, changing: {{changes: []}}}}
    """
    run = folder.run(playbook, targets("a.eu", count=2))
    assert run.status == 2
    assert run.outcomes() == {"a.eu": "failed", "a.us": other}


def test_callback_host_that_ends_early_is_ok(folder: Folder) -> None:
    playbook = """
    - hosts: all
      gather_facts: false
      tasks:
        - {ansible.builtin.meta: end_host, when: not (broken | default(false))}
        - {name: First, ansible.builtin.fail: {msg: broken}}
    """
    run = folder.run(playbook, targets("a.eu", count=2))
    assert run.outcomes() == {"a.eu": "failed", "a.us": "ok"}


def test_callback_beside_default_callback_adds_progress_and_report(folder: Folder) -> None:
    run = folder.run(
        WAVES,
        targets("b.eu"),
        ANSIBLE_STDOUT_CALLBACK="default",
        ANSIBLE_CALLBACKS_ENABLED=NAME,
        LOG_REFLECTOR_FLEET_INTERVAL="0.01",
    )
    assert run.outcomes()["b.eu"] == "failed"
    assert "PLAY RECAP" in run.output
    assert re.search(
        r"^Deploy, wave 2 of 3: \d+% of the wave's \w+, 1 of 6 targets done, 0 changed, \d failed; [\d.]+ tasks/s",
        run.output,
        re.MULTILINE,
    )
    assert f"\nb.eu: {DENIED.format('b.eu')}" not in run.output  # the default callback has shown it
    assert "account-b  failed  ok" in run.output


def test_callback_configured_twice_prints_once(folder: Folder) -> None:
    assert len(folder.run(QUIET, targets(), ANSIBLE_CALLBACKS_ENABLED=NAME).lines()) == 1


def test_callback_check_mode_shows_diff_and_says_nothing_changed(folder: Folder) -> None:
    playbook = (
        "[{hosts: all, gather_facts: false, tasks: [{name: File, ansible.builtin.copy: {content: new, dest: ./made}}]}]"
    )
    run = folder.run(playbook, targets(count=1), "--check", "--diff")
    assert run.report is not None
    assert (run.report["check_mode"], run.outcomes()) == (True, {"a.eu": "changed"})
    assert "a.eu: File" in run.output
    assert "+new" in run.output
    assert "; check mode, nothing was changed." in run.lines()[-1]


def test_callback_no_log_task_hides_output(folder: Folder) -> None:
    playbook = f"""
    - hosts: all
      gather_facts: false
      tasks:
        - {{name: Shown, changing: {{changes: [{SECRET}]}}, no_log: true}}
        - {{name: Debug, ansible.builtin.debug: {{msg: {SECRET}}}, no_log: true, run_once: true}}
        - {{name: Loop, ansible.builtin.fail: {{msg: {SECRET}}}, loop: [1, 2], no_log: true}}
    """
    run = folder.run(playbook, targets(count=1))
    assert run.report is not None
    assert run.report["targets"]["a.eu"]["failure"] == "The task failed. Its output is hidden by no_log."
    assert SECRET not in run.output + json.dumps(run.report)


def test_callback_warning_is_shown(folder: Folder) -> None:
    warns = "[{hosts: all, gather_facts: false, tasks: [{changing: {changes: [], warning: Mind the gap.}}]}]"
    assert "Mind the gap." in folder.run(warns, targets(count=1)).output


def test_callback_debug_of_each_host_needs_verbosity(folder: Folder) -> None:
    says = (
        "[{hosts: all, gather_facts: false, tasks: [{ansible.builtin.debug: {msg: 'I am {{ inventory_hostname }}'}}]}]"
    )
    assert "I am" not in folder.run(says, targets(count=2)).output
    assert "a.us: I am a.us" in folder.run(says, targets(count=2), "-v").lines()


def test_callback_unwritable_report_is_a_warning(folder: Folder) -> None:
    run = folder.run(QUIET, targets(), LOG_REFLECTOR_FLEET_REPORT="missing/report.json")
    assert run.status == 0
    assert "The report could not be written to missing/report.json: No such file or directory." in " ".join(run.lines())
    assert "Traceback" not in run.output
    assert list(folder.path.glob(".*report*")) == []


def test_callback_empty_report_path_writes_no_report(folder: Folder) -> None:
    run = folder.run(QUIET, targets(), LOG_REFLECTOR_FLEET_REPORT="")
    assert (run.report, run.lines()[0].endswith(" s.")) == (None, True)


SLOW = """
- name: Slow
  hosts: all
  gather_facts: false
  serial: [2, '100%']
  tasks:
    - {name: First, changing: {changes: [begun]}}
    - name: Wait
      ansible.builtin.shell: "touch {{ inventory_hostname }}.waits; sleep {{ pause | default(ansible_play_batch | length) }}"
      args: {chdir: "{{ playbook_dir }}"}
      changed_when: false
    - {name: Third, ansible.builtin.fail: {msg: Not today.}, when: broken | default(false)}
"""


def all_wait(folder: Folder, count: int) -> Callable[[str], bool]:
    """Whether the bar shows the second wave's task Wait and all targets have begun it, so that Ansible starts no worker."""
    return lambda output: (
        "wave 2 of 2  Wait" in terminal.plain(output) and len(list(folder.path.glob("*.waits"))) == count
    )


def test_callback_on_terminal_shows_bar_and_removes_it(folder: Folder) -> None:
    run = folder.on_terminal(SLOW, targets("b.eu", count=4))
    assert run.outcomes() == {"a.eu": "changed", "a.us": "changed", "b.eu": "failed", "b.us": "changed"}
    shown = terminal.plain(run.output)
    assert "Slow, wave 1 of 2  Wait" in shown
    assert "Slow, wave 2 of 2  Wait" in shown
    assert re.search(r"━.* \d+% of the wave's work  [\d.]+ tasks/s", shown)
    assert "2 of 4 targets done  4 changed  0 failed" in shown
    assert shown.count("b.eu: Not today.") == 1
    # At the end the bar is gone, the text above it is on the screen once, and the cursor is visible.
    assert terminal.plain(terminal.screen(run.output)).split("\n")[:-2] == [
        "b.eu: Not today.",
        "",
        "account    eu       us",
        "account-a  changed  changed",
        "account-b  failed   changed",
        "",
    ]
    assert run.output.rindex("\x1b[?25h") > run.output.rindex("\x1b[?25l")


def test_callback_ctrl_c_writes_report(folder: Folder) -> None:
    run = folder.on_terminal(
        SLOW,
        targets(count=6, pause=8),
        until=all_wait(folder, 6),
        send=signal.SIGINT,
    )
    assert run.status == 99  # Ansible's status for Ctrl-C
    assert run.report is not None
    assert run.report["status"] == "interrupted"
    assert run.outcomes() == {
        **dict.fromkeys(["a.eu", "a.us"], "changed"),
        **dict.fromkeys(["b.eu", "b.us", "c.eu", "c.us"], "unfinished"),
    }
    assert "Interrupted. 6 targets: 2 changed, 4 unfinished in " in terminal.plain(run.output)
    assert run.output.rindex("\x1b[?25h") > run.output.rindex("\x1b[?25l")
    assert "Traceback" not in run.output


def test_callback_killed_run_leaves_report_of_last_wave(folder: Folder) -> None:
    run = folder.on_terminal(
        SLOW,
        targets(count=4, pause=8),
        until=all_wait(folder, 4),
        send=signal.SIGTERM,
        LOG_REFLECTOR_FLEET_INTERVAL="0.01",
    )
    assert run.status == -signal.SIGTERM
    assert run.report is not None
    assert (run.report["status"], run.report["ended"]) == ("running", None)
    assert run.outcomes() == {"a.eu": "changed", "a.us": "changed", "b.eu": "unfinished", "b.us": "unfinished"}
    assert run.output.rindex("\x1b[?25h") > run.output.rindex("\x1b[?25l")


@pytest.mark.parametrize(("broken", "note"), [("raise ImportError", True), ("", False)])
def test_callback_terminal_without_bar_prints_lines(folder: Folder, broken: str, note: bool) -> None:
    environment = {"LOG_REFLECTOR_FLEET_INTERVAL": "0.01"}
    if broken:
        (folder.path / "none" / "rich").mkdir(parents=True)
        (folder.path / "none" / "rich" / "__init__.py").write_text(broken, encoding="utf-8")
        environment["PYTHONPATH"] = str(folder.path / "none")
    else:
        environment["TERM"] = "dumb"
    run = folder.on_terminal(SLOW, targets(count=2), **environment)
    assert run.status == 0
    assert run.output.count("the bar needs the Python package rich") == note
    assert re.search(
        r"Slow: \d+% of the wave's tasks, \d of 2 targets done, 2 changed, 0 failed", terminal.plain(run.output)
    )
    assert "━" not in run.output


def test_callback_error_of_ansible_writes_report(folder: Folder) -> None:
    run = folder.run(
        "[{hosts: all, gather_facts: false, tasks: [{changing: {changes: []}}]}, {hosts: '{{ missing }}'}]",
        targets(count=1),
    )
    assert run.status != 0
    assert run.report is not None
    assert run.report["status"] == "interrupted"
    assert run.outcomes() == {"a.eu": "unfinished"}  # no event reports the end of its wave
